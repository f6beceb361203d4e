//! A chat among peers without sockets: who hears what, in what words.

mod behind;

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_core::{Ending, Limits, Service};

use crate::driver::Driver;
use crate::service;

/// People by their names, and the service that they talk through.
struct Party {
    service: Service,
    limits: Limits,
    people: BTreeMap<&'static str, Driver>,
    came: u64,
}

impl Party {
    fn new(options: &str) -> Party {
        let service = service("chat", options);
        Party { service, limits: Limits::default(), people: BTreeMap::new(), came: 0 }
    }

    /// Several who have come in this order, and have read all that they were told meanwhile.
    fn of(options: &str, names: &[&'static str]) -> Party {
        let mut party = Party::new(options);
        for name in names {
            party.come(name);
            party.says(name, name);
        }
        party.people.values_mut().for_each(|one| one.output.clear());
        party
    }

    /// Somebody comes, who will be known by this.
    fn come(&mut self, name: &'static str) {
        self.came += 1;
        let one = Driver::open_as(self.came, &self.service, self.limits);
        self.people.insert(name, one);
        self.listen();
    }

    /// All mail is taken and read.
    fn listen(&mut self) {
        // Each of them, not only until one has heard something.
        while self.people.values_mut().filter_map(|one| one.hear().then_some(())).count() > 0 {}
        self.people.values_mut().for_each(Driver::read_all);
        let over = self.people.extract_if(.., |_, one| one.ending.is_some());
        let over: Vec<_> = over.collect();
        if !over.is_empty() {
            for (name, mut one) in over {
                let heard = String::from_utf8(std::mem::take(&mut one.output)).unwrap();
                assert!(heard.is_empty() || heard.ends_with('\n'), "{name} heard {heard:?}");
                one.close();
            }
            self.listen();
        }
    }

    fn sends(&mut self, name: &str, bytes: &[u8]) {
        self.people.get_mut(name).unwrap().send(bytes);
        self.listen();
    }

    fn says(&mut self, name: &str, line: &str) {
        self.sends(name, format!("{line}\n").as_bytes());
    }

    /// What somebody has been told since.
    fn heard(&mut self, name: &str) -> String {
        let output = &mut self.people.get_mut(name).unwrap().output;
        String::from_utf8(std::mem::take(output)).unwrap()
    }

    #[track_caller]
    fn hears(&mut self, name: &str, expected: &str) {
        assert_eq!(self.heard(name), expected, "{name}");
    }

    /// Somebody says something, and is answered this.
    #[track_caller]
    fn asks(&mut self, name: &str, line: &str, expected: &str) {
        self.says(name, line);
        self.hears(name, expected);
    }

    /// Somebody goes without a word to the service.
    fn goes(&mut self, name: &str, how: impl FnOnce(&mut Driver)) {
        let mut one = self.people.remove(name).unwrap();
        how(&mut one);
        one.close();
        self.listen();
    }
}

/// Kills: a word too few for who comes without knowing anything; a line that comes back to who says
/// it; arrivals and departures that are not told.
#[test]
fn a_newcomer_is_told_what_to_do() {
    let mut party = Party::new("");
    party.come("ann");
    party.hears("ann", "Welcome to the chat. What is your name?\n");
    party.asks(
        "ann",
        "ann",
        "-- Hello, ann!\n-- You are in the lobby, alone so far.\n\
         -- Type to talk; /help shows what else you can do.\n",
    );
    party.says("ann", "anybody here?");
    party.come("bob");
    party.heard("bob");
    party.asks(
        "bob",
        "bob\r",
        "-- Hello, bob!\n-- Said in the lobby lately:\n<ann> anybody here?\n\
         -- You are in the lobby, with ann.\n-- Type to talk; /help shows what else you can do.\n",
    );
    party.says("bob", "me");
    party.says("bob", "/me waves");
    party.hears("ann", "--> bob has joined\n<bob> me\n* bob waves\n");
    party.hears("bob", "");
    party.says("bob", "/quit see you");
    party.hears("ann", "<-- bob has left: see you\n");
    party.goes("bob", |bob| {
        assert_eq!(bob.output, b"-- Goodbye, bob!\n");
        bob.end();
        assert_eq!(bob.ending, Some(Ending::Closed));
    });
    party.hears("ann", "");
}

#[test]
fn people_go_from_room_to_room() {
    let mut party = Party::of("", &["ann", "bob", "carl"]);
    party.asks("ann", "/join #Kitchen", "-- You are in kitchen, alone so far.\n");
    party.hears("bob", "<-- ann has gone to kitchen\n");
    party.says("ann", "smells good");
    party.hears("bob", "");
    party.asks(
        "bob",
        "/rooms",
        "-- Rooms, and how many people are there:\n--   lobby    2  you are here\n--   kitchen  1\n",
    );
    party.asks("bob", "/who kitchen", "-- In kitchen: ann.\n");
    party.asks("bob", "/who", "-- In the lobby: bob (you), carl.\n");
    party.asks("bob", "/who attic", "-- There is no room attic. /rooms shows which there are.\n");
    party.asks(
        "bob",
        "/join kitchen",
        "-- Said in kitchen lately:\n<ann> smells good\n-- You are in kitchen, with ann.\n",
    );
    party.hears("ann", "--> bob has joined\n");
    party.asks("bob", "/join kitchen", "-- You are in kitchen already.\n");
    party.asks("bob", "/leave", "-- You are in the lobby, with carl.\n");
    party.hears("ann", "<-- bob has gone to the lobby\n");
    party.hears(
        "carl",
        "<-- ann has gone to kitchen\n<-- bob has gone to kitchen\n--> bob has joined\n",
    );
    party.asks("bob", "/leave", "-- You are in the lobby; /quit leaves the chat.\n");
    party.asks(
        "carl",
        "/join a room",
        "-- The name of a room has 1 to 20 letters and digits of one script; - and _ are letters, too.\n",
    );
}

/// Kills: two people of one name; a name that is not free again; capitals that make another name.
#[test]
fn a_name_is_one_persons() {
    let mut party = Party::of("", &["ann", "bob"]);
    party.come("third");
    party.heard("third");
    party.asks("third", "Ann", "-- Ann is here already.\n-- What else can we call you?\n");
    party.asks(
        "third",
        "two words",
        "-- A name has 1 to 20 letters and digits of one script; - and _ are letters, too.\n",
    );
    party.asks("third", "/rooms", "-- First of all: what is your name?\n");
    party.asks("bob", "/nick ANN", "-- ANN is here already.\n");
    party.asks("ann", "/nick Ann", "-- You are called Ann now.\n");
    party.asks("ann", "/nick Ann", "-- You are called Ann now.\n");
    party.asks("ann", "/nick anna", "-- You are called anna now.\n");
    party.hears("bob", "-- ann is now called Ann\n-- Ann is now called anna\n");
    party.says("third", "ann");
    assert!(
        party
            .heard("third")
            .starts_with("-- Hello, ann!\n-- You are in the lobby, with anna and bob.")
    );
    party.says("ann", "hi");
    party.hears("bob", "--> ann has joined\n<anna> hi\n");
    party.goes("ann", Driver::reset);
    party.hears("bob", "<-- anna has lost the connection\n");
    party.asks("bob", "/nick anna", "-- You are called anna now.\n");
}

#[test]
fn one_person_is_told_what_others_do_not_hear() {
    let mut party = Party::of("", &["ann", "bob", "carl"]);
    party.says("carl", "/join attic");
    party.heard("ann");
    party.asks("ann", "/msg CARL  psst", "[you to carl] psst\n");
    party.heard("bob");
    party.heard("carl");
    party.says("ann", "/w carl psst psst");
    party.hears("carl", "[ann to you] psst psst\n");
    party.hears("bob", "");
    party.heard("ann");
    party.asks("ann", "/msg dora hi", "-- Nobody here is called dora. /who shows who is.\n");
    party.asks("ann", "/msg ann hi", "-- That is you.\n");
    party.asks("ann", "/msg bob", "-- It is written /msg NAME TEXT.\n");
    party.asks("ann", "/dance", "-- There is no /dance. /help shows what there is.\n");
    party.says("ann", "//shrug");
    party.hears("bob", "<ann> /shrug\n");
    party.says("bob", "/help");
    assert_eq!(party.heard("bob").lines().count(), 10);
}

/// Kills: a line of 1 MiB that ends its peer, fills memory, or is passed on in part; bytes that would
/// spoil another's terminal.
#[test]
fn what_comes_is_checked() {
    let mut party = Party::of("line-max=1000,rate=0", &["ann", "bob"]);
    let long = "-- That line was longer than 1000 bytes, so nobody has got it.\n";
    party.sends("ann", &vec![b'x'; 1 << 20]);
    party.hears("ann", "");
    party.sends("ann", b"x\nshort\n");
    party.hears("ann", long);
    party.sends("ann", &[vec![b'y'; 1000], b"\r\n".to_vec()].concat());
    party.hears("ann", "");
    party.sends("ann", &[vec![b'z'; 1001], b"\n".to_vec()].concat());
    party.hears("ann", long);
    party.sends("ann", b"caf\xe9\n");
    party.hears("ann", "-- That line is not UTF-8, so nobody has got it.\n");
    party.sends("ann", b"\x1b[2Jgone\x07\n\n\x01\n");
    let long = "y".repeat(1000);
    party.hears("bob", &format!("<ann> short\n<ann> {long}\n<ann> [2Jgone\n"));
    party.come("third");
    party.heard("third");
    party.sends("third", b"ev\x1bil\x00\n");
    assert!(party.heard("third").starts_with("-- Hello, evil!\n"), "what is left is a name");
    party.sends("ann", b"one\ntwo\n/who");
    party.sends("ann", b" lobby\nthree\nfo");
    party.sends("ann", b"ur\n");
    party.hears("bob", "--> evil has joined\n<ann> one\n<ann> two\n<ann> three\n<ann> four\n");
    party.hears("ann", "--> evil has joined\n-- In the lobby: ann (you), bob, evil.\n");
}

/// Kills: a flood that is passed on, lines of it that are lost, a warning for each of them.
#[test]
fn a_flood_is_read_slowly() {
    let mut party = Party::of("rate=10,burst=5", &["ann", "bob"]);
    party.people.get_mut("ann").unwrap().pass(Duration::from_secs(10));
    let flood: String = (0..12).map(|number| format!("{number}\n")).collect();
    party.sends("ann", flood.as_bytes());
    party.hears("bob", "<ann> 0\n<ann> 1\n<ann> 2\n<ann> 3\n<ann> 4\n");
    party.hears(
        "ann",
        "-- Not so fast: of each of us 10 lines a second are passed on. Yours follow.\n",
    );
    for number in 5..12 {
        party.people.get_mut("ann").unwrap().pass(Duration::from_millis(99));
        party.listen();
        party.hears("bob", "");
        party.people.get_mut("ann").unwrap().pass(Duration::from_millis(1));
        party.listen();
        party.hears("bob", &format!("<ann> {number}\n"));
    }
    party.hears("ann", "");
    assert!(!party.people.get_mut("ann").unwrap().wake(), "nothing is left to wait for");
}

/// Kills: a slow reader that others wait for, or that goes without a word.
#[test]
fn who_reads_too_slowly_is_closed_and_the_room_is_told() {
    let mut party = Party::new("rate=0,line-max=8000");
    party.limits = Limits { mail_max: 20_000, high_mark: 10_000, low_mark: 5_000, ..party.limits };
    for name in ["ann", "bob", "slow"] {
        party.come(name);
        party.says(name, name);
    }
    let mut slow = party.people.remove("slow").unwrap();
    party.heard("ann");
    for _ in 0..5 {
        party.says("bob", &"x".repeat(7_990));
        slow.hear();
    }
    assert_eq!(slow.ending, Some(Ending::TooSlow));
    slow.close();
    party.listen();
    let heard = party.heard("ann");
    assert_eq!(heard.matches("<bob> ").count(), 5);
    assert!(heard.ends_with("<-- slow read too slowly and was closed\n"), "{}", &heard[40_000..]);
}

/// Kills: a thousand farewells when the server stops.
#[test]
fn when_the_server_stops_nobody_is_told_of_the_others() {
    let mut party = Party::of("", &["ann", "bob"]);
    party.goes("ann", |ann| {
        ann.drain();
        assert_eq!(ann.ending, None);
        ann.read_all();
        assert_eq!(ann.output, b"-- The server is closing. Goodbye!\n");
        ann.end();
    });
    party.hears("bob", "");
    party.asks("bob", "/who", "-- In the lobby: bob (you).\n");
}

/// Kills: a drain that waits for all of a flood.
#[test]
fn a_flood_ends_with_the_server() {
    let mut party = Party::of("rate=10,burst=5", &["ann"]);
    let ann = party.people.get_mut("ann").unwrap();
    ann.send("x\n".repeat(100).as_bytes());
    ann.drain();
    assert_eq!(ann.ending, None);
    ann.read_all();
    ann.output.clear();
    ann.pass(Duration::from_millis(100));
    ann.read_all();
    assert_eq!(ann.output, b"-- The server is closing. Goodbye!\n");
    ann.end();
    assert_eq!(ann.ending, Some(Ending::Drained));
}

#[test]
fn a_crowd_does_not_hear_of_each_who_comes() {
    let mut party = Party::of("announce-max=2,history=1", &["ann", "bob", "carl"]);
    party.hears("ann", "");
    party.says("ann", "first");
    party.says("ann", "second");
    party.come("dora");
    party.says("dora", "dora");
    assert!(party.heard("dora").contains("lately:\n<ann> second\n-- You are in"));
    party.says("dora", "/quit");
    party.hears("bob", "<ann> first\n<ann> second\n");
    party.says("carl", "/quit");
    party.says("ann", "/quit");
    party.hears("bob", "<-- ann has left\n");
}

#[test]
fn options_out_of_their_bounds_are_sentences() {
    let entry = switchboard_services::find("chat").unwrap();
    let refused = |name: &str, value: &str| {
        let mut options = switchboard_services::Options::new();
        options.set(name, value);
        (entry.build)(&options).unwrap_err()
    };
    let sentence = "`0` is no value of `line-max`; it takes a number from 1 to 8192";
    assert_eq!(refused("line-max", "0"), sentence);
    assert!(refused("rate", "fast").ends_with("from 0 to 1000000"));
    assert!(refused("history", "1001").contains("from 0 to 1000"));
}
