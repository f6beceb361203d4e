//! The options that a service was given: names and values, as text.

use std::collections::BTreeMap;

use crate::Entry;

/// Option names and the values they were given; a flag that was given has the value `true`.
/// What was not given is absent: see [`ServiceOption::of`](crate::ServiceOption::of) for defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    values: BTreeMap<String, String>,
}

impl Options {
    /// No option given.
    pub fn new() -> Options {
        Options::default()
    }

    /// Gives an option, in place of an earlier value. The name and the value are not checked.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), value.into());
    }

    /// The value that was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// Whether this flag was given.
    pub fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// Reads `key=value,key`, the part after the colon in `hotline:language=zh`.
    ///
    /// # Errors
    /// A sentence that says what `entry` takes.
    pub fn parse(entry: &Entry, text: &str) -> Result<Options, String> {
        let mut options = Options::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (part, None),
            };
            let value = checked(entry, name, value)?;
            if options.get(name).is_some() {
                return Err(format!("`{name}` is given twice for `{}`: drop one", entry.name));
            }
            options.set(name, value);
        }
        Ok(options)
    }
}

/// The value that `name=value` or a bare `name` stands for.
fn checked<'a>(entry: &Entry, name: &str, value: Option<&'a str>) -> Result<&'a str, String> {
    let Some(option) = entry.option(name) else {
        return Err(unknown(entry, name));
    };
    let value = match (value, option.value) {
        (Some(value), _) => value,
        (None, None) => "true",
        (None, Some(placeholder)) => {
            return Err(format!("`{name}` needs a value: write {name}={placeholder}"));
        }
    };
    option.check(value)?;
    Ok(value)
}

fn unknown(entry: &Entry, name: &str) -> String {
    if entry.options.is_empty() {
        return format!("`{}` takes no options: drop `{name}`", entry.name);
    }
    let names: Vec<&str> = entry.options.iter().map(|option| option.name).collect();
    format!("`{}` has no option `{name}`; it has {}", entry.name, names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(service: &str, text: &str) -> Result<Options, String> {
        Options::parse(crate::find(service).unwrap(), text)
    }

    #[test]
    fn values_and_flags_are_told_apart() {
        let options = parse("discard", "encoding=gbk,print").unwrap();
        assert_eq!(options.get("encoding"), Some("gbk"));
        assert!(options.flag("print"));
        assert!(!options.flag("encoding"));
        assert_eq!(parse("discard", "").unwrap(), Options::new());
        assert!(!parse("discard", "print=false").unwrap().flag("print"));
    }

    #[test]
    fn an_unknown_option_names_those_that_exist() {
        let error = parse("hotline", "languge=zh").unwrap_err();
        assert_eq!(error, "`hotline` has no option `languge`; it has language, encoding, menu");
        assert_eq!(parse("time", "zone=x").unwrap_err(), "`time` takes no options: drop `zone`");
    }

    #[test]
    fn a_wrong_value_names_the_right_ones() {
        let error = parse("hotline", "language=fr").unwrap_err();
        assert_eq!(error, "`fr` is no value of `language`; it takes en or zh");
        let error = parse("discard", "print=maybe").unwrap_err();
        assert_eq!(error, "`maybe` is no value of `print`; it takes true or false");
    }

    #[test]
    fn a_missing_value_and_a_second_one_are_refused() {
        assert_eq!(
            parse("hotline", "menu").unwrap_err(),
            "`menu` needs a value: write menu=FILE.toml"
        );
        assert_eq!(
            parse("echo", "style=event,style=event").unwrap_err(),
            "`style` is given twice for `echo`: drop one"
        );
    }
}
