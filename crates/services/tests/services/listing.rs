//! What the list of services says is true.

use switchboard_core::State;
use switchboard_services::{Options, SERVICES, find};

#[test]
fn every_service_is_built_in_every_style_that_it_lists() {
    for entry in SERVICES {
        assert!(!entry.summary.is_empty(), "{} says nothing of itself", entry.name);
        for style in entry.styles {
            let mut options = Options::new();
            if entry.option("style").is_some() {
                options.set("style", *style);
            } else {
                assert_eq!(entry.styles.len(), 1, "{} has no way to choose a style", entry.name);
            }
            let service = (entry.build)(&options).unwrap();
            assert_eq!((service.name(), service.style().name()), (entry.name, *style));
            // One whose state stays in a process would be refused under half of the models.
            let shared = service.declared_state() == State::Shared;
            assert_eq!(shared, service.declared_topics().is_some(), "{}", entry.name);
        }
    }
}

#[test]
fn the_first_style_is_what_no_option_gives() {
    for entry in SERVICES {
        let service = (entry.build)(&Options::new()).unwrap();
        assert_eq!(service.style().name(), entry.styles[0], "{}", entry.name);
    }
}

#[test]
fn a_default_is_among_the_values() {
    for option in SERVICES.iter().flat_map(|entry| entry.options) {
        assert!(option.default.is_none_or(|value| option.check(value).is_ok()), "{option:?}");
        assert!(option.value.is_some() || option.default.is_none(), "{option:?}");
    }
}

#[test]
fn people_are_shown_nine_services_and_can_find_the_hidden_one() {
    let shown: Vec<&str> =
        SERVICES.iter().filter(|entry| !entry.hidden).map(|entry| entry.name).collect();
    assert_eq!(
        shown,
        ["echo", "discard", "chargen", "daytime", "time", "upper", "hotline", "chat", "work"]
    );
    assert!(find("probe").is_some_and(|entry| entry.hidden));
    assert!(find("ech").is_none());
}

#[test]
fn a_wrong_option_is_a_sentence() {
    let build = |service: &str, name: &str, value: &str| {
        let mut options = Options::new();
        options.set(name, value);
        (find(service).unwrap().build)(&options).unwrap_err()
    };
    assert!(build("discard", "encoding", "klingon").starts_with("unknown charset `klingon`; try "));
    assert!(build("hotline", "encoding", "utf-16le").contains("use utf-8 or gb18030"));
    assert_eq!(
        build("hotline", "language", "fr"),
        "`fr` is no value of `language`; it takes en or zh"
    );
    assert_eq!(
        build("echo", "style", "loud"),
        "`loud` is no value of `style`; it takes event or straight-line"
    );
}
