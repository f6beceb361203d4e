//! The operator's console in a loop: standard input is one more descriptor that it watches.

use std::io;

use super::Reactor;
use crate::console::{Console, Word};
use crate::mechanism::{Interest, Key, Mechanism};

/// The console, while its input lasts.
#[derive(Default)]
pub(super) struct Operating {
    console: Option<Console>,
    /// Epoll refuses files and /dev/null (`EPERM`): they are always ready, so they are read
    /// between waits.
    always_ready: bool,
}

impl Operating {
    /// Whether there is input that no wait would tell of.
    pub(super) fn unwatched(&self) -> bool {
        self.always_ready && self.console.is_some()
    }
}

impl<M: Mechanism> Reactor<'_, M> {
    pub(super) fn open_console(&mut self) -> io::Result<()> {
        if !self.site.console {
            return Ok(());
        }
        let console = Console::open();
        match self.mechanism.add(console.fd(), Key::CONSOLE, Interest::READ) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.operating.always_ready = true;
            }
            Err(error) => return Err(error),
        }
        self.operating.console = Some(console);
        Ok(())
    }

    /// Reads what no wait tells of.
    pub(super) fn operate(&mut self) {
        if self.operating.unwatched() {
            self.read_console();
        }
    }

    /// Reads once and does what was said.
    pub(super) fn read_console(&mut self) {
        let Some(mut console) = self.operating.console.take() else { return };
        let words = console.read();
        for word in words.iter().flatten() {
            self.obey(*word);
        }
        if words.is_some() {
            self.operating.console = Some(console);
        } else if !self.operating.always_ready
            && let Err(error) = self.mechanism.remove(console.fd())
        {
            tracing::warn!("{} cannot let go of standard input: {error}", M::CALL);
        }
    }

    fn obey(&mut self, word: Word) {
        match word {
            Word::Stats => {
                self.site.counters.gather(&mut self.hand.stats);
                Console::say(&self.site.describe(&self.site.counters.read()));
            }
            Word::Peers => {
                for slot in self.peers.iter() {
                    let (id, address) = slot.connection.identity();
                    Console::say_peer(id, address, slot.connection.traffic());
                }
                Console::say_count(self.peers.len());
            }
            Word::Pause => {
                self.listening.held = true;
                Console::say_paused();
            }
            Word::Resume => {
                self.listening.held = false;
                Console::say_resumed();
            }
            Word::Quit => self.site.stop.drain(),
        }
    }
}
