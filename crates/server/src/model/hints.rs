//! What was meant: hints by meaning first, by spelling second.

use super::{Kind, MODELS, combination, find};

/// Words that people know from elsewhere, and the MODEL that they mean here.
const MEANINGS: &[(&[&str], &str)] = &[
    (&["fork", "forking", "processes", "process-per-connection"], "process"),
    (&["prefork", "preforked", "pre-fork"], "prefork"),
    (&["threaded", "threading", "threads", "thread-per-connection", "pthread"], "thread"),
    (&["gthread", "threadpool", "thread-pool", "worker", "workers"], "pool"),
    (&["io_uring", "io-uring", "iouring", "ring", "completion"], "uring"),
    (&["kqueue", "iocp", "event-ports", "devpoll", "polling"], "portable"),
    (&["async", "await", "futures", "mio"], "tokio"),
    (&["goroutine", "goroutines", "green", "gevent", "fiber", "go"], "coroutine"),
    (&["nginx", "multi-process"], "epoll:processes=4"),
    (&["reactor", "event", "libevent", "libev", "level"], "epoll"),
    (&["edge", "et", "epollet", "epoll_et"], "epoll-et"),
    (&["busy", "scan", "nonblocking", "non-blocking", "busy-scan"], "spin"),
    (&["iterative", "serial", "single", "sync"], "sequential"),
    (&["netty", "muduo", "multi-loop"], "multi-reactor"),
    (&["half-sync", "half-async"], "hybrid"),
];

/// Flags of other servers, and how the same is said here.
const FLAGS: &[(&[&str], &str)] = &[
    (
        &["port", "p", "bind", "b", "address", "addr", "host"],
        "--listen ADDRESS (-l), such as -l :8080",
    ),
    (
        &["workers", "worker"],
        "part of the model: -m NAME:processes=N for processes, -m pool:threads=N for threads",
    ),
    (&["threads", "thread"], "part of the model: -m NAME:threads=N"),
    (&["processes", "procs", "children"], "part of the model: -m NAME:processes=N"),
    (&["type", "mode", "worker-class", "k"], "--model MODEL (-m)"),
    (&["timeout", "keepalive", "keep-alive"], "--idle DURATION"),
    (&["grace", "graceful-timeout", "shutdown-timeout"], "--drain DURATION"),
    (&["max-connections", "maxconn", "connections", "limit"], "--peers-max N"),
    (&["reuseport"], "--reuse-port"),
];

/// Keys that multiply a model; not all versions and models take them.
const MULTIPLIERS: &[&str] =
    &["threads", "processes", "workers", "children", "queue", "accept", "stack"];

/// The sentence for a name that is no model.
pub(super) fn unknown_model(name: &str) -> String {
    let known = MEANINGS
        .iter()
        .find(|(words, meant)| words.contains(&name) || meant.split(':').next() == Some(name));
    let what = match known {
        Some((_, meant)) if is_known(meant) => format!("; did you mean `{meant}`?"),
        Some((_, meant)) => {
            let (near, why) = nearest(meant);
            let nearest = format!("not in this version; `{near}` comes nearest: {why}");
            match meant.split(':').next() == Some(name) {
                true => format!(" yet: it is {nearest}"),
                false => format!(": it is called `{meant}` here, and is {nearest}"),
            }
        }
        None => match closest(name, MODELS.iter().map(|kind| kind.name)) {
            Some(close) => format!("; did you mean `{close}`?"),
            None => String::new(),
        },
    };
    format!("there is no model `{name}`{what} (`switchboard models` lists them)")
}

/// Whether the name before the colon is one of this version's.
fn is_known(model: &str) -> bool {
    let name = model.split(':').next().unwrap_or(model);
    find(name).is_some() || combination::find(name).is_some()
}

/// What comes nearest to a model that this version does not have.
fn nearest(meant: &str) -> (&'static str, &'static str) {
    match meant {
        "coroutine" => ("thread", "it runs straight-line services, too"),
        _ => ("epoll", "one loop for all peers"),
    }
}

/// The sentence for a key that a model does not take.
pub(super) fn unknown_key(kind: &Kind, key: &str, value: Option<&str>) -> String {
    let name = kind.name;
    let takes = match kind.settings {
        [] => format!("`{name}` takes no keys in this version"),
        settings => {
            let keys: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
            format!("`{name}` takes {}", keys.join(", "))
        }
    };
    if value.is_none() && key.bytes().all(|byte| byte.is_ascii_digit()) && !key.is_empty() {
        return format!(
            "`{name}:{key}`: a number needs its key, as in {name}:threads={key}; {takes}"
        );
    }
    if key.is_empty() {
        return format!("`{name}:` ends without a key; leave the colon out");
    }
    if MULTIPLIERS.contains(&key) {
        return format!("`{name}` does not take `{key}=`: {}; {takes}", why_not(kind, key));
    }
    match closest(key, kind.settings.iter().map(|setting| setting.name)) {
        Some(close) => format!("`{name}` has no key `{key}`; did you mean `{close}`?"),
        None => format!("`{name}` has no key `{key}`; {takes}"),
    }
}

/// Why a model does not take a multiplier.
fn why_not(kind: &Kind, key: &str) -> &'static str {
    match (kind.name, key) {
        ("sequential", "threads") => {
            "it serves one peer at a time; threads that do so are `pool:threads=N`, processes \
             `sequential:processes=N`"
        }
        ("thread", "threads") => "it has as many threads as peers",
        ("process", "threads" | "processes") => {
            "it has as many processes as peers; `process:children=N` is the most"
        }
        ("sequential" | "thread" | "pool" | "process", "workers") => {
            "its sessions already run where their bytes come in, a thread or process each"
        }
        ("coroutine", "workers") => {
            "a stack never moves to another thread; `coroutine:threads=N` has so many loops"
        }
        ("sequential" | "thread" | "pool" | "process", "stack") => {
            "its peers run on the stacks of their threads or processes"
        }
        ("tokio", "workers") => {
            "sessions already run on the runtime's threads; `tokio:threads=N` has more of them"
        }
        (_, "children") => "only `process` has a child for each peer",
        (_, "queue") => "only `pool` has a queue",
        ("sequential" | "process", "accept") => {
            "its peers come from one listener to whoever is free"
        }
        _ => "not in this version",
    }
}

/// What a flag of another server is called here, if it is known.
pub fn flag_hint(flag: &str) -> Option<&'static str> {
    let bare = flag.trim_start_matches('-');
    FLAGS.iter().find(|(words, _)| words.contains(&bare)).map(|(_, here)| *here)
}

/// The candidate that is spelt most like `word`, if any is like it.
pub fn closest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let scored = among.map(|candidate| (strsim::jaro_winkler(word, candidate), candidate));
    scored
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_understood_by_meaning() {
        assert!(unknown_model("kqueue").contains("did you mean `portable`?"));
        assert!(unknown_model("threaded").contains("did you mean `thread`?"));
        assert!(unknown_model("fork").contains("`process`"));
        assert!(unknown_model("io_uring").contains("did you mean `uring`?"));
        assert!(unknown_model("gthread").contains("`pool`"));
    }

    #[test]
    fn a_word_is_understood_by_spelling() {
        assert!(unknown_model("epol").contains("did you mean `epoll`?"));
        assert!(unknown_model("sequental").contains("did you mean `sequential`?"));
        assert!(!unknown_model("zzz").contains("did you mean"));
    }

    #[test]
    fn a_key_that_is_not_taken_is_refused_with_the_reason() {
        let epoll = find("poll").unwrap();
        assert!(unknown_key(epoll, "4", None).contains("poll:threads=4"));
        assert!(unknown_key(find("thread").unwrap(), "threads", Some("4")).contains("as many"));
        assert!(
            unknown_key(find("select").unwrap(), "fd-setsize", Some("4")).contains("fd-set-size")
        );
    }

    #[test]
    fn flags_of_other_servers_are_known() {
        assert!(flag_hint("--port").is_some_and(|hint| hint.contains("--listen")));
        assert!(flag_hint("--workers").is_some_and(|hint| hint.contains("processes=")));
        assert_eq!(flag_hint("--frobnicate"), None);
    }
}
