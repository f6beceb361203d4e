//! What is compared: a model of ours under a service, a program of the user's, or anyone's server,
//! and the words that start it.

use std::path::PathBuf;

use switchboard::Model;
use switchboard::model::Family;

use crate::record::Subject;

/// Where every server listens: a free port of loopback.
const ADDRESS: &str = "127.0.0.1:0";

/// A server in the comparison, and how it is started.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name: the model as it was asked for, or what `--external` calls it.
    pub name: String,
    /// The model; `None` for anyone's server.
    pub model: Option<Model>,
    /// How it is started.
    pub launch: Launch,
}

/// How a server is started.
#[derive(Clone, Debug)]
pub enum Launch {
    /// `switchboard serve`.
    Stock {
        /// The program `switchboard`.
        program: PathBuf,
        /// The service and its options, as words.
        service: Vec<String>,
    },
    /// A program that is made with `Server::main()`: words with `{address}` and `{model}`. It gets
    /// `--console`, too, by which its system calls are counted.
    Command(Vec<String>),
    /// Any other server: words with `{port}`.
    External(Vec<String>),
}

impl Target {
    /// The words that start it, on `port` if it is anyone's server. `flags` are for this start only;
    /// with `service` in place of its own, if it is stock.
    pub fn words(&self, port: u16, service: Option<&[String]>, flags: &[String]) -> Vec<String> {
        let model = self.model.as_ref().map(Model::to_string).unwrap_or_default();
        let filled = |words: &[String]| -> Vec<String> {
            let fill = |word: &String| {
                word.replace("{address}", ADDRESS)
                    .replace("{model}", &model)
                    .replace("{port}", &port.to_string())
            };
            words.iter().map(fill).collect()
        };
        match &self.launch {
            Launch::Stock { program, service: own } => {
                let mut words = vec![program.display().to_string(), "serve".to_owned()];
                words.extend(service.unwrap_or(own.as_slice()).iter().cloned());
                words.extend(
                    ["--listen", ADDRESS, "--model", &model, "--console"].map(str::to_owned),
                );
                words.extend(flags.iter().cloned());
                words
            }
            Launch::Command(words) => {
                let mut words = filled(words);
                words.push("--console".to_owned());
                words.extend(flags.iter().cloned());
                words
            }
            Launch::External(words) => filled(words),
        }
    }

    /// Whether it writes a ready line and a stop line, and takes our flags.
    pub fn is_ours(&self) -> bool {
        !matches!(self.launch, Launch::External(_))
    }

    /// Whether other stock services can be run in its place.
    pub fn is_stock(&self) -> bool {
        matches!(self.launch, Launch::Stock { .. })
    }

    /// The most peers that it serves at a time by its nature; `None`: no limit of its own.
    pub fn capacity(&self) -> Option<u64> {
        self.model.as_ref().and_then(|model| (model.kind().peers_max)(model))
    }

    /// What the record says of it.
    pub fn subject(&self) -> Subject {
        let kind = self.model.as_ref().map(Model::kind);
        Subject {
            name: self.name.clone(),
            model: self.model.as_ref().map(Model::to_string),
            family: kind.map(|kind| kind.family.name().to_owned()),
            command: self.command(),
            unavailable: kind.and_then(|kind| (kind.unavailable)()),
        }
    }

    /// What somebody would type to start it.
    fn command(&self) -> String {
        let mut words = self.words(0, None, &[]);
        if let (Launch::Stock { program, .. }, Some(first)) = (&self.launch, words.first_mut())
            && let Some(name) = program.file_name()
        {
            *first = name.to_string_lossy().into_owned();
        }
        words.join(" ")
    }

    /// Whether silent peers hold what serves the others: a thread or process of which there are so
    /// many.
    pub fn is_held_by_silence(&self) -> bool {
        self.model.as_ref().is_some_and(|model| model.kind().family == Family::Blocking)
            && self.capacity().is_some()
    }
}
