//! The command line as scripts see it: exit statuses, sentences, lines by key, JSON by schema.

#![allow(clippy::unwrap_used, reason = "clippy does not see that helpers of tests are tests")]

#[path = "commands/json.rs"]
mod json;
#[path = "commands/said.rs"]
mod said;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use switchboard::model::{COMBINATIONS, MODELS};
use switchboard::testing::{Client, program};

use said::{refuses, refuses_to_listen, refuses_to_serve, run, run_command};

const SWITCHBOARD: &str = env!("CARGO_BIN_EXE_switchboard");

#[test]
fn a_model_known_by_another_name_is_named() {
    let meanings = [
        ("fork", "process"),
        ("preforked", "prefork"),
        ("threaded", "thread"),
        ("gthread", "pool"),
        ("io_uring", "uring"),
        ("kqueue", "portable"),
        ("iocp", "portable"),
        ("async", "tokio"),
        ("goroutine", "coroutine"),
        ("green", "coroutine"),
        ("nginx", "epoll:processes=4"),
        ("muduo", "multi-reactor"),
    ];
    for (known, here) in meanings {
        let here = format!("`{here}`");
        refuses_to_serve(&["-m", known], &[&format!("no model `{known}`"), &here]);
    }
}

#[test]
fn a_model_that_is_misspelt_is_named() {
    refuses_to_serve(&["-m", "epol"], &["no model `epol`; did you mean `epoll`?"]);
    refuses_to_serve(&["-m", "zzz"], &["no model `zzz` (`switchboard models` lists them)"]);
}

/// Every model of the design has a word here, whether or not this version has the model.
#[test]
fn a_model_of_the_design_is_there_or_is_said_to_come() {
    let design = [
        "sequential",
        "process",
        "thread",
        "pool",
        "spin",
        "select",
        "poll",
        "epoll",
        "epoll-et",
        "portable",
        "uring",
        "coroutine",
        "tokio",
        "prefork",
        "multi-reactor",
        "hybrid",
    ];
    for name in design {
        let has_a_name = COMBINATIONS.iter().any(|combination| combination.name == name);
        if !has_a_name && !MODELS.iter().any(|kind| kind.name == name) {
            refuses_to_serve(&["-m", name], &["not in this version"]);
        }
    }
}

#[test]
fn a_key_that_a_model_does_not_take_is_explained() {
    refuses_to_serve(&["-m", "epoll:4"], &["a number needs its key, as in epoll:threads=4"]);
    refuses_to_serve(&["-m", "epoll:"], &["ends without a key; leave the colon out"]);
    refuses_to_serve(&["-m", "select:fd-setsize=99"], &["did you mean `fd-set-size`?"]);
    refuses_to_serve(&["-m", "select:fd-set-size=1"], &["64 to 1048576"]);
    refuses_to_serve(&["-m", "select:fd-set-size"], &["needs a value"]);
    let twice = "select:fd-set-size=99,fd-set-size=98";
    refuses_to_serve(&["-m", twice], &["`fd-set-size` is given twice"]);
}

#[test]
fn a_multiplier_is_refused_with_the_reason() {
    refuses_to_serve(
        &["-m", "sequential:threads=4"],
        &["`sequential` does not take `threads=`", "one peer at a time"],
    );
    refuses_to_serve(
        &["-m", "thread:threads=4"],
        &["`thread` does not take `threads=`", "as many threads as peers"],
    );
    refuses_to_serve(
        &["-m", "thread:workers=4"],
        &["`thread` does not take `workers=`", "already run where their bytes come in"],
    );
    for key in ["processes", "threads"] {
        refuses_to_serve(
            &["-m", &format!("process:{key}=4")],
            &[
                &format!("`process` does not take `{key}=`"),
                "as many processes as peers; `process:children=N` is the most",
            ],
        );
    }
    refuses_to_serve(&["-m", "epoll:children=4"], &["only `process` has a child for each peer"]);
    refuses_to_serve(&["-m", "thread:queue=4"], &["only `pool` has a queue"]);
    refuses_to_serve(&["-m", "process:accept=all"], &["from one listener to whoever is free"]);
    refuses_to_serve(&["-m", "thread:accept=shared"], &["thread:accept=shared,processes=N"]);
}

#[test]
fn keys_that_make_no_sense_together_are_refused_with_the_reason() {
    let alone = ["there is one loop", "epoll:accept=reuseport,threads=N"];
    refuses_to_serve(&["-m", "epoll:accept=reuseport"], &alone);
    let handoff = ["the least busy of several loops", "epoll:accept=handoff,threads=N"];
    refuses_to_serve(&["-m", "epoll:accept=handoff"], &handoff);
    refuses_to_serve(&["-m", "epoll:accept=handoff,processes=2"], &handoff);
    refuses_to_serve(&["-m", "pool:accept=all,queue=4"], &["`accept=all` has no queue"]);
    refuses_to_serve(&["-m", "pool:accept=some"], &["accept is all or queue"]);
    refuses_to_serve(&["-m", "epoll:threads=0"], &["a number of loops, 1 to 256"]);
    refuses_to_serve(&["-m", "process:children=0"], &["a number of processes, 1 to 32768"]);
}

#[test]
fn a_flag_of_another_server_is_translated() {
    for flag in ["--port", "--bind"] {
        refuses_to_serve(&[flag, "80"], &[flag, "here it is --listen ADDRESS (-l)"]);
    }
    let workers = ["-m NAME:processes=N for processes", "-m pool:threads=N for threads"];
    refuses_to_serve(&["--workers", "4"], &workers);
    refuses_to_serve(&["--processes", "4"], &["-m NAME:processes=N"]);
    refuses_to_serve(&["--threads", "4"], &["-m NAME:threads=N"]);
    // With the value in the same word, too.
    refuses_to_serve(&["--port=80"], &["here it is --listen ADDRESS (-l)"]);
    refuses_to_serve(&["--frobnicate"], &["unexpected argument '--frobnicate'"]);
}

#[test]
fn an_unknown_service_is_refused() {
    refuses(&["serve", "ecko"], 2, &["ecko", "echo"]);
    refuses(&["serve", "nosuch"], 2, &["nosuch"]);
    refuses(&["frobnicate"], 2, &["frobnicate"]);
}

#[test]
fn a_services_option_is_checked() {
    refuses(&["serve", "hotline", "--language", "fr"], 2, &["fr", "en, zh"]);
    refuses(&["serve", "echo", "--style", "odd"], 2, &["event, straight-line"]);
    refuses(&["serve", "time", "--zone", "utc"], 2, &["'--zone'"]);
    refuses(&["serve", "discard", "--encoding", "gb231"], 2, &["unknown charset `gb231`", "gbk"]);
    refuses(&["serve", "hotline", "--encoding", "utf-16le"], 2, &["cannot be sent"]);
}

#[test]
fn a_duration_needs_a_unit() {
    refuses_to_serve(&["--idle", "10"], &["a duration needs a unit: 10s, 10m, 10ms"]);
    refuses_to_serve(&["--drain", "10"], &["a duration needs a unit"]);
    refuses_to_serve(&["--idle", "soon"], &["a number and a unit, such as 500ms"]);
    refuses_to_serve(&["--idle", "0s"], &["`none` turns the limit off"]);
    refuses_to_serve(&["--peers-max", "0"], &["1.."]);
    refuses_to_serve(&["--when-full", "queue"], &["refuse, wait"]);
}

#[test]
fn a_size_of_stacks_is_refused_where_there_are_none_and_where_it_makes_no_sense() {
    let said = |service: &str, model: &str, sentences: &[&str]| {
        refuses(&["serve", service, "-m", model, "-l", "127.0.0.1:0"], 2, sentences);
    };
    said("echo", "epoll:stack=1MiB", &["`echo` is written in event style", "leave `stack=` out"]);
    said("hotline", "thread:stack=1MiB", &["`thread` does not take `stack=`", "of their threads"]);
    for wrong in ["4KiB", "2GiB", "64kb", "some"] {
        let model = format!("coroutine:stack={wrong}");
        said("echo", &model, &["stack is a size such as 1MiB, 64KiB to 1GiB"]);
    }
    said("echo", "coroutine:workers=2", &["a stack never moves to another thread"]);
}

#[test]
fn an_address_that_cannot_be_read_is_explained() {
    let forms = "write HOST:PORT, [V6]:PORT, PORT, :PORT or unix:PATH";
    refuses_to_listen("localhost", 2, &["the port is missing", forms]);
    refuses_to_listen("70000", 2, &["a port is at most 65535", forms]);
    refuses_to_listen("::1:80", 2, &["an IPv6 address needs brackets", forms]);
    refuses_to_listen("http://localhost:80", 2, &["no scheme", forms]);
    refuses_to_listen("unix:", 2, &["the path after unix: is missing", forms]);
    refuses_to_listen("localhost:http", 2, &["no number from 0 to 65535", forms]);
}

#[test]
fn an_address_in_use_is_said_to_be() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let sentence = format!("cannot listen on {address}: someone listens there already");
    refuses_to_listen(&address, 1, &[&sentence, "--listen ADDRESS"]);
    // Of several, one is enough.
    let words = ["serve", "echo", "-l", "127.0.0.1:0", "-l", &address];
    refuses(&words, 1, &[&sentence]);
}

#[test]
fn an_address_of_another_machine_is_said_to_be() {
    refuses_to_listen("203.0.113.1:0", 1, &["this machine does not have that address"]);
}

#[test]
fn a_port_that_is_not_permitted_is_said_to_be() {
    let first = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if first.is_ok_and(|first| first.trim().parse::<u16>().unwrap() <= 1) {
        eprintln!("not tested: here every user may have every port");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(SWITCHBOARD);
    if rustix::process::getuid().is_root() {
        // Another user, who may not reach the directory that cargo builds in.
        let copy = directory.path().join("switchboard");
        fs::copy(SWITCHBOARD, &copy).unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        command = Command::new(copy);
        command.uid(65534);
    }
    let said = run_command(command.args(["serve", "echo", "-l", "127.0.0.1:1"]));
    assert_eq!(said.status, Some(1), "{said:?}");
    let sentence = "cannot listen on 127.0.0.1:1: this user may not have that port";
    assert!(said.stderr.contains(sentence), "{said:?}");
}

#[test]
fn a_path_that_is_no_socket_stays() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("precious");
    fs::write(&path, "data").unwrap();
    let address = format!("unix:{}", path.display());
    refuses_to_listen(&address, 1, &["it exists and is no socket"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "data");
}

#[test]
fn a_socket_that_a_dead_server_left_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    let address = format!("unix:{}", path.display());
    let server = program(SWITCHBOARD).args(["serve", "echo"]).listen(&address).start();
    server.connect().send("a").expect("a").end().expect_end();
    assert!(server.stop().status.success());
    assert!(!path.exists());
}

#[test]
fn a_socket_of_a_living_server_is_not_taken_over() {
    let directory = tempfile::tempdir().unwrap();
    let address = format!("unix:{}", directory.path().join("socket").display());
    let server = program(SWITCHBOARD).args(["serve", "echo"]).listen(&address).start();
    refuses_to_listen(&address, 1, &["someone listens there already"]);
    Client::connect(&address).unwrap().send("a").expect("a").end().expect_end();
    assert!(server.stop().status.success());
}

#[test]
fn what_is_wrong_with_a_menu_is_told_by_file_and_line() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("menu.toml");
    let name = path.to_str().unwrap();
    let text = "again = \"?\"\n[menus.main]\ntext = \"hi\"\nchoices.1 = { menu = \"sales\" }\n";
    fs::write(&path, text).unwrap();
    let menu = ["serve", "hotline", "-l", "127.0.0.1:0", "--menu", name];
    refuses(&menu, 2, &[&format!("{name}:4: no menu is called `sales`; there is main")]);
    fs::write(&path, "again = \n").unwrap();
    refuses(&menu, 2, &[&format!("{name}:1: ")]);
    let missing = "/nonexistent/menu.toml";
    let words = ["serve", "hotline", "-l", "127.0.0.1:0", "--menu", missing];
    refuses(&words, 2, &[&format!("cannot read the menu file {missing}: ")]);
    refuses(&[&menu[..], &["--language", "en"]].concat(), 2, &["drop either"]);
}

#[test]
fn a_menu_from_a_file_is_served() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("menu.toml");
    let text = "again = \"?\"\n[menus.main]\ntext = \"hi\"\nchoices.1 = { text = \"one\" }\n";
    fs::write(&path, text).unwrap();
    let words = ["serve", "hotline", "--menu", path.to_str().unwrap()];
    let server = program(SWITCHBOARD).args(words).start();
    server.connect().expect("hi").send("1\n").expect("one").end().expect_end();
    assert!(server.stop().status.success());
}

#[test]
fn serve_alone_lists_the_services() {
    let said = run(&["serve"]);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    for name in
        ["echo", "discard", "chargen", "daytime", "time", "upper", "hotline", "chat", "work"]
    {
        assert!(said.stdout.lines().any(|line| line.starts_with(&format!("{name} "))), "{said:?}");
    }
    assert!(!said.stdout.contains("probe"), "{said:?}");
    assert!(said.stdout.contains("switchboard serve NAME"), "{said:?}");
}

#[test]
fn help_and_version_are_no_errors() {
    for words in [&["--help"][..], &["--version"], &["serve", "--help"], &["serve", "echo", "-h"]] {
        let said = run(words);
        assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""), "{words:?}");
        assert!(!said.stdout.is_empty(), "{words:?}");
    }
    assert_eq!(run(&[]).status, Some(2));
}

#[test]
fn the_ready_and_stop_lines_are_read_by_key() {
    let server = program(SWITCHBOARD).args(["serve", "upper"]).model("poll").start();
    let line = server.stdout();
    let words: Vec<&str> = line.trim_end_matches('\n').split(' ').collect();
    let [listening, on, address, service, model, pid] = words[..] else { panic!("{line:?}") };
    assert_eq!([listening, on, service, model], ["listening", "on", "service=upper", "model=poll"]);
    assert!(address.strip_prefix("127.0.0.1:").unwrap().parse::<u16>().unwrap() > 0);
    assert!(Path::new("/proc").join(pid.strip_prefix("pid=").unwrap()).exists());
    server.connect().send("abc").expect("ABC").end().expect_end();
    let stopped = server.stop();
    assert_eq!((stopped.status.code(), stopped.stderr.as_str()), (Some(0), ""));
    let fields = ["accepted", "refused", "failed", "timed_out", "cut_off", "received", "sent"];
    assert_eq!(fields.map(|field| stopped.get(field)), [1, 0, 0, 0, 0, 3, 3]);
}

#[test]
fn the_model_in_the_ready_line_parses_back_and_drops_defaults() {
    let given = "select:fd-set-size=1024";
    let server = program(SWITCHBOARD).args(["serve", "echo"]).model(given).start();
    assert_eq!(server.model(), "select");
    let given = "select:fd-set-size=512";
    let server = program(SWITCHBOARD).args(["serve", "echo"]).model(given).start();
    assert_eq!(server.model(), given);
}

#[test]
fn without_a_model_the_style_chooses_one() {
    let of = |service: &str| {
        let server = program(SWITCHBOARD).args(["serve", service]).start();
        server.model().to_owned()
    };
    let (event, straight_line) = match cfg!(target_os = "linux") {
        true => ("epoll", "coroutine"),
        false => ("portable", "thread"),
    };
    assert_eq!((of("echo").as_str(), of("hotline").as_str()), (event, straight_line));
}
