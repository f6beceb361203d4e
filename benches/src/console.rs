//! The console of a server under test: a word on its standard input, lines on its standard error.
//!
//! Of a line only what is asked for is read, so that other figures may come and go.

use std::io::Write;
use std::process::{Child, ChildStdin};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use crate::Result;
use crate::server::lines_of;

/// From a word to its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Both ends that are not the server's.
pub(crate) struct Console {
    words: ChildStdin,
    lines: Receiver<String>,
}

impl Console {
    /// Of a `child` whose standard input and error are piped.
    pub(crate) fn of(child: &mut Child) -> Console {
        let words = child.stdin.take().expect("standard input is piped");
        let lines = lines_of(child.stderr.take().expect("standard error is piped"));
        Console { words, lines }
    }

    /// How many peers each loop has now, asked by `stats` and told as `spread=A/B/C`.
    pub(crate) fn peers_of_loops(&mut self) -> Result<Vec<usize>> {
        self.words
            .write_all(b"stats\n")
            .map_err(|error| format!("the server takes no word on its console: {error}"))?;
        let mut last = "nothing".to_owned();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            if let Some(peers) = spread(&line) {
                return Ok(peers);
            }
            last = format!("`{line}`");
        }
        Err(format!("`stats` is not answered by a line with `spread=A/B/...`; last came {last}"))
    }
}

/// The numbers behind `spread=`, wherever in the line it is.
fn spread(line: &str) -> Option<Vec<usize>> {
    let told = line.split([' ', ',', ';']).find_map(|word| word.strip_prefix("spread="))?;
    told.split('/').map(|number| number.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_read_from_anywhere_in_the_line() {
        assert_eq!(spread("peers=9 spread=2/3/4 accepted=9"), Some(vec![2, 3, 4]));
        assert_eq!(spread("spread=7"), Some(vec![7]));
    }

    #[test]
    fn a_line_without_the_peers_of_loops_is_passed_over() {
        assert_eq!(spread("peers=9 accepted=9"), None);
        assert_eq!(spread("spread=2/-/4"), None);
    }
}
