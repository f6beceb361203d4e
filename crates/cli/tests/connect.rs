//! `switchboard connect` against small servers of a few lines each: what it prints, what it sends,
//! and how it ends. Nothing here sleeps; whatever does not come within the deadline fails.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "connect/client.rs"]
mod client;

use std::io::{Read, Write};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use client::{Client, DEADLINE, Stream};

/// Serves one peer and returns the address to connect to.
fn serve(conversation: impl FnOnce(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || conversation(listener.accept().unwrap().0));
    address
}

fn echo(mut peer: impl Read + Write) {
    let mut chunk = [0; 65536];
    loop {
        match peer.read(&mut chunk).unwrap() {
            0 => return,
            taken => peer.write_all(&chunk[..taken]).unwrap(),
        }
    }
}

/// Serves one peer, which it only reads; what it sent comes through the channel.
fn collect() -> (String, Receiver<Vec<u8>>) {
    let (sender, collected) = channel();
    let address = serve(move |mut peer| {
        let mut all = Vec::new();
        peer.read_to_end(&mut all).unwrap();
        sender.send(all).unwrap();
    });
    (address, collected)
}

#[test]
fn the_answers_to_a_pipe_are_printed_and_then_it_ends() {
    let mut client = Client::start(&[&serve(echo)]);
    client.send_all(b"a\nb\n".to_vec());
    assert_eq!(client.finish(), (0, b"a\nb\n".to_vec(), String::new()));
}

#[test]
fn a_greeting_without_a_line_end_is_printed_at_once() {
    let (done, until_done) = channel::<()>();
    let mut client = Client::start(&[&serve(move |mut peer| {
        peer.write_all(b"login: ").unwrap();
        let _ = until_done.recv();
    })]);
    client.output.until("login: ");
    drop(done);
}

#[test]
fn says_when_the_server_closes_though_the_input_goes_on() {
    let client = Client::start(&[&serve(|mut peer| peer.write_all(b"bye").unwrap())]);
    let expected = (0, b"bye".to_vec(), "the server closed the connection\n".to_owned());
    assert_eq!(client.finish(), expected);
}

#[test]
fn a_reset_is_a_failure_that_is_named() {
    let mut client = Client::start(&[&serve(|mut peer| {
        // The rest of the line is never read: closing resets the connection.
        peer.read_exact(&mut [0]).unwrap();
    })]);
    client.send(b"hello\n");
    assert_eq!(client.finish(), (1, Vec::new(), "the server reset the connection\n".to_owned()));
}

#[test]
fn ten_megabytes_of_any_bytes_come_back_unchanged() {
    let sent: Vec<u8> =
        (0..10_000_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut client = Client::start(&[&serve(echo)]);
    client.send_all(sent.clone());
    let (status, output, notices) = client.finish();
    assert_eq!((status, notices.as_str()), (0, ""));
    assert!(output == sent, "{} bytes came back, or others", output.len());
}

#[test]
fn a_server_that_answers_much_before_it_reads_blocks_nobody() {
    const MUCH: usize = 24 * 1024 * 1024;
    let mut client = Client::start(&[&serve(|mut peer| {
        peer.write_all(&vec![b'x'; MUCH]).unwrap();
        let read = std::io::copy(&mut peer, &mut std::io::sink()).unwrap();
        writeln!(peer, "read {read}").unwrap();
    })]);
    client.send_all(vec![b'y'; MUCH]);
    let (status, output, _) = client.finish();
    assert_eq!(status, 0);
    assert_eq!(String::from_utf8_lossy(&output[MUCH..]), format!("read {MUCH}\n"));
}

#[test]
fn where_nobody_listens_the_command_to_start_a_server_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("unix:{}", folder.path().join("missing").display());
    let stale = format!("unix:{}", folder.path().join("stale").display());
    drop(UnixListener::bind(stale.strip_prefix("unix:").unwrap()).unwrap());
    for address in [free, missing, stale] {
        let said = format!(
            "nothing listens at {address}; start one with: switchboard serve echo --listen \
             {address}\n"
        );
        assert_eq!(Client::start(&[&address]).finish(), (1, Vec::new(), said));
    }
}

#[test]
fn a_file_that_is_no_socket_is_named_as_such() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (status, _, notices) =
        Client::start(&[&format!("unix:{}", file.path().display())]).finish();
    assert_eq!(status, 1);
    assert!(notices.contains("no socket"), "{notices}");
}

#[test]
fn a_unix_socket_is_talked_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    thread::spawn(move || echo(listener.accept().unwrap().0));
    let mut client = Client::start(&[&format!("unix:{}", path.display())]);
    client.send_all(b"over a path\n".to_vec());
    assert_eq!(client.finish(), (0, b"over a path\n".to_vec(), String::new()));
}

#[test]
fn ipv6_is_talked_to() {
    let listener = match TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
        Ok(listener) => listener,
        Err(error) => return eprintln!("skipped: this machine has no IPv6: {error}"),
    };
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        // `:PORT` means loopback in either version; nobody listens on that of IPv4.
        echo(listener.accept().unwrap().0);
        echo(listener.accept().unwrap().0);
    });
    for address in [format!("[::1]:{port}"), format!(":{port}")] {
        let mut client = Client::start(&[&address]);
        client.send_all(b"six\n".to_vec());
        assert_eq!(client.finish(), (0, b"six\n".to_vec(), String::new()), "{address}");
    }
}

#[test]
fn line_ends_are_those_that_were_asked_for() {
    for (end, expected) in [("lf", "a\r\n\nb\nc"), ("crlf", "a\r\n\r\nb\r\nc"), ("none", "abc")] {
        let (address, collected) = collect();
        let mut client = Client::start(&["--end", end, &address]);
        client.send_all(b"a\r\n\nb\nc".to_vec());
        let sent = collected.recv_timeout(DEADLINE).unwrap();
        assert_eq!(String::from_utf8(sent).unwrap(), expected, "--end {end}");
        assert_eq!(client.finish().0, 0);
    }
}

#[test]
fn the_charset_of_the_server_is_spoken_both_ways() {
    let mut client = Client::start(&[
        "--encoding",
        "gbk",
        &serve(|mut peer| {
            // Half of 你; the rest when the first half has been read.
            peer.write_all(b"ab\xc4").unwrap();
            let mut line = [0; 3];
            peer.read_exact(&mut line).unwrap();
            assert_eq!(&line, b"\xba\xc3\n");
            peer.write_all(b"\xe3").unwrap();
        }),
    ]);
    client.output.until("ab");
    client.send("好\n".as_bytes());
    let (status, output, _) = client.finish();
    assert_eq!((status, String::from_utf8(output).unwrap().as_str()), (0, "你"));
}

#[test]
fn an_unknown_charset_is_bad_usage() {
    let (status, _, notices) = Client::start(&["--encoding", "klingon"]).finish();
    assert_eq!(status, 2);
    assert!(notices.contains("klingon") && notices.contains("gbk"), "{notices}");
}

#[test]
fn an_input_that_cannot_be_read_is_a_failure() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["connect", &serve(echo)]).stdin(std::fs::File::open("/").unwrap());
    let (status, _, notices) = Client::run(command).finish();
    assert_eq!(status, 1);
    assert!(notices.starts_with("cannot read standard input"), "{notices}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_it_quietly() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.args(["connect", &serve(|mut peer| while peer.write_all(b"y\n").is_ok() {})]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 2]).unwrap();
    let mut notices = Stream::of(child.stderr.take().unwrap());
    notices.read_to_end();
    assert_eq!(String::from_utf8_lossy(&notices.seen), "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Answers each line in capitals, so that an answer is told from the echo of a key.
fn shout(mut peer: TcpStream) {
    let mut chunk = [0; 1024];
    loop {
        match peer.read(&mut chunk).unwrap() {
            0 => return,
            taken => peer.write_all(&chunk[..taken].to_ascii_uppercase()).unwrap(),
        }
    }
}

#[test]
fn on_a_terminal_lines_are_edited_and_ctrl_d_ends_them() {
    let Some(mut client) = Client::on_terminal(&serve(shout)) else { return };
    client.output.until("> ");
    client.send(b"hellp\x7fo\r");
    client.output.until("HELLO");
    client.output.until("> ");
    client.send(b"\x1b[A again\r");
    client.output.until("HELLO AGAIN");
    client.output.until("> ");
    client.send(b"\x04");
    client.output.until("the server closed the connection");
    client.output.until("restored status=0");
}

#[test]
fn on_a_terminal_an_empty_line_is_not_sent() {
    let (address, collected) = collect();
    let Some(mut client) = Client::on_terminal(&address) else { return };
    client.output.until("> ");
    client.send(b"\ra\r\r\rb\r\x04");
    assert_eq!(collected.recv_timeout(DEADLINE).unwrap(), b"a\nb\n");
}

#[test]
fn lines_that_are_typed_ahead_are_all_sent() {
    let Some(mut client) = Client::on_terminal(&serve(shout)) else { return };
    client.output.until("> ");
    client.send(b"one\rtwo\rthree\r");
    for answer in ["ONE", "TWO", "THREE"] {
        client.output.until(answer);
    }
}

#[test]
fn on_a_terminal_ctrl_c_leaves_with_130() {
    let Some(mut client) = Client::on_terminal(&serve(shout)) else { return };
    client.output.until("> ");
    client.send(b"half a line\x03");
    client.output.until("restored status=130");
}

#[test]
fn a_server_that_closes_while_a_line_is_typed_leaves_the_terminal_as_it_was() {
    let (close, told) = channel::<()>();
    let address = serve(move |peer| {
        let _ = told.recv();
        peer.shutdown(Shutdown::Write).unwrap();
    });
    let Some(mut client) = Client::on_terminal(&address) else { return };
    client.output.until("> ");
    client.send(b"half a line");
    client.output.until("half a line");
    drop(close);
    client.output.until("\nthe server closed the connection");
    client.output.until("restored status=0");
}

#[test]
fn a_line_split_over_reads_stays_one_line_above_what_is_typed() {
    let (go_on, told) = channel::<()>();
    let address = serve(move |mut peer| {
        peer.write_all(b"PASS").unwrap();
        let _ = told.recv();
        peer.write_all(b"WORD\x1b: ").unwrap();
        let _ = peer.read(&mut [0]);
    });
    let Some(mut client) = Client::on_terminal(&address) else { return };
    client.output.until("PASS");
    client.send(b"typed");
    client.output.until("typed");
    drop(go_on);
    // Up to the unfinished row, right to where it stopped; and no escape of the server's own.
    client.output.until("\x1b[A\x1b[4CWORD\\x1b: ");
    client.output.until("> typed");
}

#[test]
fn an_answer_to_a_question_does_not_go_back_to_the_row_of_the_question() {
    let address = serve(|mut peer| {
        peer.write_all(b"login: ").unwrap();
        let _ = peer.read(&mut [0; 100]).unwrap();
        peer.write_all(b"welcome").unwrap();
        let _ = peer.read(&mut [0]);
    });
    let Some(mut client) = Client::on_terminal(&address) else { return };
    client.output.until("login: ");
    client.send(b"bob\r");
    let between = client.output.until("welcome");
    assert!(!between.contains("\x1b[7C"), "{between:?}");
}
