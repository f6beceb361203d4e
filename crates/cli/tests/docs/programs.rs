//! The programs that pages run beside `switchboard`: the library's examples, those of the package in
//! examples/, and those that a page itself shows, which are compiled as they stand there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::page;

const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

/// Where the programs are: to be put on the path.
pub(crate) fn directories(root: &Path, pages: &[PathBuf]) -> &'static [PathBuf] {
    static DIRECTORIES: OnceLock<Vec<PathBuf>> = OnceLock::new();
    DIRECTORIES.get_or_init(|| {
        let profile = Path::new(SWITCHBOARD).parent().expect("TARGET/PROFILE/switchboard");
        cargo(root, profile, &["build", "--package", "switchboard", "--examples"]);
        cargo(root, profile, &["build", "--package", "meter"]);
        // What pages test is compiled beforehand, which may take longer than a page's command.
        for tested in [["switchboard", "--lib"], ["meter", "--tests"]] {
            cargo(root, profile, &["test", "--no-run", "--package", tested[0], tested[1]]);
        }
        let package = write_package(root, pages);
        cargo(&package, profile, &["build", "--offline"]);
        vec![profile.to_owned(), profile.join("examples")]
    })
}

/// A package of the programs in the pages. One begins with its name: `// NAME.rs`.
fn write_package(root: &Path, pages: &[PathBuf]) -> PathBuf {
    let package = Path::new(env!("CARGO_TARGET_TMPDIR")).join("guide");
    let sources = package.join("src/bin");
    let _ = fs::remove_dir_all(&package);
    fs::create_dir_all(&sources).unwrap();
    let manifest = format!(
        "[package]\nname = \"guide\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nswitchboard = {{ path = {:?} }}\n\n[workspace]\n",
        root.join("crates/server")
    );
    fs::write(package.join("Cargo.toml"), manifest).unwrap();
    fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let texts = pages.iter().map(|page| fs::read_to_string(page).unwrap());
    for block in texts.flat_map(|text| page::fences(&text, "rust")) {
        if let Some((name, program)) =
            block.strip_prefix("// ").and_then(|rest| rest.split_once(".rs\n"))
        {
            fs::write(sources.join(format!("{name}.rs")), program).unwrap();
        }
    }
    package
}

/// The `cargo` of pages: in the repository, and where these programs are.
pub(crate) fn cargo_script(root: &Path) -> String {
    let profile = Path::new(SWITCHBOARD).parent().expect("TARGET/PROFILE/switchboard");
    let target = profile.parent().expect("TARGET/PROFILE").display();
    let release = if profile.ends_with("release") { " --release" } else { "" };
    format!(
        "#!/bin/bash\ncd '{}' && exec '{}' \"$1\" --target-dir '{target}'{release} \"${{@:2}}\"\n",
        root.display(),
        env!("CARGO")
    )
}

fn cargo(directory: &Path, profile: &Path, words: &[&str]) {
    let target = profile.parent().expect("TARGET/PROFILE");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(words).args(["--quiet", "--target-dir"]).arg(target);
    if profile.ends_with("release") {
        cargo.arg("--release");
    }
    let status = cargo.current_dir(directory).status();
    assert!(status.as_ref().is_ok_and(|status| status.success()), "{cargo:?}: {status:?}");
}
