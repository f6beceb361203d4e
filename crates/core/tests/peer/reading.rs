//! What a handler reads, however it was cut on its way.

use std::io::{self, BufRead, Read, Write};

use proptest::collection::vec;
use proptest::prelude::*;
use switchboard_core::{Ending, Peer};

use crate::wire::{Step, bytes, script};

fn cut(wire: &[u8], cuts: &[usize]) -> Vec<Step> {
    let (mut steps, mut rest) = (Vec::new(), wire);
    for size in cuts.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (step, later) = rest.split_at(rest.len().min(*size));
        steps.push(Step::Bytes(step.to_vec()));
        rest = later;
    }
    steps
}

/// Ways to read a request and answer with it.
fn echo_lines(peer: &mut Peer<'_>) -> io::Result<()> {
    while let Some(line) = peer.line()? {
        writeln!(peer, "{line}")?;
    }
    Ok(())
}

fn echo_read_until(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut line = Vec::new();
    while peer.read_until(b'\n', &mut line)? > 0 {
        peer.write_all(&line)?;
        line.clear();
    }
    Ok(())
}

fn echo_read_line(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut line = String::new();
    while peer.read_line(&mut line)? > 0 {
        peer.write_all(line.as_bytes())?;
        line.clear();
    }
    Ok(())
}

fn echo_bytes(peer: &mut Peer<'_>) -> io::Result<()> {
    let mut buffer = [0; 7];
    loop {
        match peer.read(&mut buffer)? {
            0 => return Ok(()),
            count => peer.write_all(&buffer[..count])?,
        }
    }
}

fn echo_frames(peer: &mut Peer<'_>) -> io::Result<()> {
    while let Some(frame) = peer.frame()? {
        peer.write_all(&u32::try_from(frame.len()).expect("a short frame").to_be_bytes())?;
        peer.write_all(&frame)?;
    }
    Ok(())
}

proptest! {
    /// Kills: a search that starts behind the line feed, bytes lost between two reads, a partial
    /// send that is sent again or not finished.
    #[test]
    fn no_cutting_changes_what_lines_are_read(
        lines in vec("[a-z]{0,40}", 0..20),
        cuts in vec(1usize..60, 1..20),
        takes in 1usize..50,
    ) {
        let wire: String = lines.iter().flat_map(|line| [line, "\n"]).collect();
        for handler in [echo_lines, echo_read_until, echo_read_line, echo_bytes] {
            let mut script = script(cut(wire.as_bytes(), &cuts));
            script.takes = takes;
            let (ending, error) = script.serve(handler);
            prop_assert!(error.is_none());
            prop_assert!(matches!(ending, Ending::Left));
            prop_assert_eq!(script.output(), wire.as_bytes());
        }
    }

    /// Kills: the same for requests with a length.
    #[test]
    fn no_cutting_changes_what_frames_are_read(
        frames in vec(vec(any::<u8>(), 0..100), 0..10),
        cuts in vec(1usize..60, 1..20),
    ) {
        let head = |frame: &[u8]| u32::try_from(frame.len()).expect("short").to_be_bytes().to_vec();
        let wire: Vec<u8> =
            frames.iter().flat_map(|frame| [head(frame), frame.clone()].concat()).collect();
        let mut script = script(cut(&wire, &cuts));
        prop_assert_eq!(script.serve(echo_frames).0, Ending::Left);
        prop_assert_eq!(script.output(), wire);
    }
}

/// Kills: a CRLF that stays, a last line that is lost, a `None` that comes only once.
#[test]
fn lines_end_with_lf_or_crlf_or_the_end() {
    let mut script = bytes([&b"a\r\nb\nc\xff"[..]]);
    let (ending, _) = script.serve(|peer| {
        assert_eq!(peer.line()?.as_deref(), Some("a"));
        assert_eq!(peer.line()?.as_deref(), Some("b"));
        assert_eq!(peer.line()?.as_deref(), Some("c\u{fffd}"));
        assert_eq!(peer.line()?, None);
        assert_eq!(peer.line()?, None);
        assert_eq!(peer.frame()?, None);
        assert_eq!(peer.exact(3)?, None);
        Ok(())
    });
    assert_eq!(ending, Ending::Left);
}

/// Kills: `exact` that gives what there is.
#[test]
fn exact_waits_for_its_last_byte() {
    let mut script = bytes([&b"ab"[..], b"cd", b"e"]);
    let (ending, error) = script.serve(|peer| {
        assert_eq!(peer.exact(3)?.as_deref(), Some(&b"abc"[..]));
        let error = peer.exact(3).expect_err("the end comes inside");
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        Err(error)
    });
    assert_eq!((ending, error.is_none()), (Ending::Left, true));
}

/// Kills: `read_line` that replaces what is no UTF-8, or that ends the peer for it.
#[test]
fn read_line_refuses_what_is_no_text_and_the_peer_lives_on() {
    let mut script = bytes([&b"\xff\nb\n"[..]]);
    let (ending, _) = script.serve(|peer| {
        let mut line = String::from("kept ");
        let error = peer.read_line(&mut line).expect_err("no UTF-8");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        peer.read_line(&mut line)?;
        assert_eq!(line, "kept b\n");
        Ok(())
    });
    assert_eq!(ending, Ending::Closed);
}

/// Kills: a bound that only some ways of reading have; one that ends who is below it.
#[test]
fn a_request_that_is_too_large_is_an_error_and_the_end_of_its_peer() {
    let handlers: [fn(&mut Peer<'_>) -> io::Result<()>; 5] = [
        echo_lines,
        echo_frames,
        |peer| peer.exact(101).map(drop),
        echo_read_until,
        echo_read_line,
    ];
    let wires: [&[u8]; 5] = [&[b'x'; 101], &[0, 0, 0, 101], b"x", &[b'x'; 101], &[b'x'; 101]];
    for (handler, wire) in handlers.into_iter().zip(wires) {
        let mut script = bytes(wire.chunks(1));
        let (ending, error) = script.serve(|peer| {
            let error = handler(peer).expect_err("too large");
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            let again = peer.line().expect_err("it cannot be read from after that");
            assert_eq!(again.kind(), io::ErrorKind::InvalidData);
            Ok(())
        });
        assert_eq!((ending, error.is_none()), (Ending::TooLarge, true));
    }
}

/// Kills: a bound on `read_until` that the network's cutting decides: a line that passes in one
/// piece and not in two, or the other way round.
#[test]
fn cutting_does_not_decide_which_line_is_too_large() {
    for (length, ending) in [(100, Ending::Left), (101, Ending::TooLarge)] {
        let line = [vec![b'x'; length], b"\n".to_vec()].concat();
        for handler in [echo_lines, echo_read_until, echo_read_line] {
            for at in [1, length - 1, length, length + 1] {
                let (first, second) = line.split_at(at);
                let parts = [first, second].into_iter().filter(|part| !part.is_empty());
                let found = bytes(parts).serve(handler).0;
                assert_eq!(found, ending, "{length} bytes, cut after {at}");
            }
        }
    }
}

/// Kills: a wait for more while a whole request is unread.
#[test]
fn what_is_there_is_read_without_waiting() {
    let mut script = bytes([&b"a\nb\nc\n"[..]]);
    script.serve(|peer| {
        for _ in 0..3 {
            peer.line()?;
        }
        Ok(())
    });
    assert_eq!(script.receives().len(), 1);
}

/// Kills: a reading size that does not grow (a megabyte in 2 KiB pieces) or that grows for idle
/// peers.
#[test]
fn a_busy_peer_reads_in_larger_pieces() {
    let mut script = bytes([&[b'x'; 1 << 20][..]]);
    script.serve(echo_bytes);
    assert!(script.receives().len() < 40, "{} reads", script.receives().len());
}

/// Kills: a drain that lets someone go in the midst of a request that is gathered outside of the
/// peer's own buffer, or does not let go who is between requests.
#[test]
fn only_between_requests_does_a_wait_say_so() {
    type Handler = fn(&mut Peer<'_>) -> io::Result<()>;
    let handlers: [Handler; 7] = [
        |peer| peer.line().map(drop),
        |peer| peer.exact(4).map(drop),
        |peer| peer.read_until(b'\n', &mut Vec::new()).map(drop),
        |peer| peer.read_until(b'\n', &mut b"from before".to_vec()).map(drop),
        |peer| peer.read_line(&mut String::new()).map(drop),
        |peer| peer.read_exact(&mut [0; 4]),
        |peer| peer.frame().map(drop),
    ];
    for (index, handler) in handlers.into_iter().enumerate() {
        let parts =
            if index == 6 { [&b"\0\0"[..], b"\0\x01", b"x"] } else { [&b"a"[..], b"b", b"c\n"] };
        let mut script = bytes(parts);
        script.serve(|peer| {
            handler(peer)?;
            handler(peer)
        });
        let flags: Vec<bool> = script.receives().iter().map(|(_, between)| *between).collect();
        assert_eq!(flags, [true, false, false, true], "handler {index}");
    }
}

/// Kills: a flag that stays set after a gathering read has failed.
#[test]
fn a_failed_gathering_leaves_no_flag_behind() {
    let mut script = bytes([&b"\xff"[..], b"\n"]);
    script.serve(|peer| {
        peer.read_line(&mut String::new()).expect_err("no UTF-8");
        peer.fill_buf().map(drop)
    });
    assert_eq!(script.receives().last().map(|(_, between)| *between), Some(true));
}
