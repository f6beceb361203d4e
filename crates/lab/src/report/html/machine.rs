//! The end of the page: where it was measured, what was measured, and how to do it again.

use maud::{Markup, html};
use switchboard_load::units;

use super::{date, scrolled};
use crate::record::{Comparison, Cores, Subject};
use crate::shell;

/// Where a comparison was made.
pub(super) fn machine(comparison: &Comparison) -> Markup {
    let environment = &comparison.environment;
    let limits = &environment.limits;
    let number = |limit: Option<u64>| limit.map_or("none".to_owned(), units::count);
    let [before, after] = environment.load_average;
    let build = if environment.versions.debug_build { " (debug build)" } else { "" };
    let unknown = || "unknown".to_owned();
    let rows = [
        ("Date", date(&environment.date)),
        ("Kernel", format!("{}, {}", environment.kernel, environment.architecture)),
        ("Processor", environment.processor.clone().unwrap_or_else(|| "without a name".to_owned())),
        ("Cores", format!("{}. {}", processors(&environment.cores), environment.cores.note)),
        ("Memory", units::bytes(environment.memory_bytes as f64)),
        ("Descriptors", format!("{} for each process", number(limits.descriptors))),
        ("Backlog", format!("{} (net.core.somaxconn)", number(limits.backlog))),
        ("Mappings", format!("{} (vm.max_map_count)", number(limits.mappings))),
        ("Load average", format!("{before:.2} before, {after:.2} after")),
        ("Stolen by the host", environment.stolen.map_or_else(unknown, units::percent)),
        ("Version", format!("switchboard {}{build}", environment.versions.switchboard)),
        ("Rounds", comparison.rounds_measured()),
        ("Took", duration(comparison.seconds)),
    ];
    html! {
        section id="machine" {
            h2 { "Where it was measured" }
            (scrolled("the machine", html! {
                table class="machine" {
                    tbody {
                        @for (name, value) in &rows {
                            tr { th scope="row" { (name) } td { (value) } }
                        }
                    }
                }
            }))
            h3 { "The models" }
            (scrolled("the models", html! {
                table class="machine" {
                    thead { tr { th scope="col" { "name" } th scope="col" { "started with" } } }
                    tbody {
                        @for subject in &comparison.models { (started(subject)) }
                    }
                }
            }))
        }
        section id="again" {
            h2 { "Do it again" }
            pre { code { (shell::line(&environment.command_line)) } }
            p {
                "All samples are in " code { "results.json" } "; "
                code { "switchboard compare --from results.json --out FOLDER" }
                " makes this page from it."
            }
        }
    }
}

/// Which processors did what, by their numbers.
fn processors(cores: &Cores) -> String {
    let who = [("the server", &cores.server), ("the load", &cores.client)];
    let told: Vec<String> = who
        .iter()
        .filter(|(_, numbers)| !numbers.is_empty())
        .map(|(who, numbers)| format!("{who} on {}", spans(numbers)))
        .collect();
    let usable = format!("{} usable", cores.usable);
    [vec![usable], told].concat().join(", ")
}

/// Numbers, those in a row as a span: `0 to 3, 6`.
fn spans(numbers: &[u32]) -> String {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    let mut spans: Vec<[u32; 2]> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some([_, last]) if *last + 1 >= number => *last = number,
            _ => spans.push([number, number]),
        }
    }
    let told = spans.iter().map(|[first, last]| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    told.collect::<Vec<_>>().join(", ")
}

/// A time as people say it: `61 s`, `22 min`, `1 h 5 min`.
fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match minutes {
        _ if seconds < 99.5 => format!("{seconds:.0} s"),
        0..100 => format!("{minutes} min"),
        _ => format!("{} h {} min", minutes / 60, minutes % 60),
    }
}

fn started(subject: &Subject) -> Markup {
    html! {
        tr {
            th scope="row" { (subject.name) }
            td {
                code { (subject.command) }
                @if let Some(reason) = &subject.unavailable { span class="reason" { " n/a: " (reason) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Kills: minutes that are seconds; hours that are lost.
    #[test]
    fn a_duration_is_in_the_unit_that_people_use() {
        let told = [7.2, 99.0, 100.0, 1_315.0, 6_000.0, 7_500.0].map(duration);
        assert_eq!(told, ["7 s", "99 s", "2 min", "22 min", "1 h 40 min", "2 h 5 min"]);
    }

    /// Kills: a processor that is left out, or claimed.
    #[test]
    fn processors_are_named_by_their_numbers() {
        assert_eq!(spans(&[6, 0, 1, 2, 3]), "0 to 3, 6");
        assert_eq!(spans(&[5]), "5");
        let cores = Cores { usable: 8, server: vec![1, 2], client: vec![], note: String::new() };
        assert_eq!(processors(&cores), "8 usable, the server on 1 to 2");
    }
}
