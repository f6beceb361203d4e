//! A fixed number of threads, each of which serves one peer at a time: a peer that comes finds a
//! thread that runs already.
//!
//! Each accepts for itself (`accept=all`, the pre-threaded server), which costs least; or one thread
//! accepts and fills a bounded queue (`accept=queue`), which tells how long peers wait. When all are
//! busy the others wait in the backlog.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::time::{Duration, Instant};

use super::floor::{self, Floor, FloorCrew};
use super::lobby::turn_away;
use super::{Kind, Model, Run, Task, blocking_model, settings};
use crate::admission::Newcomer;
use crate::carrier::blocking::Buffers;
use crate::carrier::waited_in_backlog;
use crate::counters::{RowHandle, Stats};
use crate::queue::{Giver, Queue};
use crate::site::Site;
use crate::supervision::Crew;

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "pool",
    summary: "so many threads, each waiting in recv for one peer at a time",
    source: "pre-threaded",
    settings: &[
        &settings::POOL_ACCEPT,
        &settings::PROCESSES,
        &settings::POOL_QUEUE,
        &settings::POOL_THREADS,
    ],
    peers_max: |model| Some(model.number("threads") * model.given("processes").unwrap_or(1)),
    parallel: true,
    check,
    descriptors: |model| {
        floor::descriptors(if has_queue(model) { 1 } else { model.count("threads") })
    },
    threads,
    rows: |model| model.count("threads") + usize::from(has_queue(model)),
    run: Run::Crew(start),
    ..blocking_model()
};

/// How soon the accepting thread notices the cut while the queue is full.
const LOOK: Duration = Duration::from_millis(20);

fn has_queue(model: &Model) -> bool {
    model.word("accept") == "queue"
}

fn check(model: &Model) -> Result<(), String> {
    match has_queue(model) || !model.is_given("queue") {
        true => Ok(()),
        false => Err("`accept=all` has no queue: each thread accepts for itself; leave `queue=` \
                      out, or take `accept=queue`"
            .to_owned()),
    }
}

fn threads(model: &Model) -> Vec<Task> {
    let task = match has_queue(model) {
        true => "serves one peer at a time, from the queue",
        false => "accepts and serves one peer at a time",
    };
    let last = model.count("threads") - 1;
    let mut tasks = vec![("main".to_owned(), "waits for the stop".to_owned())];
    if has_queue(model) {
        tasks.push(("sb-accept".to_owned(), "accepts, and fills the queue".to_owned()));
    }
    tasks.push((format!("sb-pool-0 to {last}"), task.to_owned()));
    tasks
}

fn start(site: &Arc<Site>, model: &Model) -> io::Result<Box<dyn Crew>> {
    let floor = Arc::new(Floor::new(site)?);
    let mut crew = FloorCrew::new(&floor);
    let count = model.count("threads");
    match has_queue(model) {
        true => start_with_queue(&mut crew, &floor, count, model.count("queue"))?,
        false => start_accepting(&mut crew, &floor, count)?,
    }
    crew.begun()
}

/// A peer in the queue, and since when.
type Queued = (Newcomer, Instant);

fn start_with_queue(
    crew: &mut FloorCrew,
    floor: &Arc<Floor>,
    count: usize,
    places: usize,
) -> io::Result<()> {
    let (queue, served) = Queue::<Queued>::new(places);
    for number in 0..count {
        let (floor, served) = (Arc::clone(floor), Arc::clone(&served));
        let row = floor.site.row(number);
        crew.staff.start(format!("sb-pool-{number}"), move || {
            serve_queued(&floor, &served, &row);
            Ok(())
        })?;
    }
    let row = floor.site.row(count);
    let entrance = crew.entrance(row.clone())?;
    let site = Arc::clone(&floor.site);
    crew.clear_others = Box::new({
        let (site, row) = (Arc::clone(&site), row.clone());
        move || {
            let queued = std::iter::from_fn(|| served.take_now());
            queued.for_each(|(newcomer, _)| turn_away(newcomer, &site, &row));
        }
    });
    // The thread's end closes the queue, and that ends the others.
    let mut queue = Some(queue);
    crew.staff.start("sb-accept".to_owned(), move || {
        let Some(queue) = queue.take() else { return Err(io::Error::other("no queue")) };
        entrance.admit(|newcomer| {
            put(&site, &queue, newcomer, &row);
            Ok(())
        })
    })
}

/// Puts a peer into the queue, and waits while that is full: so the others wait in the backlog.
fn put(site: &Site, queue: &Giver<Queued>, newcomer: Newcomer, row: &RowHandle) {
    let Err(mut queued) = queue.give((newcomer, Instant::now())) else { return };
    row.gather(&mut Stats { full: 1, ..Stats::default() });
    while !site.stop.cutting() {
        match queue.give_within(queued, LOOK) {
            Ok(()) => return,
            Err(back) => queued = back,
        }
    }
    turn_away(queued.0, site, row);
}

fn serve_queued(floor: &Floor, queue: &Queue<Queued>, row: &RowHandle) {
    let mut buffers = Buffers::ready();
    while let Some((newcomer, since)) = queue.take() {
        if floor.site.stop.cutting() {
            turn_away(newcomer, &floor.site, row);
            continue;
        }
        let queued_us = in_microseconds(since.elapsed());
        row.gather(&mut Stats { queued_us, ..Stats::default() });
        floor.serve(newcomer, row, &mut buffers);
    }
}

fn in_microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn start_accepting(crew: &mut FloorCrew, floor: &Arc<Floor>, count: usize) -> io::Result<()> {
    let idle = Arc::new(AtomicUsize::new(count));
    // How often the last idle thread was taken.
    let fulls = Arc::new(AtomicU64::new(0));
    for number in 0..count {
        let row = floor.site.row(number);
        let (floor, entrance) = (Arc::clone(floor), crew.entrance(row.clone())?);
        let (idle, fulls) = (Arc::clone(&idle), Arc::clone(&fulls));
        let (mut buffers, mut seen) = (Buffers::ready(), 0);
        crew.staff.start(format!("sb-pool-{number}"), move || {
            entrance.admit(|newcomer| {
                // Nobody was free at some time since this thread took its last peer: the next one may
                // have waited. Others are not asked, which would be a system call for each.
                let before = std::mem::replace(&mut seen, fulls.load(SeqCst));
                let waited =
                    (before != seen).then(|| waited_in_backlog(&newcomer.socket)).flatten();
                let queued_us = waited.map_or(0, in_microseconds);
                let full = u64::from(idle.fetch_sub(1, SeqCst) == 1);
                fulls.fetch_add(full, SeqCst);
                row.gather(&mut Stats { full, queued_us, ..Stats::default() });
                floor.serve(newcomer, &row, &mut buffers);
                idle.fetch_add(1, SeqCst);
                Ok(())
            })
        })?;
    }
    Ok(())
}
