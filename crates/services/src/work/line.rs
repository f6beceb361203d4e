//! What a line asks for.

use std::borrow::Cow;
use std::time::Duration;

/// The longest burn or sleep: a mistake in a measurement is to end.
const LONGEST: Duration = Duration::from_secs(3600);

/// A line that can be carried out. A duration comes with its text, which the answer repeats.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Burn(Duration, &'a str),
    Sleep(Duration, &'a str),
    Echo(&'a str),
    Crash,
    Abort,
}

impl Line<'_> {
    /// # Errors
    /// A sentence that says how such a line is written, as the peer is sent it.
    pub(super) fn of(line: &str) -> Result<Line<'_>, Cow<'static, str>> {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        match (word, value.trim()) {
            ("echo", _) => Ok(Line::Echo(value)),
            ("burn", text) => Ok(Line::Burn(duration(text)?, text)),
            ("sleep", text) => Ok(Line::Sleep(duration(text)?, text)),
            ("crash", "") => Ok(Line::Crash),
            ("abort", "") => Ok(Line::Abort),
            _ => {
                let commands = "burn DURATION, sleep DURATION, echo TEXT, crash, abort";
                Err(format!("not a command; there are {commands}").into())
            }
        }
    }
}

fn duration(text: &str) -> Result<Duration, Cow<'static, str>> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match humantime::parse_duration(text) {
        _ if is_number => {
            Err(format!("a duration needs a unit: {text}s, {text}ms, {text}us").into())
        }
        Err(_) => Err("a duration is a number and a unit, such as 200us, 50ms, 2s".into()),
        Ok(time) if time > LONGEST => Err("a duration is at most 1h here".into()),
        Ok(time) => Ok(time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_word_and_a_value() {
        let ms = Duration::from_millis;
        assert_eq!(Line::of("burn 50ms"), Ok(Line::Burn(ms(50), "50ms")));
        assert_eq!(Line::of("sleep  1s 5ms "), Ok(Line::Sleep(ms(1005), "1s 5ms")));
        assert_eq!(Line::of("burn 200us"), Ok(Line::Burn(Duration::from_micros(200), "200us")));
        assert_eq!(Line::of("sleep 1h"), Ok(Line::Sleep(LONGEST, "1h")));
        assert_eq!(Line::of("sleep 0s"), Ok(Line::Sleep(Duration::ZERO, "0s")));
        assert_eq!(Line::of("echo a  b "), Ok(Line::Echo("a  b ")));
        assert_eq!(Line::of("echo"), Ok(Line::Echo("")));
        assert_eq!(Line::of("crash"), Ok(Line::Crash));
        assert_eq!(Line::of("abort "), Ok(Line::Abort));
    }

    #[test]
    fn what_is_no_command_is_told_the_commands() {
        let sentence =
            "not a command; there are burn DURATION, sleep DURATION, echo TEXT, crash, abort";
        for line in ["", " ", "burnt 5ms", "Echo a", "crash now", " echo a", "echo\ta", "\u{fffd}"]
        {
            assert_eq!(Line::of(line), Err(sentence.into()), "{line:?}");
        }
    }

    #[test]
    fn a_duration_needs_a_number_and_a_unit_and_is_bounded() {
        let said = |line: &str| Line::of(line).unwrap_err();
        assert_eq!(said("burn 50"), "a duration needs a unit: 50s, 50ms, 50us");
        assert_eq!(said("burn 0"), "a duration needs a unit: 0s, 0ms, 0us");
        for text in ["", " ", "ms", "-5ms", "5 parsecs", "99999999999999999999999h"] {
            let sentence = "a duration is a number and a unit, such as 200us, 50ms, 2s";
            assert_eq!(said(&format!("sleep {text}")), sentence, "{text:?}");
        }
        assert_eq!(said("burn"), said("burn ms"));
        assert_eq!(said("sleep 1h 1ns"), "a duration is at most 1h here");
        assert_eq!(said("burn 61m"), said("sleep 100years"));
    }
}
