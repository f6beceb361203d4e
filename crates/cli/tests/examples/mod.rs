//! The library's examples, which several tests run as a user's programs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where they are. Testing this package alone does not build them, so they are built here, once.
pub(crate) fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let program = Path::new(env!("CARGO_BIN_EXE_switchboard"));
        let profile = program.parent().expect("TARGET/PROFILE/switchboard");
        let target = profile.parent().expect("TARGET/PROFILE");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "switchboard", "--examples"]);
        cargo.arg("--target-dir").arg(target);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        let status = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status();
        assert!(status.as_ref().is_ok_and(|status| status.success()), "{cargo:?}: {status:?}");
        profile.join("examples")
    })
}
