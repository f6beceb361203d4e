//! Which models are compared.

use switchboard::Model;
use switchboard::model::MODELS;
use switchboard_lab::experiment::Pace;
use switchboard_lab::{Launch, Target};

use crate::model_list;

/// Those of `--quick`: what differs most.
const QUICK: &[&str] =
    &["process", "thread", "pool", "select", "epoll", "epoll-et", "uring", "coroutine", "hybrid"];
/// Combinations that the full comparison has beside all models.
const COMBINED: &[&str] = &["prefork", "multi-reactor", "hybrid"];

/// The models of the list, or those that `--models` names.
///
/// # Errors
/// A sentence about a word that is no model.
pub(super) fn chosen(
    words: Option<&str>,
    pace: Pace,
    launch: &Launch,
) -> Result<Vec<Target>, String> {
    let names: Vec<String> = match (words, pace) {
        (Some(words), _) => {
            model_list::words(words).map_err(|error| format!("--models: {error}"))?
        }
        (None, Pace::Quick) => QUICK.iter().map(|name| (*name).to_owned()).collect(),
        (None, Pace::Full) => {
            let all = MODELS.iter().map(|kind| kind.name).chain(COMBINED.iter().copied());
            all.map(str::to_owned).collect()
        }
    };
    let target = |name: String| {
        let model: Model = name.parse().map_err(|error| format!("--models: {error}"))?;
        Ok(Target { name, model: Some(model), launch: launch.clone() })
    };
    names.into_iter().map(target).collect()
}

/// Whether all have names of their own.
///
/// # Errors
/// A sentence, if not.
pub(super) fn check_names(targets: &[Target]) -> Result<(), String> {
    for (place, target) in targets.iter().enumerate() {
        if targets[..place].iter().any(|before| before.name == target.name) {
            return Err(format!("`{}` is to be compared twice; name it once", target.name));
        }
    }
    match targets.is_empty() {
        true => Err("there is nothing to compare; name a model: --models epoll,thread".into()),
        false => Ok(()),
    }
}
