//! The operator's console: words on standard input, answers on standard error.
//!
//! Standard input is never set non-blocking: that would hold for every process that shares the
//! terminal. It is read once each time it is ready, which does not block.

use std::io::{self, IsTerminal};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::story;
use crate::supervision::Seen;

/// What an operator can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Stats,
    Peers,
    Pause,
    Resume,
    Quit,
}

const WORDS: &[(&str, Word)] = &[
    ("stats", Word::Stats),
    ("peers", Word::Peers),
    ("pause", Word::Pause),
    ("resume", Word::Resume),
    ("quit", Word::Quit),
];

/// A line that is longer is no word.
const LINE_MAX: usize = 1024;

/// Standard input, and the beginning of a line from it.
pub(crate) struct Console {
    partial: Vec<u8>,
}

impl Console {
    /// Names the words.
    pub(crate) fn open() -> Console {
        Console::say(&format!("console: {} (a line each)", list()));
        Console { partial: Vec::new() }
    }

    pub(crate) fn fd(&self) -> BorrowedFd<'static> {
        rustix::stdio::stdin()
    }

    /// Reads once: the words of the lines that are whole; `None` at the end of input.
    pub(crate) fn read(&mut self) -> Option<Vec<Word>> {
        let mut bytes = [0; 4096];
        match rustix::io::read(self.fd(), &mut bytes) {
            Ok(0) => {
                if io::stdin().is_terminal() && self.partial.is_empty() {
                    Console::say("console: closed; the server goes on, Ctrl-C stops it");
                }
                let last = std::mem::take(&mut self.partial);
                let word = Console::word(&last);
                // The end of input stops nothing, but a last line without its end is a line.
                word.map(|word| vec![word])
            }
            Ok(count) => Some(self.take(&bytes[..count])),
            Err(Errno::INTR | Errno::WOULDBLOCK) => Some(Vec::new()),
            // EIO: the terminal is gone.
            Err(_) => None,
        }
    }

    fn take(&mut self, bytes: &[u8]) -> Vec<Word> {
        self.partial.extend_from_slice(bytes);
        let mut words = Vec::new();
        while let Some(end) = self.partial.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.partial.drain(..=end).collect();
            words.extend(Console::word(&line));
        }
        if self.partial.len() > LINE_MAX {
            self.partial.clear();
        }
        words
    }

    fn word(line: &[u8]) -> Option<Word> {
        let text = String::from_utf8_lossy(line);
        let text = text.trim();
        let word = WORDS.iter().find(|(name, _)| *name == text).map(|(_, word)| *word);
        if word.is_none() && !text.is_empty() {
            Console::say(&format!("console: no word {text:?}; there are {}", list()));
        }
        word
    }

    /// One line on standard error.
    pub(crate) fn say(line: &str) {
        story::say(line);
    }

    pub(crate) fn say_paused() {
        Console::say("paused: newcomers wait in the backlog until `resume`");
    }

    pub(crate) fn say_resumed() {
        Console::say("resumed");
    }

    /// Ends a list of peers.
    pub(crate) fn say_count(count: usize) {
        Console::say(&format!("{count} {}", if count == 1 { "peer" } else { "peers" }));
    }

    pub(crate) fn say_peer(seen: &Seen) {
        let Seen { id, address, traffic: (received, sent) } = seen;
        Console::say(&format!("{id} {address} received={received} sent={sent}"));
    }
}

fn list() -> String {
    let names: Vec<&str> = WORDS.iter().map(|(name, _)| *name).collect();
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_over_any_cut() {
        let mut console = Console { partial: Vec::new() };
        assert_eq!(console.take(b"sta"), []);
        assert_eq!(console.take(b"ts\r\n quit \npa"), [Word::Stats, Word::Quit]);
        assert_eq!(console.take(b"use\n"), [Word::Pause]);
    }

    #[test]
    fn an_endless_line_takes_no_memory() {
        let mut console = Console { partial: Vec::new() };
        for _ in 0..1000 {
            assert_eq!(console.take(&[b'x'; 100]), []);
        }
        assert!(console.partial.len() <= LINE_MAX);
    }
}
