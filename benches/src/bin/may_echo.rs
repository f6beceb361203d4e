//! Echo on may as its documentation writes it: a coroutine per peer, its 4 KiB buffer on the heap.
//!
//! One worker, which may keeps off the choice of a core. Built without may's features: those are
//! time limits and cancellation of input and output, and stealing among workers. may's own stacks
//! (32 KiB each). SIGTERM ends it by default action.

use std::io::{self, Read, Write};

use may::go;
use may::net::{TcpListener, TcpStream};

fn main() -> io::Result<()> {
    may::config().set_workers(1).set_worker_pin(false);
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    // Accepting is a coroutine as well, so that the worker does it and no thread is woken.
    let accepting = go!(move || {
        for peer in listener.incoming().flatten() {
            go!(move || echo(peer));
        }
    });
    accepting.join().map_err(|_| io::Error::other("accepting has panicked"))
}

fn echo(mut peer: TcpStream) {
    if peer.set_nodelay(true).is_err() {
        return;
    }
    let mut buffer = vec![0; 4096];
    while let Ok(length) = peer.read(&mut buffer) {
        if length == 0 || peer.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
}
