//! config/iam-policy.json allows the AWS calls that we make, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::floors::source_files;

/// What only `ecs-resolver controller` calls, which has a role of its own.
const OF_THE_CONTROLLER: [&str; 2] = ["route53:ChangeResourceRecordSets", "route53:GetChange"];

/// The string literals that are AWS operations as IAM spells them: `ecs:ListServices`.
fn operations(source: &str) -> BTreeSet<String> {
    let looks_so = |text: &&str| {
        let capital = |action: &str| action.starts_with(|first: char| first.is_ascii_uppercase());
        let plain = |action: &str| action.chars().all(|one| one.is_ascii_alphanumeric());
        let lower = |service: &str| {
            !service.is_empty() && service.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit())
        };
        text.split_once(':').is_some_and(|(service, action)| lower(service) && capital(action) && plain(action))
    };
    source.split('"').filter(looks_so).map(str::to_owned).collect()
}

fn policy() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/iam-policy.json");
    serde_json::from_str(&std::fs::read_to_string(path).expect("the policy")).expect("the policy is JSON")
}

#[test]
fn the_policy_allows_what_we_call_and_nothing_else() {
    let mut called = BTreeSet::new();
    for (file, text) in source_files() {
        if file.starts_with("src/aws/") || file == "src/source/ports.rs" {
            called.extend(operations(&text));
        }
    }
    assert!(called.contains("ecs:ListServices"), "no operations found: {called:?}");
    for action in OF_THE_CONTROLLER {
        assert!(called.remove(action), "{action} is not called any more");
    }
    let policy = policy();
    let mut allowed = BTreeSet::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow");
        for action in statement["Action"].as_array().expect("a list of actions") {
            let action = action.as_str().expect("an action").to_owned();
            assert!(allowed.insert(action.clone()), "{action} is there twice");
        }
    }
    assert_eq!(allowed, called, "left: config/iam-policy.json, right: what src/ calls");
}

/// Whatever is not a read concerns our own queues: by name, by endpoint, or (where IAM has nothing narrower) by its
/// kind.
#[test]
fn we_only_read_but_for_our_queues() {
    for statement in policy()["Statement"].as_array().expect("statements") {
        let ours = "arn:aws:sqs:*:*:ecs-resolver-*";
        let of_queues = statement["Resource"] == ours || statement["Condition"]["ArnLike"]["sns:Endpoint"] == ours;
        if of_queues || statement["Sid"] == "Subscriptions" {
            continue;
        }
        for action in statement["Action"].as_array().expect("a list of actions") {
            let (_, verb) = action.as_str().and_then(|action| action.split_once(':')).expect("service:Verb");
            let reads = ["Describe", "List", "Get"];
            assert!(reads.iter().any(|read| verb.starts_with(read)), "{action} is no read");
        }
    }
}

#[test]
fn operations_are_told_from_other_strings() {
    let source = r#"f("ecs:ListTasks"); g("ec2:signing", "a: B", "Ecs:List", "s3:GetObject", "http://X")"#;
    assert_eq!(operations(source), BTreeSet::from(["ecs:ListTasks", "s3:GetObject"].map(str::to_owned)));
}
