//! What the models of a comparison serve, and what peers say to them.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use clap::Args;
use switchboard_lab::talk::Talk;
use switchboard_lab::{Launch, Target, rehearse};
use switchboard_load::message::Script;
use switchboard_services::{Entry, find};

use crate::serve;

/// What is served.
#[derive(Args, Debug)]
#[command(next_help_heading = "Work")]
pub(super) struct WorkArgs {
    /// A stock service and its options, NAME[:key=value,...] [default: echo]
    #[arg(short, long, value_name = "SERVICE", conflicts_with = "from")]
    service: Option<String>,

    /// A program of your own that is made with Server::main(), under each model:
    /// './mine --listen {address} --model {model}'
    #[arg(short, long, value_name = "COMMAND", conflicts_with = "from")]
    command: Option<String>,

    /// What peers say, in place of what --service says: a dialogue as of `switchboard load --script`
    #[arg(long, value_name = "FILE.toml", conflicts_with = "from")]
    script: Option<PathBuf>,

    /// Anyone's server beside the models, which serves the same: 'NAME=COMMAND with {port}';
    /// repeated, several
    #[arg(long, value_name = "NAME=COMMAND", conflicts_with = "from")]
    external: Vec<String>,
}

/// What peers say.
pub(super) enum Said {
    /// That is known.
    Known(Talk),
    /// They ask this, and what comes back is found out.
    Asked {
        /// The question.
        question: &'static str,
        /// The service and its options.
        words: String,
    },
}

impl Said {
    /// What peers say, and are answered; asks the first of `targets` that can run here if need be.
    ///
    /// # Errors
    /// A sentence, if it does not answer.
    pub(super) fn to(self, targets: &[Target], stop: &AtomicBool) -> Result<Talk, String> {
        match self {
            Said::Known(talk) => Ok(talk),
            Said::Asked { question, words } => {
                let able = targets.iter().find(|target| target.subject().unavailable.is_none());
                rehearse(able.ok_or("none of the models can run here")?, question, &words, stop)
            }
        }
    }
}

impl WorkArgs {
    /// What peers say, and how a model is started.
    ///
    /// # Errors
    /// A sentence that says what to change.
    pub(super) fn work(&self) -> Result<(Said, Launch), String> {
        let service = self.service.as_deref().unwrap_or("echo");
        let words = service_words(service)?;
        let own = self.command.as_deref().map(command_words).transpose()?;
        let talk = match (&self.script, &self.command) {
            (Some(path), command) => {
                let served = command.as_deref().unwrap_or(service);
                Said::Known(Talk::script(served, &path.display().to_string(), script(path)?))
            }
            (None, Some(_)) if self.service.is_none() => {
                return Err("with --command, say what its peers say: --script FILE.toml, or \
                            --service echo if it answers as that does"
                    .into());
            }
            (None, Some(command)) => {
                let talk = Talk::to(&words[0], service)?;
                let words = format!("{command}, spoken to as {}", talk.words);
                Said::Known(Talk { words, own: true, ..talk })
            }
            (None, None) => match Talk::question(&words[0]) {
                Some(question) => Said::Asked { question, words: service.to_owned() },
                None => Said::Known(Talk::to(&words[0], service)?),
            },
        };
        let launch = match own {
            None => Launch::Stock { program: own_program()?, service: words },
            Some(command) => Launch::Command(startable(command)?),
        };
        Ok((talk, launch))
    }

    /// Anyone's servers.
    ///
    /// # Errors
    /// A sentence about one that cannot be understood.
    pub(super) fn externals(&self) -> Result<Vec<Target>, String> {
        self.external.iter().map(|text| external(text)).collect()
    }
}

fn external(text: &str) -> Result<Target, String> {
    let wrong = || format!("--external '{text}' is written 'NAME=COMMAND with {{port}}'");
    let (name, command) = text.split_once('=').ok_or_else(wrong)?;
    if name.is_empty()
        || name.contains(|c: char| c.is_whitespace() || c.is_control())
        || !command.contains("{port}")
    {
        return Err(wrong());
    }
    let words = startable(split(command)?)?;
    Ok(Target { name: name.to_owned(), model: None, launch: Launch::External(words) })
}

fn command_words(command: &str) -> Result<Vec<String>, String> {
    match command.contains("{address}") && command.contains("{model}") {
        true => split(command),
        false => Err(format!(
            "--command '{command}' needs places for the address and the model: \
             './mine --listen {{address}} --model {{model}}'"
        )),
    }
}

/// The words of a command whose program is there and may be started: what would fail in every cell is
/// said before any is measured.
fn startable(words: Vec<String>) -> Result<Vec<String>, String> {
    let Some(program) = words.first() else { return Ok(words) };
    let is_program = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    };
    // execvp(3): a name with a slash is a path, any other is looked for.
    if program.contains('/') {
        return match is_program(Path::new(program)) {
            true => Ok(words),
            false if Path::new(program).exists() => {
                Err(format!("`{program}` is no program: may it be executed (chmod +x)?"))
            }
            false => {
                Err(format!("there is no program `{program}`; is it built, and the path right?"))
            }
        };
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    match env::split_paths(&paths).any(|folder| is_program(&folder.join(program))) {
        true => Ok(words),
        false => Err(format!(
            "there is no program `{program}` in PATH; one in this folder is ./{program}"
        )),
    }
}

/// Words as a shell splits them. What only a shell understands would be one more argument.
fn split(command: &str) -> Result<Vec<String>, String> {
    let words = shlex::split(command)
        .filter(|words| !words.is_empty())
        .ok_or_else(|| format!("the quotes in `{command}` do not match"))?;
    match words.iter().find(|word| is_for_shells(word)) {
        None => Ok(words),
        Some(word) => Err(format!(
            "no shell is used to start `{command}`, and `{word}` would be an argument; write \
             sh -c '...', or a script"
        )),
    }
}

fn is_for_shells(word: &str) -> bool {
    let redirects = word.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(['<', '>']);
    matches!(word, "&&" | "||" | "|" | "&" | ";") || redirects
}

/// This program, which is started again as a server.
fn own_program() -> Result<PathBuf, String> {
    env::current_exe().map_err(|error| format!("cannot find this program again: {error}"))
}

/// A service and its options as words of `serve`.
fn service_words(text: &str) -> Result<Vec<String>, String> {
    let (name, options) = text.split_once(':').unwrap_or((text, ""));
    let entry = find(name).ok_or_else(|| serve::unknown(name))?;
    let mut words = vec![name.to_owned()];
    for pair in options.split(',').filter(|pair| !pair.is_empty()) {
        words.extend(option_words(entry, pair)?);
    }
    Ok(words)
}

fn option_words(entry: &Entry, pair: &str) -> Result<Vec<String>, String> {
    let (key, value) = match pair.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (pair, None),
    };
    let option = entry.options.iter().find(|option| option.name == key).ok_or_else(|| {
        let names: Vec<&str> = entry.options.iter().map(|option| option.name).collect();
        let has = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        format!("the service `{}` has no option `{key}`; it has {has}", entry.name)
    })?;
    match (option.value, value) {
        (None, None) => Ok(vec![format!("--{key}")]),
        (Some(_), Some(value)) => Ok(vec![format!("--{key}"), value.to_owned()]),
        (None, Some(_)) => Err(format!("`{key}` takes no value: {}:{key}", entry.name)),
        (Some(what), None) => Err(format!("`{key}` needs a value: {}:{key}={what}", entry.name)),
    }
}

fn script(path: &Path) -> Result<Script, String> {
    let text = fs::read_to_string(path)
        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    text.parse().map_err(|error| format!("{} is no dialogue: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_and_its_options_become_words() {
        assert_eq!(service_words("echo"), Ok(vec!["echo".to_owned()]));
        let words = service_words("hotline:language=zh").unwrap();
        assert_eq!(words, ["hotline", "--language", "zh"]);
        assert_eq!(service_words("work:allow-crash").unwrap(), ["work", "--allow-crash"]);
        for (wrong, word) in
            [("ech", "echo"), ("work:crash", "allow-crash"), ("hotline:language", "=")]
        {
            assert!(service_words(wrong).is_err_and(|error| error.contains(word)), "{wrong}");
        }
    }

    #[test]
    fn anyones_server_has_a_name_and_a_port() {
        let target = external("go=/bin/echo -p {port} 'a b'").unwrap();
        assert_eq!(target.words(7, None, &[]), ["/bin/echo", "-p", "7", "a b"]);
        let shell = external("go=sh -c 'cd x && ./echo {port}'").unwrap();
        assert_eq!(shell.words(7, None, &[]), ["sh", "-c", "cd x && ./echo 7"]);
        for shells in ["cd x && ./echo {port}", "./echo {port} 2>/dev/null", "./echo {port} &"] {
            let error = external(&format!("go={shells}")).unwrap_err();
            assert!(error.contains("no shell is used"), "{error}");
        }
        for missing in
            ["go=./not-there {port}", "go=not-there-at-all {port}", "go=/etc/passwd {port}"]
        {
            let error = external(missing).unwrap_err();
            assert!(error.contains("no program"), "{error}");
        }
        for wrong in ["go", "=./echo {port}", "go=./echo", "go=./echo {port} '"] {
            assert!(external(wrong).is_err(), "{wrong}");
        }
    }
}
