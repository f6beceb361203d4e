//! Files that a page shows line for line: a block that names one, ```` ```rust NAME.rs ````, is that
//! file. The name is a path from the page's directory.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A block of a page that is said to be a file.
#[derive(Debug)]
pub(crate) struct Listing {
    /// The line of the page that the block begins on, from 1.
    pub(crate) line: usize,
    pub(crate) file: PathBuf,
    pub(crate) text: String,
    /// The lines between the fences, from 0.
    range: Range<usize>,
}

/// The listings of the page `text`, which is at `page`, in order.
pub(crate) fn listings(text: &str, page: &Path) -> Vec<Listing> {
    let directory = page.parent().expect("a page is in a directory");
    let mut found = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((at, line)) = lines.next() {
        let Some(info) = line.strip_prefix("```") else { continue };
        let shown: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        if let Some((_, name)) = info.split_once(' ') {
            let range = at + 1..at + 1 + shown.len();
            let text = shown.join("\n") + "\n";
            found.push(Listing { line: at + 1, file: directory.join(name), text, range });
        }
    }
    found
}

/// The page `text` with every listing as its file is now.
pub(crate) fn rewrite(text: &str, page: &Path) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for listing in listings(text, page).iter().rev() {
        let file = fs::read_to_string(&listing.file).unwrap();
        lines.splice(listing.range.clone(), file.lines().map(str::to_owned));
    }
    lines.join("\n") + "\n"
}

#[test]
fn only_a_block_that_names_a_file_is_a_listing() {
    let text = "```rust\na\n```\n```rust b.rs\nc\n\nd\n```\n```console\n$ e\n```\n";
    let found = listings(text, Path::new("pages/f.md"));
    let [listing] = &found[..] else { panic!("{found:?}") };
    assert_eq!((listing.line, &*listing.text), (4, "c\n\nd\n"));
    assert_eq!(listing.file, Path::new("pages/b.rs"));
}

#[test]
fn a_listing_becomes_its_file() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("b.rs"), "new\n").unwrap();
    let text = "```rust b.rs\nold\nolder\n```\n```rust\nc\n```\n```rust b.rs\n```\n";
    let new = "```rust b.rs\nnew\n```\n```rust\nc\n```\n```rust b.rs\nnew\n```\n";
    assert_eq!(rewrite(text, &directory.path().join("page.md")), new);
}
