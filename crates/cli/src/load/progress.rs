//! A line on the terminal that shows how a load goes, and is erased at its end.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use rustix::termios::tcgetwinsize;
use switchboard_load::bars::sparkline;
use switchboard_load::units::{count, rate, several, time};
use switchboard_load::{End, Phase, Plan, Progress, Record};

/// How long figures are gathered before they are shown: at ten a second nobody could read them.
const STEP: Duration = Duration::from_millis(500);
/// Bars of the sparkline: the last so many steps.
const BARS: usize = 20;

/// Shown in turn, so that one sees that it goes on.
const SPINNER: [char; 8] = ['⠁', '⠂', '⠄', '⡀', '⢀', '⠠', '⠐', '⠈'];
/// Columns that stay free at the end: a terminal writes `^C` there, which would else begin another
/// line and leave this one standing.
const FREE: usize = 3;
/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;
/// Begins the line anew, empty (ECMA-48: CR, EL 2).
const ERASE: &str = "\r\x1b[2K";

/// The line.
pub(super) struct Line {
    figures: Figures,
    turn: usize,
}

impl Line {
    /// On standard error, which must be a terminal.
    pub(super) fn new(plan: &Plan) -> Line {
        Line { figures: Figures::new(plan, Instant::now()), turn: 0 }
    }

    /// What a thread of the load saw.
    pub(super) fn seen(&mut self, record: &Record) {
        self.figures.gather(record);
    }

    pub(super) fn progress(&mut self, progress: &Progress<'_>) {
        self.figures.take(progress, Instant::now());
        let columns = tcgetwinsize(io::stderr()).map_or(0, |size| usize::from(size.ws_col));
        let width = if columns == 0 { WIDTH } else { columns };
        let text =
            format!("{} {}", SPINNER[self.turn % SPINNER.len()], self.figures.words(progress));
        self.turn += 1;
        write(&cut(&text, width));
    }
}

/// What fits of a text whose characters have a column each.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width.saturating_sub(FREE)).collect()
}

/// Writes in place of what was there. A terminal that has gone misses nothing.
fn write(text: &str) {
    let mut terminal = io::stderr().lock();
    let _ = terminal.write_all(format!("{ERASE}{text}").as_bytes());
}

impl Drop for Line {
    fn drop(&mut self) {
        write("");
    }
}

/// What the line says.
struct Figures {
    connections: u64,
    end: End,
    /// What was seen since figures were last shown, and since when.
    gathered: Record,
    since: Instant,
    /// Right replies a second in the last steps, the latest last.
    rates: VecDeque<f64>,
    p50_ns: Option<u64>,
    p99_ns: Option<u64>,
    errors: u64,
}

impl Figures {
    fn new(plan: &Plan, now: Instant) -> Figures {
        Figures {
            connections: plan.connections + plan.idle,
            end: plan.end,
            gathered: Record::new(plan.is_open()),
            since: now,
            rates: VecDeque::new(),
            p50_ns: None,
            p99_ns: None,
            errors: 0,
        }
    }

    fn gather(&mut self, record: &Record) {
        self.gathered.merge(record);
        self.errors += record.errors.total();
    }

    fn take(&mut self, progress: &Progress<'_>, now: Instant) {
        let elapsed = now.duration_since(self.since);
        if progress.phase == Phase::Connecting {
            self.gathered.clear();
            self.since = now;
        } else if elapsed >= STEP {
            let answered = self.gathered.counts.answered as f64;
            self.rates.push_back(answered / elapsed.as_secs_f64());
            if self.rates.len() > BARS {
                self.rates.pop_front();
            }
            let times = &self.gathered.latency;
            let at = |quantile| (!times.is_empty()).then(|| times.value_at_quantile(quantile));
            (self.p50_ns, self.p99_ns) = (at(0.5), at(0.99));
            self.gathered.clear();
            self.since = now;
        }
    }

    fn words(&self, progress: &Progress<'_>) -> String {
        let mut words = self.doing(progress);
        if let Some(latest) = self.rates.back() {
            let shown = |ns: Option<u64>| ns.map_or("-".to_owned(), |ns| time(ns as f64));
            let (p50, p99) = (shown(self.p50_ns), shown(self.p99_ns));
            words += &format!("  {}/s  p50 {p50}  p99 {p99}", rate(*latest));
        }
        if self.errors > 0 {
            words += &format!("  {}", several(self.errors, "error", "errors"));
        }
        if self.rates.len() > 1 {
            let rates: Vec<Option<f64>> = self.rates.iter().copied().map(Some).collect();
            words += &format!("  {}", sparkline(&rates));
        }
        words
    }

    fn doing(&self, progress: &Progress<'_>) -> String {
        let seconds = |time: Duration| format!("{:.0}", time.as_secs_f64().floor());
        match (progress.phase, self.end) {
            (Phase::Connecting, _) => {
                format!("connecting: {} of {}", count(progress.connected), count(self.connections))
            }
            (Phase::WarmUp, _) => "warming up".to_owned(),
            (Phase::Measuring, End::After(all)) => {
                format!("{} of {} s", seconds(progress.elapsed), all.as_secs_f64())
            }
            (Phase::Measuring, End::Messages(all)) => {
                format!("{} of {} messages", count(progress.total.sent), count(all))
            }
            (Phase::Finishing, _) => "waiting for the last replies".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchboard_load::ErrorKind;
    use switchboard_load::record::Counts;

    fn seen(answered: u64) -> Record {
        let mut record = Record::new(false);
        record.counts.answered = answered;
        record.latency.record_n(50_000, answered).unwrap();
        record
    }

    fn progress(phase: Phase, total: &Counts) -> Progress<'_> {
        let elapsed = Duration::from_millis(3200);
        Progress { phase, elapsed, connected: 7, total }
    }

    #[test]
    fn a_line_leaves_room_at_its_end() {
        assert_eq!(cut("⠁ 50 µs", 9), "⠁ 50 µ");
        assert_eq!(cut("⠁ 50 µs", 10), "⠁ 50 µs");
        assert_eq!(cut("⠁", 1), "");
    }

    /// Kills: a rate by the tick in place of by the second; errors of one tick only.
    #[test]
    fn the_line_says_how_it_goes() {
        let began = Instant::now();
        let mut figures = Figures::new(&Plan::default(), began);
        let counts = Counts::default();
        let connecting = progress(Phase::Connecting, &counts);
        figures.take(&connecting, began);
        assert_eq!(figures.words(&connecting), "connecting: 7 of 10");
        let mut record = seen(1000);
        record.errors.count(ErrorKind::Reset, || "reset".into());
        let measuring = progress(Phase::Measuring, &counts);
        figures.gather(&record);
        figures.take(&measuring, began + STEP / 2);
        assert_eq!(figures.words(&measuring), "3 of 10 s  1 error");
        figures.gather(&record);
        figures.take(&measuring, began + STEP);
        assert_eq!(
            figures.words(&measuring),
            "3 of 10 s  4,000/s  p50 50.0 µs  p99 50.0 µs  2 errors"
        );
        figures.gather(&seen(1000));
        figures.take(&measuring, began + STEP * 2);
        assert!(
            figures.words(&measuring).ends_with("2 errors  █▄"),
            "{}",
            figures.words(&measuring)
        );
    }
}
