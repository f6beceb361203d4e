//! Tests of both servers of power meters: without a socket, under every model, as programs.

use switchboard::testing::{every_model, program, talk};
use switchboard::{Ending, Server};

use meter::{GRACE, REQUEST_MAX, SILENCE};

#[allow(dead_code, reason = "its main is the program's")]
#[path = "event_style.rs"]
mod event_style;
#[allow(dead_code, reason = "its main is the program's")]
#[path = "straight_line.rs"]
mod straight_line;
use straight_line::PENALTY;

const STYLES: [fn() -> Server; 2] = [event_style::server, straight_line::server];

#[test]
fn readings_are_counted_and_averaged() {
    for server in STYLES {
        let mut meter = talk(server());
        meter.send("read 230\nread 2").expect("ok 1\n").expect_nothing();
        meter.send("00\nmean\n").expect("ok 2\nmean 215.0 of 2\n");
        meter.send("quit\n").expect_end();
    }
}

#[test]
fn nonsense_is_answered_and_ends_nothing() {
    for server in STYLES {
        let mut meter = talk(server());
        meter.send("read much\n").wait(PENALTY);
        meter.expect("error: a reading is a whole number of watts: read 230\n");
        meter.send("mean\n").wait(PENALTY).expect("error: there is no reading yet\n");
        meter.send("read 230").end().expect("ok 1\n").expect_end();
    }
}

#[test]
fn a_request_that_is_too_long_ends_the_meter() {
    for server in STYLES {
        let longest = format!("mean{:1$}", "", REQUEST_MAX - 4);
        let mut meter = talk(server());
        meter.send("read 1\n").expect("ok 1\n");
        meter.send(&longest).send("\n").expect("mean 1.0 of 1\n");
        meter.send(&longest).send("x").expect_ending(Ending::TooLarge);
    }
}

#[test]
fn a_silent_meter_is_told_and_then_given_up() {
    for server in STYLES {
        let mut meter = talk(server());
        meter.wait(SILENCE).expect("due\n").send("read 1\n").expect("ok 1\n");
        meter.wait(SILENCE / 2).send("read 1\n").expect("ok 2\n");
        meter.wait(SILENCE / 2).expect_nothing();
        meter.wait(SILENCE / 2).expect("due\n");
        meter.wait(GRACE).expect_ending(Ending::TimedOut);
    }
}

#[test]
fn pieces_and_crowds_are_all_the_same_under_every_model() {
    for server in STYLES {
        every_model(server, |server| {
            let mut meter = server.connect();
            for piece in ["rea", "d 230\nread 1", "70\nmean", "\n"] {
                meter.send(piece);
            }
            meter.expect("ok 1\nok 2\nmean 200.0 of 2\n").end().expect_end();
        });
    }
}

#[test]
fn both_programs_stop_in_order_also_with_a_process_for_each_meter() {
    for path in [env!("CARGO_BIN_EXE_event_style"), env!("CARGO_BIN_EXE_straight_line")] {
        let server = program(path).model("process").start();
        let mut waiting = server.connect();
        waiting.send("read 230\n").expect("ok 1\n");
        server.connect().send("quit\n").expect_end();
        let stopped = server.stop();
        waiting.expect_end();
        assert!(stopped.status.success(), "{}", stopped.stderr);
        assert_eq!((stopped.get("accepted"), stopped.in_order()), (2, 2));
    }
}
