//! The operator's console of the blocking models: a thread of its own reads standard input.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::floor::Floor;
use crate::console::{Console, Word};
use crate::stopping::Flag;
use crate::waiting::until_readable;

/// The console's thread, if there is one.
pub(super) struct Operator {
    thread: Option<(JoinHandle<()>, Arc<Flag>)>,
}

/// Starts it, if the server has a console.
pub(super) fn start(floor: &Arc<Floor>) -> io::Result<Operator> {
    if !floor.site.console {
        return Ok(Operator { thread: None });
    }
    let over = Arc::new(Flag::new()?);
    let thread = thread::Builder::new().name("sb-console".to_owned()).spawn({
        let (floor, over) = (Arc::clone(floor), Arc::clone(&over));
        move || operate(&floor, &over)
    })?;
    Ok(Operator { thread: Some((thread, over)) })
}

impl Operator {
    /// Ends the thread and joins it.
    pub(super) fn stop(self) {
        if let Some((thread, over)) = self.thread {
            over.raise();
            if thread.join().is_err() {
                tracing::warn!("the console's thread panicked");
            }
        }
    }
}

fn operate(floor: &Floor, over: &Flag) {
    let mut console = Console::open();
    loop {
        let ready = until_readable(&[over.fd(), console.fd()], None);
        if ready.contains(&0) {
            return;
        }
        if !ready.contains(&1) {
            continue;
        }
        let Some(words) = console.read() else { return };
        words.into_iter().for_each(|word| obey(floor, word));
    }
}

fn obey(floor: &Floor, word: Word) {
    match word {
        Word::Stats => Console::say(&floor.site.describe(&floor.stats())),
        Word::Peers => {
            let count = floor.each_peer(|presence| {
                let traffic = presence.traffic();
                Console::say_peer(presence.info.id, &presence.info.address, traffic);
            });
            Console::say_count(count);
        }
        Word::Pause => {
            floor.hold(true);
            Console::say_paused();
        }
        Word::Resume => {
            floor.hold(false);
            Console::say_resumed();
        }
        Word::Quit => floor.site.stop.drain(),
    }
}
