//! The clocks of processor time of a family that stays as it is: cheap enough to be read between two
//! messages.

use std::time::Duration;

use nix::time::ClockId;
use nix::unistd::Pid;

use super::family::Family;
use super::{proc, readable};

/// The clocks of a process and of those that descend from it, all threads of each.
#[derive(Clone, Debug)]
pub struct Clocks(Vec<ClockId>);

impl Clocks {
    /// Those of `pid` and of the descendants that it has now. Looks at all of /proc.
    ///
    /// # Errors
    /// A sentence, if there is no such process or it may not be read.
    pub fn of(pid: u32) -> Result<Clocks, String> {
        let root = readable(pid)?.id;
        let all = proc::all().map_err(|error| format!("cannot list /proc: {error}"))?;
        let clock = |pid: u32| {
            let pid = i32::try_from(pid).ok()?;
            ClockId::pid_cpu_clock_id(Pid::from_raw(pid)).ok()
        };
        let family = Family::of(root).relatives(&all).into_iter().map(|stat| stat.id.0);
        Ok(Clocks(family.filter_map(clock).collect()))
    }

    /// What all of them have used, in one clock_gettime(2) each; `None` once one has ended.
    pub fn now(&self) -> Option<Duration> {
        self.0.iter().map(|clock| clock.now().ok().map(Duration::from)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_a_clock_that_goes_on() {
        let clocks = Clocks::of(std::process::id()).unwrap();
        let before = clocks.now().unwrap();
        let until = before + Duration::from_millis(5);
        while clocks.now().unwrap() < until {}
        assert!(Clocks::of(4_194_305).unwrap_err().contains("there is no process"));
    }
}
