//! A model that forks, in a program that has had other threads and has joined them all. The program is
//! this test, on its only thread: there is no harness, which would run it on another.

#![allow(clippy::unwrap_used, reason = "clippy does not see that a test without a harness is one")]

use std::net::TcpListener;
use std::{mem, ptr, thread};

use switchboard::{Address, Context, Flow, Model, Server, Session};

const DESCRIPTORS: usize = 100;

struct Echo;

impl Session for Echo {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(peer.input.take_all());
        Flow::Continue
    }
}

/// Kills: a thread that has been joined and is taken for one that runs, because the kernel still
/// lists it.
fn main() {
    stop_again_and_again();
    for round in 0..200 {
        let thread = thread::spawn(end_slowly);
        let server = Server::sessions("echo", |_| Echo)
            .listen("127.0.0.1:0".parse::<Address>().unwrap())
            .model("process".parse::<Model>().unwrap());
        thread.join().unwrap();
        if let Err(error) = server.run() {
            panic!("round {round}: {error}");
        }
    }
    println!("a_joined_thread_is_no_thread ... ok");
}

/// Ends with descriptors of its thread's own, which the kernel closes after it has told whoever joins
/// the thread, and before it lists the thread no more.
fn end_slowly() {
    // SAFETY: from now on this thread has a table of descriptors of its own, of which no other thread
    // ever uses one.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_FILES) }, 0);
    (0..DESCRIPTORS).for_each(|_| mem::forget(TcpListener::bind("127.0.0.1:0").unwrap()));
}

/// SIGTERM comes every few milliseconds, from a timer of the kernel's: no thread, no process. Between
/// two servers it is ignored.
fn stop_again_and_again() {
    // SAFETY: a valid signal, and a valid disposition.
    unsafe { libc::signal(libc::SIGTERM, libc::SIG_IGN) };
    let pause = libc::timespec { tv_sec: 0, tv_nsec: 5_000_000 };
    let often = libc::itimerspec { it_interval: pause, it_value: pause };
    // SAFETY: both structures are valid, of which zeroes are; the timer is the one that was made, and
    // is never deleted.
    let result = unsafe {
        let mut event: libc::sigevent = mem::zeroed();
        event.sigev_notify = libc::SIGEV_SIGNAL;
        event.sigev_signo = libc::SIGTERM;
        let mut timer: libc::timer_t = ptr::null_mut();
        libc::timer_create(libc::CLOCK_MONOTONIC, &raw mut event, &raw mut timer);
        libc::timer_settime(timer, 0, &raw const often, ptr::null_mut())
    };
    assert_eq!(result, 0, "no timer");
}
