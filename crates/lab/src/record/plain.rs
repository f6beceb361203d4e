//! Text that a terminal shows and does not obey. What a server says of its end is anybody's text, and
//! so is what a results.json has that comes from elsewhere.

use std::borrow::Cow;

use serde_json::Value as Json;

use super::{Comparison, Value};

/// The text with what a terminal would obey (ECMA-48: C0, C1), and what would turn its order round
/// (Unicode Standard Annex 9), written out: `\x1b[2J`.
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            c if !is_obeyed(c) => out.push(c),
            '\n' | '\r' | '\t' => out.extend(c.escape_default()),
            c if c.is_ascii() => out += &format!("\\x{:02x}", u32::from(c)),
            c => out.extend(c.escape_unicode()),
        }
    }
    Cow::Owned(out)
}

fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Every text in a JSON document, names of members too.
pub(super) fn escape(json: &mut Json) {
    match json {
        Json::String(text) => own(text),
        Json::Array(all) => all.iter_mut().for_each(escape),
        Json::Object(members) => {
            members.values_mut().for_each(escape);
            if members.keys().any(|name| name.contains(is_obeyed)) {
                let all = std::mem::take(members).into_iter();
                members.extend(all.map(|(name, value)| (escaped(&name).into_owned(), value)));
            }
        }
        Json::Null | Json::Bool(_) | Json::Number(_) => {}
    }
}

fn own(text: &mut String) {
    if let Cow::Owned(new) = escaped(text) {
        *text = new;
    }
}

impl Comparison {
    /// The same, with whatever servers and dialogues have said in it [`escaped`].
    #[must_use]
    pub fn plain(mut self) -> Comparison {
        own(&mut self.work);
        self.models.iter_mut().filter_map(|model| model.unavailable.as_mut()).for_each(own);
        for experiment in &mut self.experiments {
            experiment.claim.facts.iter_mut().for_each(|fact| own(&mut fact.sentence));
            let cells = experiment.points.iter_mut().flat_map(|point| &mut point.cells);
            for value in cells.flat_map(|cell| cell.values.values_mut()) {
                match value {
                    Value::Unknown { na } => own(na),
                    Value::Known(figure) => figure.missing.iter_mut().for_each(own),
                }
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Scale;
    use crate::record::made_up::{comparison, experiment, unknown};

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(escaped("fine, ≈ µs"), "fine, ≈ µs");
        assert_eq!(escaped("a\x1b[2Jb\r\n"), "a\\x1b[2Jb\\r\\n");
        assert_eq!(escaped("\u{9b}2J \u{202e}abc"), "\\u{9b}2J \\u{202e}abc");
    }

    /// Kills: a server, or a file from elsewhere, that clears the terminal of whoever looks at it.
    #[test]
    fn no_text_of_a_record_is_obeyed() {
        let mut found = comparison(&["epoll"]);
        found.experiments.push(experiment("few", "peers", Scale::Log, &[("cpu_ns", "ns")]));
        let found = found.with_point("few", 1.0, |_, _| unknown("it said \x1b[2J\u{7}"));
        let read = Comparison::from_json(&found.to_json()).unwrap();
        let plain = found.plain();
        assert_eq!(read, plain);
        assert!(!crate::report::text(&plain, false, 100).contains('\x1b'));
        let mut named = plain.clone();
        named.experiments[0].title = "\x1b]0;title\x07".to_owned();
        named.environment.kernel = "\u{9b}31m".to_owned();
        let text =
            crate::report::text(&Comparison::from_json(&named.to_json()).unwrap(), false, 100);
        assert!(
            text.contains("\\x1b]0;title\\x07") && !text.contains(['\x1b', '\u{9b}']),
            "{text}"
        );
    }
}
