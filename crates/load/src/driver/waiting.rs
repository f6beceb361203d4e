//! How a driver waits: asleep, or awake where a wake-up would cost more than it is worth.

use std::io;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event};
use rustix::io::Errno;
use rustix::time::Timespec;

use super::Driver;
use super::alarm::Alarm;
use crate::clock::{self, MILLISECOND};
use crate::watch::Phase;

/// A message that is due so soon is awaited without sleeping: setting a timer and being woken takes
/// longer. Not more, because who never sleeps waits for others on a busy machine.
const NEAR: u64 = 10_000;
/// Between two looks of a load that stays awake: each takes locks that a reply on its way needs, too.
const LOOK: u64 = 2_000;
/// A look that took so long was put off by somebody else.
const DISTURBED: u64 = MILLISECOND;
/// After that the load sleeps as it waits for so long.
const CALM: u64 = 20 * MILLISECOND;

impl Driver<'_> {
    /// Waits for events, at most until a message is `due` or it is time to do something else.
    pub(super) fn wait(
        &mut self,
        alarm: &mut Alarm,
        due: u64,
        other: u64,
        events: &mut Vec<Event>,
    ) -> io::Result<()> {
        let (mut now, wake) = (clock::now(), due.min(other));
        let calm = self.phase != Phase::Connecting && now >= self.disturbed_until;
        let sleeps = !(self.orders.awake() && calm);
        if now < wake && sleeps && (other < due || due - now > NEAR) {
            alarm.set(wake)?;
            return self.ask(None, events);
        }
        let at_once = clock::timespec(0);
        self.ask(Some(&at_once), events)?;
        while now < wake && events.is_empty() {
            let before = std::mem::replace(&mut now, clock::now());
            self.idled += now - before;
            if now < wake {
                if !sleeps {
                    self.stay_awake(now, LOOK.min(wake - now));
                }
                self.ask(Some(&at_once), events)?;
            }
        }
        Ok(())
    }

    /// Lets a moment pass. If it was long, somebody else works on this processor: whoever yields to
    /// those waits for them each time, and whoever sleeps is let in when something comes.
    fn stay_awake(&mut self, now: u64, moment: u64) {
        if clock::pass(moment) > DISTURBED {
            self.disturbed_until = now + CALM;
        }
    }

    /// Asks for events once, for so long.
    fn ask(&self, timeout: Option<&Timespec>, events: &mut Vec<Event>) -> io::Result<()> {
        match epoll::wait(&self.crowd.epoll, spare_capacity(events), timeout) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }
}
