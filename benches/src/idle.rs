//! `idle`: what 10,000 silent peers cost a loop, in memory and in the busy peers' processor time.
//!
//! An idle peer has been served once before it falls silent, so what it needed for that counts if
//! it is kept. The ratio compares two servers of the same program, with and without idle peers; a
//! third, without, shows by how much two equal servers differ.

use clap::Args;

use crate::Result;
use crate::crowd::allow_descriptors;
use crate::figure::Figure;
use crate::pinning::pin_to_one_core;
use crate::process::pss_bytes;
use crate::programs::{Programs, Subject};
use crate::table::{Measure, Role, Table};
use crate::turns::{Contender, ratios, take_turns};

const BYTES_MAX: f64 = 256.0;
const RATIO_MAX: f64 = 1.05;
const BYTES: Measure = Measure { name: "bytes/idle peer (PSS)", decimals: 1 };
const TIME: Measure = Measure { name: "CPU us/message, none idle", decimals: 3 };
const RATIO: Measure = Measure { name: "CPU with idle / without", decimals: 3 };
const NOISE: Measure = Measure { name: "CPU without / without", decimals: 3 };

/// How many idle and busy peers, and how often.
#[derive(Args, Debug)]
pub(crate) struct Idle {
    /// Models with the same bounds.
    #[arg(long, value_delimiter = ',', value_name = "MODEL,...", default_value = "epoll")]
    models: Vec<String>,
    /// Idle peers.
    #[arg(long, default_value_t = 10_000, value_parser = crate::at_least_one)]
    idle: usize,
    /// Busy peers.
    #[arg(long, default_value_t = 100, value_parser = crate::at_least_one)]
    busy: usize,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    sets: usize,
    /// Pairs of measurements on each set.
    #[arg(long, default_value_t = 30, value_parser = crate::at_least_one)]
    turns: usize,
    /// Messages per busy peer in one measurement.
    #[arg(long, default_value_t = 30, value_parser = crate::at_least_one)]
    rounds: usize,
}

#[derive(Default)]
struct Samples {
    bytes: Vec<f64>,
    microseconds: Vec<f64>,
    ratios: Vec<f64>,
    noise: Vec<f64>,
}

impl Idle {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        allow_descriptors(self.idle + 3 * self.busy)?;
        let mut table = Table::new(format!(
            "Cost of {} idle peers: memory, and processor time of {} busy ones (64 bytes, closed \
             loop, one core);\nmedian and spread of {} sets of fresh servers, {} pairs on each",
            self.idle, self.busy, self.sets, self.turns
        ));
        let subjects = self.subjects(programs)?;
        pin_to_one_core()?;
        for subject in subjects {
            let mut samples = Samples::default();
            for _ in 0..self.sets {
                self.sample(&subject, &mut samples)?;
            }
            let (bytes, ratio) = match subject.ours {
                true => (Role::AtMost(BYTES_MAX), Role::AtMost(RATIO_MAX)),
                false => (Role::Reference, Role::Reference),
            };
            let time = if subject.ours { Role::Shown } else { Role::Reference };
            table.add(&subject.name, BYTES, Figure::of(&samples.bytes), bytes);
            table.add(&subject.name, TIME, Figure::of(&samples.microseconds), time);
            table.add(&subject.name, RATIO, Figure::of(&samples.ratios), ratio);
            table.add(&subject.name, NOISE, Figure::of(&samples.noise), Role::Noise);
        }
        Ok(table)
    }

    fn subjects(&self, programs: &Programs) -> Result<Vec<Subject>> {
        let mut subjects = vec![programs.c_reference("epoll")?];
        subjects.push(programs.rust_reference("mio")?);
        subjects.push(programs.rust_reference("tokio")?);
        subjects.extend(self.models.iter().filter_map(|model| programs.switchboard(model)));
        Ok(subjects)
    }

    fn sample(&self, subject: &Subject, samples: &mut Samples) -> Result<()> {
        let quiet = Contender::start(subject, self.busy)?;
        let mut crowded = Contender::start(subject, self.busy)?;
        let control = Contender::start(subject, self.busy)?;
        let before = pss_bytes(crowded.server.pid())?;
        crowded.add_idle(self.idle)?;
        let after = pss_bytes(crowded.server.pid())?;
        samples.bytes.push((after as f64 - before as f64) / self.idle as f64);

        let mut contenders = [quiet, crowded, control];
        let figures = take_turns(&mut contenders, self.turns, self.rounds)?;
        samples.microseconds.extend(figures[0].iter().map(|nanoseconds| nanoseconds / 1e3));
        samples.ratios.extend(ratios(&figures[1], &figures[0]));
        samples.noise.extend(ratios(&figures[2], &figures[0]));
        contenders.into_iter().try_for_each(Contender::finish)
    }
}
