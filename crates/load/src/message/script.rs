//! A dialogue that a connection goes through again and again: `--script FILE.toml`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Template;
use crate::written::{duration, text};

/// The steps of a dialogue, in the file as `[[step]]`, each with one key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// In order; after the last one the first follows.
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
}

/// One step. In texts `{seq}` is the number of the pass through the script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Sends these bytes.
    Send(#[serde(with = "text")] Template),
    /// These bytes come next, exactly.
    Expect(#[serde(with = "text")] Template),
    /// Anything comes, and these bytes end it.
    Until(#[serde(with = "text")] Template),
    /// Says nothing for so long.
    Wait(#[serde(with = "duration")] Duration),
}
