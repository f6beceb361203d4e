//! The built-in hotline, and where a choice ends.

use std::time::Duration;

use proptest::prelude::*;
use switchboard_core::{Ending, Limits};

use crate::wire::{Act, Heard, conversation, sends, waits};
use crate::{pieces, service};

const WELCOME: &str = "欢迎致电10086,请输入1xxx,0转人工服务.";
const OPERATOR: &str = "通过可能会被录音.balabala一大推";
const AGAIN: &str = "请重新输入.";

fn call(acts: impl IntoIterator<Item = Act>) -> Heard {
    conversation(&service("hotline", "language=zh"), Limits::default(), acts)
}

#[test]
fn chinese_is_said_to_the_letter() {
    let heard = call([sends("0\n"), sends("1234\n"), sends("\n"), sends("00\n")]);
    assert_eq!(heard.text(), [WELCOME, OPERATOR, AGAIN, AGAIN, AGAIN].concat());
    assert_eq!(heard.ending, Ending::Left);
}

#[test]
fn english_has_three_lines() {
    let heard = conversation(&service("hotline", ""), Limits::default(), [sends("0\n1\nexit\n")]);
    let lines: Vec<&str> = heard.text().split_terminator('\n').collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].contains("10086") && lines[0].contains('0'));
    assert!(lines[1].contains("recorded"));
    assert_eq!(lines[2], "Please enter again.");
    assert_eq!(heard.ending, Ending::Closed);
    assert!(heard.text().ends_with('\n'));
}

#[test]
fn exit_closes_in_silence() {
    let heard = call([sends("exit\n"), sends("0\n")]);
    assert_eq!((heard.text(), heard.ending, heard.left_over), (WELCOME, Ending::Closed, 1));
}

#[test]
fn a_bare_choice_is_served_after_300_ms() {
    let heard = call([sends("0"), waits(299), sends("0"), waits(301), sends("0"), waits(301)]);
    assert_eq!(heard.text(), [WELCOME, AGAIN, OPERATOR].concat());
    let heard = call([waits(5000), sends("0"), waits(1_000), sends("exit"), waits(1_000)]);
    assert_eq!(heard.text(), [WELCOME, OPERATOR].concat());
    assert_eq!(heard.after, Duration::from_millis(6300));
}

#[test]
fn a_late_line_end_belongs_to_its_choice() {
    for line_end in [["", "\n"], ["\r", "\n"], ["", "\r\n"]] {
        let [early, late] = line_end;
        let heard = call([sends(format!("0{early}")), waits(400), sends(late), sends("0\n")]);
        assert_eq!(heard.text(), [WELCOME, OPERATOR, OPERATOR].concat(), "{line_end:?}");
    }
    let heard = call([sends("0"), waits(400), sends("\r"), waits(400), sends("\n"), sends("0\n")]);
    assert_eq!(heard.text(), [WELCOME, OPERATOR, OPERATOR].concat());
    // Only one, and only of that choice.
    let heard = call([sends("0"), waits(400), sends("\n\n0\n\n")]);
    assert_eq!(heard.text(), [WELCOME, OPERATOR, AGAIN, OPERATOR, AGAIN].concat());
}

#[test]
fn the_end_of_input_ends_the_choice_and_the_call() {
    let heard = call([]);
    assert_eq!((heard.text(), heard.ending), (WELCOME, Ending::Left));
    let heard = call([sends("0")]);
    assert_eq!(heard.text(), [WELCOME, OPERATOR].concat());
    assert_eq!((heard.ending, heard.after), (Ending::Left, Duration::ZERO));
}

#[test]
fn another_charset_is_spoken_and_understood() {
    let gbk = service("hotline", "language=zh,encoding=gb2312");
    let heard = conversation(&gbk, Limits::default(), [sends("0\n"), sends("x\n")]);
    let expected = [WELCOME, OPERATOR, AGAIN].concat();
    assert_eq!(heard.bytes, encoding_rs::GBK.encode(&expected).0.as_ref());
}

#[test]
fn a_choice_without_an_end_costs_little_and_is_one_wrong_choice() {
    let long = "0".repeat(3_000_000);
    let heard = call([sends(&long), sends("\n"), sends("0\n"), sends(&long), waits(400)]);
    assert_eq!(heard.text(), [WELCOME, AGAIN, OPERATOR, AGAIN].concat());
    assert_eq!(heard.ending, Ending::Left);
    assert!(heard.most_unread <= 2048, "{} bytes were kept", heard.most_unread);
}

#[test]
fn the_servers_idle_limit_holds() {
    let limits = Limits { idle: Some(Duration::from_secs(5)), ..Limits::default() };
    let heard = conversation(&service("hotline", ""), limits, [waits(9_000), sends("0\n")]);
    assert_eq!((heard.ending, heard.left_over), (Ending::TimedOut, 2));
}

proptest! {
    #[test]
    fn where_the_input_is_cut_changes_no_answer(
        choices in prop::collection::vec("(0|1|10086|)(\n|\r\n)", 0..20),
        sizes in prop::collection::vec(1usize..6, 1..12),
        pause_ms in 0u64..300,
    ) {
        let input = choices.concat();
        let expected: String = choices
            .iter()
            .map(|choice| if choice.trim_end() == "0" { OPERATOR } else { AGAIN })
            .collect();
        let acts = pieces(input.as_bytes(), &sizes)
            .into_iter()
            .flat_map(|piece| [waits(pause_ms), sends(piece)]);
        let heard = call(acts);
        prop_assert_eq!(heard.text(), WELCOME.to_owned() + &expected);
    }
}
