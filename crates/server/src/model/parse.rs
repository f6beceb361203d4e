//! MODEL as people write it: `NAME[:key=value[,key=value]...]`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::{Kind, Setting, find, hints};

/// A model and its settings. Parsed from and printed as `NAME[:key=value,...]`; the printed form
/// sorts keys, drops defaults, and parses back to the same thing.
#[derive(Clone)]
pub struct Model {
    kind: &'static Kind,
    settings: BTreeMap<&'static str, u64>,
}

/// Why a text is no MODEL: a sentence that says what to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelError(String);

impl Model {
    /// The model's line in the list.
    pub fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// The value of a setting, given or default.
    ///
    /// # Panics
    /// If the model has no such setting, or it was not given and has no default.
    pub fn number(&self, name: &str) -> u64 {
        let default = || self.kind.settings.iter().find(|s| s.name == name)?.default;
        self.settings.get(name).copied().or_else(default).expect("a setting of this model")
    }

    fn set(&mut self, pair: &str) -> Result<(), ModelError> {
        let name = self.kind.name;
        let (key, value) = match pair.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (pair.trim(), None),
        };
        let Some(setting) = self.kind.settings.iter().find(|setting| setting.name == key) else {
            return Err(ModelError(hints::unknown_key(self.kind, key, value)));
        };
        let Some(value) = value else {
            return Err(ModelError(format!(
                "`{key}` of the model `{name}` needs a value: {name}:{key}={}",
                setting.values
            )));
        };
        let number = read(setting, value)
            .ok_or_else(|| ModelError(format!("`{key}={value}`: {key} is {}", setting.values)))?;
        if self.settings.insert(setting.name, number).is_some() {
            return Err(ModelError(format!("`{key}` is given twice; give it once")));
        }
        Ok(())
    }
}

fn read(setting: &Setting, value: &str) -> Option<u64> {
    let number = value.parse().ok()?;
    (setting.least..=setting.most).contains(&number).then_some(number)
}

impl From<&'static Kind> for Model {
    fn from(kind: &'static Kind) -> Model {
        Model { kind, settings: BTreeMap::new() }
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Model, ModelError> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name.trim(), Some(rest)),
            None => (text.trim(), None),
        };
        let kind = find(name).ok_or_else(|| ModelError(hints::unknown_model(name)))?;
        let mut model = Model::from(kind);
        for pair in rest.iter().flat_map(|rest| rest.split(',')) {
            model.set(pair)?;
        }
        let defaults = |name: &str| kind.settings.iter().find(|s| s.name == name)?.default;
        model.settings.retain(|name, value| defaults(name) != Some(*value));
        Ok(model)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name)?;
        for (index, (name, value)) in self.settings.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Model({self})")
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Model) -> bool {
        self.kind.name == other.kind.name && self.settings == other.settings
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ModelError {}

#[cfg(test)]
mod tests {
    use super::super::MODELS;
    use super::*;

    #[test]
    fn every_name_parses_and_prints_itself() {
        for kind in MODELS {
            let model: Model = kind.name.parse().unwrap();
            assert_eq!(model.to_string(), kind.name);
        }
    }

    #[test]
    fn a_setting_is_printed_unless_it_is_the_default() {
        let raised: Model = "select:fd-set-size=4096".parse().unwrap();
        assert_eq!(raised.to_string(), "select:fd-set-size=4096");
        assert_eq!(raised.number("fd-set-size"), 4096);
        assert_eq!(raised.to_string().parse::<Model>().unwrap(), raised);
        let default: Model = "select:fd-set-size=1024".parse().unwrap();
        assert_eq!(default.to_string(), "select");
    }

    #[test]
    fn what_is_wrong_with_a_setting_is_said() {
        let error = |text: &str| text.parse::<Model>().unwrap_err().to_string();
        assert!(error("select:fd-set-size=x").contains("a number of descriptors"));
        assert!(error("select:fd-set-size=1").contains("64 to 1048576"));
        assert!(error("select:fd-set-size").contains("needs a value"));
        assert!(error("select:fd-set-size=99,fd-set-size=98").contains("twice"));
    }
}
