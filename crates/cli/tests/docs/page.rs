//! A page of Markdown: its transcripts, its code, its links.

/// One command of a page and what it is said to print.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The line of the page that the command begins on, from 1.
    pub(crate) line: usize,
    /// Without the `$ `, and without the `> ` of further lines of the same command.
    pub(crate) command: String,
    pub(crate) output: Vec<String>,
    /// The lines that the output takes in the page, from 0.
    range: std::ops::Range<usize>,
}

/// The commands of all ```console blocks of a page, in order.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) steps: Vec<Step>,
}

impl Page {
    pub(crate) fn parse(text: &str) -> Page {
        let mut steps: Vec<Step> = Vec::new();
        let mut inside = false;
        let mut lines = text.lines().enumerate().peekable();
        let is_more = |(_, line): &(usize, &str)| line.starts_with("> ");
        while let Some((at, line)) = lines.next() {
            match (line, line.strip_prefix("$ ")) {
                ("```console", _) => inside = true,
                ("```", _) => inside = false,
                _ if !inside => {}
                (_, Some(first)) => {
                    let (mut command, mut end) = (first.to_owned(), at);
                    while let Some((next, more)) = lines.next_if(is_more) {
                        command = format!("{command}\n{}", &more[2..]);
                        end = next;
                    }
                    let (output, range) = (Vec::new(), end + 1..end + 1);
                    steps.push(Step { line: at + 1, command, output, range });
                }
                (_, None) => {
                    let step = steps.last_mut().expect("a block begins with a command");
                    step.output.push(line.to_owned());
                    step.range.end = at + 1;
                }
            }
        }
        Page { steps }
    }

    /// The page `text`, which this was parsed from, with the outputs as they are now.
    pub(crate) fn rewrite(&self, text: &str) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        for step in self.steps.iter().rev() {
            lines.splice(step.range.clone(), step.output.iter().map(String::as_str));
        }
        lines.join("\n") + "\n"
    }
}

/// The contents of the fenced blocks of one language.
pub(crate) fn fences(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut current: Option<Vec<&str>> = None;
    for line in text.lines() {
        match (&mut current, line) {
            (None, _) if line.strip_prefix("```") == Some(language) => current = Some(Vec::new()),
            (Some(lines), "```") => {
                found.push(lines.join("\n"));
                current = None;
            }
            (Some(lines), _) => lines.push(line),
            (None, _) => {}
        }
    }
    found
}

/// The targets of all links `[text](target)` outside fenced blocks.
pub(crate) fn links(text: &str) -> Vec<&str> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        }
        let mut rest = line;
        while let Some((_, after)) = rest.split_once("](").filter(|_| !fenced) {
            let (target, after) = after.split_once(')').unwrap_or((after, ""));
            found.push(target);
            rest = after;
        }
    }
    found
}

#[test]
fn commands_and_their_outputs_are_told_apart() {
    let text = "x\n```console\n$ a \\\n> b\n1\n2\n$ c\n```\n$ no\n```console\n$ d\n3\n```\n";
    let mut page = Page::parse(text);
    let steps: Vec<(usize, &str, usize)> =
        page.steps.iter().map(|s| (s.line, s.command.as_str(), s.output.len())).collect();
    assert_eq!(steps, [(3, "a \\\nb", 2), (7, "c", 0), (11, "d", 1)]);
    assert_eq!(page.rewrite(text), text);
    page.steps[1].output = vec!["9".into()];
    assert_eq!(page.rewrite(text), text.replace("$ c\n", "$ c\n9\n"));
}

#[test]
fn links_outside_code_are_found() {
    assert_eq!(links("[a](b.md) [c](d#e)\n```\n[f](g)\n```\n"), ["b.md", "d#e"]);
}
