//! The end of the page: where it was measured, what was measured, and how to do it again.

use maud::{Markup, html};
use switchboard_load::units;

use crate::record::{Comparison, Subject};
use crate::shell;

/// Where a comparison was made.
pub(super) fn machine(comparison: &Comparison) -> Markup {
    let environment = &comparison.environment;
    let limits = &environment.limits;
    let number = |limit: Option<u64>| limit.map_or("none".to_owned(), units::count);
    let [before, after] = environment.load_average;
    let build = if environment.versions.debug_build { " (debug build)" } else { "" };
    let rows = [
        ("Date", environment.date.clone()),
        ("Kernel", format!("{}, {}", environment.kernel, environment.architecture)),
        ("Processor", environment.processor.clone().unwrap_or_else(|| "without a name".to_owned())),
        ("Cores", environment.cores.note.clone()),
        ("Memory", units::bytes(environment.memory_bytes as f64)),
        ("Descriptors", format!("{} for each process", number(limits.descriptors))),
        ("Backlog", format!("{} (net.core.somaxconn)", number(limits.backlog))),
        ("Mappings", format!("{} (vm.max_map_count)", number(limits.mappings))),
        ("Load average", format!("{before:.2} before, {after:.2} after")),
        ("Version", format!("switchboard {}{build}", environment.versions.switchboard)),
        ("Rounds", comparison.rounds_measured()),
        ("Took", units::time(comparison.seconds * 1e9)),
    ];
    html! {
        section id="machine" {
            h2 { "Where it was measured" }
            div class="scroll" tabindex="0" role="region" aria-label="the machine" {
                table class="machine" {
                    tbody {
                        @for (name, value) in &rows {
                            tr { th scope="row" { (name) } td { (value) } }
                        }
                    }
                }
            }
            h3 { "The models" }
            div class="scroll" tabindex="0" role="region" aria-label="the models" {
                table class="machine" {
                    thead { tr { th scope="col" { "name" } th scope="col" { "started with" } } }
                    tbody {
                        @for subject in &comparison.models { (started(subject)) }
                    }
                }
            }
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
