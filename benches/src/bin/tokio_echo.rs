//! Echo on tokio as its tutorial writes it: current-thread runtime, a task per peer, 4 KiB in each.
//!
//! The buffer is part of the task, so an idle peer pays for it. SIGTERM ends it by default action.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;

fn main() -> io::Result<()> {
    Builder::new_current_thread().enable_io().build()?.block_on(serve())
}

async fn serve() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("listening on {}", listener.local_addr()?);
    loop {
        let (peer, _) = listener.accept().await?;
        peer.set_nodelay(true)?;
        tokio::spawn(echo(peer));
    }
}

async fn echo(mut peer: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(length) = peer.read(&mut buffer).await {
        if length == 0 || peer.write_all(&buffer[..length]).await.is_err() {
            break;
        }
    }
}
