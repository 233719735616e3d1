//! config/event-rule.json passes the events that we follow, of the cluster that it names, and no others.

use ecs_resolver::ecs::event::{self, Detail};
use serde_json::{Value, json};

use super::pattern::passes;
use super::{config, fixtures};

pub fn rule() -> Value {
    serde_json::from_str(&config("event-rule.json")).unwrap()
}

/// The fixtures that EventBridge would see: neither SNS's envelope nor what never goes through EventBridge.
pub fn from_aws() -> Vec<(String, Value)> {
    let events = fixtures().into_iter().map(|(name, body)| (name, serde_json::from_str::<Value>(&body).unwrap()));
    events.filter(|(_, event)| event["source"].as_str().is_some_and(|source| source.starts_with("aws."))).collect()
}

/// Whether the event says which cluster it is about, so that EventBridge can tell it from others.
fn names_its_cluster(event: &Value) -> bool {
    !matches!(event["source"].as_str(), Some("aws.ec2")) && event["detail-type"] != "AWS API Call via CloudTrail"
}

#[test]
fn eventbridge_takes_the_rule() {
    let length = config("event-rule.json").chars().count();
    assert!(length <= 2048, "a pattern has at most 2,048 characters, not {length}");
    for branch in rule()["$or"].as_array().unwrap() {
        let source = branch["source"].as_array().unwrap();
        assert!(source == &[json!("aws.ecs")] || source == &[json!("aws.ec2")], "anybody may use {source:?}");
        assert!(branch["detail-type"].is_array(), "{branch}");
    }
}

#[test]
fn the_rule_passes_what_we_follow() {
    let mut passed = 0;
    for (name, event) in from_aws() {
        let detail = event::parse(event.to_string().as_bytes()).unwrap().detail;
        // A failed call can be told from others only by a field that it has more than they.
        let followed = !matches!(detail, Detail::Ignored(_)) || name == "call-create-service-failed";
        assert_eq!(passes(&rule(), &event), followed, "{name}");
        passed += usize::from(followed);
    }
    assert!(passed >= 30, "only {passed} events pass");
}

#[test]
fn the_rule_passes_no_other_cluster_where_the_event_names_it() {
    let others = [
        [(":cluster/prod", ":cluster/prod2"), (":service/prod/", ":service/prod2/")],
        [(":cluster/prod", ":cluster/pro"), (":service/prod/", ":service/pro/")],
        [(":cluster/prod", ":cluster/PROD"), (":service/prod/", ":service/PROD/")],
        [("arn:aws:", "arn:aws-cn:"), ("us-east-1", "cn-north-1")],
        [("123456789012", "210987654321"), ("\"account\"", "\"account\"")],
    ];
    let mut seen = 0;
    for (name, event) in from_aws().into_iter().filter(|(_, event)| names_its_cluster(event)) {
        for other in others {
            let changed = other.into_iter().fold(event.to_string(), |event, (from, to)| event.replace(from, to));
            assert!(!passes(&rule(), &serde_json::from_str(&changed).unwrap()), "{name}: {changed}");
            seen += 1;
        }
    }
    assert!(seen >= 100, "only {seen} events were changed");
}

#[test]
fn nobody_but_aws_gets_through() {
    for (name, mut event) in from_aws() {
        for source in ["mallory", "aws", "aws.s3", "aws.ecs.", "AWS.ECS", "ecs-resolver", ""] {
            event["source"] = json!(source);
            assert!(!passes(&rule(), &event), "{name} of {source:?}");
        }
        event.as_object_mut().unwrap().remove("source");
        assert!(!passes(&rule(), &event), "{name} without a source");
    }
}

#[test]
fn ec2_does_not_speak_for_ecs() {
    for (name, mut event) in from_aws() {
        let other = if event["source"] == "aws.ecs" { "aws.ec2" } else { "aws.ecs" };
        event["source"] = json!(other);
        assert!(!passes(&rule(), &event), "{name} of {other}");
    }
}
