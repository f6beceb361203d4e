//! Sessions that are called on other threads than their bytes are moved by.
//!
//! When a call is due the loop leaves a stand-in in the connection's place and sends the connection
//! itself, whole, to a worker together with what to do. Nothing is shared and nothing is locked.

use std::mem;
use std::time::Instant;

use super::{Connection, Phase, Vitals};
use crate::marks::Marks;
use crate::unread::Unread;
use crate::{Context, Flow, Session};

/// What a connection is told that may call its session, with all it needs: it can be sent to the
/// thread that calls. (The last call of all is [`Connection::close`], which ends the connection.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Call {
    /// [`Connection::open`].
    Open,
    /// [`Connection::received`] with these bytes.
    Received(Vec<u8>),
    /// [`Connection::ended`].
    Ended,
    /// [`Connection::resume`].
    Resume,
    /// [`Connection::expired`].
    Expired,
    /// [`Connection::let_go`].
    LetGo {
        /// The kernel has brought the peer all that it was sent.
        delivered: bool,
    },
    /// [`Connection::mail`].
    Mail,
    /// [`Connection::job_done`].
    JobDone {
        /// No other job is under way.
        last: bool,
    },
}

const _: () = {
    const fn sent_between_threads<T: Send>() {}
    sent_between_threads::<Connection>();
    sent_between_threads::<Call>();
};

/// The session of a stand-in, which is never called. It has no size, so its box is no allocation.
struct Nobody;

impl Session for Nobody {
    fn received(&mut self, _: &mut Context<'_>) -> Flow {
        Flow::Continue
    }
}

impl Connection {
    /// From now on nothing is [`plain`](Connection::plain) about it: its session is called on
    /// another thread than its bytes are moved by, and the short path would call it here. Each step
    /// calls it with input once; while there is more it is [`resumable`](Connection::resumable).
    pub fn set_apart(&mut self) {
        self.vitals.marks.put(Marks::APART, true);
    }

    /// Whether a call may still reach its session. If not, whoever moves its bytes may say itself
    /// what comes and what is over: nothing but [`close`](Connection::close) is the session's.
    pub fn converses(&self) -> bool {
        self.vitals.phase == Phase::Open
    }

    /// Does what `call` says. What comes of it: what [`let_go`](Connection::let_go) says, for all
    /// others true.
    ///
    /// What is written to `room` is this connection's: whoever takes it back goes on with that very
    /// buffer, until it is sent or kept ([`Connection::sent`]).
    pub fn perform(&mut self, call: Call, now: Instant, room: &mut Vec<u8>) -> bool {
        match call {
            Call::Open => self.open(now, room),
            Call::Received(bytes) => self.received(&bytes, now, room),
            Call::Ended => self.ended(now, room),
            Call::Resume => self.resume(now, room),
            Call::Expired => self.expired(now, room),
            Call::LetGo { delivered } => return self.let_go(delivered, now, room),
            Call::Mail => self.mail(now, room),
            Call::JobDone { last } => self.job_done(last, now, room),
        }
        true
    }

    /// Takes the connection away to where its session is called, and leaves a stand-in: it knows who
    /// the peer is and how many bytes were moved, wants nothing, has no deadline, and whatever it is
    /// told has no effect, but for [`drain`](Connection::drain) and [`fail`](Connection::fail),
    /// which are remembered. Closing it reaches no session.
    #[must_use = "dropping the connection drops its session without its last call"]
    pub fn leave_stand_in(&mut self) -> Connection {
        let stand_in = Connection {
            session: Box::new(Nobody),
            vitals: Vitals {
                id: self.vitals.id,
                address: self.vitals.address.clone(),
                deadline: None,
                marks: Marks::CLOSING,
                mail: None,
                phase: Phase::Away,
            },
            terms: self.terms.clone(),
            unread: Unread::default(),
            kept: Vec::new(),
            kept_sent: 0,
            active: self.active,
            received: self.received,
            sent: self.sent,
        };
        mem::replace(self, stand_in)
    }

    /// Whether this is the stand-in for a connection whose session is being called.
    pub fn away(&self) -> bool {
        self.vitals.phase == Phase::Away
    }

    /// Puts the connection back in its stand-in's place. What befell that befalls it now: the drain,
    /// a failure.
    pub fn come_back(&mut self, connection: Connection) {
        debug_assert_eq!(self.vitals.id, connection.vitals.id);
        let stand_in = mem::replace(self, connection);
        if stand_in.has(Marks::DRAINING) {
            self.drain();
        }
        if let Phase::Over(ending) = stand_in.vitals.phase {
            self.fail(ending);
        }
    }
}
