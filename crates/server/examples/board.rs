//! A notice board: all peers write on one board, which lies in the memory of one process. The
//! service says so, and is refused where its peers would have a board each.

use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use switchboard::{Context, Flow, Server, Service, Session, State};

#[derive(Clone, Default)]
struct Board(Arc<Mutex<Vec<String>>>);

impl Session for Board {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        while let Some(line) = peer.input.line() {
            let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            notices.push(String::from_utf8_lossy(line).into_owned());
            let _ = writeln!(peer.output, "{}", notices.len());
        }
        Flow::Continue
    }
}

fn main() -> ExitCode {
    let board = Board::default();
    let service = Service::sessions("board", move |_peer| board.clone());
    Server::new(service.state(State::Shared)).main()
}
