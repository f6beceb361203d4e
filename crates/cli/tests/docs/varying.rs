//! What differs from run to run, and is not compared.

/// What a server counts that depends on how its threads and peers happen to meet: system calls by
/// kind, waiting, and how its peers are spread.
const COUNTS: [&str; 8] = [
    " queued_us=",
    " full=",
    " accepts=",
    " waits=",
    " receives=",
    " sends=",
    " arms=",
    " spread=",
];

/// `text` with everything that varies replaced by a word: process ids, the ports of peers, user
/// ids, times, what the machine has room for, some counts.
pub(crate) fn settled(text: &str) -> String {
    let mut text = text.to_owned();
    for (before, word) in [
        ("pid=", "PID"),
        ("uid=", "UID"),
        ("process ", "PID"),
        ("(pid ", "PID"),
        ("room for ", "N"),
        ("(descriptor limit ", "N"),
    ] {
        text = numbers_after(&text, before, word, |_| true);
    }
    for before in COUNTS {
        text = numbers_after(&text, before, "N", |_| true);
    }
    text = spread_settled(&text);
    for before in ["127.0.0.1:", "[::1]:"] {
        text = numbers_after(&text, before, "PORT", |port| !PORTS.contains(&port));
    }
    for before in [" after ", " in "] {
        text = times_after(&text, before);
    }
    text
}

/// The ports that pages name; each session has others in their place.
pub(crate) const PORTS: [&str; 2] = ["7788", "7789"];

fn numbers_after(text: &str, before: &str, word: &str, varies: impl Fn(&str) -> bool) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let shown = if number.is_empty() || !varies(number) { number } else { word };
        out += &format!("{before}{shown}{rest}");
    }
    out
}

/// `spread=N/12/9`, whose first number is settled: how many numbers there are does not vary.
fn spread_settled(text: &str) -> String {
    let Some((before, spread)) = text.split_once(" spread=N") else { return text.to_owned() };
    let end = spread.find(|c: char| !c.is_ascii_digit() && c != '/').unwrap_or(spread.len());
    let (others, rest) = spread.split_at(end);
    format!("{before} spread=N{}{rest}", "/N".repeat(others.matches('/').count()))
}

/// `5.0s`, `303.5ms`, `12µs`, as `Duration` prints them.
fn times_after(text: &str, before: &str) -> String {
    let mut parts = text.split(before);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(part.len());
        let (number, rest) = part.split_at(end);
        let unit = ["ns", "µs", "ms", "s"].into_iter().find_map(|unit| rest.strip_prefix(unit));
        match unit.filter(|_| !number.is_empty()) {
            Some(rest) => out += &format!("{before}TIME{rest}"),
            None => out += &format!("{before}{part}"),
        }
    }
    out
}

/// Whether a line is what a page says: alike but for what varies; `[..]` in the page is any text.
pub(crate) fn alike(said: &str, actual: &str) -> bool {
    let (said, actual) = (settled(said), settled(actual));
    let mut parts = said.split("[..]");
    let Some(mut rest) = actual.strip_prefix(parts.next().unwrap_or_default()) else {
        return false;
    };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[test]
fn what_varies_is_not_compared() {
    assert!(alike("opened 1 127.0.0.1:5", "opened 1 127.0.0.1:60000"));
    assert!(alike("epoll_wait: 1 event after 3.1ms", "epoll_wait: 1 event after 21.0µs"));
    assert!(alike("listening pid=7", "listening pid=71234"));
    assert!(alike("sent=[..] urgent=0", "sent=123 urgent=0"));
    assert!(alike("a[..]", "a"));
    assert!(alike("process 1 (pid 7) ended", "process 1 (pid 8) ended"));
    assert!(alike(
        "urgent=0 queued_us=1 full=0 accepts=9",
        "urgent=0 queued_us=20 full=1 accepts=1"
    ));
    assert!(alike(
        "urgent=0 arms=1 spread=1/2/3 lines=4",
        "urgent=0 arms=5 spread=10/0/33 lines=4"
    ));
}

#[test]
fn what_does_not_vary_is_compared() {
    assert!(!alike("on 127.0.0.1:7788", "on 127.0.0.1:60000"));
    assert!(!alike("opened 1 127.0.0.1:5", "opened 2 127.0.0.1:5"));
    assert!(!alike("2 events after 3.1ms", "1 event after 3.1ms"));
    assert!(!alike("sent=[..] urgent=0", "sent=123 urgent=1"));
    assert!(!alike("a", "a b"));
    assert!(!alike("full=0 accepted=9", "full=0 accepted=8"));
    assert!(!alike("0 arms=1 spread=1/2", "0 arms=1 spread=1/2/3"));
    assert!(!alike("0 arms=1 spread=1/2 lines=4", "0 arms=1 spread=1/2 lines=5"));
}
