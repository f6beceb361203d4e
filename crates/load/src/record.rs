//! What was seen in some span of time, mergeable across spans, threads and processes.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::errors::Errors;
use crate::written::histogram;

/// The longest time that is told from longer ones: an hour, in nanoseconds.
const LONGEST_NS: u64 = 3_600_000_000_000;
/// A time is kept to a thousandth of itself.
const DIGITS: u8 = 3;

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// From when a message was intended to be sent until its reply was there, in nanoseconds. In a
    /// closed loop, from when it was sent.
    #[serde(with = "histogram")]
    pub latency: Histogram<u64>,
    /// From when it was sent. `None` in a closed loop, where it is the latency.
    pub service: Option<Service>,
    /// How much of what.
    pub counts: Counts,
    /// What went wrong.
    pub errors: Errors,
}

/// Times from when a message was sent until its reply was there, in nanoseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Service(#[serde(with = "histogram")] pub Histogram<u64>);

/// How much of what. Messages are those of good peers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Messages that were handed to the kernel.
    pub sent: u64,
    /// Replies that were right. With `--expect nothing`: messages that were sent.
    pub answered: u64,
    /// Bytes that the kernel took, of bad peers too.
    pub bytes_sent: u64,
    /// Bytes that came, for bad peers too.
    pub bytes_received: u64,
    /// Connections that were opened in this span.
    pub opened: u64,
    /// Connections that were lost or closed in this span.
    pub closed: u64,
    /// Messages of an open loop that were due when no connection could take them.
    pub skipped: u64,
    /// Messages of an open loop that the generator did not get to before the end.
    pub not_reached: u64,
    /// Messages of an open loop that the generator itself handled over 1 ms late.
    pub late: u64,
    /// The latest of them, in nanoseconds.
    pub latest_ns: u64,
    /// Messages that nobody waited for any longer when the run ended.
    pub unanswered: u64,
    /// Messages of bad peers that went out whole.
    pub bad_sent: u64,
    /// Bad peers that the server got rid of.
    pub bad_closed: u64,
    /// Processor time of the generator's threads, in nanoseconds, but not what they spent looking
    /// whether a message was due already.
    pub cpu_ns: u64,
}

/// A histogram that takes any time up to an hour.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_NS, DIGITS).expect("constants that make sense")
}

impl Record {
    /// Nothing seen yet; `open` has a service time of its own.
    pub fn new(open: bool) -> Record {
        Record {
            latency: self::histogram(),
            service: open.then(|| Service(self::histogram())),
            counts: Counts::default(),
            errors: Errors::default(),
        }
    }

    /// Nothing seen yet, in memory that is there: nobody has to wait for its pages later.
    pub(crate) fn in_place(open: bool) -> Record {
        let mut record = Record::new(open);
        record.latency.reset();
        if let Some(Service(histogram)) = &mut record.service {
            histogram.reset();
        }
        record
    }

    /// The service time, which in a closed loop is the latency.
    pub fn service_time(&self) -> &Histogram<u64> {
        self.service.as_ref().map_or(&self.latency, |service| &service.0)
    }

    /// A right reply: how long after it was intended, and after it was sent.
    #[inline]
    pub(crate) fn answered(&mut self, latency_ns: u64, service_ns: u64) {
        self.counts.answered += 1;
        self.latency.saturating_record(latency_ns);
        if let Some(Service(histogram)) = &mut self.service {
            histogram.saturating_record(service_ns);
        }
    }

    /// Adds what `later` saw.
    pub fn merge(&mut self, later: &Record) {
        add(&mut self.latency, &later.latency);
        if let Some(Service(histogram)) = &later.service {
            let own = self.service.get_or_insert_with(|| Service(self::histogram()));
            add(&mut own.0, histogram);
        }
        self.counts.merge(&later.counts);
        self.errors.merge(&later.errors);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        let service = self.service.as_mut().map(|service| &mut service.0);
        for histogram in [Some(&mut self.latency), service].into_iter().flatten() {
            // One that is empty is only zeros, but many of them.
            if !histogram.is_empty() {
                histogram.reset();
            }
        }
        self.counts = Counts::default();
        self.errors = Errors::default();
    }
}

fn add(own: &mut Histogram<u64>, other: &Histogram<u64>) {
    if !other.is_empty() {
        own.add(other).expect("all histograms of records have the same bounds");
    }
}

impl Counts {
    /// Adds what `later` counted.
    pub(crate) fn merge(&mut self, later: &Counts) {
        let pairs = [
            (&mut self.sent, later.sent),
            (&mut self.answered, later.answered),
            (&mut self.bytes_sent, later.bytes_sent),
            (&mut self.bytes_received, later.bytes_received),
            (&mut self.opened, later.opened),
            (&mut self.closed, later.closed),
            (&mut self.skipped, later.skipped),
            (&mut self.not_reached, later.not_reached),
            (&mut self.late, later.late),
            (&mut self.unanswered, later.unanswered),
            (&mut self.bad_sent, later.bad_sent),
            (&mut self.bad_closed, later.bad_closed),
            (&mut self.cpu_ns, later.cpu_ns),
        ];
        pairs.into_iter().for_each(|(own, later)| *own += later);
        self.latest_ns = self.latest_ns.max(later.latest_ns);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::errors::ErrorKind;

    fn seen(latency: u64, service: u64) -> Record {
        let mut record = Record::new(true);
        record.answered(latency, service);
        record.counts.latest_ns = latency;
        record.errors.count(ErrorKind::Reset, || format!("at {latency}"));
        record
    }

    /// Kills: a part of a record that merging or the way between processes forgets.
    #[test]
    fn a_record_survives_the_way_through_text_and_adds_up() {
        let text = serde_json::to_string(&seen(1000, 10)).unwrap();
        let mut record: Record = serde_json::from_str(&text).unwrap();
        assert_eq!(record, seen(1000, 10));
        record.merge(&seen(3000, 30));
        assert_eq!((record.counts.answered, record.counts.latest_ns), (2, 3000));
        assert_eq!((record.latency.max(), record.service_time().max()), (3000 | 1, 30));
        assert_eq!(record.errors.of(ErrorKind::Reset).count, 2);
        record.clear();
        assert_eq!(record, Record::new(true));
    }

    /// Kills: a time beyond the histogram that is dropped, and with it the worst of all.
    #[test]
    fn a_time_beyond_an_hour_counts_as_an_hour() {
        let mut record = Record::new(false);
        record.answered(u64::MAX, u64::MAX);
        assert_eq!(record.latency.len(), 1);
        assert!(record.service_time().max() >= LONGEST_NS);
    }
}
