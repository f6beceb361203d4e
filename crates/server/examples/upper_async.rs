//! A service that is written as a future, and so runs under `tokio` alone: it sends back each line in
//! capitals, and ends when its peer or its server does.

use std::io;
use std::process::ExitCode;

use switchboard::Server;
use switchboard::future::Stream;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, split};

fn main() -> ExitCode {
    Server::future("upper", |stream, _peer| upper(stream)).main()
}

async fn upper(stream: Stream) -> io::Result<()> {
    let draining = stream.draining();
    let (reader, mut writer) = split(stream);
    let mut lines = BufReader::new(reader).lines();
    loop {
        // Lines that are there are answered first, also in the drain.
        let line = tokio::select! {
            biased;
            line = lines.next_line() => line?,
            () = draining.begun() => None,
        };
        let Some(line) = line else { return Ok(()) };
        writer.write_all(format!("{}\n", line.to_uppercase()).as_bytes()).await?;
    }
}
