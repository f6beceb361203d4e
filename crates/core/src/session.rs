//! The event style: an object per peer, called when something came.

use crate::{Context, Ending};

/// What a session wants after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Go on.
    Continue,
    /// Send what is unsent, then close.
    Close,
}

/// One peer's conversation.
///
/// Calls for one session never overlap, but they may come from different threads, hence `Send`.
/// A session that panics ends its own peer and no other.
pub trait Session: Send {
    /// The peer is here and has said nothing yet: the place for a greeting.
    fn opened(&mut self, peer: &mut Context<'_>) -> Flow {
        let _ = peer;
        Flow::Continue
    }

    /// There is unread input in `peer.input`.
    ///
    /// Take what is complete and leave the rest: what is left is offered again when more has come.
    /// It is offered again while the session takes something, leaves something, and its unsent output
    /// is below the high mark; other peers get their turn after 16 calls. Once the peer has sent its last byte
    /// ([`Input::ended`](crate::Input::ended)) what is left is offered once more, and again after
    /// each [`woken`](Session::woken).
    fn received(&mut self, peer: &mut Context<'_>) -> Flow;

    /// The peer sent its last byte (it may still read), or the server is draining and the peer is
    /// between requests ([`Context::draining`] tells them apart). By default the session closes,
    /// after what is unsent has been sent.
    fn ended(&mut self, peer: &mut Context<'_>) -> Flow {
        let _ = peer;
        Flow::Close
    }

    /// Unsent output has fallen to the low mark; called once after each
    /// [`Context::want_room`].
    fn writable(&mut self, peer: &mut Context<'_>) -> Flow {
        let _ = peer;
        Flow::Continue
    }

    /// The instant given to [`Context::set_deadline`] has come, and the deadline is unset by now; or
    /// a job given to [`Context::offload`] is done, and a deadline that is set stays set. A session
    /// that has asked for both looks which it is: [`Offloaded::take`](crate::Offloaded::take) gives
    /// `None` for a job that is still under way.
    fn woken(&mut self, peer: &mut Context<'_>) -> Flow {
        let _ = peer;
        Flow::Continue
    }

    /// A call will probably come soon, after those of other sessions: what it will touch may be
    /// fetched into the caches meanwhile. Does nothing by default; not every model says so.
    fn prefetch(&self) {}

    /// The peer is gone, or is about to be: the last call. Nothing can be sent any more.
    fn closed(&mut self, ending: Ending) {
        let _ = ending;
    }
}
