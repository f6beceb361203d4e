//! What is measured is what was: a server that is stopped shows as arithmetic says, known delays as
//! what they were.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use switchboard::testing::program;
use switchboard_load::{Arrivals, Control, End, Plan, Rate, Report, Schedule, Silent, run};

use super::SWITCHBOARD;

fn report(plan: &Plan) -> Report {
    Report::of(&run(plan, &Control::default(), &mut Silent).unwrap())
}

fn milliseconds(ns: Option<u64>) -> f64 {
    ns.unwrap() as f64 / 1e6
}

/// A run of 10 s in which the server is stopped for 500 ms: of 5,000 messages, 250 wait for what is
/// left of that, so that the 50 slowest, which are 1%, wait for at least 400 ms.
///
/// Kills: latency that counts from the sending; sending that waits for the server.
#[test]
fn a_server_that_is_stopped_shows_as_arithmetic_says() {
    let server = program(SWITCHBOARD).args(["serve", "echo"]).start();
    let pid = Pid::from_raw(server.pid() as i32).unwrap();
    let plan = Plan {
        target: server.address().parse().unwrap(),
        schedule: Schedule::Open { rate: Rate::Total(500.0), arrivals: Arrivals::Even },
        end: End::After(Duration::from_secs(10)),
        ..Plan::default()
    };
    let running = thread::spawn(move || report(&plan));
    // These pauses are the experiment: the server is stopped in the midst of the run, for so long.
    thread::sleep(Duration::from_millis(1500));
    kill_process(pid, Signal::STOP).unwrap();
    let stopped = Instant::now();
    thread::sleep(Duration::from_millis(500));
    kill_process(pid, Signal::CONT).unwrap();
    let stopped = stopped.elapsed().as_secs_f64() * 1e3;
    let report = running.join().unwrap();

    assert_eq!((report.achieved.sent, report.achieved.answered), (5000, 5000), "{report:#?}");
    let (p99, max) = (milliseconds(report.latency.p99_ns), milliseconds(report.latency.max_ns));
    // The processes of a busy machine wait for a core as well, after the stop as at any time.
    assert!((-5.0..60.0).contains(&(max - stopped)), "max {max} ms, stopped for {stopped} ms");
    let expected = stopped - 100.0;
    assert!((-5.0..60.0).contains(&(p99 - expected)), "p99 {p99} ms, expected {expected} ms");
    assert!(milliseconds(report.latency.p50_ns) < 50.0, "{report:#?}");
}

/// A server that answers each message `delay` after it came.
fn answering_after(delay: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut peer in listener.incoming().flatten() {
            peer.set_nodelay(true).unwrap();
            // It never sleeps: waking up takes as long as what is to be measured.
            peer.set_nonblocking(true).unwrap();
            thread::spawn(move || {
                let mut message = [0; 64];
                loop {
                    match peer.read(&mut message) {
                        Ok(0) => return,
                        Ok(count) => {
                            let due = Instant::now() + delay;
                            while Instant::now() < due {
                                std::hint::spin_loop();
                            }
                            peer.write_all(&message[..count]).unwrap();
                        }
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                        Err(_) => return,
                    }
                }
            });
        }
    });
    address
}

/// Kills: times in another unit; an instant that is taken before or after some other work.
#[test]
fn known_delays_are_measured_as_what_they_are() {
    for (delay, open) in [(10.0, false), (10.0, true), (20.0, false), (20.0, true)] {
        let target = answering_after(Duration::from_secs_f64(delay / 1e3));
        let rate = Rate::Total(40.0);
        let schedule = match open {
            true => Schedule::Open { rate, arrivals: Arrivals::Even },
            false => Schedule::Closed { pipeline: 1 },
        };
        let end = End::Messages(40);
        let plan = Plan { target: target.into(), connections: 1, schedule, end, ..Plan::default() };
        let report = report(&plan);
        // Nobody answers faster than the delay, and on an idle machine hardly anybody slower: the
        // fastest is what says how true the figure is where others take their share of the cores.
        let least = milliseconds(report.latency.min_ns);
        let allowed = (delay * 0.02).max(0.05);
        assert!((-0.01..allowed).contains(&(least - delay)), "{least} ms instead of {delay} ms");
    }
}
