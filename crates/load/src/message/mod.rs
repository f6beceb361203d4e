//! What is sent, where a reply ends, and what it has to be.

pub mod escape;
mod exchange;
mod expect;
mod protocol;
mod reading;
mod script;
mod template;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use exchange::Exchange;
pub use expect::Expect;
pub use protocol::Protocol;
pub(crate) use reading::{Reading, Verdict, difference, excerpt};
pub use script::{Script, Step};
pub use template::Template;
pub(crate) use template::Which;

use crate::written::text;

/// What a message holds, before the protocol frames it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// So many bytes, always the same, the end of a line among them.
    Size(usize),
    /// A text with places that differ from message to message.
    Text(#[serde(with = "text")] Template),
    /// The records of a file, in turn; each connection starts with another one.
    File {
        /// Where the file is.
        path: PathBuf,
        /// What a record is.
        records: Records,
    },
}

/// How a file holds its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Records {
    /// A line each, without its end.
    Lines,
    /// A length of four bytes, the highest first, before each.
    Length4,
}
