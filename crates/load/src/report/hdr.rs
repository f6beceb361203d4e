//! An HdrHistogram interval log, which HdrHistogram's own tools read: a line for each second with
//! its latencies in nanoseconds, whole. In an open loop each has a second line, tagged `service`,
//! with the service times.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use crate::record::Record;
use crate::watch::{Interval, Outcome, Progress, Watch};

/// The tag of service times.
const SERVICE: &str = "service";

/// Writes a log while a load is measured.
#[derive(Debug)]
pub struct HdrLog<W: Write = BufWriter<File>> {
    out: W,
    serializer: Serializer,
    /// What was written so far.
    written: Option<Record>,
    /// The first thing that went wrong.
    failed: Option<io::Error>,
}

/// Makes a histogram into bytes.
struct Serializer(V2DeflateSerializer);

impl std::fmt::Debug for Serializer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("V2DeflateSerializer")
    }
}

impl HdrLog {
    /// Into a file, which is emptied if it is there.
    ///
    /// # Errors
    /// If it cannot be created.
    pub fn create(path: &Path) -> io::Result<HdrLog> {
        File::create(path).map(|file| HdrLog::to(BufWriter::new(file)))
    }
}

impl<W: Write> HdrLog<W> {
    /// Into anything that takes bytes.
    pub fn to(out: W) -> HdrLog<W> {
        let serializer = Serializer(V2DeflateSerializer::new());
        HdrLog { out, serializer, written: None, failed: None }
    }

    /// Adds what came after the last second, when what was in flight was awaited, so that the log
    /// has every latency of `outcome`; gives back what was written to.
    ///
    /// # Errors
    /// If anything could not be written.
    pub fn finish(mut self, outcome: &Outcome) -> io::Result<W> {
        let mut rest = outcome.record.clone();
        if let Some(written) = self.written.take() {
            take_away(&mut rest.latency, &written.latency)?;
            if let (Some(rest), Some(written)) = (&mut rest.service, &written.service) {
                take_away(&mut rest.0, &written.0)?;
            }
        }
        if !rest.latency.is_empty() {
            self.write(outcome.measured, Duration::ZERO, &rest);
        }
        match self.failed {
            Some(error) => Err(error),
            None => self.out.flush().map(|()| self.out),
        }
    }

    fn head(&mut self, start: SystemTime) -> io::Result<()> {
        IntervalLogWriterBuilder::new()
            .add_comment("[Latencies of switchboard load, in nanoseconds]")
            .add_comment("[Histogram log format version 1.3]")
            .with_start_time(start)
            .with_base_time(start)
            .begin_log_with(&mut self.out, &mut self.serializer.0)
            .map(drop)
    }

    fn write(&mut self, start: Duration, length: Duration, record: &Record) {
        self.note(|log| log.line(start, length, None, &record.latency));
        if let Some(service) = &record.service {
            self.note(|log| log.line(start, length, Tag::new(SERVICE), &service.0));
        }
    }

    fn line(
        &mut self,
        start: Duration,
        length: Duration,
        tag: Option<Tag<'_>>,
        times: &Histogram<u64>,
    ) -> io::Result<()> {
        IntervalLogWriterBuilder::new()
            .begin_log_with(&mut self.out, &mut self.serializer.0)?
            .write_histogram(times, start, length, tag)
            .map_err(io::Error::other)
    }

    /// After something went wrong nothing more is written.
    fn note(&mut self, write: impl FnOnce(&mut Self) -> io::Result<()>) {
        if self.failed.is_none() {
            self.failed = write(self).err();
        }
    }
}

fn take_away(whole: &mut Histogram<u64>, part: &Histogram<u64>) -> io::Result<()> {
    whole.subtract(part).map_err(io::Error::other)
}

impl<W: Write> Watch for HdrLog<W> {
    fn progress(&mut self, _: &Progress<'_>) {}

    fn interval(&mut self, interval: &Interval, record: &Record) {
        let seconds = |seconds| Duration::from_secs_f64(f64::max(seconds, 0.0));
        self.write(seconds(interval.start_s), seconds(interval.seconds), record);
        match &mut self.written {
            Some(written) => written.merge(record),
            None => self.written = Some(record.clone()),
        }
    }

    fn begins(&mut self, lead: Duration, _: Option<Duration>) {
        self.note(|log| log.head(SystemTime::now() + lead));
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use hdrhistogram::serialization::Deserializer;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    use super::*;
    use crate::plan::Plan;

    fn record(latencies: &[u64]) -> Record {
        let mut record = Record::new(true);
        latencies.iter().for_each(|ns| record.answered(*ns, ns / 2));
        record
    }

    fn outcome(record: Record) -> Outcome {
        Outcome {
            plan: Plan::default(),
            record,
            intervals: Vec::new(),
            measured: Duration::from_millis(1500),
            connected: 1,
            idle: 0,
            connecting: Duration::ZERO,
            before: Record::new(true),
            processes: 1,
            interrupted: false,
        }
    }

    fn interval(start_s: f64, seconds: f64) -> Interval {
        let none = None;
        let (sent, answered, errors) = (0, 0, 0);
        Interval {
            start_s,
            seconds,
            sent,
            answered,
            errors,
            p50_ns: none,
            p99_ns: none,
            max_ns: none,
        }
    }

    fn read(encoded: &str) -> Histogram<u64> {
        let bytes = BASE64_STANDARD.decode(encoded).unwrap();
        Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap()
    }

    /// Kills: replies after the end left out; service times under latencies' name; a log that
    /// hdrhistogram's reader refuses.
    #[test]
    fn the_log_reads_back_with_every_latency() {
        let mut log = HdrLog::to(Vec::new());
        log.begins(Duration::ZERO, None);
        log.interval(&interval(0.0, 1.0), &record(&[1000, 2000]));
        log.interval(&interval(1.0, 0.5), &record(&[3000]));
        let all = record(&[1000, 2000, 3000, 900_000_000]);
        let bytes = log.finish(&outcome(all.clone())).unwrap();
        let mut found = Vec::new();
        let mut heads = 0;
        let mut sum = Record::new(true).latency;
        for entry in IntervalLogIterator::new(&bytes) {
            let LogEntry::Interval(line) = entry.unwrap() else {
                heads += 1;
                continue;
            };
            let times = read(line.encoded_histogram());
            let tag = line.tag().map(|tag| tag.as_str().to_owned());
            if tag.is_none() {
                sum.add(&times).unwrap();
            }
            found.push((tag, line.start_timestamp().as_millis(), times.len()));
        }
        let service = || Some(SERVICE.to_owned());
        assert_eq!(heads, 2);
        assert_eq!(
            found,
            [
                (None, 0, 2),
                (service(), 0, 2),
                (None, 1000, 1),
                (service(), 1000, 1),
                (None, 1500, 1),
                (service(), 1500, 1)
            ]
        );
        assert_eq!(sum, all.latency);
    }

    /// Kills: a full disk of which nobody hears.
    #[test]
    fn what_cannot_be_written_is_told_at_the_end() {
        let mut log = HdrLog::to(&mut [][..]);
        log.begins(Duration::ZERO, None);
        log.interval(&interval(0.0, 1.0), &record(&[1000]));
        let error = log.finish(&outcome(record(&[1000]))).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WriteZero);
    }
}
