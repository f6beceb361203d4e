//! Character generator (RFC 864): lines without end, for as long as the peer reads, and never more
//! than the high mark ahead of it.

use switchboard_core::{Context, Flow, Service, Session, State};

use crate::{Entry, Options};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "chargen",
    summary: "sends lines of characters for as long as the peer reads",
    source: "RFC 864",
    styles: &["event"],
    options: &[],
    hidden: false,
    build,
};

fn build(_: &Options) -> Result<Service, String> {
    let service = Service::sessions("chargen", |_peer| Chargen { at: 0 });
    Ok(service.state(State::PerPeer))
}

/// The printing characters of ASCII, from space to `~`; the RFC has them as a ring.
const RING: usize = 95;
/// A line of 72 of them and CRLF.
const LINE: usize = 74;
/// Each line starts one character later, so after as many lines as the ring has characters all
/// repeats.
static CYCLE: [u8; RING * LINE] = cycle();

const fn cycle() -> [u8; RING * LINE] {
    let mut bytes = [b'\n'; RING * LINE];
    let mut at = 0;
    while at < bytes.len() {
        let (line, column) = (at / LINE, at % LINE);
        if column < LINE - 2 {
            bytes[at] = b' ' + ((line + column) % RING) as u8;
        } else if column == LINE - 2 {
            bytes[at] = b'\r';
        }
        at += 1;
    }
    bytes
}

struct Chargen {
    /// The next byte to send, within [`CYCLE`].
    at: usize,
}

impl Chargen {
    /// Fills the room there is; when draining only to the end of the line.
    fn go_on(&mut self, peer: &mut Context<'_>) -> Flow {
        let rest_of_line = (LINE - self.at % LINE) % LINE;
        let room = peer.output.room();
        match peer.draining() {
            true => self.write(peer, room.min(rest_of_line)),
            false => self.write(peer, room),
        }
        if peer.draining() && self.at.is_multiple_of(LINE) {
            return Flow::Close;
        }
        peer.want_room();
        Flow::Continue
    }

    fn write(&mut self, peer: &mut Context<'_>, mut count: usize) {
        while count > 0 {
            let piece = &CYCLE[self.at..CYCLE.len().min(self.at + count)];
            peer.output.write(piece);
            self.at = (self.at + piece.len()) % CYCLE.len();
            count -= piece.len();
        }
    }
}

impl Session for Chargen {
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        self.go_on(peer)
    }

    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.input.take_all();
        Flow::Continue
    }

    /// A peer that says no more still reads.
    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        match peer.draining() {
            true => self.go_on(peer),
            false => Flow::Continue,
        }
    }

    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        self.go_on(peer)
    }
}
