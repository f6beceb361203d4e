//! What holds for any cutting of the input and any sequence of partial sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use proptest::collection::vec;
use proptest::prelude::*;
use switchboard_core::{Context, Ending, Flow, Next};

use crate::carrier::{Call, Carrier, small};

/// The most that one call of these sessions writes.
const ONE_CALL: usize = 45;

/// How a session takes its requests.
#[derive(Clone, Copy, Debug)]
enum Taking {
    Line,
    Frame,
    Exact,
}

impl Taking {
    fn wire(self, requests: &[Vec<u8>]) -> Vec<u8> {
        requests.iter().flat_map(|request| self.one(request)).collect()
    }

    fn one(self, request: &[u8]) -> Vec<u8> {
        match self {
            Taking::Line => [request, b"\r\n"].concat(),
            Taking::Frame => {
                let length = u32::try_from(request.len()).expect("a short request");
                [&length.to_be_bytes(), request].concat()
            }
            Taking::Exact => {
                let mut exact = [b'.'; 8];
                let count = request.len().min(8);
                exact[..count].copy_from_slice(&request[..count]);
                exact.to_vec()
            }
        }
    }

    fn answer(self, requests: &[Vec<u8>]) -> Vec<u8> {
        let one = |request: &Vec<u8>| match self {
            Taking::Line => [request.as_slice(), b"\n"].concat(),
            Taking::Frame | Taking::Exact => self.one(request),
        };
        requests.iter().flat_map(one).collect()
    }

    /// Takes one request and answers it.
    fn echo(self, peer: &mut Context<'_>) -> bool {
        let taken = match self {
            Taking::Line => peer.input.line(),
            Taking::Frame => peer.input.frame(),
            Taking::Exact => peer.input.exact(8),
        };
        let Some(request) = taken else { return false };
        match self {
            Taking::Line => peer.output.line(request),
            Taking::Frame => peer.output.frame(request),
            Taking::Exact => peer.output.write(request),
        }
        true
    }
}

fn request() -> impl Strategy<Value = Vec<u8>> {
    vec(prop::sample::select(b"abcxyz\0\xff ".to_vec()), 0..40)
}

fn taking() -> impl Strategy<Value = Taking> {
    prop::sample::select(vec![Taking::Line, Taking::Frame, Taking::Exact])
}

/// Echoes, and says whether it was offered input between the high mark and the low mark.
fn watchful(taking: Taking, broke: Arc<AtomicBool>) -> impl FnMut(Call, &mut Context<'_>) -> Flow {
    let limits = small();
    let mut stalled = false;
    move |call, peer| {
        if call == Call::Received {
            if stalled && peer.output.unsent() > limits.low_mark {
                broke.store(true, Ordering::SeqCst);
            }
            taking.echo(peer);
            stalled = peer.output.unsent() >= limits.high_mark;
        }
        if call == Call::Ended { Flow::Close } else { Flow::Continue }
    }
}

proptest! {
    /// Kills: an offer that starts in the wrong place, a lost or doubled byte of `kept`, a stall
    /// that ends below the high mark, a stall that does not begin, counters that miss a path;
    /// anything that a connection leaves behind when its session is called apart.
    #[test]
    fn no_cutting_and_no_partial_send_changes_what_is_answered(
        taking in taking(),
        requests in vec(request(), 0..30),
        cuts in vec(1usize..50, 1..40),
        takes in vec(0usize..30, 1..40),
        polite in any::<bool>(),
        apart in any::<bool>(),
    ) {
        let broke = Arc::new(AtomicBool::new(false));
        let mut carrier = Carrier::open(small(), watchful(taking, Arc::clone(&broke)));
        if apart {
            carrier.set_apart();
        }
        let wire = taking.wire(&requests);
        let (mut rest, mut step) = (wire.as_slice(), 0);
        while !rest.is_empty() {
            if !polite || carrier.connection.wants_input() {
                let (now, later) = rest.split_at(cuts[step % cuts.len()].min(rest.len()));
                carrier.receive(now);
                rest = later;
            }
            prop_assert!(carrier.unsent() < small().high_mark + ONE_CALL);
            // A socket that takes nothing for ever would be another test.
            let take = takes[step % takes.len()] + usize::from(step % takes.len() == 0);
            carrier.send(take);
            prop_assert!(carrier.unsent() < small().high_mark + ONE_CALL);
            step += 1;
        }
        carrier.end();
        let mut idle = 0;
        while carrier.next() == Next::Go && idle < 2 {
            idle = if carrier.send(takes[step % takes.len()] + 1) == 0 { idle + 1 } else { 0 };
            step += 1;
        }
        prop_assert_eq!(carrier.next(), Next::Over(Ending::Left));
        let answer = taking.answer(&requests);
        prop_assert_eq!(&carrier.output, &answer);
        prop_assert!(!broke.load(Ordering::SeqCst), "input was offered to a stalled session");
        prop_assert_eq!(carrier.connection.traffic(), (wire.len() as u64, answer.len() as u64));
    }

    /// Kills: a last line that needs its line feed, a last offer without `Input::ended`.
    #[test]
    fn the_last_line_needs_no_line_feed_wherever_it_was_cut(
        line in vec(prop::sample::select(b"abc".to_vec()), 1..60),
        at in 0usize..60,
        apart in any::<bool>(),
    ) {
        let mut carrier = Carrier::open(small(), crate::carrier::upper);
        if apart {
            carrier.set_apart();
        }
        let (first, second) = line.split_at(at.min(line.len()));
        for part in [first, second] {
            if !part.is_empty() {
                carrier.receive(part);
            }
        }
        carrier.end();
        carrier.send_all();
        prop_assert_eq!(&carrier.output, &[line.to_ascii_uppercase().as_slice(), b"\n"].concat());
    }
}
