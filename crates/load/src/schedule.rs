//! When messages are due.

use serde::{Deserialize, Serialize};

/// Who decides when a message is sent: the reply before it, or the clock.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "loop", rename_all = "snake_case")]
pub enum Schedule {
    /// Each connection keeps so many messages in flight: a slow server is asked less.
    Closed {
        /// Messages in flight on each connection.
        pipeline: u32,
    },
    /// Messages are due at instants that the server cannot delay.
    Open {
        /// How many a second.
        rate: Rate,
        /// How they follow each other.
        arrivals: Arrivals,
    },
}

/// Messages a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rate {
    /// Of all connections together.
    Total(f64),
    /// Of each connection.
    PerConnection(f64),
}

/// How the messages of an open loop follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arrivals {
    /// At equal distances, the connections in turn.
    #[default]
    Even,
    /// Independently of each other, as many people do: a Poisson process.
    Poisson,
}

impl Schedule {
    /// Messages a second that `connections` of them are to send; `None` in a closed loop.
    pub fn rate(&self, connections: u64) -> Option<f64> {
        match *self {
            Schedule::Closed { .. } => None,
            Schedule::Open { rate: Rate::Total(rate), .. } => Some(rate),
            Schedule::Open { rate: Rate::PerConnection(rate), .. } => {
                Some(rate * connections as f64)
            }
        }
    }
}
