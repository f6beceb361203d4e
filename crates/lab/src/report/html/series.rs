//! Which model looks how: a colour, a marker and a dash of its own, the same in all charts; and which
//! models share one. Nobody can tell more than eight lines apart, so there are several charts side by
//! side where there are more models, with the same axes, and the reference in each.

use crate::record::{Comparison, Subject};

/// The most lines in one chart, without the reference.
const LINES_MAX: usize = 8;

/// Models that share a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// What they have in common, for a caption; empty if there is one group only.
    pub(super) name: &'static str,
    /// Their names, in the order of the comparison. The place is the look.
    pub(super) models: Vec<&'a str>,
}

/// All models, in groups.
pub(super) fn groups(comparison: &Comparison) -> Vec<Group<'_>> {
    let all: Vec<&str> = comparison.models.iter().map(|subject| subject.name.as_str()).collect();
    if all.len() <= LINES_MAX {
        return vec![Group { name: "", models: all }];
    }
    let mut groups: Vec<Group<'_>> = Vec::new();
    for subject in &comparison.models {
        let name = family(subject);
        match groups.iter_mut().find(|group| group.name == name && group.models.len() < LINES_MAX) {
            Some(group) => group.models.push(&subject.name),
            None => groups.push(Group { name, models: vec![&subject.name] }),
        }
    }
    groups
}

/// In words, so that each group has some models: three families of loops that move bytes in ways of
/// their own share one.
fn family(subject: &Subject) -> &'static str {
    match subject.family.as_deref() {
        Some("blocking") => "a thread or process waits for each peer",
        Some("loop") => "a loop waits for all",
        Some(_) => "rings, stacks and tasks",
        None => "other servers",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    /// Kills: charts with more lines than can be told apart; a model that is in no chart, or in two.
    #[test]
    fn every_model_has_its_place_in_one_chart() {
        for models in [1, 8, 9, 16, 40] {
            let comparison = made_up::with_models(models);
            let groups = groups(&comparison);
            let mut names: Vec<&str> =
                groups.iter().flat_map(|group| group.models.clone()).collect();
            assert!(groups.iter().all(|group| group.models.len() <= LINES_MAX), "{groups:?}");
            names.sort_unstable();
            let before = names.len();
            names.dedup();
            assert_eq!((names.len(), before), (models, models));
        }
    }
}
