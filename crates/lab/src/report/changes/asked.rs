//! What the command line of a comparison asks for, by name.

use crate::answer::given;
use crate::record::Comparison;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The words of `--experiments`; none: all of the pace.
    experiments: Option<Vec<String>>,
    /// The value of `--models`, without spaces; none: all of the pace.
    models: Option<String>,
    /// The names of `--external`.
    externals: Vec<String>,
    /// Whether experiments were chosen for a workload, as many as two minutes have room for.
    chosen_for_a_workload: bool,
}

impl Asked {
    /// By a comparison's command line.
    pub(super) fn by(comparison: &Comparison) -> Asked {
        let line = &comparison.environment.command_line;
        let list = |value: String| {
            value.split(',').map(|word| word.trim().to_owned()).collect::<Vec<String>>()
        };
        let experiments = values(line, "--experiments", "-e").pop().map(list);
        let workload = !values(line, "--for", "").is_empty();
        Asked {
            chosen_for_a_workload: comparison.quick && workload && experiments.is_none(),
            experiments,
            models: values(line, "--models", "-m").pop().map(|value| value.replace(' ', "")),
            externals: values(line, "--external", "")
                .iter()
                .filter_map(|value| Some(value.split_once('=')?.0.to_owned()))
                .collect(),
        }
    }

    /// Whether this experiment was to be measured.
    pub(super) fn experiment(&self, name: &str) -> bool {
        match &self.experiments {
            Some(named) => named.iter().any(|one| one == name),
            None => !self.chosen_for_a_workload,
        }
    }

    /// Whether this model was. The keys of one have commas between them, as the models have.
    pub(super) fn model(&self, name: &str) -> bool {
        let words = |models: &String| format!(",{models},").contains(&format!(",{name},"));
        self.models.as_ref().is_none_or(words)
    }

    /// Whether anyone's server of this name was.
    pub(super) fn external(&self, name: &str) -> bool {
        self.externals.iter().any(|one| one == name)
    }
}

/// The values of a flag in the words of a command line.
fn values(line: &[String], long: &str, short: &str) -> Vec<String> {
    let mut values = Vec::new();
    let mut words = line.iter().skip(1);
    while let Some(word) = words.next() {
        match given(word, long, short) {
            Some(Some(value)) => values.push(value.to_owned()),
            Some(None) => values.extend(words.next().cloned()),
            None => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    fn asked(line: &str) -> Asked {
        let mut found = made_up::comparison(&["epoll"]);
        found.quick = line.contains("--quick");
        found.environment.command_line = line.split(' ').map(str::to_owned).collect();
        Asked::by(&found)
    }

    /// Kills: a part that was asked for and is taken for one that was not, or the other way round.
    #[test]
    fn a_command_line_says_what_was_asked_for() {
        let all = asked("switchboard compare --rounds 3");
        assert!(all.experiment("few") && all.model("epoll") && !all.external("go"));
        let some = asked(
            "switchboard compare -e few,idle --models=epoll:threads=2,workers=1,thread --external go=./x",
        );
        assert!(some.experiment("idle") && !some.experiment("many"));
        assert!(some.model("epoll:threads=2,workers=1") && some.model("thread"));
        assert!(!some.model("epoll") && some.external("go"));
        let chosen = asked("switchboard compare --quick --for connections=5");
        assert!(!chosen.experiment("burst"));
        assert!(asked("switchboard compare --for connections=5").experiment("burst"));
    }
}
