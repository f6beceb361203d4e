//! MODEL as people write it: `NAME[:key=value[,key=value]...]`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::combination::{self, Combination};
use super::settings::Default;
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

    /// The value of a setting, given or default: a number, or the place of a word.
    ///
    /// # Panics
    /// If the model has no such setting, or it was not given and has no default.
    pub fn number(&self, name: &str) -> u64 {
        self.given(name).expect("a setting of this model that has a value")
    }

    /// As [`number`](Model::number); `None` where that would panic.
    pub fn given(&self, name: &str) -> Option<u64> {
        let default = || {
            let setting = self.setting(name)?;
            match setting.default {
                Default::Derived(derive) => derive(self),
                _ => setting.default_here(),
            }
        };
        self.settings.get(name).copied().or_else(default)
    }

    /// Whether it was given, and is not the default.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.settings.contains_key(name)
    }

    /// As [`number`](Model::number), for what counts threads, processes and their like.
    pub(crate) fn count(&self, name: &str) -> usize {
        usize::try_from(self.number(name)).unwrap_or(usize::MAX)
    }

    /// The same model with another value of one of its settings.
    pub(crate) fn with(&self, name: &'static str, value: u64) -> Model {
        let mut model = self.clone();
        model.settings.insert(name, value);
        model.settle();
        model
    }

    /// The value of a setting whose values are words; empty if the model has no such setting.
    pub(crate) fn word(&self, name: &str) -> String {
        let setting = self.setting(name).zip(self.given(name));
        setting.map_or(String::new(), |(setting, value)| setting.written(value))
    }

    /// Of how many supervised processes each runs the whole model; `None`: this one does.
    pub fn processes(&self) -> Option<usize> {
        self.given("processes").map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }

    /// Whether a server under it forks.
    pub(crate) fn forks(&self) -> bool {
        self.kind.isolates_crashes || self.processes().is_some()
    }

    /// Whether all peers of a server under it see one memory.
    pub fn shares_memory(&self) -> bool {
        self.kind.shares_memory && self.processes().is_none()
    }

    fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.kind.settings.iter().copied().find(|setting| setting.name == name)
    }

    fn set(&mut self, pair: &str) -> Result<(), ModelError> {
        let name = self.kind.name;
        let (key, value) = match pair.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (pair.trim(), None),
        };
        let Some(setting) = self.setting(key) else {
            return Err(ModelError(hints::unknown_key(self.kind, key, value)));
        };
        let values = setting.values_in_words();
        let Some(value) = value else {
            return Err(ModelError(format!(
                "`{key}` of the model `{name}` needs a value: {name}:{key}={}; {values}",
                setting.placeholder()
            )));
        };
        let read = setting
            .read(value)
            .ok_or_else(|| ModelError(format!("`{key}={value}`: {key} is {values}")))?;
        if self.settings.insert(setting.name, read).is_some() {
            return Err(ModelError(format!("`{key}` is given twice; give it once")));
        }
        Ok(())
    }

    /// Drops what is the default anyway, and writes down what depends on the machine.
    fn settle(&mut self) {
        for setting in self.kind.settings {
            match setting.default {
                Default::Fixed(value) if self.settings.get(setting.name) == Some(&value) => {
                    self.settings.remove(setting.name);
                }
                Default::Derived(derive)
                    if self.settings.contains_key(setting.name)
                        && self.settings.get(setting.name) == derive(self).as_ref() =>
                {
                    self.settings.remove(setting.name);
                }
                Default::PerCore(_) if !self.settings.contains_key(setting.name) => {
                    self.settings.extend(setting.default_here().map(|here| (setting.name, here)));
                }
                _ => {}
            }
        }
    }
}

impl From<&'static Kind> for Model {
    fn from(kind: &'static Kind) -> Model {
        let mut model = Model { kind, settings: BTreeMap::new() };
        model.settle();
        model
    }
}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Model, ModelError> {
        let (name, rest) = match text.split_once(':') {
            Some((name, rest)) => (name.trim(), Some(rest)),
            None => (text.trim(), None),
        };
        let combined = combination::find(name);
        let kind = combined.map_or(name, |combined| combined.of);
        let kind = find(kind).ok_or_else(|| ModelError(hints::unknown_model(name)))?;
        let mut model = Model { kind, settings: BTreeMap::new() };
        for pair in rest.iter().flat_map(|rest| rest.split(',')) {
            model.set(pair)?;
        }
        if let Some(Combination { key, here, .. }) = combined {
            model.settings.entry(key).or_insert_with(here);
        }
        (kind.check)(&model).map_err(ModelError)?;
        model.settle();
        Ok(model)
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name)?;
        for (index, (name, value)) in self.settings.iter().enumerate() {
            let value = self.setting(name).map_or(String::new(), |setting| setting.written(*value));
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
    fn every_name_parses_and_prints_what_parses_to_the_same() {
        for kind in MODELS {
            let model: Model = kind.name.parse().unwrap();
            assert!(model.to_string().starts_with(kind.name));
            assert_eq!(model.to_string().parse::<Model>().unwrap(), model);
            assert_eq!(Model::from(*kind), model);
        }
    }

    #[test]
    fn a_combination_is_what_it_stands_for() {
        let same = |short: &str, long: &str| {
            let (short, long) = (short.parse::<Model>().unwrap(), long.parse::<Model>().unwrap());
            assert_eq!(short, long);
            assert_eq!(short.to_string(), long.to_string());
        };
        same("prefork:processes=16", "sequential:processes=16");
        same("multi-reactor:threads=3", "epoll:threads=3");
        same("multi-reactor:processes=2,threads=3", "epoll:threads=3,processes=2");
        let here: Model = "prefork".parse().unwrap();
        assert!(here.to_string().starts_with("sequential:processes="), "{here}");
        let one: Model = "multi-reactor:threads=1".parse().unwrap();
        assert_eq!(one.to_string(), "epoll");
    }

    #[test]
    fn keys_are_sorted_and_words_are_words() {
        let model: Model = "epoll:threads=2,processes=3,accept=reuseport".parse().unwrap();
        assert_eq!(model.to_string(), "epoll:accept=reuseport,processes=3,threads=2");
        assert_eq!(model.to_string().parse::<Model>().unwrap(), model);
        for fairest in ["epoll:accept=handoff,threads=2", "epoll:processes=2,accept=reuseport"] {
            let model: Model = fairest.parse().unwrap();
            assert!(!model.to_string().contains("accept"), "{model}");
            assert!(["handoff", "reuseport"].contains(&&*model.word("accept")), "{model}");
        }
        let default: Model = "epoll:threads=1".parse().unwrap();
        assert_eq!(default.to_string(), "epoll");
    }

    #[test]
    fn settings_that_make_no_sense_together_are_refused() {
        let error = |text: &str| text.parse::<Model>().unwrap_err().to_string();
        assert!(error("epoll:accept=reuseport").contains("one loop"));
        assert!(error("epoll:accept=handoff,processes=2").contains("threads="));
        assert!(error("thread:accept=shared").contains("thread:accept=shared,processes=N"));
        assert!(error("prefork:accept=reuseport").contains("whoever is free"));
        assert!(error("epoll:accept=somehow").contains("shared or reuseport or handoff"));
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
