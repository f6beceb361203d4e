//! Which model looks how: a colour, a marker and a dash of its own, the same in all charts; and which
//! models share one. Nobody can tell more than eight lines apart, so there are several charts side by
//! side where there are more models, with the same axes, and the reference in each.

use super::chart::{COLOURS, Look};
use crate::record::{Comparison, Subject};

/// The most lines in one chart, without the reference.
const LINES_MAX: usize = 8;

/// Models that share a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group<'a> {
    /// What they have in common, for a caption; empty if there is one group only.
    pub(super) name: &'static str,
    /// Their names, in the order of the comparison.
    pub(super) models: Vec<(&'a str, Look)>,
}

/// All models, in groups.
pub(super) fn groups(comparison: &Comparison) -> Vec<Group<'_>> {
    let mut given: Vec<Look> = Vec::new();
    let mut looks = |names: &[&'_ str]| -> Vec<Look> {
        let first = given.len();
        for name in names {
            let is_reference = *name == comparison.reference;
            let look = if is_reference { Look::Reference } else { next(&given, first) };
            given.push(look);
        }
        given[first..].to_vec()
    };
    let all = families(comparison).into_iter().map(|(name, models)| {
        let looks = looks(&models);
        Group { name, models: models.into_iter().zip(looks).collect() }
    });
    all.collect()
}

/// The next look after those that are `given`, of which the models of this chart have those from
/// `first` on: a colour and a marker that nobody else in the chart has, together nobody else at all, if
/// there are such left.
fn next(given: &[Look], first: usize) -> Look {
    let own = given.iter().filter(|look| **look != Look::Reference).count();
    let shifted = own + 3 * (own / COLOURS);
    let free = |look: &Look| {
        given[first..].iter().all(|other| match (look, other) {
            (Look::Own { colour, marker }, Look::Own { colour: c, marker: m }) => {
                colour != c && marker != m
            }
            _ => true,
        })
    };
    let pairs = (0..COLOURS).flat_map(|one| (0..COLOURS).map(move |other| (one, other)));
    let mut looks = pairs
        .map(|(one, other)| Look::Own {
            colour: (own + one) % COLOURS,
            marker: (shifted + other) % COLOURS,
        })
        .filter(free)
        .peekable();
    let any = looks.peek().copied().unwrap_or(Look::Own { colour: 0, marker: 0 });
    looks.find(|look| !given.contains(look)).unwrap_or(any)
}

/// What the models of each chart have in common, and who they are.
fn families(comparison: &Comparison) -> Vec<(&'static str, Vec<&str>)> {
    let all: Vec<&str> = comparison.models.iter().map(|subject| subject.name.as_str()).collect();
    if all.len() <= LINES_MAX {
        return vec![("", all)];
    }
    let mut found: Vec<(&str, Vec<&str>)> = Vec::new();
    for subject in &comparison.models {
        let name = family(subject);
        let has_room =
            |(own, models): &&mut (&str, Vec<&str>)| *own == name && models.len() < LINES_MAX;
        match found.iter_mut().find(has_room) {
            Some((_, models)) => models.push(&subject.name),
            None => found.push((name, vec![&subject.name])),
        }
    }
    found
}

/// In words, so that each group has some models: three families of loops that move bytes in ways of
/// their own share one.
fn family(subject: &Subject) -> &'static str {
    match subject.family.as_deref() {
        Some("blocking") => "one thread or process a peer",
        Some("loop") => "one loop",
        Some(_) => "rings, stacks, tasks",
        None => "other servers",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::record::made_up;

    /// Kills: charts with more lines than can be told apart; a model that is in no chart, or in two.
    #[test]
    fn every_model_has_its_place_in_one_chart() {
        for models in [1, 8, 9, 16, 40] {
            let comparison = made_up::with_models(models);
            let groups = groups(&comparison);
            let mut names: Vec<&str> =
                groups.iter().flat_map(|group| &group.models).map(|(name, _)| *name).collect();
            assert!(groups.iter().all(|group| group.models.len() <= LINES_MAX), "{groups:?}");
            names.sort_unstable();
            let before = names.len();
            names.dedup();
            assert_eq!((names.len(), before), (models, models));
        }
    }

    /// Kills: two lines of a chart with the same colour or marker; one look for two models; a
    /// reference that is drawn in its own chart unlike in the others.
    #[test]
    fn every_model_has_its_own_look() {
        for models in [1, 8, 9, 16, 40] {
            let comparison = made_up::with_models(models);
            let mut all = HashSet::new();
            for group in groups(&comparison) {
                let (mut colours, mut markers) = (HashSet::new(), HashSet::new());
                for (name, look) in group.models {
                    assert!(all.insert(look) || models > 16, "{models}: {name} looks like another");
                    match look {
                        Look::Reference => assert_eq!(name, comparison.reference),
                        Look::Own { colour, marker } => {
                            assert_ne!(name, comparison.reference);
                            assert!(colours.insert(colour) && markers.insert(marker), "{name}");
                        }
                    }
                }
            }
        }
    }
}
