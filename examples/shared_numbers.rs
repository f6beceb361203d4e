//! The server of a house whose total is made of numbers that can only grow: all processes of a
//! server add to the same ones.

use std::io::{self, Write};
use std::process::ExitCode;

use meter::REQUEST_MAX;
use switchboard::{Counter, Limits, Peer, Server, counter};

fn serve(peer: &mut Peer, readings: &Counter, watts: &Counter) -> io::Result<()> {
    while let Some(request) = peer.line()? {
        match request.strip_prefix("read ").map(str::parse::<u32>) {
            Some(Ok(reading)) => {
                watts.add(reading.into());
                readings.add(1);
                writeln!(peer, "ok {}", readings.get())?;
            }
            None if request == "mean" => {
                let (count, sum) = (readings.get(), watts.get());
                writeln!(peer, "mean {:.1} of {count}", sum as f64 / count.max(1) as f64)?;
            }
            _ => writeln!(peer, "error: say read WATTS or mean")?,
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    // Before the server runs, and so before it forks.
    let (readings, watts) = (counter("readings"), counter("watts"));
    let limits = Limits { request_max: REQUEST_MAX, ..Limits::default() };
    Server::handler("house", move |peer| serve(peer, &readings, &watts)).limits(limits).main()
}
