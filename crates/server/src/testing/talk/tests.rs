//! Both styles, driven by the same words.

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use switchboard_core::{Arrival, Context, Flow, Heard, Mailbox, Overrun, Peer, Session};

use super::*;

/// Answers lines in capitals; `late` after 5 s, `bye` closes, `boom` panics, `big` sends 1 MB.
#[derive(Default)]
struct Upper {
    /// It has been let go, and still owes an answer.
    owes: bool,
}

impl Session for Upper {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.line("hi");
        Flow::Continue
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        let Some(line) = peer.input.line() else { return Flow::Continue };
        match line {
            b"bye" => return Flow::Close,
            b"boom" => panic!("asked for"),
            b"late" => peer.set_deadline(Some(peer.now() + Duration::from_secs(5))),
            b"big" => peer.output.write(&[b'x'; 1_000_000]),
            line => peer.output.line(&line.to_ascii_uppercase()),
        }
        Flow::Continue
    }

    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        self.owes = peer.deadline().is_some();
        if self.owes { Flow::Continue } else { Flow::Close }
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.line("LATE");
        if self.owes { Flow::Close } else { Flow::Continue }
    }
}

fn upper(peer: &mut Peer<'_>) -> io::Result<()> {
    writeln!(peer, "hi")?;
    while let Some(line) = peer.line()? {
        match line.as_str() {
            "bye" => return Ok(()),
            "boom" => panic!("asked for"),
            "late" => {
                peer.sleep(Duration::from_secs(5))?;
                writeln!(peer, "LATE")?;
            }
            "big" => peer.write_all(&[b'x'; 1_000_000])?,
            "fail" => return Err(io::Error::other("asked for")),
            line => writeln!(peer, "{}", line.to_uppercase())?,
        }
    }
    Ok(())
}

fn both(test: impl Fn(&dyn Fn() -> Server)) {
    test(&|| Server::sessions("upper", |_| Upper::default()));
    test(&|| Server::handler("upper", upper));
}

fn complaint(of: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(of)).expect_err("it complains");
    panic.downcast_ref::<String>().expect("with a text").clone()
}

#[test]
fn what_is_sent_is_answered_over_any_cut() {
    both(|server| {
        let mut peer = talk(server());
        peer.expect("hi\n").send("a").expect_nothing();
        peer.send("b\nc\nd").expect("AB\nC\n").end().expect("D\n").expect_end();
    });
}

#[test]
fn time_passes_when_it_is_told_to_and_not_before() {
    both(|server| {
        let mut peer = talk(server());
        peer.expect("hi\n").send("late\nnow\n").wait(Duration::from_millis(4999));
        // An event-style session goes on meanwhile, a handler does not.
        assert!(!peer.rest().ends_with(b"LATE\n"));
        peer.wait(Duration::from_millis(1));
        let rest = peer.rest();
        assert!(rest.starts_with(b"LATE\n"), "{}", rest.escape_ascii());
        peer.end().expect_end();
    });
}

#[test]
fn silence_ends_a_peer_at_its_limit() {
    both(|server| {
        let mut peer = talk(server().idle(Some(Duration::from_secs(60))));
        peer.expect("hi\n").wait(Duration::from_millis(59_999));
        assert_eq!(peer.ending(), None);
        peer.wait(Duration::from_millis(1)).expect_ending(Ending::TimedOut);
    });
}

#[test]
fn a_reply_larger_than_the_window_goes_on_as_it_is_read() {
    both(|server| {
        let mut peer = talk(server());
        peer.expect("hi\n").send("big\nafter\n");
        assert_eq!(peer.driver.came().len(), WINDOW);
        peer.expect([b'x'; 1_000_000]).expect("AFTER\n").end().expect_end();
    });
}

#[test]
fn every_way_to_end_is_told() {
    both(|server| {
        let ends = |how: fn(&mut Talk)| {
            let mut peer = talk(server());
            how(peer.expect("hi\n"));
            peer.ending().expect("it ended")
        };
        assert_eq!(
            ends(|peer| {
                peer.send("bye\n");
            }),
            Ending::Closed
        );
        assert_eq!(
            ends(|peer| {
                peer.send("boom\n");
            }),
            Ending::Panicked
        );
        assert_eq!(
            ends(|peer| {
                peer.reset();
            }),
            Ending::Reset
        );
        assert_eq!(
            ends(|peer| {
                peer.drain();
            }),
            Ending::Drained
        );
        assert_eq!(
            ends(|peer| {
                peer.end();
            }),
            Ending::Left
        );
    });
}

#[test]
fn a_request_under_way_is_finished_in_the_drain() {
    both(|server| {
        let mut peer = talk(server());
        peer.expect("hi\n").send("la").drain();
        assert_eq!(peer.ending(), None);
        peer.send("te\n").wait(Duration::from_secs(5)).expect("LATE\n");
        peer.expect_end();
    });
}

#[test]
fn other_bytes_are_shown_beside_those_expected() {
    both(|server| {
        let text = complaint(|| {
            talk(server()).expect("ho\n");
        });
        assert!(text.contains("expected: \"ho\\n\"\n    came: \"hi\\n\""), "{text}");
        let text = complaint(|| {
            talk(server()).expect("hi\nmore");
        });
        assert!(text.contains("sent too little"), "{text}");
        assert!(text.contains("expected: \"hi\\nmore\"\n    came: \"hi\\n\""), "{text}");
        let text = complaint(|| talk(server()).expect_end());
        assert!(text.contains("sent unexpectedly \"hi\\n\""), "{text}");
        let text = complaint(|| talk(server()).expect("hi\n").expect_end());
        assert!(text.contains("still open"), "{text}");
        let text = complaint(|| {
            talk(server()).expect("hi\n").send("boom\n").send("x");
        });
        assert!(text.contains("ended: panicked"), "{text}");
    });
}

#[test]
fn an_error_of_the_handlers_own_is_shown() {
    let mut peer = talk(Service::handler("upper", upper));
    peer.expect("hi\n").send("fail\n").expect_ending(Ending::Error);
    let text = complaint(|| peer.expect_end());
    assert!(text.contains("ended: failed: asked for"), "{text}");
}

#[test]
fn peers_of_one_service_share_what_it_holds() {
    let count = std::sync::atomic::AtomicU32::new(0);
    let service = Arc::new(Service::handler("count", move |peer| {
        let before = count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        write!(peer, "{before}")
    }));
    talk(Arc::clone(&service)).expect("0").expect_end();
    talk(service).expect("1").expect_end();
}

#[test]
fn a_timed_read_elapses_in_simulated_time() {
    let service = Service::handler("timed", |peer| {
        let arrival = peer.read_for(Duration::from_secs(3600))?;
        assert_eq!(arrival, Arrival::Elapsed);
        let line = peer.fill_buf()?.to_vec();
        peer.write_all(&line)
    })
    .idle(Idle::Never);
    talk(service).wait(Duration::from_secs(3600)).send("x").expect("x").expect_end();
}

#[test]
fn a_session_that_runs_in_a_circle_is_found() {
    struct Circle;
    impl Session for Circle {
        fn received(&mut self, peer: &mut Context<'_>) -> Flow {
            peer.want_room();
            Flow::Continue
        }
        fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
            self.received(peer)
        }
    }
    let panic = catch_unwind(|| {
        talk(Service::sessions("circle", |_| Circle)).send("x");
    });
    assert!(panic.is_err());
}

/// Says each line to everyone else, and in a note who has come.
fn gathering() -> [Arc<Service>; 2] {
    let people: Arc<Mutex<Vec<Mailbox>>> = Arc::default();
    let others: Arc<Mutex<Vec<Mailbox>>> = Arc::default();
    let sessions = Service::sessions("gathering", move |_| People(Arc::clone(&others)));
    let handler = Service::handler("gathering", move |peer| {
        let own = peer.mailbox()?;
        enter(&people, &own);
        loop {
            match peer.next(None)? {
                Heard::Line(line) => say(&people, &own, &line),
                Heard::Note(note) => writeln!(peer, "{} is here", note.downcast::<u64>().unwrap())?,
                Heard::Ended | Heard::Elapsed => return Ok(()),
            }
        }
    });
    [sessions, handler].map(Arc::new)
}

struct People(Arc<Mutex<Vec<Mailbox>>>);

fn enter(people: &Mutex<Vec<Mailbox>>, own: &Mailbox) {
    let mut people = people.lock().unwrap();
    assert!(people.iter().all(|other| other.note(own.peer(), Overrun::Report).is_ok()));
    people.push(own.clone());
}

fn say(people: &Mutex<Vec<Mailbox>>, own: &Mailbox, line: &str) {
    for other in people.lock().unwrap().iter().filter(|other| *other != own) {
        let _ = other.send(format!("{line}\n"), Overrun::Close);
    }
}

impl Session for People {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        enter(&self.0, &peer.mailbox());
        Flow::Continue
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        while let Some(line) = peer.input.line() {
            say(&self.0, &peer.mailbox(), &String::from_utf8_lossy(line));
        }
        Flow::Continue
    }

    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        while let Some(note) = peer.take_note() {
            let _ = writeln!(peer.output, "{} is here", note.downcast::<u64>().unwrap());
        }
        Flow::Continue
    }
}

/// Kills: mail that a peer hears only when it says something, notes and bytes in another order.
#[test]
fn peers_of_one_service_write_to_each_other() {
    for service in gathering() {
        let come = |peer| talk(Subject::from(Arc::clone(&service)).peer(peer));
        let (mut one, mut two) = (come(1), come(2));
        two.send("hello\n");
        let mut three = come(3);
        one.expect("2 is here\nhello\n3 is here\n").expect_nothing();
        one.send("all of you\n");
        two.expect("3 is here\nall of you\n");
        three.expect("all of you\n").end().expect_end();
        one.expect_nothing();
        for _ in 0..4 {
            two.send([vec![b'x'; 99_999], b"\n".to_vec()].concat());
        }
        one.rest();
        assert_eq!(one.ending(), Some(Ending::TooSlow), "{one}");
    }
}
