//! Menus from a TOML file. Whatever is wrong with it is told with file and line.
//!
//! ```toml
//! start = "main"                  # the menu in which a call begins; `main` unless given
//! again = "Please try again.\n"   # said to what is no choice
//! retry_limit = 3                 # wrong choices in a row that `again` answers; one more ends the call
//! retry_text = "Goodbye.\n"       # said then
//! silence = "20s"                 # a caller who presses nothing for this long is hung up on
//! silence_text = "Goodbye.\n"     # said then
//!
//! [menus.main]
//! text = "1 for sales, 0 for an operator.\n"
//! [menus.main.choices]
//! 0 = { text = "All operators are busy.\n" }   # says it and stays
//! 1 = { menu = "sales" }                       # enters another menu
//! exit = { then = "hang up" }
//!
//! [menus.sales]
//! text = "* to go back.\n"
//! again = "Sales has no such choice.\n"        # in place of the one above
//! choices."*" = { then = "back" }
//! ```
//!
//! `start`, the limits and their texts may be left out. A choice has `text`, and `menu` or `then`,
//! at least one of the three.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::time::Duration;

use encoding_rs::Encoding;
use serde::Deserialize;
use toml::Spanned;

use super::keypad::CHOICE_MAX;
use super::menu::{Choice, Menu, Menus, Then};
use crate::charset;

type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MenuFile {
    start: Option<Text>,
    again: Text,
    retry_limit: Option<u32>,
    retry_text: Option<Text>,
    silence: Option<Text>,
    silence_text: Option<Text>,
    menus: BTreeMap<Text, MenuTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MenuTable {
    text: Text,
    again: Option<Text>,
    choices: BTreeMap<Text, Spanned<ChoiceTable>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChoiceTable {
    text: Option<Text>,
    menu: Option<Text>,
    then: Option<Spanned<Way>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
enum Way {
    #[serde(rename = "back")]
    Back,
    #[serde(rename = "hang up")]
    HangUp,
}

/// What is wrong, and where in the text.
struct Fault {
    at: Range<usize>,
    what: String,
}

/// The menus that `text`, the content of the file `name`, describes.
///
/// # Errors
/// `FILE:LINE: what is wrong`.
pub(super) fn read(name: &str, text: &str, encoding: &'static Encoding) -> Result<Menus, String> {
    let menus = toml::from_str::<MenuFile>(text)
        .map_err(|error| Fault {
            at: error.span().unwrap_or_default(),
            what: error.message().replace('\n', ", "),
        })
        .and_then(|file| Reader::new(&file, encoding).menus(&file));
    menus.map_err(|fault| {
        let before = &text.as_bytes()[..fault.at.start.min(text.len())];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("{name}:{line}: {}", fault.what)
    })
}

struct Reader<'a> {
    encoding: &'static Encoding,
    /// Where each menu will be.
    places: HashMap<&'a str, usize>,
}

impl<'a> Reader<'a> {
    fn new(file: &'a MenuFile, encoding: &'static Encoding) -> Reader<'a> {
        let names = file.menus.keys().map(|name| name.as_ref().as_str());
        Reader { encoding, places: names.zip(0..).collect() }
    }

    fn menus(&self, file: &MenuFile) -> Result<Menus, Fault> {
        let start = match (&file.start, self.places.get("main")) {
            (Some(start), _) => self.place(start)?,
            (None, Some(main)) => *main,
            (None, None) => {
                return Err(Fault {
                    at: file.menus.keys().next().map_or(0..0, Spanned::span),
                    what: "no menu is called `main`: say with `start` where a call begins".into(),
                });
            }
        };
        let again = self.text(&file.again)?;
        let menus = file
            .menus
            .values()
            .enumerate()
            .map(|(at, table)| self.menu(table, &again, at == start))
            .collect::<Result<_, _>>()?;
        Ok(Menus {
            menus,
            start,
            retry_limit: file.retry_limit,
            retry_text: self.text_or_none(file.retry_text.as_ref())?,
            silence: file.silence.as_ref().map(duration).transpose()?,
            silence_text: self.text_or_none(file.silence_text.as_ref())?,
        })
    }

    fn menu(&self, table: &MenuTable, again: &[u8], is_start: bool) -> Result<Menu, Fault> {
        let mut choices = HashMap::new();
        for (key, choice) in &table.choices {
            self.check_key(key)?;
            choices.insert(key.as_ref().clone(), self.choice(choice, is_start)?);
        }
        if choices.is_empty() {
            return Err(fault(&table.text, "this menu has no choices: give it one"));
        }
        let again = match &table.again {
            Some(own) => self.text(own)?,
            None => again.to_vec(),
        };
        Ok(Menu { text: self.text(&table.text)?, again, choices })
    }

    fn choice(&self, choice: &Spanned<ChoiceTable>, is_start: bool) -> Result<Choice, Fault> {
        let ChoiceTable { text, menu, then } = choice.as_ref();
        let way = then.as_ref().map(|then| *then.as_ref());
        let leads = match (menu, way) {
            (Some(_), Some(_)) => {
                return Err(fault(choice, "a choice leads to a `menu` or has a `then`, not both"));
            }
            (Some(menu), None) => Then::Enter(self.place(menu)?),
            (None, Some(Way::HangUp)) => Then::HangUp,
            (None, Some(Way::Back)) if is_start => {
                return Err(fault(choice, "there is no way `back` from where a call begins"));
            }
            (None, Some(Way::Back)) => Then::Back,
            (None, None) if text.is_none() => {
                let what = "this choice does nothing: give it a `text`, a `menu` or a `then`";
                return Err(fault(choice, what));
            }
            (None, None) => Then::Stay,
        };
        Ok(Choice { text: self.text_or_none(text.as_ref())?, then: leads })
    }

    /// Refuses a key that nobody could ever press.
    fn check_key(&self, key: &Text) -> Result<(), Fault> {
        if key.as_ref().contains('\n') || key.as_ref().ends_with('\r') {
            return Err(fault(key, "a choice cannot hold a line end: it ends there"));
        }
        match self.text(key)?.len() > CHOICE_MAX {
            true => Err(fault(key, &format!("a choice has at most {CHOICE_MAX} bytes"))),
            false => Ok(()),
        }
    }

    fn place(&self, menu: &Text) -> Result<usize, Fault> {
        self.places.get(menu.as_ref().as_str()).copied().ok_or_else(|| {
            let mut names: Vec<&str> = self.places.keys().copied().collect();
            names.sort_unstable();
            let what =
                format!("no menu is called `{}`; there is {}", menu.as_ref(), names.join(", "));
            fault(menu, &what)
        })
    }

    fn text(&self, text: &Text) -> Result<Vec<u8>, Fault> {
        charset::encode(text.as_ref(), self.encoding).map_err(|what| fault(text, &what))
    }

    fn text_or_none(&self, text: Option<&Text>) -> Result<Vec<u8>, Fault> {
        text.map_or(Ok(Vec::new()), |text| self.text(text))
    }
}

fn fault<T>(place: &Spanned<T>, what: &str) -> Fault {
    Fault { at: place.span(), what: what.into() }
}

/// `500ms`, `20s`, `5m`.
fn duration(text: &Text) -> Result<Duration, Fault> {
    let written = text.as_ref().as_str();
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = written.split_at(digits);
    let unit_ms = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => 0,
    };
    match number.parse::<u32>() {
        Ok(number) if number > 0 && unit_ms > 0 => {
            Ok(Duration::from_millis(u64::from(number) * unit_ms))
        }
        _ => Err(fault(text, &format!("`{written}` is no duration; write 20s, 500ms or 5m"))),
    }
}
