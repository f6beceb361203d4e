//! A process and its descendants, and what they have used together. Processor time is counted once:
//! that of a child that ended is in its parent's account when the parent has waited for it, and else
//! as it was last seen.

use std::collections::{HashMap, HashSet};
use std::io;

use super::proc::{self, Id, Memory, Stat, Switches, Thread};

/// A process and all that descend from it, those too whose parent has ended meanwhile.
#[derive(Debug)]
pub(crate) struct Family {
    root: Id,
    members: HashMap<Id, Member>,
    /// Of members that ended without a parent in the family.
    lost_ns: u64,
    /// As they were last seen.
    threads: HashMap<(Id, u32), Thread>,
    switches: Switches,
    /// Processor time of all, and of threads as far as it was seen to be theirs.
    used_ns: u64,
    used_by_threads_ns: u64,
}

/// What is known of a process that is there.
#[derive(Clone, Copy, Debug)]
struct Member {
    parent: u32,
    own_ns: u64,
    /// Of its ended children when it was first seen.
    children_first_ns: u64,
    /// And now: what it says, in ticks.
    children_ns: u64,
    /// Of its children that ended since, as they were last seen, to the nanosecond.
    ended_ns: u64,
}

impl Member {
    /// Two ways to know about ended children, each at most the truth.
    fn total_ns(&self) -> u64 {
        let waited_for = self.children_ns.saturating_sub(self.children_first_ns);
        self.own_ns + self.children_first_ns + waited_for.max(self.ended_ns)
    }
}

/// Everything that a family has at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holdings {
    pub(crate) processes: u32,
    pub(crate) threads: u64,
    pub(crate) descriptors: u64,
    pub(crate) memory: Memory,
    /// Processes of which memory or descriptors may not be read.
    pub(crate) unread: u32,
}

impl Family {
    pub(crate) fn of(root: Id) -> Family {
        Family {
            root,
            members: HashMap::new(),
            lost_ns: 0,
            threads: HashMap::new(),
            switches: Switches::default(),
            used_ns: 0,
            used_by_threads_ns: 0,
        }
    }

    /// Looks who is there; the processor time that the family has used in all.
    pub(crate) fn processor_time(&mut self) -> io::Result<u64> {
        let timed = |stat: Stat| {
            // One that has ended and was waited for in between has no clock any more.
            let own = proc::processor_time(stat.id.0).map_or(0, |time| time.as_nanos() as u64);
            Stat { own_ns: own.max(stat.own_ns), ..stat }
        };
        let relatives = self.relatives(&proc::all()?);
        self.used_ns = self.count(relatives.into_iter().map(timed).collect());
        Ok(self.used_ns)
    }

    /// Of all processes, those of the family.
    pub(crate) fn relatives(&self, all: &[Stat]) -> Vec<Stat> {
        let mut children: HashMap<u32, Vec<&Stat>> = HashMap::new();
        for stat in all {
            children.entry(stat.parent).or_default().push(stat);
        }
        let known = |stat: &&Stat| stat.id == self.root || self.members.contains_key(&stat.id);
        let mut next: Vec<&Stat> = all.iter().filter(known).collect();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        while let Some(stat) = next.pop() {
            if seen.insert(stat.id) {
                found.push(*stat);
                next.extend(children.get(&stat.id.0).into_iter().flatten());
            }
        }
        found
    }

    /// Takes over who is there now; the processor time of all that ever were.
    fn count(&mut self, relatives: Vec<Stat>) -> u64 {
        let mut now: HashMap<Id, Member> = HashMap::new();
        for stat in relatives {
            let before = self.members.remove(&stat.id);
            now.insert(
                stat.id,
                Member {
                    parent: stat.parent,
                    own_ns: stat.own_ns.max(before.map_or(0, |member| member.own_ns)),
                    children_first_ns: before
                        .map_or(stat.children_ns, |member| member.children_first_ns),
                    children_ns: stat.children_ns,
                    ended_ns: before.map_or(0, |member| member.ended_ns),
                },
            );
        }
        self.bury(&mut now);
        self.members = now;
        self.lost_ns + self.members.values().map(Member::total_ns).sum::<u64>()
    }

    /// Those left in `members` have ended: what they used goes to the nearest ancestor who lives.
    fn bury(&mut self, living: &mut HashMap<Id, Member>) {
        let pids: HashMap<u32, Id> = living.keys().map(|id| (id.0, *id)).collect();
        let parents: HashMap<u32, u32> =
            self.members.iter().map(|(id, member)| (id.0, member.parent)).collect();
        for member in self.members.values() {
            let mut ancestor = member.parent;
            // As many steps as there are ended members: a number that was used again cannot loop.
            for _ in 0..parents.len() {
                match parents.get(&ancestor) {
                    Some(next) if !pids.contains_key(&ancestor) => ancestor = *next,
                    _ => break,
                }
            }
            match pids.get(&ancestor).and_then(|id| living.get_mut(id)) {
                Some(heir) => heir.ended_ns += member.total_ns(),
                None => self.lost_ns += member.total_ns(),
            }
        }
    }

    /// What those who were there at the last look at the processor time have.
    pub(crate) fn holdings(&mut self) -> Holdings {
        let mut sum = Holdings::default();
        let mut threads = HashMap::new();
        for id in self.members.keys() {
            let Some(stat) = proc::stat(id.0).filter(|stat| stat.id == *id) else { continue };
            sum.processes += 1;
            sum.threads += if stat.ended { 0 } else { stat.threads };
            match (proc::memory(id.0), proc::descriptors(id.0)) {
                (Ok(memory), Ok(count)) => {
                    sum.memory.all += memory.all;
                    sum.memory.own += memory.own;
                    sum.descriptors += count;
                }
                _ => sum.unread += 1,
            }
            let of_id = |(number, thread)| ((*id, number), thread);
            threads.extend(proc::threads(id.0).into_iter().map(of_id));
        }
        self.count_threads(threads);
        sum
    }

    fn count_threads(&mut self, now: HashMap<(Id, u32), Thread>) {
        for (number, Thread { switches, own_ns }) in &now {
            // The number of a thread that ended may have been used again: then it counts anew.
            let before = self.threads.get(number).copied().filter(|before| {
                before.switches.voluntary <= switches.voluntary
                    && before.switches.involuntary <= switches.involuntary
                    && before.own_ns <= *own_ns
            });
            let before = before.unwrap_or_default();
            self.switches.voluntary += switches.voluntary - before.switches.voluntary;
            self.switches.involuntary += switches.involuntary - before.switches.involuntary;
            self.used_by_threads_ns += own_ns - before.own_ns;
        }
        self.threads = now;
    }

    /// The processor time of all until the last look, and what of it was of threads that lived to be
    /// seen after they had used it: the switches of the rest are not known.
    pub(crate) fn used(&self) -> (u64, u64) {
        (self.used_ns, self.used_by_threads_ns)
    }

    /// How often threads stopped running, as far as it was seen.
    pub(crate) fn switches(&self) -> Switches {
        self.switches
    }

    /// Whether the process that the family descends from has ended.
    pub(crate) fn has_lost_its_root(&self) -> bool {
        proc::stat(self.root.0).is_none_or(|stat| stat.id != self.root || stat.ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: u64 = 10_000_000;

    fn stat(pid: u32, parent: u32, own_ns: u64, children_ns: u64) -> Stat {
        Stat { id: (pid, 0), parent, threads: 1, ended: false, own_ns, children_ns }
    }

    /// Kills: a stranger taken for a relative; a grandchild, or an orphan, that is forgotten.
    #[test]
    fn relatives_are_descendants_and_orphans() {
        let mut family = Family::of((10, 0));
        let all = [
            stat(1, 0, 0, 0),
            stat(12, 11, 0, 0),
            stat(10, 1, 0, 0),
            stat(11, 10, 0, 0),
            stat(13, 1, 0, 0),
        ];
        let mut found: Vec<u32> = family.relatives(&all).iter().map(|stat| stat.id.0).collect();
        found.sort_unstable();
        assert_eq!(found, [10, 11, 12]);
        family.count(all[1..4].to_vec());
        let orphaned = [stat(1, 0, 0, 0), stat(10, 1, 0, 0), stat(12, 1, 0, 0)];
        assert_eq!(family.relatives(&orphaned).len(), 2);
    }

    /// Kills: a child counted twice, on its own and in its parent; ticks lost once for each child.
    #[test]
    fn a_child_that_was_waited_for_counts_once() {
        let mut family = Family::of((1, 0));
        assert_eq!(family.count(vec![stat(1, 0, 100, 5 * TICK)]), 5 * TICK + 100);
        let child = TICK + TICK / 2;
        assert_eq!(
            family.count(vec![stat(1, 0, 100, 5 * TICK), stat(2, 1, child, 0)]),
            5 * TICK + 100 + child
        );
        // The kernel has added it, rounded down to a tick.
        assert_eq!(family.count(vec![stat(1, 0, 100, 6 * TICK)]), 5 * TICK + 100 + child);
        // Another one came and went unseen.
        assert_eq!(family.count(vec![stat(1, 0, 100, 8 * TICK)]), 8 * TICK + 100);
    }

    /// Kills: the time of a child whose parent never waits, or of a whole branch, that vanishes.
    #[test]
    fn what_nobody_waited_for_is_kept_as_it_was_last_seen() {
        let mut family = Family::of((1, 0));
        family.count(vec![stat(1, 0, 100, 0), stat(2, 1, 30, 0), stat(3, 2, 7, 0)]);
        assert_eq!(family.count(vec![stat(1, 0, 101, 0)]), 138);
        assert_eq!(family.count(Vec::new()), 138);
    }

    /// Kills: switches before the first look left in; those of an ended thread taken away.
    #[test]
    fn switches_only_grow() {
        let mut family = Family::of((1, 0));
        let seen = |number, voluntary| {
            let switches = Switches { voluntary, involuntary: 1 };
            (((1, 0), number), Thread { switches, own_ns: voluntary * 10 })
        };
        family.count_threads(HashMap::from([seen(1, 10), seen(2, 20)]));
        family.count_threads(HashMap::from([seen(1, 15)]));
        family.count_threads(HashMap::from([seen(1, 15), seen(2, 3)]));
        assert_eq!(family.switches(), Switches { voluntary: 38, involuntary: 3 });
        assert_eq!(family.used(), (0, 380));
    }
}
