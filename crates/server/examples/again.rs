//! A program that serves again and again: `again ADDRESS MODEL` serves until it is stopped, says what
//! was counted, and serves anew for each line that it is given.

use std::io::{self, Write};
use std::process::ExitCode;

use switchboard::{Address, Model, Server};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [address, model] = &words[..] else {
        eprintln!("again ADDRESS MODEL");
        return ExitCode::from(2);
    };
    loop {
        // Until the first SIGTERM or SIGINT, and then until the last peer has gone.
        match serve(address, model) {
            Ok(counted) => println!("stopped {counted}"),
            Err(error) => {
                eprintln!("error: {error}");
                return ExitCode::FAILURE;
            }
        }
        // Nobody is served now, and these signals do what they do in any program.
        match io::stdin().read_line(&mut String::new()) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return ExitCode::SUCCESS,
        }
    }
}

fn serve(address: &str, model: &str) -> Result<switchboard::Stats, Box<dyn std::error::Error>> {
    let server = Server::handler("shout", |peer| {
        while let Some(line) = peer.line()? {
            writeln!(peer, "{}", line.to_uppercase())?;
        }
        Ok(())
    });
    let (address, model) = (address.parse::<Address>()?, model.parse::<Model>()?);
    Ok(server.listen(address).model(model).run()?)
}
