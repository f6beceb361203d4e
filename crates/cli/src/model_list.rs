//! MODELS as a flag takes them: `thread,epoll:threads=2,accept=shared,uring`.

use std::str::FromStr;

use switchboard::Model;

/// At least one model. Keys of a model are separated by commas as models are: a word with a `=` and
/// no `:` before it belongs to the model before it.
#[derive(Clone, Debug)]
pub(crate) struct ModelList(pub(crate) Vec<Model>);

impl FromStr for ModelList {
    type Err = String;

    fn from_str(text: &str) -> Result<ModelList, String> {
        let words = words(text)?;
        let models = words.iter().map(|word| word.parse().map_err(|error| format!("{error}")));
        models.collect::<Result<Vec<Model>, String>>().map(ModelList)
    }
}

/// The models of a list as they are written.
///
/// # Errors
/// A sentence, if one is missing.
pub(crate) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(',') {
        let is_key = word.find('=') < word.find(':') || !word.contains(':');
        match words.last_mut() {
            Some(model) if word.contains('=') && is_key => {
                model.push(',');
                model.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    match words.iter().any(String::is_empty) {
        true => Err("a model is missing before or after a comma".to_owned()),
        false => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, String> {
        let list: ModelList = text.parse()?;
        Ok(list.0.iter().map(Model::to_string).collect())
    }

    /// Kills: a key that is taken for a model; a model taken for a key.
    #[test]
    fn commas_separate_models_and_their_keys() {
        let text = "thread,select:fd-set-size=512,epoll:accept=shared,threads=2,uring";
        assert_eq!(
            names(text).unwrap(),
            ["thread", "select:fd-set-size=512", "epoll:accept=shared,threads=2", "uring"]
        );
    }

    #[test]
    fn what_is_no_model_is_said() {
        assert!(names("epol").is_err_and(|error| error.contains("did you mean `epoll`")));
        assert!(names("epoll,").is_err_and(|error| error.contains("comma")));
        assert!(names("").is_err_and(|error| error.contains("comma")));
    }
}
