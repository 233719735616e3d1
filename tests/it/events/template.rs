//! config/events.cfn.json makes the rule of config/event-rule.json and the topic that it publishes to.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};

use super::rule::rule;
use super::{config, repository};
use crate::moto::venv;

fn path() -> PathBuf {
    repository().join("config/events.cfn.json")
}

fn template() -> Value {
    serde_json::from_str(&config("events.cfn.json")).unwrap()
}

/// Runs cfn-lint, which knows CloudFormation's types, and returns whether it is content, and what it said.
fn lint(template: &Path) -> (bool, String) {
    let program = venv().join("bin/cfn-lint");
    let output = Command::new(&program).arg(template).output();
    let output = output.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[test]
fn cloudformation_would_take_the_template() {
    let (fine, said) = lint(&path());
    assert!(fine && said.is_empty(), "{said}");
}

#[test]
fn a_mistake_in_the_template_would_be_found() {
    let wrong = config("events.cfn.json").replace("\"Targets\"", "\"Target\"");
    let file = tempfile::Builder::new().suffix(".json").tempfile().unwrap();
    fs::write(file.path(), wrong).unwrap();
    let (fine, said) = lint(file.path());
    assert!(!fine && said.contains("'Target' was unexpected"), "{said}");
}

/// Values of parameters and pseudo parameters.
type Values<'a> = BTreeMap<&'a str, &'a str>;

/// What CloudFormation makes of `value`; none: it leaves it out.
fn evaluated(value: &Value, values: &Values<'_>) -> Option<Value> {
    let function = value.as_object().filter(|object| object.len() == 1).and_then(|object| object.iter().next());
    match (function.map(|(name, of)| (name.as_str(), of)), value) {
        (Some(("Ref", of)), _) if of == "AWS::NoValue" => None,
        (Some(("Ref", of)), _) => Some(json!(values[of.as_str().unwrap()])),
        (Some(("Fn::Sub", of)), _) => {
            let replace = |text: String, (name, value): (&&str, &&str)| text.replace(&format!("${{{name}}}"), value);
            Some(values.iter().fold(of.as_str().unwrap().to_owned(), replace).into())
        }
        (Some(("Fn::If", of)), _) => {
            // A condition `Has…` is that the parameter of that name is given.
            let parameter = of[0].as_str().unwrap().strip_prefix("Has").unwrap().to_owned() + "Name";
            evaluated(&of[if values[parameter.as_str()].is_empty() { 2 } else { 1 }], values)
        }
        (_, Value::Array(list)) => Some(list.iter().filter_map(|one| evaluated(one, values)).collect()),
        (_, Value::Object(object)) => {
            let kept = object.iter().filter_map(|(name, one)| Some((name.clone(), evaluated(one, values)?)));
            Some(Value::Object(kept.collect::<Map<_, _>>()))
        }
        _ => Some(value.clone()),
    }
}

/// The pattern of the template's rule for these clusters.
fn pattern(clusters: [&str; 3]) -> Value {
    let values = [
        ("AWS::Partition", "aws"),
        ("AWS::Region", "us-east-1"),
        ("AWS::AccountId", "123456789012"),
        ("ClusterName", clusters[0]),
        ("SecondClusterName", clusters[1]),
        ("ThirdClusterName", clusters[2]),
    ];
    evaluated(&template()["Resources"]["Rule"]["Properties"]["EventPattern"], &values.into()).unwrap()
}

#[test]
fn the_template_makes_the_same_rule() {
    assert_eq!(pattern(["prod", "", ""]), rule());
}

#[test]
fn the_template_takes_three_clusters() {
    let pattern = pattern(["prod", "batch", "staging"]);
    let of = |name| format!("arn:aws:ecs:us-east-1:123456789012:{name}");
    let clusters = [of("cluster/prod"), of("cluster/batch"), of("cluster/staging")];
    assert_eq!(pattern["$or"][0]["detail"]["clusterArn"], json!(clusters));
    let services = ["service/prod/", "service/batch/", "service/staging/"].map(|name| json!({"prefix": of(name)}));
    assert_eq!(pattern["$or"][1]["resources"], json!(services));
    assert!(pattern.to_string().chars().count() <= 2048);
}

#[test]
fn the_topic_is_for_eventbridge_only() {
    let statements = &template()["Resources"]["TopicPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let [statement] = statements.as_array().unwrap().as_slice() else { panic!("one statement: {statements}") };
    assert_eq!(statement["Principal"], json!({"Service": "events.amazonaws.com"}));
    assert_eq!((&statement["Effect"], &statement["Action"]), (&json!("Allow"), &json!("sns:Publish")));
}
