//! The server's side, the generator's own, what went wrong, and what makes all of it doubtful.

use super::page::{Look, Page};
use crate::report::{ErrorLine, Report};
use crate::units::{bytes, count, percent, several, time};

/// Less than this of the processor time makes no difference to what is printed.
const UNSEEN: f64 = 0.05;

pub(super) fn write_server(page: &mut Page, report: &Report) {
    let Some(server) = &report.server else { return };
    let others = server.processes.saturating_sub(1);
    let family = match others {
        0 => String::new(),
        _ => format!(" and {}", several(others.into(), "descendant", "descendants")),
    };
    let looking = time(server.looking_s * 1e9);
    let looks = several(server.looks, "look", "looks");
    page.section("Server", &format!("process {}{family}; {looks} took {looking}", server.pid));
    let mut cpu = format!("{}, {}", time(server.cpu_s * 1e9), cores(server.cpu_s, report));
    if let Some(each) = server.cpu_per_message_ns {
        cpu += &format!("; {} a message", time(each));
    }
    page.entry("CPU", &cpu);
    let [now, before] = [server.pss_bytes, server.pss_before_bytes].map(|size| bytes(size as f64));
    let mut memory = format!("{now} (PSS), {before} before connecting");
    if let Some(each) = server.bytes_per_peer {
        memory += &match each > 0.0 {
            true => format!("; {} a peer", bytes(each)),
            false => "; peers added none".to_owned(),
        };
    }
    page.entry("memory", &memory);
    page.entry("threads", &count(server.threads));
    page.entry("descriptors", &count(server.descriptors));
    let [waited, preempted] = [server.voluntary_switches, server.involuntary_switches].map(count);
    let mut switches = format!("{waited} voluntary, {preempted} involuntary");
    if let Some(unseen) = server.unseen_share.filter(|share| *share > UNSEEN) {
        switches += &format!("; without threads that ended unseen, {} of the CPU", percent(unseen));
    }
    page.entry("switches", &switches);
}

/// How many cores were busy for all of the measurement.
fn cores(cpu_s: f64, report: &Report) -> String {
    match report.achieved.seconds > 0.0 {
        true => format!("{:.2} cores busy", cpu_s / report.achieved.seconds),
        false => "in no time".to_owned(),
    }
}

pub(super) fn write_generator(page: &mut Page, report: &Report) {
    let generator = &report.generator;
    let threads = several(generator.threads.into(), "thread", "threads");
    let about = match generator.processes {
        0 | 1 => threads,
        processes => format!("{threads} in {} processes", count(processes.into())),
    };
    page.section("Generator", &about);
    let mut cpu = time(generator.cpu_s * 1e9);
    if report.achieved.answered > 0 {
        let each = generator.cpu_s * 1e9 / report.achieved.answered as f64;
        cpu += &format!(", {} a message", time(each));
    }
    cpu += &format!("; busy {} of the time", percent(generator.cpu_share));
    page.entry("CPU", &cpu);
    if report.asked_rate.is_some() {
        let mut late = format!("{} over 1 ms", count(generator.late_sends));
        if generator.late_sends > 0 {
            let latest = time(generator.latest_ns as f64);
            late += &format!(" ({}), the latest by {latest}", percent(generator.late_share));
        }
        page.entry("late sends", &late);
    }
}

pub(super) fn write_errors(page: &mut Page, report: &Report) {
    if report.errors.is_empty() && report.errors_before.is_empty() {
        page.section("Errors", "none");
        return;
    }
    let mut list = |name: &str, about: &str, errors: &[ErrorLine]| {
        if errors.is_empty() {
            return;
        }
        page.headed(name, Look::Error, about);
        for error in errors {
            let first = match &error.first {
                Some(words) if error.count > 1 => format!("; the first: {words}"),
                Some(words) => format!(": {words}"),
                None => String::new(),
            };
            let text = format!("{} {}{first}", count(error.count), error.kind.name());
            page.item(Look::Error, "×", &text);
        }
    };
    list("Errors", "", &report.errors);
    list("Errors before the measurement", "", &report.errors_before);
}

pub(super) fn write_warnings(page: &mut Page, report: &Report) {
    if report.warnings.is_empty() {
        return;
    }
    page.headed("Warnings", Look::Warning, "");
    for warning in &report.warnings {
        page.item(Look::Warning, "!", &warning.text);
    }
}
