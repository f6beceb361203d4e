//! Several processes, where one may not have as many descriptors as there are connections.
//!
//! The program starts itself again. A part reads its task, and later its orders, as lines of JSON on
//! standard input, and says on standard output what its threads tell; all add up in the first
//! process. A part ends with its standard input, so that none outlives who started it.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, Scope};

use serde::{Deserialize, Serialize};

use crate::error::LoadError;
use crate::plan::Plan;
use crate::run::{self, Workers};
use crate::word::{Order, Orders, Word};

/// Descriptors of a process that are not connections.
const SPARE: u64 = 64;

/// What a part is to do.
#[derive(Serialize, Deserialize)]
struct Task {
    plan: Plan,
    workers: Workers,
}

/// How many processes `plan` needs if each may have `limit` descriptors.
pub(crate) fn needed(plan: &Plan, limit: u64) -> u32 {
    let room = limit.saturating_sub(SPARE).max(1);
    let parts = (plan.connections + plan.idle).div_ceil(room).max(1);
    u32::try_from(parts).unwrap_or(u32::MAX)
}

/// The processes that apply a load for this one.
pub(crate) struct Parts {
    running: Vec<(Child, Option<ChildStdin>)>,
}

impl Parts {
    /// Starts `count` of them, whose words go to `tell`.
    pub(crate) fn start<'scope>(
        command: fn() -> io::Result<Command>,
        plan: &Plan,
        count: u32,
        tell: &Sender<Word>,
        scope: &'scope Scope<'scope, '_>,
    ) -> Result<Parts, LoadError> {
        let mut parts = Parts { running: Vec::new() };
        let system = |error: io::Error| LoadError::system("start another process", error);
        for part in 0..count {
            let mut command = command().map_err(system)?;
            let mut child =
                command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(system)?;
            let output = child.stdout.take().expect("standard output is piped");
            let input = child.stdin.take();
            parts.running.push((child, input));
            let own = plan.threads;
            let workers = Workers { first: part * own, own, all: count * own };
            parts.say(part as usize, &Task { plan: plan.clone(), workers });
            let tell = tell.clone();
            scope.spawn(move || pass_on(BufReader::new(output), own, &tell));
        }
        Ok(parts)
    }

    /// Tells all parts.
    pub(crate) fn order(&mut self, order: Order) {
        for part in 0..self.running.len() {
            self.say(part, &order);
        }
    }

    fn say(&mut self, part: usize, what: &impl Serialize) {
        let text = serde_json::to_string(what).expect("plain data with text keys");
        if let Some(input) = &mut self.running[part].1 {
            // One that died is missed by whoever reads its words.
            let _ = writeln!(input, "{text}").and_then(|()| input.flush());
        }
    }
}

impl Drop for Parts {
    fn drop(&mut self) {
        for (_, input) in &mut self.running {
            *input = None;
        }
        for (child, _) in &mut self.running {
            // How it ended has been told, or is no news.
            let _ = child.wait();
        }
    }
}

/// Passes on what a part says until it ends. Its `threads` have to be through by then.
fn pass_on(output: impl BufRead, threads: u32, tell: &Sender<Word>) {
    let mut running = threads;
    for line in output.lines() {
        let word = line.and_then(|line| Ok(serde_json::from_str::<Word>(&line)?));
        match word {
            Ok(word) => {
                running -= u32::from(matches!(word, Word::Done));
                if tell.send(word).is_err() {
                    return;
                }
            }
            Err(error) => {
                let sentence = format!("a process of the load cannot be understood: {error}");
                let _ = tell.send(Word::Failed(sentence));
                return;
            }
        }
    }
    if running > 0 {
        let _ = tell.send(Word::Failed("a process of the load ended before its time".into()));
    }
}

/// Is a part: does what standard input says.
///
/// # Errors
/// If this was not started by [`run`](crate::run()), or not by this version of it.
pub fn serve_part() -> Result<(), LoadError> {
    let mut line = String::new();
    let strange = |error: &dyn std::fmt::Display| {
        LoadError::Plan(format!("standard input has no task for a part of a load: {error}"))
    };
    io::stdin().read_line(&mut line).map_err(|error| strange(&error))?;
    let task: Task = serde_json::from_str(&line).map_err(|error| strange(&error))?;
    run::raise_descriptors();
    let target = run::look_up(&task.plan)?;
    let orders = Orders::default();
    let obeying = orders.clone();
    // It waits for standard input, which may outlive the load: nobody joins it.
    thread::spawn(move || obey(&obeying));
    let (tell, words) = channel();
    thread::scope(|scope| {
        let spares = task.workers.spares(&task.plan);
        run::start_threads(&task.plan, &target, task.workers, (&orders, &spares), tell, scope)?;
        let mut out = io::stdout().lock();
        for word in words {
            let text = serde_json::to_string(&word).expect("plain data with text keys");
            if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
                // Nobody listens: let the threads end.
                orders.stop();
                break;
            }
            if let Word::Seen { record, .. } = word {
                spares.give_back(record);
            }
        }
        Ok(())
    })
}

/// Does what it is told until standard input ends, and then stops.
fn obey(orders: &Orders) {
    for line in io::stdin().lock().lines() {
        match line.and_then(|line| Ok(serde_json::from_str(&line)?)) {
            Ok(Order::Start(instant)) => orders.start(instant),
            Ok(Order::Stop) | Err(_) => break,
        }
    }
    orders.stop();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a process too few, by the descriptors that are no connections.
    #[test]
    fn there_are_as_many_processes_as_descriptors_ask_for() {
        let plan = |connections, idle| Plan { connections, idle, ..Plan::default() };
        assert_eq!(needed(&plan(10, 0), 20_000), 1);
        assert_eq!(needed(&plan(10, 19_926), 20_000), 1);
        assert_eq!(needed(&plan(10, 19_927), 20_000), 2);
        assert_eq!(needed(&plan(120_000, 0), 20_000), 7);
    }
}
