//! `rings`: the model `uring` beside `epoll`, and both beside bare servers on either interface.
//!
//! The servers are on one core and the client on another, so that a batch is what comes while the
//! server is busy. Short messages of few and of many peers, long ones, and pipelines of short ones.

use clap::Args;

use crate::Result;
use crate::crowd::{MESSAGE, allow_descriptors};
use crate::figure::Figure;
use crate::pinning::{cores, pin_to};
use crate::programs::{Programs, Subject};
use crate::rivals::{self, Missing};
use crate::table::{Measure, Role, Table};
use crate::turns::{Contender, ratios, take_turns};

/// Of what is lowest among all others, for messages of 64 bytes.
const RATIO_MAX: f64 = 1.02;
/// For long messages and for pipelines.
const OTHER_RATIO_MAX: f64 = 1.03;
const CALLS_MAX: f64 = 0.1;
/// In a microsecond.
const NANOSECONDS: f64 = 1e3;

/// One kind of traffic: its name, peers, and bytes of a message, or of all that are sent at once.
struct Traffic {
    name: &'static str,
    peers: usize,
    size: usize,
    most: f64,
}

const TRAFFIC: [Traffic; 4] = [
    Traffic { name: "64 bytes, 100 peers", peers: 100, size: MESSAGE, most: RATIO_MAX },
    Traffic { name: "64 bytes, 1000 peers", peers: 1000, size: MESSAGE, most: RATIO_MAX },
    Traffic { name: "16 KiB, 100 peers", peers: 100, size: 16 << 10, most: OTHER_RATIO_MAX },
    Traffic {
        name: "16 x 64 bytes, 100 peers",
        peers: 100,
        size: 16 * MESSAGE,
        most: OTHER_RATIO_MAX,
    },
];

/// How often.
#[derive(Args, Debug)]
pub(crate) struct Rings {
    /// Models beside `epoll`, with the same bounds.
    #[arg(long = "model", value_name = "MODEL", default_value = "uring")]
    models: Vec<String>,
    /// Servers of others, besides those in C.
    #[arg(long, value_name = "NAME,...", value_delimiter = ',',
          default_value = "mio,tokio,monoio,libuv,libevent", value_parser = rivals::rival)]
    beside: Vec<String>,
    /// Only the kinds of traffic whose names have this in them.
    #[arg(long, default_value = "", hide_default_value = true)]
    only: String,
    /// Sets of freshly started servers.
    #[arg(long, default_value_t = 5, value_parser = crate::at_least_one)]
    sets: usize,
    /// Measurements on each set.
    #[arg(long, default_value_t = 20, value_parser = crate::at_least_one)]
    turns: usize,
    /// Messages, of all peers together, in one measurement.
    #[arg(long, default_value_t = 4000, value_parser = crate::at_least_one)]
    messages: usize,
}

impl Rings {
    pub(crate) fn run(&self, programs: &Programs) -> Result<Table> {
        let (subjects, missing) = self.subjects(programs)?;
        allow_descriptors(subjects.len() * 1001)?;
        let cores = cores()?;
        let (Some(server), Some(client)) = (cores.first(), cores.last()) else {
            return Err("this process may use no core".to_owned());
        };
        let mut table = Table::new(format!(
            "Rings beside readiness: processor time per message or pipeline, servers on core {server}, \
             client on core {client};\nmedian and spread of {} sets of fresh servers, {} turns on each; \
             ratios to C epoll within each turn",
            self.sets, self.turns
        ));
        for traffic in TRAFFIC.iter().filter(|traffic| traffic.name.contains(&self.only)) {
            self.tell(traffic, (&subjects, *server, *client), &mut table)?;
        }
        for Missing { name, reason } in &missing {
            table.add_missing(name, measure("CPU / C epoll", 3), reason);
        }
        Ok(table)
    }

    /// Whoever is to be compared has a line here. The second server is the first again: the noise.
    fn subjects(&self, programs: &Programs) -> Result<(Vec<Subject>, Vec<Missing>)> {
        let epoll = programs.c_reference("epoll")?;
        let mut subjects = vec![epoll.clone(), epoll, programs.c_reference("uring")?];
        let (rivals, missing) = programs.rivals(&self.beside)?;
        subjects.extend(rivals);
        subjects.extend(programs.switchboard("epoll"));
        subjects.extend(self.models.iter().filter_map(|model| programs.switchboard(model)));
        Ok((subjects, missing))
    }

    fn tell(
        &self,
        traffic: &Traffic,
        (subjects, server, client): (&[Subject], usize, usize),
        table: &mut Table,
    ) -> Result<()> {
        let rounds = self.messages.div_ceil(traffic.peers);
        let mut figures = vec![Vec::new(); subjects.len()];
        let mut calls = vec![Vec::new(); subjects.len()];
        for _ in 0..self.sets {
            pin_to(server)?;
            let start = |subject| Contender::of_size(subject, traffic.peers, traffic.size);
            let mut contenders = subjects.iter().map(start).collect::<Result<Vec<_>>>()?;
            pin_to(client)?;
            for (place, turns) in
                take_turns(&mut contenders, self.turns, rounds)?.into_iter().enumerate()
            {
                figures[place].extend(turns);
            }
            // One to each peer when it came, and the turn that warms up.
            let messages = traffic.peers * (rounds * (self.turns + 1) + 1);
            for (place, contender) in contenders.into_iter().enumerate() {
                let line = contender.end()?;
                calls[place].extend(line.map(|line| system_calls(&line) / messages as f64));
            }
        }
        // Within a turn, so that noise meets all alike.
        let lowest = lowest(&figures, self.models.len().min(subjects.len() - 3));
        for (place, subject) in subjects.iter().enumerate() {
            let tested = self.models.iter().any(|model| subject.name.ends_with(model.as_str()));
            self.rows(
                traffic,
                subject,
                tested,
                table,
                &Rows {
                    figures: &figures[place],
                    over_first: ratios(&figures[place], &figures[0]),
                    over_lowest: ratios(&figures[place], &figures[lowest]),
                    calls: &calls[place],
                    again: place == 1,
                },
            );
        }
        Ok(())
    }

    fn rows(
        &self,
        traffic: &Traffic,
        subject: &Subject,
        tested: bool,
        table: &mut Table,
        rows: &Rows<'_>,
    ) {
        let name = format!("{} ({})", subject.name, traffic.name);
        let shown = if subject.ours { Role::Shown } else { Role::Reference };
        if !rows.again {
            let microseconds: Vec<f64> =
                rows.figures.iter().map(|figure| figure / NANOSECONDS).collect();
            table.add(&name, measure("CPU us/message", 3), Figure::of(&microseconds), shown);
        }
        let judged = if rows.again { Role::Noise } else { shown };
        table.add(&name, measure("CPU / C epoll", 3), Figure::of(&rows.over_first), judged);
        if tested && subject.ours {
            let most = Role::AtMost(traffic.most);
            table.add(
                &name,
                measure("CPU / lowest of the others", 3),
                Figure::of(&rows.over_lowest),
                most,
            );
        }
        if !rows.calls.is_empty() {
            let bound = tested && traffic.size == MESSAGE;
            let role = if bound { Role::AtMost(CALLS_MAX) } else { Role::Shown };
            table.add(&name, measure("system calls/message", 4), Figure::of(rows.calls), role);
        }
    }
}

/// What was measured of one subject.
struct Rows<'a> {
    figures: &'a [f64],
    over_first: Vec<f64>,
    over_lowest: Vec<f64>,
    calls: &'a [f64],
    /// It is the first again.
    again: bool,
}

/// Whose median is the lowest, not counting the last `tested`.
fn lowest(figures: &[Vec<f64>], tested: usize) -> usize {
    let others = 0..figures.len() - tested;
    let median = |place: &usize| Figure::of(&figures[*place]).median;
    others.min_by(|a, b| median(a).total_cmp(&median(b))).unwrap_or(0)
}

fn measure(name: &'static str, decimals: usize) -> Measure {
    Measure { name, decimals }
}

/// All system calls that our stop line counts.
fn system_calls(line: &str) -> f64 {
    let counted = ["accepts=", "waits=", "receives=", "sends=", "arms="];
    let words = line.split(' ');
    words
        .filter_map(|word| counted.iter().find_map(|name| word.strip_prefix(name)))
        .filter_map(|count| count.parse::<f64>().ok())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_stop_line_counts_is_summed() {
        let line = "stopped accepted=9 sent=99 accepts=1 waits=2 receives=3 sends=4 arms=5";
        assert_eq!(system_calls(line), 15.0);
    }

    #[test]
    fn the_lowest_is_not_who_is_tested() {
        assert_eq!(lowest(&[vec![3.0], vec![2.0], vec![1.0]], 1), 1);
    }
}
