//! What a power meter says to its server, and what it is answered: no sockets, no clocks.

use std::time::Duration;

/// The longest request, in bytes.
pub const REQUEST_MAX: usize = 64;

/// A meter that is silent for so long is told that a reading is due.
pub const SILENCE: Duration = Duration::from_secs(4);

/// One that says nothing after that either, for so long, is given up.
pub const GRACE: Duration = Duration::from_secs(2);

/// What has been reported: by one meter, or by all that share this.
#[derive(Debug, Default)]
pub struct Readings {
    count: u64,
    watts: i64,
}

/// What a request leads to.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// It was understood.
    Reply(String),
    /// It was not; the meter can go on.
    Refusal(&'static str),
    /// The meter is done.
    Goodbye,
}

impl Readings {
    /// Answers one request: a line without its end.
    pub fn answer(&mut self, request: &str) -> Answer {
        let (word, rest) = request.split_once(' ').unwrap_or((request, ""));
        match (word, rest.parse::<i32>()) {
            ("read", Ok(watts)) => {
                self.count += 1;
                self.watts += i64::from(watts);
                Answer::Reply(format!("ok {}", self.count))
            }
            ("read", Err(_)) => Answer::Refusal("a reading is a whole number of watts: read 230"),
            ("mean", _) if self.count == 0 => Answer::Refusal("there is no reading yet"),
            ("mean", _) => {
                let mean = self.watts as f64 / self.count as f64;
                Answer::Reply(format!("mean {mean:.1} of {}", self.count))
            }
            ("quit", _) => Answer::Goodbye,
            _ => Answer::Refusal("say read WATTS, mean or quit"),
        }
    }
}
