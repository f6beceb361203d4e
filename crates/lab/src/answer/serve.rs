//! The command line that starts a service under the model that was answered.

use crate::record::Comparison;

/// Where a comparison has its servers listen, and where nobody else would.
const MEASURED_AT: &str = "127.0.0.1:0";

/// The words that started it, without what only a comparison needs: a free port and the console.
pub(super) fn line(comparison: &Comparison, model: &str) -> Option<String> {
    let subject = comparison.subject(model).filter(|subject| subject.model.is_some())?;
    let mut line: Vec<&str> = Vec::new();
    for word in subject.command.split(' ').filter(|word| *word != "--console") {
        match (word, line.last()) {
            (MEASURED_AT, Some(&"--listen")) => drop(line.pop()),
            (word, None) if word.ends_with("/switchboard") => line.push("switchboard"),
            (word, _) => line.push(word),
        }
    }
    Some(line.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    #[test]
    fn what_only_a_comparison_needs_is_left_out() {
        let mut found = made_up::comparison(&["epoll", "thread"]);
        found.models[0].command =
            "/usr/bin/switchboard serve echo --listen 127.0.0.1:0 --model epoll --console"
                .to_owned();
        assert_eq!(line(&found, "epoll").unwrap(), "switchboard serve echo --model epoll");
        found.models[1].command = "./mine --model thread --listen 127.0.0.1:0 --console".to_owned();
        assert_eq!(line(&found, "thread").unwrap(), "./mine --model thread");
        found.models[1].model = None;
        assert_eq!(line(&found, "thread"), None);
    }
}
