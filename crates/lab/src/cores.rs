//! Who runs where: the server and the load get cores of their own where there are enough.

use std::thread;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::record::Cores;

/// Shares out the processors that this thread may use: the last one applies the load, the others
/// serve. With one only, both share it.
///
/// # Errors
/// A sentence, if the system does not say which they are.
pub fn share_out() -> Result<Cores, String> {
    let allowed = sched_getaffinity(Pid::from_raw(0))
        .map_err(|error| format!("cannot see which processors may be used: {error}"))?;
    let usable: Vec<u32> = (0..CpuSet::count())
        .filter(|core| allowed.is_set(*core) == Ok(true))
        .map(|core| core as u32)
        .collect();
    let (client, server) = match usable.split_last() {
        Some((last, [])) => (vec![*last], vec![*last]),
        Some((last, rest)) => (vec![*last], rest.to_vec()),
        None => return Err("this process may use no processor".into()),
    };
    let note = note(&server, usable.len());
    Ok(Cores { usable: usable.len() as u32, server, client, note })
}

fn note(server: &[u32], usable: usize) -> String {
    match (usable, server.len()) {
        (1, _) => "Server and load share the only processor: each waits for the other, latencies \
                   and rates are those of both together, and no model can show what it does with \
                   several."
            .into(),
        (_, 1) => "The server has one processor, the load another: no model can show what it does \
                   with several."
            .into(),
        (_, several) => format!("The server has {several} processors, the load another."),
    }
}

/// Runs `start` in this thread on these processors; what it starts stays there. This thread then
/// goes back to `home`.
///
/// # Errors
/// A sentence, if the system does not allow it.
pub(crate) fn on<T>(cores: &[u32], home: &[u32], start: impl FnOnce() -> T) -> Result<T, String> {
    pin(cores)?;
    let started = start();
    pin(home)?;
    Ok(started)
}

/// Keeps this thread, and what it starts from now on, on these processors.
///
/// # Errors
/// A sentence, if the system does not allow it.
pub fn pin(cores: &[u32]) -> Result<(), String> {
    let mut set = CpuSet::new();
    let chosen = cores.iter().try_for_each(|core| set.set(*core as usize));
    chosen.and_then(|()| sched_setaffinity(Pid::from_raw(0), &set)).map_err(|error| {
        format!("cannot choose processors {cores:?} for {:?}: {error}", thread::current().name())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a load that runs where the server does although there are processors enough.
    #[test]
    fn the_load_has_a_processor_of_its_own_where_there_are_two() {
        let cores = share_out().unwrap();
        let apart = cores.client.iter().all(|core| !cores.server.contains(core));
        assert_eq!(apart, cores.usable > 1, "{cores:?}");
        assert!(!cores.server.is_empty() && !cores.note.is_empty());
    }

    #[test]
    fn a_thread_comes_home_again() {
        let cores = share_out().unwrap();
        pin(&cores.client).unwrap();
        let there = on(&cores.server, &cores.client, || share_out().unwrap()).unwrap();
        assert_eq!(there.usable as usize, cores.server.len());
        assert_eq!(share_out().unwrap().server, cores.client);
    }
}
