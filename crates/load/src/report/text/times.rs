//! Percentiles, latency and service time side by side, and the histogram.

use super::page::{LABEL, Look, Page};
use crate::bars::bar;
use crate::honesty::is_doubtful;
use crate::report::{Bucket, Report, Times};
use crate::units::{count, several, time};

/// Columns of a time.
const TIME: usize = 16;
/// Columns of the longest bar.
const BAR: usize = 40;
/// The most rows of a histogram.
const ROWS: usize = 12;
/// Steps of a report's histogram in a doubling, and ways to gather them into rows.
const STEPS: [usize; 7] = [1, 2, 5, 10, 15, 20, 40];

pub(super) fn write(page: &mut Page, report: &Report) {
    let open = report.asked_rate.is_some();
    if report.latency.samples == 0 {
        page.section("Latency", "nothing was measured");
        return;
    }
    let columns: Vec<&Times> = match open {
        true => vec![&report.latency, &report.service_time],
        false => vec![&report.latency],
    };
    match open {
        true => {
            page.section("Latency", &format!("{:>TIME$}{:>TIME$}", "latency", "service time"));
            page.line(&[(
                Look::Faint,
                &format!("{:LABEL$}{:>TIME$}{:>TIME$}", "  from", "intended send", "actual send"),
            )]);
        }
        false => page.section("Latency", &format!("{:>TIME$}", "from the send")),
    }
    let row = |page: &mut Page, name: &str, look, cells: Vec<Option<f64>>, doubtful: bool| {
        let label = format!("{:LABEL$}", format!("  {name}"));
        let shown = |ns: Option<f64>| ns.map_or("-".to_owned(), time);
        let cells: String = cells.into_iter().map(|ns| format!("{:>TIME$}", shown(ns))).collect();
        let mark = if doubtful { "  ? too few samples" } else { "" };
        page.line(&[(Look::Faint, &label), (look, &cells), (Look::Warning, mark)]);
    };
    let whole = |part: fn(&Times) -> Option<u64>| {
        columns.iter().map(|times| part(times).map(|ns| ns as f64)).collect::<Vec<_>>()
    };
    row(page, "min", Look::Plain, whole(|times| times.min_ns), false);
    row(page, "mean", Look::Plain, columns.iter().map(|times| times.mean_ns).collect(), false);
    for (place, (quantile, name)) in Times::QUANTILES.into_iter().enumerate() {
        let cells = columns.iter().map(|times| times.percentiles()[place].map(|ns| ns as f64));
        let doubtful = is_doubtful(report.latency.samples, quantile);
        row(page, name, Look::Strong, cells.collect(), doubtful);
    }
    row(page, "max", Look::Strong, whole(|times| times.max_ns), false);
    write_histogram(page, &report.latency);
}

fn write_histogram(page: &mut Page, times: &Times) {
    let rows = gathered(&times.histogram);
    let most = rows.iter().map(|row| row.count).max().unwrap_or(0).max(1);
    let samples = several(times.samples, "latency", "latencies");
    page.section("Histogram", &format!("{samples}, each row up to that long"));
    for row in &rows {
        let label = format!("{:>12}  ", time(row.up_to_ns as f64));
        let bars = format!("{:BAR$}", bar(row.count as f64 / most as f64, BAR));
        let share = row.count as f64 / times.samples.max(1) as f64;
        let share = match share {
            _ if share > 0.0 && share < 0.000_5 => "<0.1%".to_owned(),
            _ => format!("{:.1}%", share * 100.0),
        };
        let counted = format!("{:>14} {share:>7}", count(row.count));
        page.line(&[(Look::Faint, &label), (Look::Bar, &bars), (Look::Plain, &counted)]);
    }
}

/// Steps of equal ratio become at most so many rows, empty ones between others too.
fn gathered(steps: &[Bucket]) -> Vec<Bucket> {
    // A step ends at a microsecond times a power of the fifth root of two, less one.
    let place = |bucket: &Bucket| {
        (((bucket.up_to_ns + 1) as f64 / 1000.0).log2() * 5.0).round().max(0.0) as usize
    };
    let (Some(first), Some(last)) = (steps.first(), steps.last()) else { return Vec::new() };
    let rows = |size: usize| place(last).div_ceil(size) - place(first).div_ceil(size) + 1;
    let size = STEPS.into_iter().find(|size| rows(*size) <= ROWS).unwrap_or(STEPS[STEPS.len() - 1]);
    let offset = place(first).div_ceil(size);
    let end = |row: usize| (1000.0 * 2f64.powf((row * size) as f64 / 5.0)).round() as u64;
    let empty = |row| Bucket { up_to_ns: end(offset + row), count: 0 };
    let mut gathered: Vec<Bucket> = (0..rows(size)).map(empty).collect();
    for step in steps {
        gathered[place(step).div_ceil(size) - offset].count += step.count;
    }
    gathered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::histogram;

    /// Kills: rows that lose samples or end before them; more rows than a screen has room for.
    #[test]
    fn steps_are_gathered_into_a_few_rows() {
        for longest in [1_u64, 900, 5_000, 1_000_000, 3_000_000_000, 3_000_000_000_000] {
            let mut times = histogram();
            for part in 1..=1000 {
                times.record((longest * part / 1000).max(1)).unwrap();
            }
            let times = Times::of(&times);
            let rows = gathered(&times.histogram);
            assert!((1..=ROWS).contains(&rows.len()), "{rows:?}");
            assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 1000, "{rows:?}");
            let end = rows.last().unwrap().up_to_ns;
            assert!(end + end / 500 + 1 >= times.max_ns.unwrap(), "{longest}: {rows:?}");
            assert!(rows.windows(2).all(|pair| pair[0].up_to_ns < pair[1].up_to_ns));
        }
        assert!(gathered(&[]).is_empty());
    }
}
