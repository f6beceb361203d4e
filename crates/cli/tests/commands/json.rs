//! `models --json` and `services --json`: every field, as programs read them.

use serde_json::Value;
use switchboard::Model;
use switchboard::model::{COMBINATIONS, MODELS};

use crate::said::run;

/// The list of a JSON document of this schema.
fn list(command: &str, schema: &str) -> Vec<Value> {
    let said = run(&[command, "--json"]);
    assert_eq!((said.status, said.stderr.as_str()), (Some(0), ""));
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(document["schema"], schema);
    let other: Value = serde_json::from_str(&run(&[command, "--format", "json"]).stdout).unwrap();
    assert_eq!(document, other);
    document[command].as_array().unwrap().clone()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn models_as_json_have_every_field() {
    let models = list("models", "switchboard.models/1");
    let names: Vec<&str> = models.iter().map(|model| model["name"].as_str().unwrap()).collect();
    assert_eq!(names, MODELS.iter().map(|kind| kind.name).collect::<Vec<_>>());
    for model in &models {
        assert!(!model["summary"].as_str().unwrap().is_empty(), "{model}");
        let families = ["blocking", "loop", "stacks", "tasks", "rings"];
        assert!(families.contains(&model["family"].as_str().unwrap()), "{model}");
        assert_eq!(model["available"].as_bool().unwrap(), model["reason"].is_null(), "{model}");
        let runs = texts(&model["runs"]);
        assert_eq!(runs[..2], ["event", "straight-line"], "{model}");
        for key in model["keys"].as_array().unwrap() {
            assert!(!key["name"].as_str().unwrap().is_empty(), "{key}");
            assert!(!key["values"].as_str().unwrap().is_empty(), "{key}");
            let (values, default) = (key["values"].as_str().unwrap(), &key["default"]);
            let is_one_of_them = |word| values.split(" or ").any(|value| value == word);
            match values.starts_with("a number of ") || values.starts_with("a size ") {
                true => assert!(default.is_u64() || default.is_null(), "{key}"),
                // One that follows from the other keys is told of in words.
                false if default.is_null() => {
                    assert!(key["about"].as_str().unwrap().contains("default"), "{key}");
                }
                false => assert!(default.as_str().is_some_and(is_one_of_them), "{key}"),
            }
            assert!(!key["about"].as_str().unwrap().is_empty(), "{key}");
        }
        let most = &model["peers_max"];
        assert!(most.is_null() || most.as_u64().is_some_and(|most| most > 0), "{model}");
        for field in ["shares_memory", "parallel", "isolates_crashes"] {
            assert!(model[field].is_boolean(), "{field} of {model}");
        }
    }
    let sequential = models.iter().find(|model| model["name"] == "sequential").unwrap();
    assert_eq!((&sequential["peers_max"], &sequential["parallel"]), (&1.into(), &false.into()));
    let process = models.iter().find(|model| model["name"] == "process").unwrap();
    assert_eq!(process["peers_max"], 1000);
    assert_eq!((&process["shares_memory"], &process["parallel"]), (&false.into(), &true.into()));
}

#[test]
fn combinations_as_json_stand_for_models() {
    let said = run(&["models", "--json"]);
    let document: Value = serde_json::from_str(&said.stdout).unwrap();
    let combinations = document["combinations"].as_array().unwrap();
    let names: Vec<&str> = combinations.iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, COMBINATIONS.iter().map(|one| one.name).collect::<Vec<_>>());
    for combination in combinations {
        let text = |field: &str| combination[field].as_str().unwrap();
        let stands_for = text("stands_for").strip_suffix("=N").unwrap();
        let number = text("here").strip_prefix(&format!("{stands_for}=")).unwrap();
        assert!(number.parse::<u64>().unwrap() > 0, "{combination}");
        assert!(!text("summary").is_empty(), "{combination}");
        // What it is here is what it is taken for.
        let [name, here] = [text("name"), text("here")].map(|text| text.parse::<Model>().unwrap());
        assert_eq!(name, here);
    }
}

#[test]
fn services_as_json_have_every_field() {
    let services = list("services", "switchboard.services/1");
    assert!(services.iter().all(|service| service["name"] != "probe"), "it is hidden");
    for service in &services {
        assert!(!service["summary"].as_str().unwrap().is_empty(), "{service}");
        assert!(service["source"].is_string(), "{service}");
        assert!(!texts(&service["styles"]).is_empty(), "{service}");
        for option in service["options"].as_array().unwrap() {
            assert!(!option["name"].as_str().unwrap().is_empty(), "{option}");
            assert!(!option["help"].as_str().unwrap().is_empty(), "{option}");
            let values = texts(&option["values"]);
            if let Some(default) = option["default"].as_str().filter(|_| !values.is_empty()) {
                assert!(values.contains(&default), "{option}");
            }
        }
    }
    let echo = services.iter().find(|service| service["name"] == "echo").unwrap();
    assert_eq!(texts(&echo["styles"]), ["event", "straight-line"]);
}
