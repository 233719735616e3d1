//! config/iam-policy.json allows the AWS calls that we make, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use ecs_resolver::config::Spec;

use crate::floors::source_files;
use crate::moto::venv;

/// What only `ecs-resolver controller` calls, which has a role of its own.
const OF_THE_CONTROLLER: [&str; 4] =
    ["route53:ChangeResourceRecordSets", "route53:GetChange", "sns:Publish", "sqs:ListQueues"];

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

fn document(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_json::from_str(&std::fs::read_to_string(path).expect(file)).expect(file)
}

fn policy() -> Value {
    document("config/iam-policy.json")
}

fn policy_of_the_controller() -> Value {
    document("config/iam-controller.json")
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().expect("a list").iter().map(|text| text.as_str().expect("a text")).collect()
}

/// What a controller calls that registers services behind load balancers, and has a topic.
const BY_DEFAULT: [&str; 30] = [
    "ecs:DescribeClusters",
    "ecs:DescribeContainerInstances",
    "ecs:DescribeServices",
    "ecs:DescribeTaskDefinition",
    "ecs:DescribeTasks",
    "ecs:ListContainerInstances",
    "ecs:ListServices",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeTargetGroups",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
    "route53:GetHostedZone",
    "route53:ListHostedZonesByName",
    "route53:ListResourceRecordSets",
    "sns:ListSubscriptionsByTopic",
    "sns:Publish",
    "sns:SetSubscriptionAttributes",
    "sns:Subscribe",
    "sns:Unsubscribe",
    "sqs:CreateQueue",
    "sqs:DeleteMessage",
    "sqs:DeleteQueue",
    "sqs:GetQueueAttributes",
    "sqs:GetQueueUrl",
    "sqs:ListQueueTags",
    "sqs:ListQueues",
    "sqs:ReceiveMessage",
    "sqs:SetQueueAttributes",
    "sqs:TagQueue",
];

#[test]
fn a_controller_may_do_what_it_does_and_change_only_what_it_writes() {
    let policy = policy_of_the_controller();
    let mut allowed = BTreeSet::new();
    for statement in policy["Statement"].as_array().expect("statements") {
        assert_eq!(statement["Effect"], "Allow");
        allowed.extend(texts(&statement["Action"]));
        if texts(&statement["Action"]).contains("sqs:DeleteQueue") {
            assert_eq!(statement["Resource"], "arn:aws:sqs:*:*:ecs-resolver-*-i-*", "only queues of hosts are removed");
        }
        if !texts(&statement["Action"]).contains("route53:ChangeResourceRecordSets") {
            continue;
        }
        let every = &statement["Condition"]["ForAllValues:StringEquals"];
        let types = texts(&every["route53:ChangeResourceRecordSetsRecordTypes"]);
        let written = Spec::default().controller.record_types.0;
        assert_eq!(types, written.iter().map(String::as_str).chain(["TXT"]).collect(), "the default, and ownership");
        let actions = texts(&every["route53:ChangeResourceRecordSetsActions"]);
        assert_eq!(actions, BTreeSet::from(["CREATE", "DELETE"]), "an UPSERT could overwrite what it does not know");
        let names = &statement["Condition"]["ForAllValues:StringLike"];
        assert_eq!(names["route53:ChangeResourceRecordSetsNormalizedRecordNames"], json!(["*.ecs.internal"]));
        assert!(statement["Resource"].as_str().expect("one zone").starts_with("arn:aws:route53:::hostedzone/Z"));
    }
    assert_eq!(allowed, BTreeSet::from(BY_DEFAULT));
    let sources = source_files();
    let upserts =
        sources.iter().filter(|(file, _)| file.starts_with("src/register/plan") || file.starts_with("src/registrar"));
    assert!(upserts.into_iter().all(|(_, text)| !text.contains("Action::Upsert")));
    let (fine, said) = lint(&policy);
    assert!(fine, "{said}");
}

/// The rule of the reference architecture of 2016, and ours, which passes all that it passes but what is not AWS's.
#[test]
fn the_rule_of_the_lambda_passes_what_the_rule_of_2016_passes() {
    let rule = document("config/lambda-rule.json");
    assert_eq!(rule["detail-type"], json!(["AWS API Call via CloudTrail"]));
    assert_eq!(rule["detail"]["eventSource"], json!(["ecs.amazonaws.com"]));
    assert!(texts(&rule["detail"]["eventName"]).is_superset(&BTreeSet::from(["CreateService", "DeleteService"])));
    assert_eq!(rule["source"], json!(["aws.ecs"]), "AWS alone may use it");
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

/// What the documents call our own: queues and topics by the beginning of their names.
const OUR_QUEUES: &str = "arn:aws:sqs:*:*:ecs-resolver-*";
const OUR_TOPICS: &str = "arn:aws:sns:*:*:ecs-resolver-*";
/// Actions for which IAM knows no resource.
const NOT_NARROWED: &[&str] = &["sns:SetSubscriptionAttributes", "sns:Unsubscribe"];

#[test]
fn we_only_read_but_for_queues_and_their_subscriptions() {
    for statement in policy()["Statement"].as_array().expect("statements") {
        let resource = statement["Resource"].as_str().expect("one resource");
        for action in statement["Action"].as_array().expect("a list of actions") {
            let action = action.as_str().expect("an action");
            let (service, verb) = action.split_once(':').expect("service:Verb");
            let reads = ["Describe", "List", "Get"].iter().any(|read| verb.starts_with(read));
            match service {
                "sqs" => assert_eq!(resource, OUR_QUEUES, "{action}"),
                "sns" if NOT_NARROWED.contains(&action) => assert_eq!(resource, "*", "{action}"),
                "sns" => assert_eq!(resource, OUR_TOPICS, "{action}"),
                _ => assert!(reads, "{action} is no read"),
            }
            if action == "sns:Subscribe" {
                let condition = &statement["Condition"];
                assert_eq!(condition["ArnLike"]["sns:Endpoint"], OUR_QUEUES, "we subscribe nobody else's queue");
                assert_eq!(condition["StringEquals"]["sns:Protocol"], "sqs");
            }
        }
    }
}

/// cfn-lint knows the actions and conditions of IAM. It reads templates, so the policy is put into one.
fn lint(policy: &Value) -> (bool, String) {
    let properties = json!({"PolicyDocument": policy});
    let resource = json!({"Type": "AWS::IAM::ManagedPolicy", "Properties": properties});
    let template = json!({"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Policy": resource}});
    let file = tempfile::Builder::new().suffix(".json").tempfile().expect("a temporary file");
    std::fs::write(file.path(), template.to_string()).expect("the template is written");
    let output = Command::new(venv().join("bin/cfn-lint")).arg(file.path()).output().expect("cfn-lint runs");
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn iam_knows_what_the_policy_says() {
    let (fine, said) = lint(&policy());
    assert!(fine, "{said}");
    let mut wrong = policy();
    wrong["Statement"][0]["Action"][0] = json!("ecs:DescribeClutters");
    let (fine, said) = lint(&wrong);
    assert!(!fine && said.contains("describeclutters"), "{said}");
}

#[test]
fn operations_are_told_from_other_strings() {
    let source = r#"f("ecs:ListTasks"); g("ec2:signing", "a: B", "Ecs:List", "s3:GetObject", "http://X")"#;
    assert_eq!(operations(source), BTreeSet::from(["ecs:ListTasks", "s3:GetObject"].map(str::to_owned)));
}
