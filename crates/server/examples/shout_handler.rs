//! A service in straight lines: it reads a line, it writes a line.

use std::io::Write;
use std::process::ExitCode;

use switchboard::Server;

fn main() -> ExitCode {
    Server::handler("shout", |peer| {
        writeln!(peer, "hello {}", peer.address())?;
        while let Some(line) = peer.line()? {
            if line == "exit" {
                break;
            }
            writeln!(peer, "{}", line.to_uppercase())?;
        }
        Ok(())
    })
    .main()
}
