//! Mail: bytes from elsewhere join the output, notes wake the session.

use std::time::Instant;

use super::{Connection, Phase};
use crate::Ending;
use crate::mail::Waiting;
use crate::marks::Marks;

impl Connection {
    /// Whether its session has taken a mailbox, and nobody has said yet where its mail comes to.
    pub fn took_mailbox(&self) -> bool {
        self.has(Marks::MAILBOX)
    }

    /// From now on a ring for this peer's mail names `place`, by which its carrier finds it. Whether
    /// mail has come already, which is to be [taken](Connection::mail).
    pub fn mail_comes_to(&mut self, place: u64) -> bool {
        self.vitals.marks.put(Marks::MAILBOX, false);
        self.vitals.mail.as_ref().is_some_and(|mail| mail.set_place(place))
    }

    /// There may be mail: adds the bytes to the output, as far as there is room below the high mark
    /// (the rest follows when output has fallen), and wakes the session for its notes, each in its
    /// place among the bytes. A note that the session leaves holds up nothing.
    pub fn mail(&mut self, now: Instant, room: &mut Vec<u8>) {
        while self.vitals.phase == Phase::Open {
            let unsent = self.unsent(room).len();
            let Some(mail) = &self.vitals.mail else { return };
            let space = self.terms.high_mark.saturating_sub(unsent);
            let output =
                if self.vitals.marks.has(Marks::KEPT) { &mut self.kept } else { &mut *room };
            let (waiting, left) = mail.take(output, space);
            if self.unsent(room).len() >= self.terms.high_mark {
                self.vitals.marks.put(Marks::STALLED, true);
            }
            match waiting {
                Waiting::TooMuch => return self.over(Ending::TooSlow),
                Waiting::Notes => {
                    self.vitals.marks.put(Marks::MAIL, false);
                    // No byte has moved: its peer may be idle all the same.
                    self.call_unread(now, room, |session, peer| session.woken(peer));
                    self.vitals.marks.put(Marks::HUNGRY, false);
                    self.proceed(now, room);
                }
                Waiting::Nothing => {}
            }
            self.vitals.marks.put(Marks::MAIL, left);
            if !left || self.unsent(room).len() >= self.terms.high_mark {
                return;
            }
        }
    }
}
