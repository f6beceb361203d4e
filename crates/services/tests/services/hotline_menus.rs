//! A hotline with a menu of one's own.

use std::io::Write;
use std::time::Duration;

use switchboard_core::{Ending, Idle, Limits, Service};

use crate::service;
use crate::wire::{Act, Heard, conversation, sends, waits};

const MENU: &str = r##"
again = "Again. "
retry_limit = 2
retry_text = "Enough."
silence = "20s"
silence_text = "Anyone?"

[menus.main]
text = "Main. "
choices.1 = { text = "Sales it is. ", menu = "sales" }
choices.0 = { text = "Busy. " }
choices.9 = { text = "Bye.", then = "hang up" }
choices."你" = { text = "好 " }

[menus.sales]
text = "Sales. "
again = "No such sale. "
[menus.sales.choices]
1 = { menu = "boats" }
"*" = { then = "back" }

[menus.boats]
text = "Boats. "
[menus.boats.choices]
"*" = { text = "Back you go. ", then = "back" }
"#" = { menu = "main" }
1 = { menu = "boats" }
"##;

fn hotline(menu: &str, options: &str) -> Service {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(menu.as_bytes()).unwrap();
    service("hotline", &format!("menu={}{options}", file.path().display()))
}

fn call(acts: impl IntoIterator<Item = Act>) -> Heard {
    conversation(&hotline(MENU, ""), Limits::default(), acts)
}

#[test]
fn menus_are_entered_and_left_again() {
    let heard = call([sends("1\n1\n*\n*\n0\n9\n")]);
    let expected = "Main. Sales it is. Sales. Boats. Back you go. Sales. Main. Busy. Bye.";
    assert_eq!((heard.text(), heard.ending), (expected, Ending::Closed));
}

#[test]
fn a_menu_that_is_entered_again_is_gone_back_to() {
    // From boats to main, where there is nothing to go back to any more but through sales.
    let heard = call([sends("1\n1\n#\n*\n")]);
    assert_eq!(heard.text(), "Main. Sales it is. Sales. Boats. Main. Again. ");
    // A menu that leads to itself does not pile up.
    let heard = call([sends("1\n1\n1\n1\n*\n")]);
    assert!(heard.text().ends_with("Boats. Boats. Boats. Back you go. Sales. "), "{heard:?}");
}

#[test]
fn each_menu_may_say_again_in_its_own_words() {
    assert_eq!(
        call([sends("7\n1\n7\n")]).text(),
        "Main. Again. Sales it is. Sales. No such sale. "
    );
}

#[test]
fn one_retry_too_many_ends_the_call() {
    let heard = call([sends("a\nb\nc\n"), sends("0\n")]);
    assert_eq!(heard.text(), "Main. Again. Again. Enough.");
    assert_eq!((heard.ending, heard.left_over), (Ending::Closed, 1));
}

#[test]
fn a_right_choice_forgives_the_wrong_ones() {
    let heard = call([sends("a\nb\n0\na\nb\n0\n")]);
    assert_eq!(heard.text(), "Main. Again. Again. Busy. Again. Again. Busy. ");
}

#[test]
fn silence_ends_the_call() {
    let heard = call([waits(19_000), sends("0"), waits(400), waits(20_000), sends("0\n")]);
    assert_eq!(heard.text(), "Main. Busy. Anyone?");
    assert_eq!(heard.ending, Ending::Closed);
    assert_eq!(heard.after, Duration::from_millis(19_000 + 300 + 20_000));
}

#[test]
fn a_silence_deadline_beyond_the_idle_limit_lifts_it() {
    assert_eq!(hotline(MENU, "").declared_idle(), Idle::Default);
    let patient = hotline(&MENU.replace("20s", "20m"), "");
    assert_eq!(patient.declared_idle(), Idle::After(Duration::from_secs(1201)));
}

#[test]
fn choices_are_read_in_the_charset() {
    let menu = hotline(MENU, ",encoding=gb18030");
    let heard = conversation(&menu, Limits::default(), [sends([0xc4]), sends([0xe3, b'\n'])]);
    assert_eq!(heard.bytes, encoding_rs::GB18030.encode("Main. 好 ").0.as_ref());
}
