//! Hotline: a phone menu, straight-line. A choice needs no line end: 300 ms without another key end
//! it too, as on a real phone.
//!
//! # Layout
//!
//! - `menu`: the menus and one caller's way through them; no peer, no clock.
//! - `file`: menus from a TOML file, and what is wrong with it, by line.
//! - `keypad`: choices out of a peer's bytes.

mod file;
mod keypad;
mod menu;

use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use encoding_rs::Encoding;
use switchboard_core::{Idle, Peer, Service, State};

use self::keypad::{Keyed, Keypad};
use self::menu::{Call, Menus};
use crate::{Entry, Options, ServiceOption, charset};

/// The entry in [`SERVICES`](crate::SERVICES).
pub(crate) static ENTRY: Entry = Entry {
    name: "hotline",
    summary: "a phone menu: 0, another choice, or exit",
    source: "",
    styles: &["straight-line"],
    options: &[LANGUAGE, ENCODING, MENU],
    hidden: false,
    build,
};

const LANGUAGE: ServiceOption = ServiceOption {
    name: "language",
    value: Some("LANGUAGE"),
    values: &["en", "zh"],
    default: Some("en"),
    help: "The language of the built-in menu",
};

const ENCODING: ServiceOption = ServiceOption {
    name: "encoding",
    value: Some("CHARSET"),
    values: &[],
    default: Some("utf-8"),
    help: "The character set of texts and choices: utf-8, gb2312, gbk, gb18030, ...",
};

const MENU: ServiceOption = ServiceOption {
    name: "menu",
    value: Some("FILE.toml"),
    values: &[],
    default: None,
    help: "Another menu, from a file",
};

/// The server's own idle limit, which a longer silence deadline has to lift.
const SERVER_IDLE: Duration = Duration::from_secs(600);

fn build(options: &Options) -> Result<Service, String> {
    let encoding = charset::find_writable(ENCODING.of(options).unwrap_or_default())?;
    let menus = menus(options, encoding)?;
    let idle = match menus.silence {
        Some(silence) if silence >= SERVER_IDLE => {
            Idle::After(silence.saturating_add(Duration::from_secs(1)))
        }
        _ => Idle::Default,
    };
    let service = Service::handler("hotline", move |peer| answer(peer, &menus, encoding));
    Ok(service.state(State::PerPeer).idle(idle))
}

fn menus(options: &Options, encoding: &'static Encoding) -> Result<Menus, String> {
    match (MENU.of(options), options.get(LANGUAGE.name)) {
        (Some(_), Some(_)) => {
            Err("`language` chooses a built-in menu and `menu` another one: drop either".into())
        }
        (Some(path), None) => {
            let text = fs::read_to_string(path)
                .map_err(|error| format!("cannot read the menu file {path}: {error}"))?;
            file::read(path, &text, encoding)
        }
        (None, language) => {
            let (name, text) = match language.or(LANGUAGE.default) {
                Some("zh") => ("chinese.toml", include_str!("hotline/chinese.toml")),
                Some("en") => ("english.toml", include_str!("hotline/english.toml")),
                other => {
                    return Err(LANGUAGE
                        .check(other.unwrap_or_default())
                        .err()
                        .unwrap_or_default());
                }
            };
            file::read(name, text, encoding)
        }
    }
}

/// One call, from the greeting to the end.
fn answer(peer: &mut Peer<'_>, menus: &Menus, encoding: &'static Encoding) -> io::Result<()> {
    let mut call = Call::new(menus);
    let mut keypad = Keypad::default();
    peer.write_all(call.greeting())?;
    loop {
        let step = match keypad.key(peer, menus.silence)? {
            Keyed::Choice(bytes) => {
                let (choice, _) = encoding.decode_without_bom_handling(&bytes);
                call.choose(&choice)
            }
            Keyed::TooLong => call.wrong(),
            Keyed::Silence => call.silent(),
            Keyed::Ended => return Ok(()),
        };
        for text in step.texts {
            peer.write_all(text)?;
        }
        if step.over {
            return Ok(());
        }
    }
}
