//! The outputs in README.md, docs/guide/ and examples/ are real: every ```console block is run again,
//! against the real program, and must say what the page says. Programs that a page shows are those
//! that are compiled.
//!
//! A page is one shell session in an empty directory: a line that begins with `$ ` is a command,
//! the lines below it are its output, and that of servers that run in the background meanwhile. How
//! pages are written is told in CONTRIBUTING.md. `SWITCHBOARD_DOCS=write` writes the real outputs,
//! and the files that are shown, into the pages instead of failing.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "docs/listings.rs"]
mod listings;
#[path = "docs/page.rs"]
mod page;
#[path = "docs/programs.rs"]
mod programs;
#[path = "docs/session.rs"]
mod session;
#[path = "docs/varying.rs"]
mod varying;

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use page::Page;
use session::Session;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn files_in(directory: &str, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(directory)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|found| found == extension));
    files.sort();
    files
}

fn markdown_in(directory: &str) -> Vec<PathBuf> {
    files_in(directory, "md")
}

/// The pages whose transcripts are run.
fn checked_pages() -> Vec<PathBuf> {
    let mut pages = vec![root().join("README.md")];
    pages.extend(markdown_in("docs/guide"));
    pages.extend(markdown_in("examples"));
    pages
}

fn all_pages() -> Vec<PathBuf> {
    [".", "docs", "docs/guide", "docs/decisions", "docs/report", "examples", "benches"]
        .into_iter()
        .flat_map(markdown_in)
        .collect()
}

/// Whether a page measures: then nobody else is to need the processors.
fn measures(path: &Path) -> bool {
    let text = fs::read_to_string(path).unwrap();
    ["switchboard load", "switchboard compare"].iter().any(|command| text.contains(command))
}

/// Whether pages are written instead of compared.
fn writes() -> bool {
    std::env::var_os("SWITCHBOARD_DOCS").is_some_and(|value| value == "write")
}

/// What is wrong with a page; nothing, if it is right or was written anew.
fn check(path: &Path, programs: &[PathBuf]) -> Option<String> {
    let writes = writes();
    let mut text = fs::read_to_string(path).unwrap();
    if writes {
        text = listings::rewrite(&text, path);
        fs::write(path, &text).unwrap();
    }
    let mut page = Page::parse(&text);
    if page.steps.is_empty() {
        return None;
    }
    let name = path.strip_prefix(root()).unwrap_or(path).display();
    let mut session = Session::start(writes, programs);
    for step in &mut page.steps {
        let Err(actual) = session.run(&step.command, &step.output) else { continue };
        if !writes {
            return Some(format!(
                "{name}:{}: $ {}\n--- the page says\n{}\n--- it is\n{}\n",
                step.line,
                step.command,
                step.output.join("\n"),
                actual.join("\n")
            ));
        }
        step.output = actual;
    }
    let left = session.finish();
    if writes {
        fs::write(path, page.rewrite(&text)).unwrap();
    }
    left.map(|left| format!("{name}: at its end {left}"))
}

#[test]
fn every_transcript_is_what_happens() {
    let pages = checked_pages();
    let programs = programs::directories(&root(), &pages);
    let (measuring, others): (Vec<_>, Vec<_>) = pages.iter().partition(|page| measures(page));
    let mut failures: Vec<String> = thread::scope(|scope| {
        let checks: Vec<_> =
            others.into_iter().map(|path| scope.spawn(|| check(path, programs))).collect();
        checks.into_iter().filter_map(|check| check.join().unwrap()).collect()
    });
    failures.extend(measuring.into_iter().filter_map(|path| check(path, programs)));
    assert!(failures.is_empty(), "{} pages are wrong\n\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_wrong_output_is_found() {
    let run = |command: &str, output: &[&str]| {
        let output: Vec<String> = output.iter().map(|line| (*line).to_owned()).collect();
        let mut session = Session::new(Duration::from_secs(1), false, &[]);
        session.run(command, &output)
    };
    assert_eq!(run("printf 'a\\nb\\n'", &["a", "b"]), Ok(()));
    assert_eq!(run("printf 'a\\nb\\n'", &["a", "c"]), Err(vec!["a".into(), "b".into()]));
    assert_eq!(run("printf 'a\\nb\\n'", &["b", "a"]), Err(vec!["a".into(), "b".into()]));
    assert_eq!(run("printf 'a\\nb\\n'", &["a"]), Err(vec!["a".into(), "b".into()]));
    assert_eq!(run("printf 'a\\n'", &["a", "b"]), Err(vec!["a".into()]));
    assert_eq!(run("printf 'a\\n'", &[]), Err(vec!["a".into()]));
}

#[test]
fn a_server_that_a_page_leaves_running_is_found() {
    let mut session = Session::start(false, &[]);
    assert_eq!(session.run("sleep 60 &", &[]), Ok(()));
    assert!(session.finish().is_some_and(|left| left.contains("still runs")));
}

#[test]
fn the_table_of_models_is_the_one_that_is_printed() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let page = Page::parse(&readme);
    assert!(page.steps.iter().any(|step| step.command == "switchboard models"));
}

/// The programs that README.md shows are those that are compiled, line for line.
#[test]
fn the_readme_shows_the_examples() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let mut shown = page::fences(&readme, "rust");
    assert_eq!(shown.len(), 2, "one program in each style");
    let examples = files_in("crates/server/examples", "rs");
    for path in examples.iter().filter(|path| path.to_string_lossy().contains("/shout_")) {
        let text = fs::read_to_string(path).unwrap();
        let code: Vec<&str> = text.lines().skip_while(|line| line.starts_with("//!")).collect();
        let code = code.join("\n").trim().to_owned();
        let before = shown.len();
        shown.retain(|block| *block != code);
        assert!(shown.len() < before, "README.md does not show {}", path.display());
    }
    assert!(shown.is_empty(), "README.md shows code that is no example: {shown:?}");
}

#[test]
fn every_guide_page_is_in_the_index_and_begins_with_its_claim() {
    let index = fs::read_to_string(root().join("docs/guide/README.md")).unwrap();
    for path in markdown_in("docs/guide") {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "README.md" {
            continue;
        }
        assert!(index.contains(&format!("({name})")), "the index does not list {name}");
        let text = fs::read_to_string(&path).unwrap();
        let third = text.lines().nth(2).unwrap_or_default();
        assert!(third.starts_with("**Claim.**"), "{name} does not begin with its claim");
    }
}

#[test]
fn every_listing_is_its_file() {
    let pages = checked_pages();
    for path in pages.iter().filter(|_| !writes()) {
        for listing in listings::listings(&fs::read_to_string(path).unwrap(), path) {
            let file = fs::read_to_string(&listing.file).unwrap_or_default();
            let place = format!("{}:{}", path.display(), listing.line);
            assert_eq!(listing.text, file, "{place} is not {}", listing.file.display());
        }
    }
}

/// Each file of the package is shown on a page, and each page is in the index and has its parts.
#[test]
fn every_example_has_its_page() {
    let index = fs::read_to_string(root().join("examples/README.md")).unwrap();
    let mut shown = Vec::new();
    for path in markdown_in("examples") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        shown.extend(listings::listings(&text, &path).into_iter().map(|listing| listing.file));
        if name == "README.md" {
            continue;
        }
        assert!(index.contains(&format!("({name})")), "the index does not list {name}");
        let third = text.lines().nth(2).unwrap_or_default();
        assert!(
            third.starts_with("**At its end you have** "),
            "{name} says not what one will have"
        );
        let last = text.lines().rfind(|line| line.starts_with("## "));
        assert_eq!(last, Some("## What to try next"), "{name} ends with another chapter");
    }
    let mut files = files_in("examples", "rs");
    files.push(root().join("examples/Cargo.toml"));
    for file in files {
        assert!(shown.contains(&file), "no page shows {}", file.display());
    }
}

#[test]
fn every_link_between_pages_leads_somewhere() {
    for path in all_pages() {
        let text = fs::read_to_string(&path).unwrap();
        for link in page::links(&text) {
            let file = link.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let target = path.parent().unwrap().join(file);
            assert!(target.exists(), "{}: {link} leads nowhere", path.display());
        }
    }
}
