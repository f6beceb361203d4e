//! Comparisons that nobody measured, for tests of what is made of them.

use std::collections::BTreeMap;

use super::{
    Axis, Better, Cell, Claim, Compared, Comparison, Cores, Environment, Experiment, Fact, Figure,
    Limits, Metric, Point, Ratio, SCHEMA, Scale, Subject, Value, Verdict, Versions,
};

/// A comparison of these models, without experiments.
pub(crate) fn comparison(models: &[&str]) -> Comparison {
    let subject = |name: &&str| Subject {
        name: (*name).to_owned(),
        model: Some((*name).to_owned()),
        family: Some(family(name).to_owned()),
        command: format!("switchboard serve echo --model {name}"),
        unavailable: None,
    };
    Comparison {
        schema: SCHEMA.to_owned(),
        environment: environment(),
        work: "echo, 64 bytes a message".to_owned(),
        reference: models.first().map_or(String::new(), |name| (*name).to_owned()),
        models: models.iter().map(subject).collect(),
        rounds: 5,
        confidence: 0.95,
        quick: false,
        interrupted: false,
        seconds: 61.0,
        experiments: Vec::new(),
        answer: None,
    }
}

/// A comparison of so many models of all families.
pub(crate) fn with_models(count: usize) -> Comparison {
    let kinds = ["epoll", "thread", "uring", "coroutine", "poll", "tokio"];
    let names: Vec<String> =
        (0..count).map(|n| format!("{}:n={n}", kinds[n % kinds.len()])).collect();
    comparison(&names.iter().map(String::as_str).collect::<Vec<_>>())
}

fn family(name: &str) -> &'static str {
    let kind = name.split(':').next().unwrap_or_default();
    switchboard::model::find(kind).map_or("loop", |kind| kind.family.name())
}

fn environment() -> Environment {
    Environment {
        date: "2026-11-21T12:00:00Z".to_owned(),
        command_line: ["switchboard", "compare"].map(str::to_owned).to_vec(),
        kernel: "Linux 6.18.0".to_owned(),
        architecture: "x86_64".to_owned(),
        processor: Some("A processor".to_owned()),
        cores: Cores {
            usable: 2,
            server: vec![1],
            client: vec![0],
            note: "The server runs on core 1, the load on core 0.".to_owned(),
        },
        memory_bytes: 8 << 30,
        limits: Limits { descriptors: Some(20_000), backlog: Some(4096), mappings: Some(65_530) },
        versions: Versions { switchboard: "0.1.0".to_owned(), debug_build: false },
        load_average: [0.1, 0.9],
        stolen: None,
    }
}

/// An experiment without points.
pub(crate) fn experiment(
    name: &str,
    axis: &str,
    scale: Scale,
    metrics: &[(&str, &str)],
) -> Experiment {
    let metric = |(name, unit): &(&str, &str)| Metric {
        name: (*name).to_owned(),
        label: format!("the {name}"),
        unit: (*unit).to_owned(),
        better: Better::Lower,
        scale: Scale::Log,
    };
    Experiment {
        name: name.to_owned(),
        title: format!("About {name}"),
        method: "It was made up.".to_owned(),
        axis: Axis { name: axis.to_owned(), unit: String::new(), scale },
        metrics: metrics.iter().map(metric).collect(),
        points: Vec::new(),
        fits: Vec::new(),
        claim: Claim {
            sentence: "Things are so.".to_owned(),
            verdict: Verdict::Held,
            facts: vec![Fact {
                sentence: "It is so.".to_owned(),
                held: Some(true),
                untested: false,
                open: false,
            }],
        },
        rounds: 5,
        seconds: 12.0,
    }
}

impl Comparison {
    /// Adds a point to an experiment: for each model a value for each metric.
    pub(crate) fn with_point(
        mut self,
        experiment: &str,
        x: f64,
        value: impl Fn(&str, &str) -> Value,
    ) -> Comparison {
        let models: Vec<String> = self.models.iter().map(|subject| subject.name.clone()).collect();
        let found = self.experiments.iter_mut().find(|known| known.name == experiment);
        let found = found.expect("an experiment of that name");
        let cell = |model: &String| {
            let values = found
                .metrics
                .iter()
                .map(|metric| (metric.name.clone(), value(model, &metric.name)));
            Cell { model: model.clone(), values: values.collect::<BTreeMap<_, _>>() }
        };
        let cells = models.iter().map(cell).collect();
        found.points.push(Point { x, label: switchboard_load::units::count(x as u64), cells });
        self
    }
}

/// A figure that spreads by this share to both sides, from five rounds.
pub(crate) fn figure(median: f64, share: f64) -> Value {
    let samples = [-1.0, -0.5, 0.0, 0.5, 1.0].map(|side| Some(median * (1.0 + side * share)));
    Value::Known(Figure {
        samples: samples.to_vec(),
        missing: None,
        median,
        spread: [median * (1.0 - share / 2.0), median * (1.0 + share / 2.0)],
        at_least: false,
        ratio: Some(Ratio { estimate: 1.0, interval: Some([0.9, 1.1]), compared: Compared::Same }),
        best: false,
    })
}

/// No figure, and why.
pub(crate) fn unknown(reason: &str) -> Value {
    Value::Unknown { na: reason.to_owned() }
}
