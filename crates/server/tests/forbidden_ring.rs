//! `uring` where a sandbox forbids io_uring_setup(2), as containers do by a filter of system calls. A
//! program of its own, because a filter stays; it runs itself once for each of its errors.

#![allow(clippy::unwrap_used, reason = "clippy does not see that a test without a harness is one")]

use std::process::{Command, ExitCode};
use std::{env, mem};

use switchboard::{Address, Context, Flow, Model, Server, Session, model};

struct Echo;

impl Session for Echo {
    fn received(&mut self, peer: &mut Context<'_>) -> Flow {
        peer.output.write(peer.input.take_all());
        Flow::Continue
    }
}

/// Kills: a model that is listed as one that can run and then fails with a number; one that runs on
/// something else in silence.
fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("--list") => return ExitCode::SUCCESS,
        Some("forbidden") => is_said(libc::EPERM, "forbidden here"),
        Some("unknown") => is_said(libc::ENOSYS, "has no io_uring"),
        _ => {
            for how in ["forbidden", "unknown"] {
                let status = Command::new(env::current_exe().unwrap()).arg(how).status().unwrap();
                assert!(status.success(), "{how}: {status}");
            }
            println!("a_forbidden_ring_is_said ... ok");
        }
    }
    ExitCode::SUCCESS
}

fn is_said(error: i32, expected: &str) {
    forbid(error);
    let kind = model::find("uring").unwrap();
    let reason = (kind.unavailable)().expect("a reason");
    assert!(reason.contains(expected), "{reason}");
    let server = Server::sessions("echo", |_| Echo)
        .listen("127.0.0.1:0".parse::<Address>().unwrap())
        .model("uring".parse::<Model>().unwrap());
    let refusal = server.run().map(drop).unwrap_err().to_string();
    assert!(refusal.contains("uring") && refusal.contains(&reason), "{refusal}");
}

/// From now on io_uring_setup(2) fails with that error in this process.
fn forbid(error: i32) {
    // The architecture need not be looked at: a program cannot call in another one's way by accident.
    let number = mem::offset_of!(libc::seccomp_data, nr) as u32;
    let refuse = libc::SECCOMP_RET_ERRNO | error as u32;
    let statement = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut filter = [
        statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, number),
        statement(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            0,
            1,
            libc::SYS_io_uring_setup as u32,
        ),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, refuse),
        statement(libc::BPF_RET | libc::BPF_K, 0, 0, libc::SECCOMP_RET_ALLOW),
    ];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: the program points to a filter of that length, which the kernel copies.
    unsafe {
        assert_eq!(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
        assert_eq!(
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program),
            0
        );
    }
}
