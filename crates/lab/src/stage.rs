//! What an experiment is lent to measure one model once: a way to start it, to drive it, to see what
//! it used.
//!
//! The load runs in threads of this process, not in one of its own: to start one costs 10 ms of
//! processor time on the server's machine for every cell, and what it saw would have to go through a
//! text. What is asked of the system while it runs is the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use switchboard::Address;
use switchboard_load::{Clocks, Control, LoadError, Onlooker, Outcome, Plan, Report, run};

use crate::cores;
use crate::driven::Driven;
use crate::experiment::{Pace, Sample, Unmeasured};
use crate::kernel;
use crate::peers::Silent;
use crate::record::Cores;
use crate::server::{PATIENCE, Running};
use crate::slices::{Account, Slicing};
use crate::talk::Talk;
use crate::target::Target;
use crate::witness::{Auditor, Heard, Witness};

/// Peers of a model beyond those of an experiment: descriptors that a loop needs for itself.
const SPARE: u64 = 24;
/// Between two looks whether all peers are let in.
const LOOK: Duration = Duration::from_millis(2);
/// Silent peers that connect before the next ones wait until they are let in: fewer than a backlog
/// holds (`net.core.somaxconn`, 4,096 on current kernels, and 128 on old ones).
const AT_ONCE: u64 = 500;
/// How long those who let them in are given to come to rest.
const REST: Duration = Duration::from_millis(10);

/// One model, to be measured once.
#[derive(Debug)]
pub struct Stage<'a> {
    /// What is measured.
    pub target: &'a Target,
    /// What its peers say.
    pub talk: &'a Talk,
    /// Who runs where.
    pub cores: &'a Cores,
    /// How thoroughly.
    pub pace: Pace,
    /// Descriptors that this process may have.
    pub descriptors: u64,
    /// Raised when somebody stops the comparison.
    pub stop: Arc<AtomicBool>,
}

impl Stage<'_> {
    /// Whether the model, and this process, can have so many peers at a time.
    ///
    /// # Errors
    /// A sentence, if not.
    pub fn has_room(&self, peers: u64) -> Result<(), Unmeasured> {
        if let Some(most) = self.target.capacity() {
            let held = self.target.is_held_by_silence();
            let room = if held { most } else { most.saturating_sub(SPARE) };
            if peers > room {
                return Err(Unmeasured::Because(match held {
                    true => format!("it serves {most} at a time; others wait"),
                    false => format!("it watches {most} descriptors at most"),
                }));
            }
        }
        self.has_descriptors(peers)
    }

    /// Whether this process can have so many peers at a time, whatever the model can.
    ///
    /// # Errors
    /// A sentence, if not.
    pub fn has_descriptors(&self, peers: u64) -> Result<(), Unmeasured> {
        match peers + SPARE > self.descriptors {
            true => Err(Unmeasured::Because(format!(
                "the limit on descriptors is {} (ulimit -Hn)",
                self.descriptors
            ))),
            false => Ok(()),
        }
    }

    /// Starts the server, on its processors.
    ///
    /// # Errors
    /// Why not.
    pub fn serve(&self) -> Result<Running, Unmeasured> {
        self.serve_with(None, &[])
    }

    /// The same with another stock service, and further flags.
    ///
    /// # Errors
    /// Why not: also if it is no stock service that could be changed.
    pub fn serve_with(
        &self,
        service: Option<&[&str]>,
        flags: &[&str],
    ) -> Result<Running, Unmeasured> {
        let owned =
            |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        if self.stop.load(Ordering::Acquire) {
            return Err(Unmeasured::Interrupted);
        }
        if let Some([name, ..]) = service
            && !self.target.is_stock()
        {
            return Err(Unmeasured::Because(format!("needs peers of the stock service `{name}`")));
        }
        let own = service.is_none() && flags.is_empty();
        let service = service.map(owned);
        let started = cores::on(&self.cores.server, &self.cores.client, || {
            Running::start(self.target, service.as_deref(), &owned(flags), &self.stop)
        });
        started.flatten().map_err(|sentence| match own {
            _ if self.stop.load(Ordering::Acquire) => Unmeasured::Interrupted,
            true => Unmeasured::NoServer(sentence),
            false => Unmeasured::Because(sentence),
        })
    }

    /// So many peers that are let in and say nothing, until this is dropped.
    ///
    /// # Errors
    /// Why they are not all let in.
    pub fn silent(&self, server: &mut Running, peers: u64) -> Result<Silent, Unmeasured> {
        let mut silent = Silent::none();
        while (silent.count() as u64) < peers {
            let next = peers.min(silent.count() as u64 + AT_ONCE);
            silent.grow(server.address, next as usize, &self.stop)?;
            if self.stop.load(Ordering::Acquire) {
                return Err(Unmeasured::Interrupted);
            }
            self.await_peers(server, next)?;
        }
        // Whoever let them in, threads and processes too, has come to rest.
        thread::sleep(REST);
        if !self.target.is_ours() && peers > 0 {
            self.await_rest(server)?;
        }
        Ok(silent)
    }

    /// Waits until anyone's server, which does not say whom it has let in, has nothing to do: its
    /// processor time stands still. One that never rests is waited for no longer than others.
    fn await_rest(&self, server: &Running) -> Result<(), Unmeasured> {
        let began = Instant::now();
        // Threads and processes are made meanwhile: the clocks are looked up each time.
        let used = || Clocks::of(server.pid()).ok().and_then(|clocks| clocks.now());
        let mut before = used();
        while began.elapsed() < PATIENCE {
            if self.stop.load(Ordering::Acquire) {
                return Err(Unmeasured::Interrupted);
            }
            thread::sleep(REST);
            let now = used();
            let worked = now.zip(before).map(|(now, before)| now.saturating_sub(before));
            if worked.is_some_and(|worked| worked < REST / 20) {
                return Ok(());
            }
            before = now;
        }
        Ok(())
    }

    /// Waits until so many are let in, if it is one of ours: others do not say.
    fn await_peers(&self, server: &mut Running, peers: u64) -> Result<(), Unmeasured> {
        let began = Instant::now();
        while self.target.is_ours() && server.stats(PATIENCE)?.number("peers").unwrap_or(0) < peers
        {
            if self.stop.load(Ordering::Acquire) {
                return Err(Unmeasured::Interrupted);
            }
            if began.elapsed() > PATIENCE {
                let seconds = PATIENCE.as_secs();
                let sentence = format!("not all of {peers} peers are let in within {seconds} s");
                return Err(Unmeasured::Because(server.ended().unwrap_or(sentence)));
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }

    /// Drives the server by `plan`, whose target is set here, and looks at its processes meanwhile.
    ///
    /// # Errors
    /// Why nothing was measured: the server ended, or did not answer rightly.
    pub fn drive(&self, server: &mut Running, plan: Plan) -> Result<Driven, Unmeasured> {
        let driven = self.drive_anyhow(server, plan)?;
        driven.all_answered().map(|()| driven)
    }

    /// The same, but messages may fail.
    ///
    /// # Errors
    /// Why nothing was measured: the server ended, or nobody could connect.
    pub fn drive_anyhow(&self, server: &mut Running, plan: Plan) -> Result<Driven, Unmeasured> {
        self.watched(server, plan, false)
    }

    /// The same for peers that stay, with the processor time measured in slices; of its processes
    /// nothing else is looked at.
    ///
    /// # Errors
    /// Why nothing was measured: the server ended, or did not answer rightly.
    pub fn drive_in_slices(
        &self,
        server: &mut Running,
        plan: Plan,
        slicing: Slicing,
    ) -> Result<Driven, Unmeasured> {
        let (account, slices) = Account::open(server.pid(), slicing);
        let control = self.control_of(&plan).in_slices(slices);
        let plan = Plan { target: Address::from(server.address), ..plan };
        let mut witness = Witness::of(server, None, false);
        let result = run(&plan, &control, &mut witness);
        let Witness { before, after, .. } = witness;
        let driven = self.driven(server, result, (before, after))?;
        let driven = Driven { sliced: Some(account.cpu_ns(slicing)), ..driven };
        driven.all_answered().map(|()| driven)
    }

    /// The same, with a look at the kernel's memory and at the number of peers ten times a second:
    /// for crowds of which latencies and processor time are not the question.
    ///
    /// # Errors
    /// Why nothing was measured: the server ended, or nobody could connect.
    pub fn drive_crowd(&self, server: &mut Running, plan: Plan) -> Result<Driven, Unmeasured> {
        self.watched(server, plan, true)
    }

    fn watched(&self, server: &mut Running, plan: Plan, crowd: bool) -> Result<Driven, Unmeasured> {
        let plan = Plan { target: Address::from(server.address), ..plan };
        let onlooker = Onlooker::of(server.pid())?;
        let kernel_before = kernel::bytes();
        let mut witness = Witness::of(server, Some(&onlooker), crowd);
        let result = run(&plan, &self.control_of(&plan), &mut witness);
        let Witness { before, after, kernel, peers, .. } = witness;
        let seen = onlooker.finish();
        let mut driven = self.driven(server, result, (before, after))?;
        if let Some(seen) = seen {
            driven.report = driven.report.beside(&seen);
        }
        driven.kernel_bytes = kernel.zip(kernel_before).map(|(after, before)| after - before);
        driven.peers = peers;
        Ok(driven)
    }

    /// What a load came to, and what the server counted before and after.
    fn driven(
        &self,
        server: &mut Running,
        result: Result<Outcome, LoadError>,
        (before, after): (Option<Heard>, Option<Heard>),
    ) -> Result<Driven, Unmeasured> {
        if self.stop.load(Ordering::Acquire) {
            return Err(Unmeasured::Interrupted);
        }
        if let Some(ended) = server.ended() {
            return Err(Unmeasured::Because(ended));
        }
        let outcome = result.map_err(|error| match error {
            LoadError::Plan(sentence) | LoadError::NotApplied(sentence) => {
                Unmeasured::Because(sentence)
            }
        })?;
        let unheard = || Err("it was not asked what it counted".to_owned());
        let counted = before
            .unwrap_or_else(unheard)
            .and_then(|before| after.unwrap_or_else(unheard).map(|after| (before, after)));
        let report = Report::of(&outcome);
        Ok(Driven { report, outcome, kernel_bytes: None, peers: None, sliced: None, counted })
    }

    /// System calls for each message as strace counts them, of a server of its own that is driven by
    /// `plan`.
    ///
    /// # Errors
    /// Why they are not known.
    pub fn traced_calls(&self, plan: Plan) -> Result<Sample, Unmeasured> {
        let mut server = self.serve()?;
        let plan = Plan { target: Address::from(server.address), ..plan };
        let mut auditor = Auditor::of(server.pid());
        let result = run(&plan, &self.control(), &mut auditor);
        if self.stop.load(Ordering::Acquire) {
            return Err(Unmeasured::Interrupted);
        }
        if let Some(ended) = server.ended() {
            return Err(Unmeasured::Because(ended));
        }
        let outcome = result.map_err(|error| Unmeasured::Because(error.to_string()))?;
        let calls = auditor.calls.unwrap_or_else(|| Err("nothing was sent".to_owned()))?;
        let answered = outcome.before.counts.answered + outcome.record.counts.answered;
        match answered {
            0 => Err(Unmeasured::Because("no message was answered under strace".into())),
            _ => Ok((calls as f64 / answered as f64).into()),
        }
    }

    /// Stops the server, one of ours in order. Anyone else's is killed: how it ends is a question of
    /// `lifecycle` only, and one that ignores SIGTERM would be waited for in every cell.
    ///
    /// # Errors
    /// If it has ended before, or one of ours does not stop.
    pub fn stop(&self, mut server: Running) -> Result<(), Unmeasured> {
        if self.target.is_ours() {
            return server.stop().map(drop).map_err(Unmeasured::Because);
        }
        server.ended().map_or(Ok(()), |ended| Err(Unmeasured::Because(ended)))
    }

    /// The control of a load that does not sleep while it awaits replies, where it has a processor of
    /// its own to stay awake on.
    fn control_of(&self, plan: &Plan) -> Control {
        let shared = self.cores.client.iter().any(|core| self.cores.server.contains(core));
        match plan.is_open() || plan.connections == 0 || shared {
            true => self.control(),
            false => self.control().awake(),
        }
    }

    /// Ends a load when the comparison is stopped.
    pub fn control(&self) -> Control {
        Control::stopped_by(Arc::clone(&self.stop))
    }
}
