//! What a stock service says of itself: enough for help, `services --json` and tests to need
//! nothing else.

use switchboard_core::Service;

use crate::Options;

/// A stock service: its name, what it says of itself, its options, how it is made.
#[derive(Debug)]
pub struct Entry {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it does, in one phrase.
    pub summary: &'static str,
    /// Where its behaviour is written down, such as `RFC 862`; empty if nowhere.
    pub source: &'static str,
    /// The styles that it is written in; the first is the default.
    pub styles: &'static [&'static str],
    /// The options that it takes.
    pub options: &'static [ServiceOption],
    /// Whether lists for people leave it out.
    pub hidden: bool,
    /// Makes it. Starts no thread and opens nothing that outlives the call, so that the process
    /// may still fork.
    ///
    /// # Errors
    /// A sentence that says what to do next.
    pub build: fn(&Options) -> Result<Service, String>,
}

/// One option of a service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceOption {
    /// Its name, without dashes.
    pub name: &'static str,
    /// What stands for its value in help, such as `CHARSET`; `None`: a flag.
    pub value: Option<&'static str>,
    /// The only values that it takes; empty: any.
    pub values: &'static [&'static str],
    /// The value that it has when it is not given.
    pub default: Option<&'static str>,
    /// What it does, in one phrase that begins with a capital letter, as help has it.
    pub help: &'static str,
}

impl Entry {
    /// The option of that name.
    pub fn option(&self, name: &str) -> Option<&'static ServiceOption> {
        self.options.iter().find(|option| option.name == name)
    }
}

impl ServiceOption {
    /// The value that was given, or the default.
    pub fn of<'a>(&self, options: &'a Options) -> Option<&'a str> {
        options.get(self.name).or(self.default)
    }

    /// Whether the option takes `value`.
    ///
    /// # Errors
    /// A sentence with the values that it takes.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let allowed = if self.value.is_none() { &["true", "false"] } else { self.values };
        match allowed.is_empty() || allowed.contains(&value) {
            true => Ok(()),
            false => Err(format!(
                "`{value}` is no value of `{}`; it takes {}",
                self.name,
                allowed.join(" or ")
            )),
        }
    }
}
