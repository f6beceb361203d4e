//! Echo on monoio as its documentation writes it: io_uring, one thread, a task per peer, 4 KiB in each.
//!
//! The buffer is the kernel's while it reads or writes, so each peer has its own. Built without the
//! driver for systems that have no io_uring: there this server says so and ends. SIGTERM ends it by
//! default action.

use std::io;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::{TcpListener, TcpStream};
use monoio::{IoUringDriver, RuntimeBuilder};

fn main() -> io::Result<()> {
    RuntimeBuilder::<IoUringDriver>::new().build()?.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (peer, _) = listener.accept().await?;
        peer.set_nodelay(true)?;
        monoio::spawn(echo(peer));
    }
}

async fn echo(mut peer: TcpStream) {
    let mut buffer = Vec::with_capacity(4096);
    let mut outcome;
    loop {
        (outcome, buffer) = peer.read(buffer).await;
        if !matches!(outcome, Ok(1..)) {
            break;
        }
        (outcome, buffer) = peer.write_all(buffer).await;
        if outcome.is_err() {
            break;
        }
        buffer.clear();
    }
}
