//! Everything that people are told. The first characters of a line say what it is, and nobody's text
//! or name can begin one: `<ann>` somebody talks, `*` does something, `[ann to you]` talks to you only,
//! `-->` comes, `<--` goes, `--` is the server.

use std::fmt::Write;
use std::sync::Arc;

use switchboard_core::Ending;

use super::names::NAME_MAX;

pub(super) const WELCOME: &str = "Welcome to the chat. What is your name?";

pub(super) const HELP: &str = "\
-- What you type is read by everyone in your room. Besides:
--   /join ROOM       go to another room, which is made if there is none
--   /leave           go back to the lobby
--   /rooms           which rooms there are
--   /who             who is here; /who ROOM: who is there
--   /msg NAME TEXT   tell one person only
--   /me TEXT         do something: /me waves
--   /nick NAME       take another name
--   /quit            leave; so does Ctrl-D
-- A line that is to begin with a slash begins with two.";

pub(super) const NOT_UTF8: &str = "-- That line is not UTF-8, so nobody has got it.";

pub(super) const TOO_MUCH: &str =
    "-- The others cannot keep up with what is said, so nobody has got that.";

pub(super) const CLOSING: &str = "-- The server is closing. Goodbye!";

/// So many names are listed at most.
const NAMES_MOST: usize = 100;

/// So many rooms.
const ROOMS_MOST: usize = 50;

pub(super) fn bad_name(what: &str) -> String {
    format!(
        "-- {what} has 1 to {NAME_MAX} letters and digits of one script; - and _ are letters, too."
    )
}

pub(super) fn taken(name: &str) -> String {
    format!("-- {name} is here already.")
}

pub(super) fn too_long(most: usize) -> String {
    format!("-- That line was longer than {most} bytes, so nobody has got it.")
}

pub(super) fn slower(rate: u32) -> String {
    format!("-- Not so fast: of each of us {rate} lines a second are passed on. Yours follow.")
}

pub(super) fn unknown(command: &str) -> String {
    format!("-- There is no /{command}. /help shows what there is.")
}

pub(super) fn incomplete(usage: &str) -> String {
    format!("-- It is written {usage}.")
}

pub(super) fn said(name: &str, text: &str) -> String {
    format!("<{name}> {text}\n")
}

pub(super) fn done(name: &str, text: &str) -> String {
    format!("* {name} {text}\n")
}

pub(super) fn told(from: &str, text: &str) -> String {
    format!("[{from} to you] {text}\n")
}

pub(super) fn you_told(whom: &str, text: &str) -> String {
    format!("[you to {whom}] {text}")
}

pub(super) fn nobody_called(name: &str) -> String {
    format!("-- Nobody here is called {name}. /who shows who is.")
}

pub(super) fn renamed(before: &str, now: &str) -> String {
    format!("-- {before} is now called {now}\n")
}

pub(super) fn you_are_called(name: &str) -> String {
    format!("-- You are called {name} now.")
}

pub(super) fn comes(name: &str) -> String {
    format!("--> {name} has joined\n")
}

pub(super) fn moves(name: &str, room: &str) -> String {
    format!("<-- {name} has gone to {}\n", place(room))
}

pub(super) fn quits(name: &str, text: &str) -> String {
    let colon = if text.is_empty() { "" } else { ": " };
    format!("<-- {name} has left{colon}{text}\n")
}

/// Of somebody who has not said goodbye.
pub(super) fn goes(name: &str, ending: Ending) -> String {
    let how = match ending {
        Ending::Closed | Ending::Left => "has left",
        Ending::Reset => "has lost the connection",
        Ending::TooSlow => "read too slowly and was closed",
        Ending::TimedOut => "was silent for too long",
        Ending::Drained | Ending::CutOff => "has left: the server is closing there",
        Ending::Error | Ending::Panicked | Ending::TooLarge => "is gone",
    };
    format!("<-- {name} {how}\n")
}

/// Of somebody whose process has died.
pub(super) fn lost() -> (Arc<str>, Arc<str>) {
    ("<-- ".into(), " is gone: the server has lost the connection\n".into())
}

/// What somebody sees on coming into a room: what was said, where this is, who is there.
pub(super) fn entered(room: &str, own: &str, names: &[Arc<str>], members: usize) -> String {
    let mut line = format!("-- You are in {}, ", place(room));
    let others: Vec<&str> = names.iter().map(|name| &**name).filter(|name| *name != own).collect();
    match (others.as_slice(), members.saturating_sub(others.len() + 1)) {
        ([], 0) => line.push_str("alone so far."),
        ([name], 0) => line += &format!("with {name}."),
        ([first @ .., last], 0) => line += &format!("with {} and {last}.", first.join(", ")),
        _ => line += &format!("with {} others.", members.saturating_sub(1)),
    }
    line
}

pub(super) fn said_before(room: &str) -> String {
    format!("-- Said in {} lately:\n", place(room))
}

pub(super) const HOW_TO: &str = "-- Type to talk; /help shows what else you can do.";

pub(super) fn here_already(room: &str) -> String {
    format!("-- You are in {} already.", place(room))
}

pub(super) const IN_LOBBY: &str = "-- You are in the lobby; /quit leaves the chat.";

pub(super) fn who(room: &str, own: &str, mut names: Vec<Arc<str>>) -> String {
    if names.is_empty() {
        return format!("-- There is no room {room}. /rooms shows which there are.");
    }
    names.sort_unstable();
    let count = names.len();
    let mut line = format!("-- In {}: ", place(room));
    for (number, name) in names.iter().take(NAMES_MOST).enumerate() {
        let comma = if number == 0 { "" } else { ", " };
        let you = if **name == *own { " (you)" } else { "" };
        let _ = write!(line, "{comma}{name}{you}");
    }
    if count > NAMES_MOST {
        let _ = write!(line, " and {} more", count - NAMES_MOST);
    }
    line.push('.');
    line
}

/// `rooms`: with the number of people in each.
pub(super) fn rooms(mut rooms: Vec<(&str, usize)>, own: &str) -> String {
    rooms.sort_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(other.0)));
    let left = rooms.len().saturating_sub(ROOMS_MOST);
    rooms.truncate(ROOMS_MOST);
    let width = rooms.iter().map(|(room, _)| room.chars().count()).max().unwrap_or_default();
    let mut lines = "-- Rooms, and how many people are there:".to_owned();
    for (room, people) in rooms {
        let here = if room == own { "  you are here" } else { "" };
        let _ = write!(lines, "\n--   {room:width$}  {people}{here}");
    }
    if left > 0 {
        let _ = write!(lines, "\n--   and {left} more");
    }
    lines
}

pub(super) fn goodbye(name: &str) -> String {
    format!("-- Goodbye, {name}!")
}

fn place(room: &str) -> String {
    if room == "lobby" { "the lobby".to_owned() } else { room.to_owned() }
}
