//! What is measured is what was: a server that is stopped shows as arithmetic says, known delays as
//! what they were.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread::{self, JoinHandle};
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

/// Bytes of a message.
const SIZE: usize = 64;
/// Messages of a run.
const MESSAGES: usize = 200;
/// On a busy machine replies wait for the client to get a core, which the server does not see.
const ROUNDS: usize = 12;

/// How long a server takes for each message: from 2 to 22 ms, in no order.
fn delay(number: usize) -> Duration {
    Duration::from_micros(2000 + (number * 7919 % MESSAGES * (20_000 / MESSAGES)) as u64)
}

/// When a message was read, and when the answer was about to be written.
type Stamps = (Instant, Instant);

/// A server for one connection, and what it did: it writes down itself when, because on a busy machine
/// it wakes up later than it is to. The last stamp is the connection's end.
fn delaying() -> (SocketAddr, JoinHandle<(Vec<Stamps>, Instant)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serving = thread::spawn(move || {
        let mut peer = listener.accept().unwrap().0;
        peer.set_nodelay(true).unwrap();
        let (mut message, mut stamps) = ([0; SIZE], Vec::new());
        while peer.read_exact(&mut message).is_ok() {
            let read = Instant::now();
            // This pause is the experiment.
            thread::sleep(delay(stamps.len()));
            stamps.push((read, Instant::now()));
            peer.write_all(&message).unwrap();
        }
        (stamps, Instant::now())
    });
    (address, serving)
}

/// A run against such a server over one connection: what was reported, and what was done.
fn delayed(schedule: Schedule) -> (Report, Vec<Stamps>, Instant) {
    let (target, serving) = delaying();
    let end = End::Messages(MESSAGES as u64);
    let report =
        report(&Plan { target: target.into(), connections: 1, schedule, end, ..Plan::default() });
    assert_eq!(report.achieved.answered, MESSAGES as u64, "{report:#?}");
    let (stamps, end) = serving.join().unwrap();
    (report, stamps, end)
}

fn quantile(times: &[f64], quantile: f64) -> f64 {
    let mut times = times.to_vec();
    times.sort_by(f64::total_cmp);
    times[(quantile * times.len() as f64).ceil() as usize - 1]
}

fn ms(from: Instant, to: Instant) -> f64 {
    to.duration_since(from).as_secs_f64() * 1e3
}

/// Runs until each percentile was, in one round or another, as near to the truth as is promised. A
/// round has the percentiles of a report, and what each should be at least and at most.
fn until_true(mut round: impl FnMut() -> (Report, Vec<f64>, Option<Vec<f64>>)) {
    let mut missing = vec!["p50", "p90", "p99"];
    for _ in 0..ROUNDS {
        let (report, least, most) = round();
        let times = &report.latency;
        for (at, name, found) in
            [(0.5, "p50", times.p50_ns), (0.9, "p90", times.p90_ns), (0.99, "p99", times.p99_ns)]
        {
            let (found, least) = (milliseconds(found), quantile(&least, at));
            // A histogram keeps a thousandth.
            let most = most.as_ref().map_or(f64::INFINITY, |most| quantile(most, at) * 1.001);
            let said = format!("{name} is {found} ms; it was {least} to {most} ms");
            assert!(least <= found && found <= most, "{said}");
            if found - least < (least * 0.02).max(0.05) {
                missing.retain(|other| *other != name);
            }
        }
        if missing.is_empty() {
            return;
        }
    }
    panic!("in none of {ROUNDS} rounds within 2% or 50 us: {missing:?}");
}

/// In a closed loop a message goes as soon as the reply before it has come: later than that was written
/// and before the next is read, both of which the server knows. The latency lies between, however busy
/// the machine is.
///
/// Kills: times in another unit; an instant that is taken before or after some other work.
#[test]
fn known_delays_are_measured_as_what_they_are() {
    until_true(|| {
        let (report, stamps, end) = delayed(Schedule::Closed { pipeline: 1 });
        let least = stamps.iter().map(|(read, write)| ms(*read, *write)).collect();
        // The first may have been sent at any time before it was read.
        let sent = stamps[..1].iter().map(|(read, _)| *read - Duration::from_secs(1));
        let sent = sent.chain(stamps.iter().map(|(_, write)| *write));
        let came = stamps[1..].iter().map(|(read, _)| *read).chain([end]);
        let most = sent.zip(came).map(|(sent, came)| ms(sent, came)).collect();
        (report, least, Some(most))
    });
}

/// In an open loop that is nearly too fast for the server, messages wait for each other, and latency
/// counts from when they were due. When that was follows from the one that came soonest after it.
///
/// Kills: sending that waits for the reply before, or latency that counts from it; a schedule that
/// slips.
#[test]
fn known_delays_are_measured_from_when_messages_were_due() {
    let every = Duration::from_millis(13);
    let rate = Rate::Total(1.0 / every.as_secs_f64());
    until_true(|| {
        let (report, stamps, _) = delayed(Schedule::Open { rate, arrivals: Arrivals::Even });
        let began = (0..).zip(&stamps).map(|(number, (read, _))| *read - every * number).min();
        let due = |number: u32| began.unwrap() + every * number;
        let least =
            (0..).zip(&stamps).map(|(number, (_, write))| ms(due(number), *write)).collect();
        (report, least, None)
    });
}
