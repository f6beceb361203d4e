//! Wakes an epoll loop at an instant, to the nanosecond: epoll_wait(2) counts in milliseconds.

use std::io;
use std::os::fd::OwnedFd;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::thread::set_current_timer_slack;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use crate::clock::timespec;

/// What epoll reports an alarm as.
pub(crate) const ALARM: u64 = u64::MAX;

/// A timer that is watched by an epoll instance. Setting it again quiets it.
pub(crate) struct Alarm {
    timer: OwnedFd,
    set: u64,
}

impl Alarm {
    /// For the calling thread, whose timers are exact from then on.
    pub(crate) fn new(watched_by: &OwnedFd) -> io::Result<Alarm> {
        // Without it the kernel puts wake-ups off by up to 50 us.
        set_current_timer_slack(Some(std::num::NonZeroU64::MIN))?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        epoll::add(watched_by, &timer, EventData::new_u64(ALARM), EventFlags::IN)?;
        Ok(Alarm { timer, set: 0 })
    }

    /// Goes off at `instant`.
    pub(crate) fn set(&mut self, instant: u64) -> io::Result<()> {
        if self.set != instant {
            let it_value = timespec(instant);
            let time = Itimerspec { it_interval: timespec(0), it_value };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &time)?;
            self.set = instant;
        }
        Ok(())
    }
}
