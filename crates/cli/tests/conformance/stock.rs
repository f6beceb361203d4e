//! The stock services, as far as the model matters to them.

use std::time::{Duration, SystemTime};

use crate::client::connect_with_small_buffers;
use crate::ground::{Case, Ground, case, expect_counts, unless_event};
use crate::process::{expect_rest, resident_kib};

pub(crate) const CASES: &[Case] = &[
    case!(sends_characters_only_as_fast_as_they_are_read, unless_event),
    case!(tells_the_day_and_the_time, unless_event),
    case!(ends_a_choice_of_the_hotline_after_300_ms, unless_straight_line),
    case!(works_to_order),
];

/// The lines of RFC 864: 72 of the 95 printing characters, each line one further along the ring.
fn characters(count: usize) -> Vec<u8> {
    let line = |start: usize| (start..start + 72).map(|at| b' ' + (at % 95) as u8).chain(*b"\r\n");
    (0..).flat_map(line).take(count).collect()
}

/// Kills: an endless reply that is gathered in memory while its peer does not read; a pattern that
/// loses its place when the socket is full.
fn sends_characters_only_as_fast_as_they_are_read(ground: &Ground) {
    let server = ground.prepare("chargen").args(["--send-buffer", "4096"]).start();
    let mut peer = connect_with_small_buffers(&server);
    let beginning = characters(100_000);
    peer.expect(&beginning[..1000]);
    let before = resident_kib(&server);
    if !ground.spins() {
        expect_rest(&server);
    }
    peer.expect(&beginning[1000..50_000]);
    let grown = resident_kib(&server).saturating_sub(before);
    assert!(grown < 4096, "it grew by {grown} KiB");
    peer.send("unasked for").expect(&beginning[50_000..]);
    drop(peer);
    let stopped = server.stop();
    assert!(stopped.status.success() && stopped.get("accepted") == 1, "{stopped:?}");
    assert!(stopped.get("sent") >= 100_000, "{stopped:?}");
}

/// Kills: closing before what was said in `opened` has been sent.
fn tells_the_day_and_the_time(ground: &Ground) {
    let server = ground.prepare("daytime").start();
    let mut peer = server.connect();
    let line = peer.line();
    peer.expect_end();
    // Saturday, November 21, 2026 01:34:24-UTC
    let (date, time) = line.rsplit_once(' ').expect("a date and a time");
    assert!(line.ends_with("-UTC\r") && date.contains(", 20"), "{line:?}");
    assert_eq!(time.matches(':').count(), 2, "{line:?}");
    drop(peer);
    expect_counts(&server.stop(), &[("accepted", 1)]);

    let server = ground.prepare("time").start();
    let mut peer = server.connect();
    let bytes = peer.take(4);
    peer.expect_end();
    let seconds = u32::from_be_bytes(bytes.try_into().expect("4 bytes"));
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    let now = (since_1970 + 2_208_988_800) as u32;
    assert!(now.wrapping_sub(seconds) <= 5, "{seconds} at {now}");
    drop(peer);
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

fn unless_straight_line(ground: &Ground) -> Option<&'static str> {
    ground.is_event().then_some("the hotline is written in straight lines")
}

/// Kills: a timed read that is taken for the peer's end, or that never elapses.
fn ends_a_choice_of_the_hotline_after_300_ms(ground: &Ground) {
    let server = ground.prepare("hotline").args(["--language", "zh"]).start();
    let mut caller = server.connect();
    caller.expect("欢迎致电10086,请输入1xxx,0转人工服务.");
    let begun = std::time::Instant::now();
    caller.send("0").expect("通过可能会被录音.balabala一大推");
    let waited = begun.elapsed();
    assert!(waited >= Duration::from_millis(300), "answered after {waited:?}");
    caller.send("1").send("23").expect("请重新输入.");
    caller.send("exit\n").expect_end();
    drop(caller);
    expect_counts(&server.stop(), &[("accepted", 1)]);
}

/// Kills: a turn that leaves whole lines unread when its session took one of them, also at the end.
fn works_to_order(ground: &Ground) {
    let server = ground.prepare("work").args(["--style", ground.style]).start();
    let mut peer = server.connect();
    peer.send("burn 1ms\nsleep 200us\necho a\n").expect("burnt 1ms\nslept 200us\na\n");
    peer.send("abort\necho b").end();
    peer.expect("abort is refused: start the server with --allow-crash\nb\n").expect_end();
    drop(peer);
    expect_counts(&server.stop(), &[("accepted", 1)]);
}
