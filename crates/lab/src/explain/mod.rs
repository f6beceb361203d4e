//! The system calls of one conversation under each model, side by side, and why each is there.
//!
//! A real server is traced with strace(1) while one client connects, sends two messages and closes.
//! The client waits until every thread of the server rests before it does the next thing, so that
//! each call belongs to what the client had done last. A call that waits belongs to what ended its
//! waiting: it is counted where it returned.
//!
//! # Layout
//!
//! - `tracer`: the server under strace: started, asked whether it rests, stopped, never left behind.
//! - `conversation`: the client, and when each part of the conversation began.
//! - `trace`: what strace wrote, read back as calls.
//! - `role`: what a call is there for, found in its arguments and its result.
//! - [`reason`]: each role in words.
//! - [`text()`]: the tables for a terminal.

mod conversation;
pub mod reason;
mod role;
mod text;
mod trace;
mod tracer;

use std::ffi::OsString;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use self::conversation::Conversation;

use self::tracer::{Failure, Tracer};

pub use self::conversation::PARTS;
pub use self::role::Role;
pub use self::text::text;

/// What to trace.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What is served, for people: a service and its options.
    pub service: String,
    /// The program and its arguments, in which `{model}` and `{address}` stand for the model and for
    /// where it is to listen. It writes the ready line of [`Server::main`](switchboard::Server::main).
    pub command: Vec<OsString>,
    /// The models, in the order of the columns, as the command line has them.
    pub models: Vec<String>,
    /// What is sent, twice.
    pub message: Vec<u8>,
}

/// What one conversation cost under each model.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `switchboard.explain/1`.
    pub schema: &'static str,
    /// What was served.
    pub service: String,
    /// What was sent, twice; bytes that are no UTF-8 are replaced.
    pub message: String,
    /// What traced: `strace -V`, its first line's last word.
    pub strace: String,
    /// One for each model that was asked for, in that order.
    pub models: Vec<Traced>,
}

/// One conversation under one model.
#[derive(Clone, Debug, Serialize)]
pub struct Traced {
    /// The model, as the server's ready line has it where it was served.
    pub model: String,
    /// Why there is nothing to show, if so.
    pub reason: Option<String>,
    /// The parts of the conversation, in the order of [`PARTS`]; empty if there is nothing to show.
    pub parts: Vec<Part>,
    /// All system calls of the conversation.
    pub total: u64,
}

/// One part of a conversation: what the client did, and the calls that the server made for it.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    /// One of [`PARTS`].
    pub name: &'static str,
    /// Bytes that the client sent.
    pub sent: u64,
    /// Bytes that the client received until it did the next thing.
    pub received: u64,
    /// Whether the server came to rest before the client did the next thing. If not, the counts are
    /// those of the time that this part took, and more time would have been more calls.
    pub rested: bool,
    /// How long this part took, in seconds. Under a tracer everything is slow: this says how long the
    /// server was looked at, not how fast it is.
    pub lasted_s: f64,
    /// All system calls of this part.
    pub total: u64,
    /// Requests that were handed to a ring in this part, by calls that may have returned later: what
    /// is received and sent without a call of its own.
    pub ring_requests: u64,
    /// The calls, those of one name and role together.
    pub calls: Vec<Calls>,
}

/// Calls of one name that are there for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// The system call's name, as strace has it.
    pub call: String,
    /// Its role: a word; null if it is none that is known here.
    pub role: Option<Role>,
    /// How many there were.
    pub count: u64,
    /// Why they are there; null if that is not known.
    pub why: Option<&'static str>,
}

/// Traces one conversation under each model, in turn. `stop` ends it early.
///
/// # Errors
/// A sentence that says what to do next: there is no strace, it may not trace, the program cannot be
/// started, `stop` was raised. What concerns one model alone is in its [`Traced::reason`].
pub fn explain(plan: &Plan, stop: &AtomicBool) -> Result<Explanation, String> {
    let strace = tracer::version()?;
    let mut models = Vec::new();
    for model in &plan.models {
        models.push(match traced(plan, model, stop) {
            Ok(traced) => traced,
            Err(Failure::OfModel(reason)) => {
                Traced { model: model.clone(), reason: Some(reason), parts: Vec::new(), total: 0 }
            }
            Err(Failure::OfAll(sentence)) => return Err(sentence),
        });
    }
    Ok(Explanation {
        schema: "switchboard.explain/1",
        service: plan.service.clone(),
        message: String::from_utf8_lossy(&plan.message).into_owned(),
        strace,
        models,
    })
}

fn traced(plan: &Plan, model: &str, stop: &AtomicBool) -> Result<Traced, Failure> {
    let tracer = Tracer::start(&plan.command, model, stop)?;
    let conversation = Conversation::hold(&tracer, &plan.message)?;
    let model = tracer.model().to_owned();
    let written = tracer.finish()?;
    let calls = trace::calls(&written);
    let ends = conversation.acts.iter().skip(1).map(|act| act.at).chain([conversation.over]);
    let parts: Vec<Part> = conversation
        .acts
        .iter()
        .zip(ends)
        .map(|(act, end)| {
            let span = act.at..end;
            let begun = calls.iter().filter(|call| span.contains(&call.began));
            let ring_requests = begun.map(role::handed_over).sum();
            let calls = counted(calls.iter().filter(|call| span.contains(&call.ended)));
            Part {
                name: act.name,
                sent: act.sent,
                received: act.received,
                rested: act.rested,
                lasted_s: act.lasted.as_secs_f64(),
                total: calls.iter().map(|calls| calls.count).sum(),
                ring_requests,
                calls,
            }
        })
        .collect();
    let total = parts.iter().map(|part| part.total).sum();
    Ok(Traced { model, reason: None, parts, total })
}

/// Calls of one name and role together, in the order of the roles.
fn counted<'a>(calls: impl Iterator<Item = &'a trace::Call>) -> Vec<Calls> {
    let mut found: Vec<Calls> = Vec::new();
    for call in calls {
        let role = role::of(call);
        match found.iter_mut().find(|known| known.call == call.name && known.role == role) {
            Some(known) => known.count += 1,
            None => found.push(Calls {
                call: call.name.clone(),
                role,
                count: 1,
                why: role.map(|role| reason::of(role).why),
            }),
        }
    }
    // What has no role comes last; what was found first stays first within a role.
    found.sort_by_key(|calls| calls.role.map_or(u8::MAX, |role| role as u8));
    found
}
