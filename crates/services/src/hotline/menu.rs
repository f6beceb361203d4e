//! Menus, and one caller's way through them: what is said to each choice, and where the caller is
//! then. Knows texts and choices, no peer and no clock.

use std::collections::HashMap;
use std::time::Duration;

/// Every menu of a hotline; texts are in the character set that is sent.
#[derive(Debug)]
pub(super) struct Menus {
    pub(super) menus: Vec<Menu>,
    /// Where a call begins: an index into `menus`, as every other.
    pub(super) start: usize,
    /// Wrong choices in a row that are answered with `again`; one more ends the call.
    pub(super) retry_limit: Option<u32>,
    /// What is said when the call ends for that.
    pub(super) retry_text: Vec<u8>,
    /// How long a caller may press nothing.
    pub(super) silence: Option<Duration>,
    /// What is said when the call ends for that.
    pub(super) silence_text: Vec<u8>,
}

/// One menu.
#[derive(Debug)]
pub(super) struct Menu {
    /// Said on entering it and on coming back to it.
    pub(super) text: Vec<u8>,
    /// Said to what is no choice.
    pub(super) again: Vec<u8>,
    pub(super) choices: HashMap<String, Choice>,
}

/// What a choice does.
#[derive(Debug)]
pub(super) struct Choice {
    /// Said first.
    pub(super) text: Vec<u8>,
    pub(super) then: Then,
}

/// Where a choice leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Nowhere: the menu is not said again.
    Stay,
    /// To this menu.
    Enter(usize),
    /// To the menu from which this one was entered.
    Back,
    /// Out.
    HangUp,
}

/// One caller's place.
pub(super) struct Call<'a> {
    menus: &'a Menus,
    /// The menus entered, each from the one before. None is there twice: entering one again goes
    /// back to it, so that a caller who walks in circles costs nothing.
    path: Vec<usize>,
    wrong_in_a_row: u32,
}

/// What a caller hears next, and whether that was all.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    pub(super) texts: [&'a [u8]; 2],
    pub(super) over: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(menus: &'a Menus) -> Call<'a> {
        Call { menus, path: vec![menus.start], wrong_in_a_row: 0 }
    }

    /// What is said before the first choice.
    pub(super) fn greeting(&self) -> &'a [u8] {
        &self.menu().text
    }

    /// The caller chose.
    pub(super) fn choose(&mut self, choice: &str) -> Step<'a> {
        let Some(choice) = self.menu().choices.get(choice) else {
            return self.wrong();
        };
        self.wrong_in_a_row = 0;
        match choice.then {
            Then::Stay => return Step { texts: [&choice.text, b""], over: false },
            Then::HangUp => return Step { texts: [&choice.text, b""], over: true },
            Then::Enter(menu) => self.enter(menu),
            Then::Back => {
                if self.path.len() > 1 {
                    self.path.pop();
                }
            }
        }
        Step { texts: [&choice.text, &self.menu().text], over: false }
    }

    /// The caller pressed nothing for too long.
    pub(super) fn silent(&self) -> Step<'a> {
        Step { texts: [&self.menus.silence_text, b""], over: true }
    }

    /// The caller chose what no menu has.
    pub(super) fn wrong(&mut self) -> Step<'a> {
        if self.menus.retry_limit.is_some_and(|limit| self.wrong_in_a_row >= limit) {
            return Step { texts: [&self.menus.retry_text, b""], over: true };
        }
        self.wrong_in_a_row = self.wrong_in_a_row.saturating_add(1);
        Step { texts: [&self.menu().again, b""], over: false }
    }

    fn enter(&mut self, menu: usize) {
        if let Some(at) = self.path.iter().position(|entered| *entered == menu) {
            self.path.truncate(at);
        }
        self.path.push(menu);
    }

    fn menu(&self) -> &'a Menu {
        let at = self.path.last().copied().unwrap_or(self.menus.start);
        &self.menus.menus[at]
    }
}
