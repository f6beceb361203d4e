//! What a service answers, found out by asking it: for those whose words depend on their options.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use switchboard_load::message::escape;

use crate::server::Running;
use crate::talk::Talk;
use crate::target::Target;

/// A reply that has paused for so long is over.
const SILENCE: Duration = Duration::from_millis(150);
/// A longer reply is cut here.
const REPLY_MAX: usize = 64 * 1024;

/// Starts `target`, lets it say what it says to who connects, says `line`, and takes what comes then
/// for the reply that it always gives. `words` name the service. Ends soon when `stop` is raised.
///
/// # Errors
/// A sentence, if it cannot be started or has no answer.
pub fn rehearse(
    target: &Target,
    line: &str,
    words: &str,
    stop: &AtomicBool,
) -> Result<Talk, String> {
    let failed =
        |error: String| format!("{words} cannot be rehearsed under {}: {error}", target.name);
    let server = Running::start(target, None, &[], stop).map_err(failed)?;
    let reply =
        ask(server.address, line.as_bytes(), stop).map_err(|error| failed(error.to_string()))?;
    if reply.is_empty() {
        return Err(format!(
            "{words} has no answer to `{}`; give it a dialogue: --script FILE.toml",
            line.trim_end()
        ));
    }
    let quoted =
        |bytes: &[u8]| toml_string(&escape::text(bytes).replace('{', "{{").replace('}', "}}"));
    let script = format!(
        "[[step]]\nsend = {}\n[[step]]\nuntil = {}\n",
        quoted(line.as_bytes()),
        quoted(&reply)
    );
    let script = script.parse().map_err(|error| format!("{words} cannot be rehearsed: {error}"))?;
    let talk = Talk::script(words, "", script);
    Ok(Talk {
        words: format!("{words}, asked `{}`, {} bytes back", line.trim_end(), reply.len()),
        ..talk
    })
}

/// What comes after `line` and not before it.
fn ask(address: SocketAddr, line: &[u8], stop: &AtomicBool) -> io::Result<Vec<u8>> {
    let mut peer = TcpStream::connect(address)?;
    peer.set_read_timeout(Some(SILENCE))?;
    until_silent(&mut peer, stop)?;
    peer.write_all(line)?;
    until_silent(&mut peer, stop)
}

fn until_silent(peer: &mut TcpStream, stop: &AtomicBool) -> io::Result<Vec<u8>> {
    let (mut came, mut buffer) = (Vec::new(), [0; 4096]);
    while came.len() < REPLY_MAX && !stop.load(Ordering::Acquire) {
        match peer.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => came.extend_from_slice(&buffer[..count]),
            Err(error) if is_silence(&error) => break,
            Err(error) => return Err(error),
        }
    }
    Ok(came)
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

/// A literal string of TOML has no escapes: those of the dialogue stay as they are.
fn toml_string(text: &str) -> String {
    format!("\'\'\'{text}\'\'\'")
}
