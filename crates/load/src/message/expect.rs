//! What a reply must be, as it is written on a command line.

use std::fmt;
use std::str::FromStr;

use super::escape;

/// What a reply must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The message itself.
    Echo,
    /// The message with its ASCII letters in upper case.
    Upper,
    /// No reply at all: a byte that comes is a mismatch.
    Nothing,
    /// These bytes, framed by the protocol. Written as they are, or after `=`.
    Exact(Vec<u8>),
    /// Bytes in which this regular expression is found. Written between slashes.
    Regex(String),
}

impl FromStr for Expect {
    type Err = String;

    fn from_str(text: &str) -> Result<Expect, String> {
        match text {
            "echo" => return Ok(Expect::Echo),
            "upper" => return Ok(Expect::Upper),
            "nothing" => return Ok(Expect::Nothing),
            _ => {}
        }
        if let Some(pattern) = text.strip_prefix('/') {
            let pattern = pattern.strip_suffix('/').ok_or_else(|| {
                format!(
                    "the regular expression {text} needs a slash at its end; exact bytes that \
                         begin with a slash are written ={text}"
                )
            })?;
            return match regex::bytes::Regex::new(pattern) {
                Ok(_) => Ok(Expect::Regex(pattern.to_owned())),
                Err(error) => Err(error.to_string()),
            };
        }
        let exact = escape::bytes(text.strip_prefix('=').unwrap_or(text))?;
        match exact.is_empty() {
            true => Err("an empty reply cannot be told from none; write `nothing`".into()),
            false => Ok(Expect::Exact(exact)),
        }
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expect::Echo => f.write_str("echo"),
            Expect::Upper => f.write_str("upper"),
            Expect::Nothing => f.write_str("nothing"),
            Expect::Exact(bytes) => write!(f, "={}", escape::text(bytes)),
            Expect::Regex(pattern) => write!(f, "/{pattern}/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a form that is shown in another way than it is read.
    #[test]
    fn what_is_shown_reads_back() {
        for text in ["echo", "upper", "nothing", "=echo", "/^a+/", "=+PONG\\r\\n", "=/a"] {
            assert_eq!(text.parse::<Expect>().map(|expect| expect.to_string()), Ok(text.into()));
        }
        assert_eq!("+PONG".parse(), Ok(Expect::Exact(b"+PONG".to_vec())));
    }

    #[test]
    fn what_cannot_be_expected_is_refused() {
        assert!("/a".parse::<Expect>().is_err_and(|error| error.contains("=/a")));
        assert!("/(/".parse::<Expect>().is_err_and(|error| error.contains("unclosed")));
        assert!("".parse::<Expect>().is_err_and(|error| error.contains("nothing")));
    }
}
