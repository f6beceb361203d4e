//! Servers on the libraries of others, by name, as far as they can be built and run on this machine.
//!
//! What is missing here (a compiler, a header, io_uring) is no failure: it is told in the table, with
//! how to get it.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::Result;
use crate::programs::{Programs, Subject, here, reference, run};
use crate::server::Server;

/// All that there are; each is asked for by its name.
pub(crate) const NAMES: [&str; 8] =
    ["epoll", "mio", "tokio", "monoio", "may", "go", "libuv", "libevent"];

/// A server of others that cannot be measured here.
#[derive(Debug)]
pub(crate) struct Missing {
    pub(crate) name: String,
    /// Why, and what to do about it.
    pub(crate) reason: String,
}

/// What asking for a server of others brings.
pub(crate) type Found = std::result::Result<Subject, Missing>;

impl Programs {
    /// Those of the servers `names` that can be measured here, and the others.
    ///
    /// # Errors
    /// As [`rival`](Programs::rival).
    pub(crate) fn rivals(&self, names: &[String]) -> Result<(Vec<Subject>, Vec<Missing>)> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for name in names {
            match self.rival(name)? {
                Ok(subject) => found.push(subject),
                Err(unavailable) => missing.push(unavailable),
            }
        }
        Ok((found, missing))
    }

    /// The bare server on the library `name`, one of [`NAMES`].
    ///
    /// # Errors
    /// If everything is there and it cannot be built all the same.
    pub(crate) fn rival(&self, name: &str) -> Result<Found> {
        let missing = |reason| Ok(Err(Missing { name: name.to_owned(), reason }));
        match name {
            "libuv" | "libevent" => {
                let (header, library, package) = match name {
                    "libuv" => ("uv.h", "-luv", "libuv1-dev"),
                    _ => ("event2/event.h", "-levent_core", "libevent-dev"),
                };
                if !has_header(header)? {
                    return missing(format!("no {header}: apt-get install {package}"));
                }
                self.c_reference_with(name, &[library]).map(Ok)
            }
            "go" => match Command::new("go").arg("version").stdout(Stdio::null()).status() {
                Err(error) => missing(format!("no go ({error}): apt-get install golang-go")),
                Ok(_) => go_reference(self.scratch()).map(Ok),
            },
            "monoio" => {
                let subject = self.rust_reference(name)?;
                match Server::start(&subject, &[]).and_then(|server| server.stop(0)) {
                    Ok(()) => Ok(Ok(subject)),
                    Err(error) => missing(format!("{error}: is io_uring permitted?")),
                }
            }
            "epoll" => self.c_reference(name).map(Ok),
            _ => self.rust_reference(name).map(Ok),
        }
    }
}

/// A name for clap.
pub(crate) fn rival(text: &str) -> Result<String> {
    match NAMES.contains(&text) {
        true => Ok(text.to_owned()),
        false => Err(format!("there are {}", NAMES.join(", "))),
    }
}

/// Whether the C compiler finds `header`.
fn has_header(header: &str) -> Result<bool> {
    let mut cc = Command::new("cc");
    cc.args(["-fsyntax-only", "-include", header, "-x", "c", "/dev/null"]).stderr(Stdio::null());
    let status = cc.status().map_err(|error| format!("cannot run {cc:?}: {error}"))?;
    Ok(status.success())
}

/// `reference/echo.go`, compiled into `place`.
fn go_reference(place: &Path) -> Result<Subject> {
    let program = place.join("go_echo");
    let mut go = Command::new("go");
    go.args(["build", "-o"]).arg(&program).arg(here().join("reference/echo.go"));
    run(&mut go)?;
    Ok(reference("go", program))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_nobody_has_is_missing() {
        assert_eq!(has_header("stdio.h"), Ok(true));
        assert_eq!(has_header("switchboard/no-such-header.h"), Ok(false));
    }
}
