//! A service's own descriptors, under a model whose children close what is not theirs. A program of
//! its own, without the threads of a test harness: it forks.

#![allow(clippy::unwrap_used, reason = "clippy does not see that this is a test")]

use std::fs::{self, File};
use std::io::{Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::{env, thread, time::Duration};

use switchboard::{Address, Server};

const MODELS: [&str; 3] = ["process", "prefork:processes=2", "thread"];

/// Kills: children that close everything above some number, although a service has opened a file
/// there, while lower numbers were taken.
fn main() -> ExitCode {
    let mut words = env::args().skip(1);
    match (words.next().as_deref(), words.next(), words.next()) {
        (Some("serve"), Some(model), Some(directory)) => return serve(&model, directory.as_ref()),
        // Asked for a list, as by cargo-nextest.
        (Some("--list"), ..) => return ExitCode::SUCCESS,
        _ => {}
    }
    for model in MODELS {
        let directory = tempfile::tempdir().unwrap();
        let mut server = Command::new(env::current_exe().unwrap());
        let mut server =
            server.args(["serve", model]).arg(directory.path()).spawn().expect("this program");
        let socket = directory.path().join("socket");
        let mut peer = loop {
            match UnixStream::connect(&socket) {
                Ok(peer) => break peer,
                Err(error) => assert!(server.try_wait().unwrap().is_none(), "{model}: {error}"),
            }
            thread::sleep(Duration::from_millis(10));
        };
        peer.write_all(b"read\n").unwrap();
        let mut said = String::new();
        peer.read_to_string(&mut said).unwrap();
        assert_eq!(said, "kept", "under {model}");
        server.kill().unwrap();
        server.wait().unwrap();
    }
    println!("test services_keep_their_descriptors ... ok\n\n{} passed, 0 failed", 1);
    ExitCode::SUCCESS
}

fn serve(model: &str, directory: &Path) -> ExitCode {
    let path = directory.join("file");
    fs::write(&path, "kept").unwrap();
    let lower: Vec<File> = (0..20).map(|_| File::open("/dev/null").unwrap()).collect();
    let file = File::open(&path).unwrap();
    drop(lower);
    let server = Server::handler("reader", move |peer| {
        let (mut file, mut text) = (&file, String::new());
        let _ = peer.line()?;
        file.rewind()?;
        file.read_to_string(&mut text)?;
        peer.write_all(text.as_bytes())
    });
    let socket = Address::Unix(directory.join("socket"));
    match server.listen(socket).model(model.parse().unwrap()).run() {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
