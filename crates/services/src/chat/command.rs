//! What a line asks for.

/// One line of somebody who has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command<'a> {
    Say(&'a str),
    Me(&'a str),
    Tell(&'a str, &'a str),
    Join(&'a str),
    Leave,
    Rooms,
    /// In that room; empty: here.
    Who(&'a str),
    Nick(&'a str),
    Quit(&'a str),
    Help,
    /// Something is missing: how it is written.
    Incomplete(&'static str),
    Unknown(&'a str),
}

/// What a line means. It is not empty.
pub(super) fn parse(line: &str) -> Command<'_> {
    let Some(rest) = line.strip_prefix('/') else { return Command::Say(line) };
    if rest.starts_with('/') {
        return Command::Say(rest);
    }
    let (name, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let rest = rest.trim();
    match name.to_ascii_lowercase().as_str() {
        "me" | "action" => needs(rest, "/me TEXT", Command::Me),
        "msg" | "tell" | "whisper" | "w" | "m" => match rest.split_once(' ') {
            Some((whom, text)) => Command::Tell(whom, text.trim_start()),
            None => Command::Incomplete("/msg NAME TEXT"),
        },
        "join" | "j" => needs(rest.strip_prefix('#').unwrap_or(rest), "/join ROOM", Command::Join),
        "leave" | "part" => Command::Leave,
        "rooms" | "list" => Command::Rooms,
        "who" | "names" => Command::Who(rest.strip_prefix('#').unwrap_or(rest)),
        "nick" | "name" => needs(rest, "/nick NAME", Command::Nick),
        "quit" | "exit" | "bye" | "q" => Command::Quit(rest),
        "help" | "h" | "?" => Command::Help,
        _ => Command::Unknown(name),
    }
}

fn needs<'a>(
    rest: &'a str,
    usage: &'static str,
    command: impl FnOnce(&'a str) -> Command<'a>,
) -> Command<'a> {
    if rest.is_empty() { Command::Incomplete(usage) } else { command(rest) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_said_and_commands_are_done() {
        let cases = [
            ("hello there", Command::Say("hello there")),
            ("//shrug", Command::Say("/shrug")),
            (" /me", Command::Say(" /me")),
            ("/me  waves ", Command::Me("waves")),
            ("/ME waves", Command::Me("waves")),
            ("/msg bob  hi  you", Command::Tell("bob", "hi  you")),
            ("/msg bob", Command::Incomplete("/msg NAME TEXT")),
            ("/join #kitchen", Command::Join("kitchen")),
            ("/j", Command::Incomplete("/join ROOM")),
            ("/part", Command::Leave),
            ("/list", Command::Rooms),
            ("/who", Command::Who("")),
            ("/who kitchen", Command::Who("kitchen")),
            ("/nick bob", Command::Nick("bob")),
            ("/quit see you", Command::Quit("see you")),
            ("/?", Command::Help),
            ("/", Command::Unknown("")),
            ("/dance now", Command::Unknown("dance")),
        ];
        for (line, command) in cases {
            assert_eq!(parse(line), command, "{line}");
        }
    }
}
