//! People whose process cannot pass on what they say, as between processes.

use std::sync::{Arc, Mutex};

use switchboard_core::Topics;
use switchboard_core::topics::{Backlog, Op, Reach};

use super::*;

/// Whoever orders for the only process that there is, and how much it says that waits: the last for
/// good, those before it once each.
struct Elsewhere {
    orders: Topics,
    own: Topics,
    backlogs: Arc<Mutex<Vec<Backlog>>>,
}

impl Reach for Elsewhere {
    fn submit(&self, op: Op) {
        if let Some(news) = self.orders.order(op, 1) {
            self.own.hear(news);
        }
    }

    fn backlog(&self) -> Backlog {
        let mut backlogs = self.backlogs.lock().unwrap();
        if backlogs.len() > 1 { backlogs.remove(0) } else { backlogs[0] }
    }
}

/// Two people, and how much their process says that waits.
fn two() -> (Party, Arc<Mutex<Vec<Backlog>>>, Topics) {
    let mut party = Party::new("");
    let topics = party.service.declared_topics().unwrap().clone();
    let backlogs = Arc::new(Mutex::new(vec![Backlog::Small]));
    let (own, told) = (topics.clone(), Arc::clone(&backlogs));
    topics.connect(Elsewhere { orders: Topics::new(), own, backlogs: told });
    for name in ["ann", "bob"] {
        party.come(name);
        party.says(name, name);
    }
    party.people.values_mut().for_each(|one| one.output.clear());
    (party, backlogs, topics)
}

/// Kills: a process that keeps all that people say while it cannot pass it on; lines that are lost or
/// overtaken then; people who are never read again.
#[test]
fn people_are_not_read_from_while_their_process_is_behind() {
    let (mut party, backlogs, topics) = two();
    *backlogs.lock().unwrap() = vec![Backlog::Large];
    party.says("ann", "one");
    party.says("ann", "/msg bob two\nthree");
    party.come("carl");
    party.says("carl", "carl");
    assert_eq!((party.heard("ann"), party.heard("bob")), (String::new(), String::new()));
    // Somebody else was faster.
    topics.caught_up();
    party.listen();
    assert_eq!((party.heard("ann"), party.heard("bob")), (String::new(), String::new()));
    *backlogs.lock().unwrap() = vec![Backlog::Small];
    topics.caught_up();
    party.listen();
    party.hears("bob", "<ann> one\n[ann to you] two\n<ann> three\n--> carl has joined\n");
    party.asks(
        "ann",
        "/who",
        "[you to bob] two\n--> carl has joined\n-- In the lobby: ann (you), bob, carl.\n",
    );
}

/// Kills: a line that is lost while whoever has said it believes that it was heard.
#[test]
fn who_is_not_heard_is_told_so() {
    let (mut party, backlogs, _) = two();
    let sorry = "-- The others cannot keep up with what is said, so nobody has got that.\n";
    for line in ["one", "/msg bob two"] {
        *backlogs.lock().unwrap() = vec![Backlog::Small, Backlog::Full, Backlog::Small];
        party.asks("ann", line, sorry);
        party.hears("bob", "");
    }
    party.says("ann", "three");
    party.hears("bob", "<ann> three\n");
}
