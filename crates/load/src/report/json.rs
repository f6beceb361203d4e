//! The result for programs.

use super::Report;

/// A report as one indented object; its `schema` says which fields there are.
pub fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).expect("plain data with text keys") + "\n"
}
