//! What becomes of a process's peers, and of its place, when it is gone.

use std::io;
use std::time::{Duration, Instant};

use switchboard_core::Ending;

use super::Processes;
use crate::counters::Stats;
use crate::supervision::child::Exit;
use crate::supervision::patience::Verdict;

impl Processes {
    /// One has died, or could not be started: its peers are counted as failed, its place is filled
    /// again, soon. One that `had_left` has a successor.
    pub(super) fn died(
        &mut self,
        (number, seat): (usize, usize),
        had_left: bool,
        how: &str,
    ) -> io::Result<()> {
        let ending = if self.told_to_cut { Ending::CutOff } else { Ending::Panicked };
        let lost = self.close_rows(number, seat, ending);
        if self.site.stop.draining() || had_left {
            if lost > 0 {
                tracing::warn!("process {number} {how} in the drain; it had {}", peers(lost));
            }
            return Ok(());
        }
        let place = &mut self.places[number];
        match place.patience.died(Instant::now()) {
            Verdict::Replace(pause) => {
                place.replace_at = Some(Instant::now() + pause);
                let when = match pause {
                    Duration::ZERO => "it is replaced".to_owned(),
                    pause => format!("it is replaced in {pause:?}"),
                };
                let lost =
                    if lost > 0 { format!("; {} failed", peers(lost)) } else { String::new() };
                tracing::warn!("process {number} {how}{lost}; {when}");
                Ok(())
            }
            Verdict::GiveUp => Err(io::Error::other(format!(
                "process {number} never comes up: again and again it {how}; the server gives up \
                 (what the processes said is above)"
            ))),
        }
    }

    pub(super) fn close_rows(&self, number: usize, seat: usize, ending: Ending) -> u64 {
        let rows = self.layout.rows_of(number, seat);
        let lost = self.site.counters.close(rows.clone(), ending);
        let inside = self.site.counters.take_inside(rows.clone());
        self.site.gate.leave_all(inside);
        // Let in, and on their way to whoever would have given them a session.
        let refused = inside.saturating_sub(lost);
        self.site.counters.row(rows.start).gather(&mut Stats { refused, ..Stats::default() });
        lost
    }

    /// Waits for a child that is gone, and looks after its place.
    pub(super) fn bury(&mut self, number: usize, seat: usize) -> io::Result<()> {
        let Some(member) = self.places[number].member(seat) else { return Ok(()) };
        let Some(exit) = member.child.ended() else { return Ok(()) };
        self.hear(number, seat);
        let has_left = seat != self.places[number].current();
        let Some(member) = self.places[number].take(seat, Instant::now()) else { return Ok(()) };
        if let Some(watch) = &self.watch {
            watch.remove(&member.child);
            watch.remove(&member.channel);
        }
        let (pid, line) = (member.child.pid(), member.line);
        drop(member);
        self.lines.hang_up(line);
        if exit == Exit::Status(0) && (has_left || self.site.stop.draining()) {
            // Nothing is left to count, unless it counted wrongly.
            self.close_rows(number, seat, Ending::CutOff);
            tracing::info!("process {number} (pid {pid}) has left");
            return Ok(());
        }
        self.died((number, seat), has_left, &format!("(pid {pid}) {exit}"))
    }
}

fn peers(count: u64) -> String {
    if count == 1 { "1 peer".to_owned() } else { format!("{count} peers") }
}
