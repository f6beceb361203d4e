//! The tables for a terminal: calls beside calls, a column for each model, and below them why each is
//! there. More models than fit make several tables.

use std::collections::BTreeMap;

use super::role::Role;
use super::{Calls, Explanation, PARTS, Part, Traced, reason};

/// What a terminal has room for.
const WIDTH: usize = 100;

/// What is in a table's row: one part of the conversation, one role, one call or all of that role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    /// Of the role; those without come last.
    place: u8,
    call: String,
    short: &'static str,
}

/// The whole page.
pub fn text(explanation: &Explanation) -> String {
    let Explanation { service, message, models, .. } = explanation;
    let shown: Vec<&Traced> = models.iter().filter(|traced| traced.reason.is_none()).collect();
    let message = message.escape_debug();
    let mut page = format!(
        "{service}: the server's system calls while one client connects, sends `{message}` twice and \
         closes\n"
    );
    for table in tables(&shown) {
        page += "\n";
        page += &table;
    }
    for traced in models {
        if let Some(reason) = &traced.reason {
            let sentence = format!("{}: n/a: {reason}", traced.model);
            page += &format!("\n{}\n", wrapped(&sentence, WIDTH).join("\n"));
        }
    }
    page += &notes(&shown);
    page += &whys(&shown);
    page
}

/// The rows of a part, in the order of the roles.
fn rows(models: &[&Traced], part: usize) -> Vec<Row> {
    let calls = models.iter().flat_map(|traced| &traced.parts[part].calls);
    let mut rows: Vec<Row> = calls.map(row).collect();
    rows.sort();
    rows.dedup();
    rows
}

fn row(calls: &Calls) -> Row {
    let call = calls.call.clone();
    match calls.role {
        None => Row { place: u8::MAX, call, short: "" },
        Some(role) => {
            let reason = reason::of(role);
            let call = if reason.shared { "..".to_owned() } else { call };
            Row { place: role as u8, call, short: reason.short }
        }
    }
}

fn count(part: &Part, row: &Row) -> u64 {
    let alike = part.calls.iter().filter(|calls| self::row(calls) == *row);
    alike.map(|calls| calls.count).sum()
}

/// As many tables as it takes.
fn tables(models: &[&Traced]) -> Vec<String> {
    // Labels are as wide everywhere, so that one table can be held against the next.
    let all: Vec<Row> = (0..PARTS.len()).flat_map(|part| rows(models, part)).collect();
    let calls = all.iter().map(|row| row.call.len()).max().unwrap_or(0);
    let shorts = all.iter().map(|row| row.short.len()).max().unwrap_or(0);
    let label = 2 + calls + 2 + shorts;
    let widths: Vec<usize> = models.iter().map(|traced| traced.model.len().max(4)).collect();
    let mut tables = Vec::new();
    let mut from = 0;
    while from < models.len() {
        let mut to = from + 1;
        let wide =
            |to: usize| label + widths[from..to].iter().map(|width| width + 2).sum::<usize>();
        while to < models.len() && wide(to + 1) <= WIDTH {
            to += 1;
        }
        tables.push(table(&models[from..to], &widths[from..to], calls, label));
        from = to;
    }
    tables
}

fn table(models: &[&Traced], widths: &[usize], calls: usize, label: usize) -> String {
    let line = |label_text: String, cells: Vec<String>| {
        let cells = cells.iter().zip(widths);
        let cells: String = cells.map(|(cell, width)| format!("  {cell:>width$}")).collect();
        format!("{}\n", format!("{label_text:label$}{cells}").trim_end())
    };
    let mut out = line(String::new(), models.iter().map(|traced| traced.model.clone()).collect());
    for (part, name) in PARTS.iter().enumerate() {
        let totals = models.iter().map(|traced| traced.parts[part].total.to_string());
        out += &line((*name).to_owned(), totals.collect());
        for row in rows(models, part) {
            let cell = |traced: &&Traced| match count(&traced.parts[part], &row) {
                0 => "-".to_owned(),
                count => count.to_string(),
            };
            let label = format!("  {:calls$}  {}", row.call, row.short);
            out += &line(label, models.iter().map(cell).collect());
        }
    }
    out + &line("all".to_owned(), models.iter().map(|traced| traced.total.to_string()).collect())
}

/// What would be misread: servers that never rest, what a ring did without a call, conversations that
/// the server ended.
fn notes(models: &[&Traced]) -> String {
    let mut notes = String::new();
    for traced in models {
        if traced.parts.iter().any(|part| part.ring_requests > 0) {
            let of = |part: &Part| format!("{} at {}", part.ring_requests, part.name);
            let requests: Vec<String> = traced.parts.iter().map(of).collect();
            let sentence = format!(
                "{} handed requests to its ring, what to receive and each reply, which the kernel did \
                 without a call for each: {}.",
                traced.model,
                requests.join(", ")
            );
            notes += &format!("\n{}\n", wrapped(&sentence, WIDTH).join("\n"));
        }
        let lasted: f64 = traced.parts.iter().filter(|part| !part.rested).map(|p| p.lasted_s).sum();
        if lasted > 0.0 {
            let ms = lasted * 1000.0;
            let sentence = format!(
                "{} does not rest between the parts: its numbers are those of the {ms:.0} ms that it \
                 was looked at.",
                traced.model
            );
            notes += &format!("\n{}\n", wrapped(&sentence, WIDTH).join("\n"));
        }
    }
    let said = |part: usize| models.iter().filter(move |traced| traced.parts[part].sent == 0);
    let silent: Vec<&str> = said(1).map(|traced| traced.model.as_str()).collect();
    if !silent.is_empty() && silent.len() == models.len() {
        notes += "\nThe server had closed before the first message could be sent.\n";
    } else if !silent.is_empty() {
        notes += &format!("\nClosed before the first message: {}.\n", silent.join(", "));
    } else if models.iter().any(|traced| traced.parts[2].sent == 0) {
        notes += "\nThe server had closed before the second message could be sent.\n";
    }
    notes
}

/// Why each is there, each role once.
fn whys(models: &[&Traced]) -> String {
    let mut names: BTreeMap<Role, Vec<&str>> = BTreeMap::new();
    let mut unknown: Vec<&str> = Vec::new();
    let parts = models.iter().flat_map(|traced| &traced.parts);
    for calls in parts.flat_map(|part| &part.calls) {
        let list = match calls.role {
            Some(role) => names.entry(role).or_default(),
            None => &mut unknown,
        };
        if !list.contains(&calls.call.as_str()) {
            list.push(&calls.call);
        }
    }
    let mut out =
        "\nWhy they are there. A call that waits is counted where it returned.\n".to_owned();
    for (role, calls) in &names {
        let reason = reason::of(*role);
        let sentence = format!("{}: {}", calls.join(", "), reason.why);
        for (at, line) in wrapped(&sentence, WIDTH - 24).iter().enumerate() {
            let short = if at == 0 { reason.short } else { "" };
            out += &format!("  {short:20}  {line}\n");
        }
    }
    if !unknown.is_empty() {
        let sentence = format!("{}: not known here", unknown.join(", "));
        for line in wrapped(&sentence, WIDTH - 2) {
            out += &format!("  {line}\n");
        }
    }
    out
}

/// Lines of at most `width` characters, broken at spaces.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(call: &str, role: Option<Role>, count: u64) -> Calls {
        let why = role.map(|role| reason::of(role).why);
        Calls { call: call.to_owned(), role, count, why }
    }

    fn traced(model: &str, calls: &[Calls]) -> Traced {
        let part = |name: &&'static str| {
            let calls = if *name == PARTS[1] { calls.to_vec() } else { Vec::new() };
            let total = calls.iter().map(|calls| calls.count).sum();
            let (sent, received, ring_requests) = (6, 6, u64::from(model == "uring"));
            Part { name, sent, received, rested: true, lasted_s: 0.1, total, ring_requests, calls }
        };
        let parts: Vec<Part> = PARTS.iter().map(part).collect();
        let total = parts.iter().map(|part| part.total).sum();
        Traced { model: model.to_owned(), reason: None, parts, total }
    }

    fn page(models: Vec<Traced>) -> String {
        let (service, message) = ("echo".to_owned(), "hello\n".to_owned());
        let schema = "switchboard.explain/1";
        text(&Explanation { schema, service, message, strace: "6.1".to_owned(), models })
    }

    /// Kills: numbers under the wrong model; a call that only one model makes left out; calls of one
    /// role in two rows.
    #[test]
    fn calls_stand_side_by_side() {
        let page = page(vec![
            traced("thread", &[calls("recvfrom", Some(Role::Receive), 1)]),
            traced(
                "epoll",
                &[
                    calls("epoll_wait", Some(Role::Wait), 2),
                    calls("mmap", Some(Role::Memory), 3),
                    calls("munmap", Some(Role::Memory), 4),
                ],
            ),
        ]);
        let table: Vec<&str> = page.lines().skip(2).take_while(|line| !line.is_empty()).collect();
        assert_eq!(
            table,
            [
                "                        thread  epoll",
                "accept                       0      0",
                "first message                1      9",
                "  epoll_wait  waits          -      2",
                "  recvfrom    receives       1      -",
                "  ..          memory         -      7",
                "second message               0      0",
                "close                        0      0",
                "all                          1      9",
            ]
        );
        assert!(page.contains("  memory                mmap, munmap: stacks"), "{page}");
    }

    /// Kills: a reason that is made up for a call of which nothing is known.
    #[test]
    fn an_unknown_call_is_shown_without_a_reason() {
        let page = page(vec![traced("epoll", &[calls("mincore", None, 1)])]);
        assert!(page.contains("  mincore"), "{page}");
        assert!(page.contains("  mincore: not known here\n"), "{page}");
    }

    #[test]
    fn many_models_make_several_tables_and_no_line_is_too_long() {
        let names: Vec<String> = (0..20).map(|n| format!("epoll:processes={n}")).collect();
        let page = page(
            names
                .iter()
                .map(|name| traced(name, &[calls("epoll_pwait", Some(Role::Wait), 1)]))
                .collect(),
        );
        assert!(page.lines().all(|line| line.chars().count() <= WIDTH), "{page}");
        assert!(names.iter().all(|name| page.contains(name.as_str())), "{page}");
        assert_eq!(page.matches("\nsecond message").count(), 5, "{page}");
    }
}
