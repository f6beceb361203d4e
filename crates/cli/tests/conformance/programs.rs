//! The two programs of the README, which are made with `Server::main`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use switchboard::testing::program;

use crate::ground::{Case, Ground, SWITCHBOARD, case, expect_counts};

pub(crate) const CASES: &[Case] = &[case!(runs_the_program_of_the_readme)];

/// Kills: a flag, a signal or a line that `switchboard serve` has and a user's program has not.
fn runs_the_program_of_the_readme(ground: &Ground) {
    let name = if ground.is_event() { "shout_sessions" } else { "shout_handler" };
    let server = program(examples().join(name)).arg("-v").model(&ground.model).start();
    let shown = ground.model.to_string();
    assert_eq!((server.service(), server.model()), ("shout", &*shown));
    let mut peer = server.connect();
    if !ground.is_event() {
        let line = peer.line();
        assert!(line.starts_with("hello 127.0.0.1:"), "{line}");
    }
    peer.send("one\r\ntw").send("o\nthree").end().expect("ONE\nTWO\nTHREE\n").expect_end();
    drop(peer);
    server.until_stderr("closed 1 127.0.0.1:");
    if !ground.is_event() {
        let mut peer = server.connect();
        peer.line();
        peer.send("exit\nunread\n").expect_end();
    }
    let accepted = 2 - u64::from(ground.is_event());
    expect_counts(&server.stop(), &[("accepted", accepted)]);
}

/// Where the examples of the library are. Testing this package alone does not build them, so they
/// are built here, once.
fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let profile = Path::new(SWITCHBOARD).parent().expect("TARGET/PROFILE/switchboard");
        let target = profile.parent().expect("TARGET/PROFILE");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "switchboard"]);
        cargo.args(["--example", "shout_handler", "--example", "shout_sessions"]);
        cargo.arg("--target-dir").arg(target);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(status.as_ref().is_ok_and(|status| status.success()), "{cargo:?}: {status:?}");
        profile.join("examples")
    })
}
