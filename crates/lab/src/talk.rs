//! What peers say to a service, and what they must be answered.

use std::time::Duration;

use switchboard::Address;
use switchboard_load::message::{Expect, Message, Protocol, Script};
use switchboard_load::{End, Plan, Schedule};

/// How long a connection or a reply may take: far longer than any reply here takes by intention, so
/// that who is late is lost.
const TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of a message.
const SIZE: usize = 64;

/// What peers say to a service.
#[derive(Clone, Debug)]
pub struct Talk {
    /// In words: `echo, 64 bytes`.
    pub words: String,
    /// What is sent.
    pub message: Message,
    /// Where a message and a reply end.
    pub protocol: Protocol,
    /// What a reply must be.
    pub expect: Expect,
    /// A dialogue, in place of messages and replies.
    pub script: Option<Script>,
    /// Whether it is a dialogue or a program of the user's own, in whose place no stock service is to
    /// be measured.
    pub own: bool,
}

impl Talk {
    /// What is said to a stock service; `words` are its name and its options.
    ///
    /// # Errors
    /// A sentence, for a service to which it is not known what to say.
    pub fn to(service: &str, words: &str) -> Result<Talk, String> {
        let text = |text: &str| text.parse().map(Message::Text);
        let (message, protocol, expect) = match service {
            "echo" => (Message::Size(SIZE), Protocol::Raw, Expect::Echo),
            "discard" => (Message::Size(SIZE), Protocol::Raw, Expect::Nothing),
            "upper" => (text("{hex 63}")?, Protocol::Line, Expect::Upper),
            // `echo ` and its line feed are six bytes more than what comes back.
            "work" => {
                (text("echo 0123456789abcdef")?, Protocol::Line, "=0123456789abcdef".parse()?)
            }
            _ => {
                return Err(format!(
                    "compare does not know what to say to `{service}`; give it a dialogue: \
                     --script FILE.toml (`switchboard load --help` says how one is written)"
                ));
            }
        };
        let size = if service == "work" { 22 } else { SIZE };
        let words = format!("{words}, {size} bytes a message");
        Ok(Talk { words, message, protocol, expect, script: None, own: false })
    }

    /// What to ask a stock service whose answer depends on its options, if it is one: see
    /// [`rehearse`](crate::rehearse).
    pub fn question(service: &str) -> Option<&'static str> {
        (service == "hotline").then_some("5\n")
    }

    /// A dialogue with `service`, from a file of that name.
    pub fn script(service: &str, file: &str, script: Script) -> Talk {
        Talk {
            words: format!("{service}, the dialogue in {file}"),
            message: Message::Size(SIZE),
            protocol: Protocol::Raw,
            expect: Expect::Echo,
            script: Some(script),
            own: true,
        }
    }

    /// Each message echoed, as anyone's server is taken to do unless told otherwise.
    pub fn echo() -> Talk {
        Talk {
            words: format!("echo, {SIZE} bytes a message"),
            message: Message::Size(SIZE),
            protocol: Protocol::Raw,
            expect: Expect::Echo,
            script: None,
            own: false,
        }
    }

    /// A closed loop of so many peers for so long.
    pub fn plan(&self, connections: u64, lasts: Duration) -> Plan {
        Plan {
            target: Address::default(),
            connections,
            message: self.message.clone(),
            protocol: self.protocol,
            expect: self.expect.clone(),
            script: self.script.clone(),
            schedule: Schedule::Closed { pipeline: 1 },
            end: End::After(lasts),
            timeout: TIMEOUT,
            ..Plan::default()
        }
    }

    /// Whether a peer that has said what it has to say is still connected.
    ///
    /// # Errors
    /// A sentence, if its dialogue closes the connection.
    pub fn stays(&self) -> Result<(), String> {
        match self.script.as_ref().is_some_and(Script::closes) {
            true => Err("the dialogue closes its connections; its peers do not stay".to_owned()),
            false => Ok(()),
        }
    }

    /// The same with messages of another size, if they are echoed whatever they are.
    pub fn sized(&self, bytes: usize) -> Option<Talk> {
        let echoed = matches!(self.message, Message::Size(_)) && self.script.is_none();
        let expect = self.expect == Expect::Echo;
        (echoed && expect).then(|| Talk { message: Message::Size(bytes), ..self.clone() })
    }
}
