//! The programs to measure, built when the benchmark starts: `cargo` for Rust, `cc -O2` for C.
//!
//! Everything lands in the target directory that this program itself runs from, the C references
//! and the profiles in a temporary directory that is removed at the end.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::Result;

/// Libraries of references that are a feature of their own, so that a build of the workspace is
/// spared them.
const OPTIONAL: [&str; 2] = ["may", "monoio"];

/// What runs in the server's role, and what it is called in the table.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) command: Vec<OsString>,
    /// Switchboard: drains on SIGTERM, prints a stop line, and has bounds to keep.
    pub(crate) ours: bool,
}

/// Where the programs are.
pub(crate) struct Programs {
    /// `None`: only the references are measured.
    switchboard: Option<PathBuf>,
    target: PathBuf,
    scratch: TempDir,
}

impl Programs {
    /// Takes `program`, or builds `switchboard` unless only the references are asked for.
    pub(crate) fn new(program: Option<PathBuf>, references_only: bool) -> Result<Programs> {
        let scratch = TempDir::with_prefix("switchboard-bench-")
            .map_err(|error| format!("cannot make a temporary directory: {error}"))?;
        let mut programs = Programs { switchboard: None, target: target_directory()?, scratch };
        if !references_only {
            programs.switchboard = Some(match program {
                Some(path) if path.is_file() => path,
                Some(path) => return Err(format!("--program {}: no such file", path.display())),
                None => programs.cargo_build("switchboard-cli", "switchboard", &[], "")?,
            });
        }
        Ok(programs)
    }

    /// The program under test as an echo server under `model`; `None` with `--references-only`.
    pub(crate) fn switchboard(&self, model: &str) -> Option<Subject> {
        self.serving("echo", model, &["--listen", "127.0.0.1:0"])
    }

    /// The program under test with `service` under `model`; `None` with `--references-only`.
    pub(crate) fn serving(&self, service: &str, model: &str, options: &[&str]) -> Option<Subject> {
        let program = self.switchboard.as_ref()?;
        let mut command = vec![program.into()];
        command.extend(["serve", service, "--model", model].map(OsString::from));
        command.extend(options.iter().map(OsString::from));
        Some(Subject { name: format!("switchboard {model}"), command, ours: true })
    }

    /// The same for a benchmark that has no reference, so that nothing is left without ours.
    pub(crate) fn ours(&self, service: &str, model: &str, options: &[&str]) -> Result<Subject> {
        self.serving(service, model, options).ok_or_else(without_reference)
    }

    /// The load generator, for a benchmark that has nothing to show without it.
    pub(crate) fn load(&self) -> Result<Subject> {
        let program = self.switchboard.as_ref().ok_or_else(without_reference)?;
        let command = vec![program.into(), OsString::from("load")];
        Ok(Subject { name: "switchboard load".to_owned(), command, ours: true })
    }

    /// `reference/NAME.c`, compiled.
    pub(crate) fn c_reference(&self, name: &str) -> Result<Subject> {
        self.c_reference_with(name, &[])
    }

    /// The same, linked with `libraries`.
    pub(crate) fn c_reference_with(&self, name: &str, libraries: &[&str]) -> Result<Subject> {
        let source = here().join("reference").join(format!("{name}.c"));
        let program = self.scratch.path().join(name);
        let mut cc = Command::new("cc");
        cc.args(["-O2", "-Wall", "-Wextra", "-pthread", "-o"]).arg(&program).arg(&source);
        cc.args(libraries);
        run(&mut cc)?;
        Ok(reference(&format!("C {name}"), program))
    }

    /// `src/bin/NAME_echo.rs`, built at its best: without optimization across crates mio takes
    /// 1.8 times and tokio 1.5 times the instructions.
    pub(crate) fn rust_reference(&self, name: &str) -> Result<Subject> {
        let feature = format!("--features={}", if OPTIONAL.contains(&name) { name } else { "" });
        let best = [
            "--config=profile.release.lto='fat'",
            "--config=profile.release.codegen-units=1",
            &feature,
        ];
        let program = format!("{name}_echo");
        let program = self.cargo_build("switchboard-bench", &program, &best, "references")?;
        Ok(reference(name, program))
    }

    /// The same, built as ours is.
    pub(crate) fn rust_reference_alike(&self, name: &str) -> Result<Subject> {
        let program =
            self.cargo_build("switchboard-bench", &format!("{name}_echo"), &[], "alike")?;
        Ok(reference(&format!("{name}, built as ours"), program))
    }

    /// A directory for what a run leaves behind.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// A build of its own per package, so that none gets features which another one asked for,
    /// in `place` of the target directory.
    fn cargo_build(
        &self,
        package: &str,
        program: &str,
        options: &[&str],
        place: &str,
    ) -> Result<PathBuf> {
        let target = self.target.join(place);
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--release", "-p", package, "--bin", program]);
        build.arg("--manifest-path").arg(here().join("Cargo.toml"));
        build.arg("--target-dir").arg(&target);
        build.args(options);
        // An incremental build has so many codegen units that little is inlined.
        build.env("CARGO_INCREMENTAL", "0");
        run(&mut build)?;
        Ok(target.join("release").join(program))
    }
}

pub(crate) fn reference(name: &str, program: PathBuf) -> Subject {
    Subject { name: name.to_owned(), command: vec![program.into()], ours: false }
}

pub(crate) fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// This program lies in `TARGET/PROFILE/`.
fn target_directory() -> Result<PathBuf> {
    let own = env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?;
    let target = own.parent().and_then(Path::parent);
    target.map(Path::to_owned).ok_or_else(|| format!("{} lies in no target", own.display()))
}

fn without_reference() -> String {
    "this benchmark has no reference: leave out --references-only".to_owned()
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let what = format!("{command:?}");
    match command.stdin(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("building failed ({status}): {what}")),
        Err(error) => Err(format!("building failed ({error}): {what}")),
    }
}
