//! A conversation without line editing: from a pipe or a file, or on a simple terminal. Each
//! direction has a thread of its own, so that neither side's slowness can stop the other.

use std::io::{self, IsTerminal};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rustix::net::{Shutdown, shutdown};
use rustix::stdio::{stdin, stdout};

use super::charset::{Incoming, Outgoing};
use super::descriptor::{read, write_all};
use super::{ConnectArgs, End};

const CHUNK_BYTES: usize = 64 * 1024;

/// What the sending thread tells the receiving one.
#[derive(Default)]
struct Input {
    /// The server has been told that nothing follows.
    ended: AtomicBool,
    failure: Mutex<Option<io::Error>>,
}

/// Sends standard input and prints the answers until the server closes.
///
/// # Errors
/// If no thread can be started.
pub(super) fn converse(socket: OwnedFd, args: &ConnectArgs) -> io::Result<End> {
    let socket = Arc::new(socket);
    let input = Arc::new(Input::default());
    let outgoing = Outgoing::new(args, io::stdin().is_terminal());
    {
        let (socket, input) = (Arc::clone(&socket), Arc::clone(&input));
        // Never joined: it may wait for a keyboard long after the server has gone.
        thread::Builder::new().spawn(move || send_input(&socket, outgoing, &input))?;
    }
    let end = receive(&socket, args, &input);
    let failure = input.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    Ok(match (end, failure) {
        (End::Closed { .. }, Some(error)) => End::Input(error),
        (end, _) => end,
    })
}

/// Where sending fails the server has gone, and the receiving side learns how.
fn send_input(socket: &OwnedFd, mut outgoing: Outgoing, input: &Input) {
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let sent = match read(stdin(), &mut chunk) {
            Ok(0) => break,
            Ok(taken) => write_all(socket, &outgoing.bytes(&chunk[..taken])),
            Err(error) => {
                *input.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                break;
            }
        };
        if sent.is_err() {
            return;
        }
    }
    let rest = outgoing.finish();
    input.ended.store(true, Ordering::SeqCst);
    let _ = write_all(socket, &rest).and_then(|()| Ok(shutdown(socket, Shutdown::Write)?));
}

fn receive(socket: &OwnedFd, args: &ConnectArgs, input: &Input) -> End {
    let on_terminal = io::stdout().is_terminal();
    let mut incoming = match on_terminal {
        true => Some(Incoming::for_terminal(args)),
        false => Incoming::for_pipe(args),
    };
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut mid_line = false;
    loop {
        let (bytes, end) = match read(socket, &mut chunk) {
            Ok(0) => (&chunk[..0], Some(End::Closed { asked: input.ended.load(Ordering::SeqCst) })),
            Ok(taken) => (&chunk[..taken], None),
            Err(error) => (&chunk[..0], Some(End::Broke(error))),
        };
        let text = incoming.as_mut().map(|incoming| incoming.text(bytes, end.is_some()));
        let shown = text.as_ref().map_or(bytes, String::as_bytes);
        mid_line = shown.last().map_or(mid_line, |last| *last != b'\n');
        if let Err(error) = write_all(stdout(), shown) {
            return End::Output(error);
        }
        if let Some(end) = end {
            if on_terminal && mid_line {
                let _ = write_all(stdout(), b"\n");
            }
            return end;
        }
    }
}
