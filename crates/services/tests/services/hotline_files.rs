//! What is wrong with a menu file, by file and line.

use std::fs;

use switchboard_services::{Options, find};

/// The error for a menu file, without the directory.
fn error(menu: &str, encoding: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("menu.toml");
    fs::write(&path, menu).unwrap();
    let mut options = Options::new();
    options.set("menu", path.to_str().unwrap());
    options.set("encoding", encoding);
    let error = (find("hotline").unwrap().build)(&options).unwrap_err();
    error.strip_prefix(directory.path().to_str().unwrap()).unwrap()[1..].into()
}

/// A right file with one line in place of another: the error is that of line 7.
fn line_7(line: &str) -> String {
    let menu = format!(
        "again = \"Again.\\n\"\nstart = \"top\"\n\n[menus.top]\ntext = \"Top.\\n\"\n\
         [menus.top.choices]\n{line}\n[menus.sub]\ntext = \"\"\nchoices.1 = {{ then = 'back' }}\n"
    );
    let error = error(&menu, "utf-8");
    error.strip_prefix("menu.toml:7: ").unwrap_or_else(|| panic!("{error}")).into()
}

#[test]
fn a_choice_is_wrong_in_its_line() {
    assert_eq!(line_7("1 = { menu = 'sbu' }"), "no menu is called `sbu`; there is sub, top");
    assert_eq!(line_7("1 = { then = 'back' }"), "there is no way `back` from where a call begins");
    assert_eq!(
        line_7("1 = {}"),
        "this choice does nothing: give it a `text`, a `menu` or a `then`"
    );
    assert_eq!(
        line_7("1 = { menu = 'sub', then = 'hang up' }"),
        "a choice leads to a `menu` or has a `then`, not both"
    );
    assert_eq!(
        line_7("\"1\\n\" = { text = '' }"),
        "a choice cannot hold a line end: it ends there"
    );
    assert!(line_7(&format!("{} = {{ text = '' }}", "1".repeat(1025))).contains("at most 1024"));
    assert_eq!(
        line_7("1 = { then = 'hangup' }"),
        "unknown variant `hangup`, expected `back` or `hang up`"
    );
    assert!(line_7("1 = { txet = 'a' }").starts_with("unknown field `txet`"));
    assert!(line_7("1 = 'a'").contains("invalid type"));
    assert!(!line_7("1 = @").is_empty());
    assert_eq!(line_7("1 = { text = '', text = '' }"), "duplicate key");
}

#[test]
fn the_rest_of_a_file_is_checked_too() {
    let main = "[menus.main]\ntext = 'a'\nchoices.1 = { text = 'b' }\n";
    let wrong = |text: &str| error(&format!("again = ''\n{text}"), "utf-8");
    assert_eq!(
        wrong(&format!("silence = '20'\n{main}")),
        "menu.toml:2: `20` is no duration; write 20s, 500ms or 5m"
    );
    assert!(wrong(&format!("retry_limit = -1\n{main}")).starts_with("menu.toml:2: invalid value"));
    assert!(wrong(&format!("retries = 1\n{main}")).starts_with("menu.toml:2: unknown field"));
    assert_eq!(
        wrong(&main.replace("main", "top")),
        "menu.toml:2: no menu is called `main`: say with `start` where a call begins"
    );
    assert_eq!(
        wrong("[menus.main]\ntext = 'a'\nchoices = {}\n"),
        "menu.toml:3: this menu has no choices: give it one"
    );
    assert!(wrong("").contains("missing field `menus`"));
    assert_eq!(
        wrong(&format!("start = 'mian'\n{main}")),
        "menu.toml:2: no menu is called `mian`; there is main"
    );
}

#[test]
fn a_text_that_the_charset_lacks_is_named_by_line() {
    let menu = "again = ''\n[menus.main]\ntext = 'a'\nchoices.1 = { text = '你' }\n";
    assert_eq!(
        error(menu, "windows-1252"),
        "menu.toml:4: charset windows-1252 has no `你`; use utf-8 or gb18030"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_reason() {
    let build = find("hotline").unwrap().build;
    let mut options = Options::new();
    options.set("menu", "/nowhere/menu.toml");
    let error = build(&options).unwrap_err();
    assert!(error.starts_with("cannot read the menu file /nowhere/menu.toml: "), "{error}");
    options.set("language", "zh");
    assert!(build(&options).unwrap_err().contains("drop either"));
}
