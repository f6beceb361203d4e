//! tokio: a task for each peer, on a runtime that waits for all of them.
//!
//! With one thread it is a loop like the others, on epoll through tokio; with several, whichever is
//! free takes the next task that can go on, wherever it ran before (work stealing).

mod crew;
mod future;
mod peer;
mod roster;
mod runtimes;
mod worker;

use super::entrance::ENTRANCE_DESCRIPTORS;
use super::{DESCRIPTORS, Family, Kind, Model, Run, Task, loop_model, settings};

/// The model.
pub(super) const MODEL: Kind = Kind {
    name: "tokio",
    summary: "a task for each peer, on tokio's runtime",
    source: "async tasks on a reactor",
    family: Family::Tasks,
    settings: &[
        &settings::PROCESS_ACCEPT,
        &settings::PROCESSES,
        &settings::STACK,
        &settings::RUNTIME_THREADS,
    ],
    check: settings::check_process_accept,
    // Of each runtime its epoll set, twice, and what wakes it; the entrance, and the lobby's reserve.
    descriptors: |model| DESCRIPTORS + model.count("threads") * 3 + ENTRANCE_DESCRIPTORS + 1,
    threads,
    // A row for each thread, and one for the thread that accepts.
    rows: |model| model.count("threads") + 1,
    run: Run::Crew(crew::start),
    ..loop_model()
};

fn threads(model: &Model) -> Vec<Task> {
    let threads = model.count("threads");
    let name = match threads {
        1 => "sb-tokio-0".to_owned(),
        threads => format!("sb-tokio-0 to {}", threads - 1),
    };
    let mut tasks = super::tasks(&[
        ("main", "waits for the stop"),
        ("sb-accept", "accepts, and starts a task for each peer"),
    ]);
    tasks.push((name, "run the tasks".to_owned()));
    tasks
}
