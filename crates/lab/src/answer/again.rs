//! What of a command line another comparison of the same has to repeat.

/// Flags that say what is compared, each with its short form and whether it has a value.
const KEPT: [(&str, &str, bool); 7] = [
    ("--quick", "", false),
    ("--models", "-m", true),
    ("--reference", "", true),
    ("--service", "-s", true),
    ("--command", "-c", true),
    ("--script", "", true),
    ("--external", "", true),
];
/// Flags with a value that are not kept.
const DROPPED: [(&str, &str); 8] = [
    ("--experiments", "-e"),
    ("--rounds", ""),
    ("--for", ""),
    ("--from", ""),
    ("--out", "-o"),
    ("--format", ""),
    ("--against", ""),
    ("--worse-than", ""),
];

/// The words of a command line that say what is compared, with the long forms of flags.
pub(super) fn kept(command_line: &[String]) -> Vec<String> {
    let mut kept = Vec::new();
    let mut words = command_line.iter().skip(1);
    while let Some(word) = words.next() {
        for (long, short, has_value) in KEPT {
            let Some(rest) = given(word, long, short) else { continue };
            kept.push(long.to_owned());
            if has_value {
                kept.extend(rest.map(str::to_owned).or_else(|| words.next().cloned()));
            }
        }
        // The value of another flag may look like one of these.
        if DROPPED.iter().any(|(long, short)| given(word, long, short) == Some(None)) {
            words.next();
        }
    }
    kept
}

/// The same words with these models in place of all that were compared.
pub(super) fn only(kept: Vec<String>, models: &[String]) -> Vec<String> {
    let mut words = kept.into_iter();
    let mut only = Vec::new();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--quick" => only.push(word),
            "--models" | "--external" | "--reference" => drop(words.next()),
            _ => only.extend([Some(word), words.next()].into_iter().flatten()),
        }
    }
    only.extend(["--models".to_owned(), models.join(",")]);
    only
}

/// Whether a word is this flag, and the value that is in the same word: `--models=x`, `-mx`.
pub(crate) fn given<'a>(word: &'a str, long: &str, short: &str) -> Option<Option<&'a str>> {
    if word == long || (!short.is_empty() && word == short) {
        return Some(None);
    }
    if let Some(value) = word.strip_prefix(long).and_then(|rest| rest.strip_prefix('=')) {
        return Some(Some(value));
    }
    let value =
        word.strip_prefix(short).filter(|_| !short.is_empty() && !word.starts_with("--"))?;
    Some(Some(value.strip_prefix('=').unwrap_or(value)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: a comparison that is to be made again of something else than was compared.
    #[test]
    fn what_is_compared_is_said_again() {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let line = "switchboard compare -mepoll,thread --command=./mine --script talk.toml -e few \
                    --external go={port} -o --quick --external b={port} --for connections=5";
        let again = "--models epoll,thread --command ./mine --script talk.toml --external go={port} \
                     --external b={port}";
        assert_eq!(kept(&words(line)), words(again));
        assert_eq!(
            kept(&words("switchboard compare --quick -s upper")),
            words("--quick --service upper")
        );
        assert!(kept(&words("switchboard compare")).is_empty());
        let narrowed = only(
            words("--quick --models a,b --reference a --command ./mine --external c=x"),
            &words("b epoll:workers=2"),
        );
        assert_eq!(narrowed, words("--quick --command ./mine --models b,epoll:workers=2"));
    }
}
