//! A dialogue that a connection goes through again and again: `--script FILE.toml`.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Template, Which};
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
    /// Closes the connection; the next pass has another. What the server has to say is not awaited.
    Close(bool),
}

impl FromStr for Script {
    type Err = String;

    fn from_str(text: &str) -> Result<Script, String> {
        one_key_each(text)?;
        let script: Script = toml::from_str(text).map_err(|error| error.to_string())?;
        script.check().map(|()| script)
    }
}

/// A step with several keys does not say which comes first.
fn one_key_each(text: &str) -> Result<(), String> {
    let table: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let steps = table.get("step").and_then(toml::Value::as_array).into_iter().flatten();
    for (place, step) in steps.enumerate() {
        let keys: Vec<&str> =
            step.as_table().into_iter().flatten().map(|(key, _)| &**key).collect();
        if keys.len() > 1 {
            return Err(format!(
                "step {} has {} keys ({}); write a [[step]] for each, in their order",
                place + 1,
                keys.len(),
                keys.join(", ")
            ));
        }
    }
    Ok(())
}

impl Script {
    /// Adds what a pass sends, one thing after another, to `out`.
    pub(crate) fn render(&self, which: Which, out: &mut Vec<u8>) {
        for step in &self.steps {
            if let Step::Send(template) = step {
                template.render(which, out);
            }
        }
    }

    /// How many things a pass expects.
    pub fn replies(&self) -> usize {
        let expects = |step: &&Step| matches!(step, Step::Expect(_) | Step::Until(_));
        self.steps.iter().filter(expects).count()
    }

    /// Whether a pass closes its connection itself.
    pub fn closes(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, Step::Close(_)))
    }

    /// Whether it can be gone through.
    fn check(&self) -> Result<(), String> {
        if self.steps.contains(&Step::Close(false)) {
            return Err("a step that closes is written `close = true`".into());
        }
        let empty = |template: &Template| template.fixed().is_some_and(<[u8]>::is_empty);
        for step in &self.steps {
            if let Step::Send(text) | Step::Expect(text) | Step::Until(text) = step
                && empty(text)
            {
                return Err(
                    "a step that sends or expects nothing has no effect; leave it out".into()
                );
            }
        }
        let pauses = |step: &Step| match step {
            Step::Expect(_) | Step::Until(_) => true,
            Step::Wait(time) => !time.is_zero(),
            Step::Send(_) | Step::Close(_) => false,
        };
        match self.steps.iter().any(pauses) {
            true => Ok(()),
            false => {
                Err("a script needs a step that waits for something: expect, until or wait".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_in_order() {
        let text =
            "[[step]]\nsend = \"a\\\\n\"\n[[step]]\nwait = \"10ms\"\n[[step]]\nclose = true\n";
        let script: Script = text.parse().unwrap();
        let send = Step::Send("a\\n".parse().unwrap());
        let wait = Step::Wait(Duration::from_millis(10));
        assert_eq!(script.steps, [send, wait, Step::Close(true)]);
        let json = serde_json::to_string(&script).unwrap();
        assert_eq!(serde_json::from_str::<Script>(&json).unwrap(), script);
    }

    /// Kills: a script that spins without ever waiting for the server.
    #[test]
    fn a_script_that_cannot_be_gone_through_is_refused() {
        let refused = |text: &str| text.parse::<Script>().unwrap_err();
        assert!(refused("step = []").contains("expect, until or wait"));
        assert!(refused("step = [{ send = 'a' }]").contains("expect, until or wait"));
        assert!(refused("step = [{ wait = '10' }]").contains("unit"));
        assert!(refused("step = [{ sent = 'a' }]").contains("unknown variant"));
        assert!(refused("step = [{ expect = '' }]").contains("leave it out"));
        let two = refused("step = [{ send = 'a' }, { send = 'a', expect = 'b' }]");
        assert!(two.contains("step 2 has 2 keys (expect, send)"), "{two}");
    }
}
