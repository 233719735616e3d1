//! Single rules of reading. What each of the fixtures says is told by `tests/it/events.rs`.

mod broken;
mod told_twice;

use serde_json::{Value, json};

use super::*;
use crate::ecs::{Container, ContainerInstanceStatus, NetworkBinding, Protocol, TaskStatus};

const PREFIX: &str = "arn:aws:ecs:us-east-1:123456789012";

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/events/", $name, ".json"))
    };
}
use fixture;

/// A fixture, as `change` changes its `detail`.
fn changed(fixture: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut event: Value = serde_json::from_str(fixture).unwrap();
    change(&mut event["detail"]);
    event.to_string()
}

fn parsed(body: &str) -> Detail {
    parse(body.as_bytes()).unwrap().detail
}

fn task(body: &str) -> Task {
    let Detail::Task(task) = parsed(body) else { panic!("no task: {body}") };
    task
}

fn hint(body: &str) -> ServiceHint {
    let Detail::Service(hint) = parsed(body) else { panic!("no service: {body}") };
    hint
}

fn error(body: &str) -> String {
    parse(body.as_bytes()).unwrap_err().to_string()
}

#[test]
fn the_envelope_tells_id_place_and_time() {
    let event = parse(fixture!("task-bridge-running").as_bytes()).unwrap();
    assert_eq!(event.id, "7c1e0000-0000-4000-8000-000000000002");
    assert_eq!((event.account.as_str(), event.region.as_str()), ("123456789012", "us-east-1"));
    assert_eq!(event.time.unwrap().to_string(), "2026-11-23T10:00:03Z");
}

#[test]
fn only_type_and_source_must_be_there() {
    let mut event: Value = serde_json::from_str(fixture!("service-action-steady-state")).unwrap();
    for field in ["version", "id", "account", "time", "region"] {
        event.as_object_mut().unwrap().remove(field);
    }
    let event = parse(event.to_string().as_bytes()).unwrap();
    assert_eq!((event.id.as_str(), event.account.as_str(), event.region.as_str(), event.time), ("", "", "", None));
    assert!(matches!(event.detail, Detail::Service(_)));
}

#[test]
fn a_time_that_is_none_is_no_time() {
    let body = fixture!("ec2-running").replace("2026-11-23T10:00:03Z", "yesterday");
    assert_eq!(parse(body.as_bytes()).unwrap().time, None);
}

#[test]
fn a_task_has_all_that_the_event_says_but_health() {
    let mut expected = Container { name: "web".to_owned(), ..Container::default() };
    let binding = |container_port, host_port, protocol| NetworkBinding { container_port, host_port, protocol };
    expected.network_bindings = vec![binding(8080, 32768, Protocol::Tcp), binding(8125, 32769, Protocol::Udp)];
    let router = Container { name: "log-router".to_owned(), ..Container::default() };
    let body = changed(fixture!("task-bridge-running"), |detail| {
        detail["healthStatus"] = json!("HEALTHY");
        detail["containers"][0]["healthStatus"] = json!("UNHEALTHY");
    });
    let task = task(&body);
    assert_eq!(task.arn.as_str(), format!("{PREFIX}:task/prod/aaaa0000000000000000000000000001"));
    assert_eq!(task.cluster.as_str(), format!("{PREFIX}:cluster/prod"));
    assert_eq!((task.service_name(), task.task_definition.family_and_revision()), (Some("Web"), ("web", "7")));
    assert_eq!(task.container_instance.unwrap().id(), "0123456789abcdef0123456789abcde1");
    assert_eq!(task.availability_zone.as_deref(), Some("us-east-1a"));
    assert_eq!((task.last_status, task.desired_status), (TaskStatus::Running, TaskStatus::Running));
    assert_eq!(task.version, Some(2), "the task's, not the envelope's");
    assert_eq!(task.containers, [expected, router]);
    assert_eq!(task.created_at.unwrap().to_string(), "2026-11-23T10:00:00.25Z");
    assert_eq!(task.started_at.unwrap().to_string(), "2026-11-23T10:00:02.402Z");
}

#[test]
fn the_address_is_there_as_soon_as_it_is_attached() {
    assert!(task(fixture!("task-awsvpc-provisioning")).ipv4.is_empty());
    for fixture in [fixture!("task-awsvpc-pending"), fixture!("task-awsvpc-running")] {
        assert_eq!(task(fixture).ipv4, ["10.0.1.77".parse::<std::net::Ipv4Addr>().unwrap()]);
    }
    let both = task(fixture!("task-awsvpc-dualstack-running"));
    assert_eq!(both.ipv6, ["2600:1f18::77".parse::<std::net::Ipv6Addr>().unwrap()]);
}

#[test]
fn a_deleted_attachment_has_no_address_for_a_task_that_lives() {
    let task_with = |status: &str| {
        task(&changed(fixture!("task-awsvpc-running"), |detail| detail["attachments"][0]["status"] = json!(status)))
    };
    assert_eq!(task_with("ATTACHED").ipv4.len(), 1);
    assert!(task_with("DELETED").ipv4.is_empty());
    let stopped = task(fixture!("task-awsvpc-stopped"));
    assert_eq!((stopped.last_status, stopped.ipv4.len()), (TaskStatus::Stopped, 1));
}

#[test]
fn a_status_of_tomorrow_is_unknown_and_the_rest_is_read() {
    let task = task(fixture!("task-status-of-tomorrow"));
    assert_eq!((task.last_status, task.version), (TaskStatus::Unknown, Some(5)));
    assert_eq!(task.containers[0].network_bindings.len(), 2, "without the range of ports");
    let body = changed(fixture!("container-instance-draining"), |detail| detail["status"] = json!("RESTING"));
    let Detail::ContainerInstance(instance) = parsed(&body) else { panic!("{body}") };
    assert_eq!((instance.status, instance.version), (ContainerInstanceStatus::Other, Some(14802)));
}

#[test]
fn nonsense_where_nothing_is_needed_costs_only_itself() {
    let body = changed(fixture!("task-bridge-running"), |detail| {
        for (field, nonsense) in
            [("group", json!(7)), ("createdAt", json!(1_767_225_600.5)), ("attachments", json!(null))]
        {
            detail[field] = nonsense;
        }
        detail["containerInstanceArn"] = json!("i-1");
        detail["containers"][0]["networkBindings"][0]["hostPort"] = json!(70_000);
        detail["containers"][0]["networkBindings"][1]["containerPort"] = json!(0);
        detail["containers"][1]["networkInterfaces"] =
            json!([{"privateIpv4Address": 7}, {"privateIpv4Address": "::1"}]);
    });
    let task = task(&body);
    assert_eq!((task.group, task.created_at, task.container_instance), (None, None, None));
    assert_eq!(task.containers[0].network_bindings.len(), 1);
    assert!(task.ipv4.is_empty() && task.started_at.is_some());
}

#[test]
fn a_version_of_zero_is_none() {
    for version in [json!(0), json!(null)] {
        let body = changed(fixture!("task-bridge-running"), |detail| detail["version"] = version.clone());
        assert_eq!(task(&body).version, None);
        let body = changed(fixture!("container-instance-draining"), |detail| detail["version"] = version);
        let Detail::ContainerInstance(instance) = parsed(&body) else { panic!("{body}") };
        assert_eq!(instance.version, None);
    }
}

#[test]
fn a_deployment_tells_its_cluster_only_in_the_arn() {
    let cluster = |hint: ServiceHint| hint.cluster.as_str().to_owned();
    assert_eq!(cluster(hint(fixture!("deployment-completed"))), format!("{PREFIX}:cluster/prod"));
    assert_eq!(cluster(hint(fixture!("service-action-old-arns"))), format!("{PREFIX}:cluster/prod"));
    let short = fixture!("deployment-completed").replace("service/prod/Web", "service/Web");
    assert!(error(&short).contains("names a cluster"), "{}", error(&short));
    let other = fixture!("deployment-completed").replace("service/prod/Web", "task/prod/Web");
    assert!(error(&other).contains("ARN of a service"), "{}", error(&other));
}

#[test]
fn a_call_without_its_answer_is_understood_by_its_request() {
    let (web, prod) = (format!("{PREFIX}:service/prod/Web"), format!("{PREFIX}:cluster/prod"));
    let default = (format!("{PREFIX}:service/default/Web"), format!("{PREFIX}:cluster/default"));
    let worker = format!("{PREFIX}:service/Web");
    // (cluster, service) as requested → (service, cluster)
    let table = [
        (json!("prod"), json!("Web"), (&web, &prod)),
        (json!(prod), json!("Web"), (&web, &prod)),
        (json!("prod"), json!(web), (&web, &prod)),
        (json!(null), json!(web), (&web, &prod)),
        (json!(null), json!("Web"), (&default.0, &default.1)),
        (json!("prod"), json!(worker), (&worker, &prod)),
    ];
    for (cluster, service, told) in table {
        let body = changed(fixture!("call-update-service-without-answer"), |detail| {
            detail["requestParameters"] = json!({"cluster": cluster, "service": service});
        });
        let hint = hint(&body);
        assert_eq!((hint.service.as_str(), hint.cluster.as_str()), (told.0.as_str(), told.1.as_str()));
    }
}

#[test]
fn the_arns_of_a_call_have_the_partition_of_its_region() {
    let body = fixture!("call-update-service-without-answer").replace("us-east-1", "cn-north-1");
    assert_eq!(hint(&body).service.as_str(), "arn:aws-cn:ecs:cn-north-1:123456789012:service/prod/Web");
}

#[test]
fn a_call_that_names_no_service_is_an_error() {
    for request in
        [json!(null), json!({}), json!({"service": "a/b"}), json!({"service": "Web", "cluster": "*"}), json!(7)]
    {
        let body = changed(fixture!("call-update-service-without-answer"), |detail| {
            detail["requestParameters"] = request.clone();
        });
        assert!(error(&body).contains("is not an ARN of an ECS"), "{request}");
    }
    let body = fixture!("call-update-service-without-answer").replace("\"123456789012\"", "\"\"");
    assert!(error(&body).contains("expected arn:"), "without an account there is no ARN");
}

#[test]
fn calls_that_change_no_service_are_ignored() {
    let ignored = Detail::Ignored(Ignored::Call);
    assert_eq!(parsed(fixture!("call-run-task")), ignored);
    assert_eq!(parsed(fixture!("call-create-service-failed")), ignored);
    for (field, value) in [("errorCode", "AccessDenied"), ("errorMessage", "no"), ("eventSource", "eks.amazonaws.com")]
    {
        let body = changed(fixture!("call-create-service"), |detail| detail[field] = json!(value));
        assert_eq!(parsed(&body), ignored, "{field}");
    }
}

#[test]
fn a_type_from_a_source_that_is_not_its_own_is_ignored() {
    for (body, source) in [
        (fixture!("task-bridge-running"), "aws.ecs"),
        (fixture!("call-create-service"), "aws.ecs"),
        (fixture!("ec2-terminated"), "aws.ec2"),
        (fixture!("task-health"), "ecs-resolver"),
    ] {
        for other in ["mallory", "", "aws.ec2.x", "aws.s3", "AWS.ECS"] {
            let body = body.replace(&format!("\"source\": \"{source}\""), &format!("\"source\": \"{other}\""));
            assert_eq!(parsed(&body), Detail::Ignored(Ignored::ForeignSource), "{other}");
        }
    }
}

#[test]
fn unknown_types_and_versions_are_ignored_whatever_is_in_them() {
    let body = json!({"version": "0", "source": "aws.ecs", "detail-type": "ECS Weather Report", "detail": [1, 2]});
    assert_eq!(parsed(&body.to_string()), Detail::Ignored(Ignored::UnknownType));
    let body = json!({"version": "1", "source": "aws.ecs", "detail-type": "ECS Task State Change", "detail": 7});
    assert_eq!(parsed(&body.to_string()), Detail::Ignored(Ignored::UnknownVersion));
    let body = changed(fixture!("task-health"), |detail| *detail = json!({"formatVersion": 2}));
    assert_eq!(parsed(&body), Detail::Ignored(Ignored::UnknownVersion));
}

#[test]
fn the_envelope_of_sns_is_opened_once() {
    let bare = fixture!("task-bridge-running");
    assert_eq!(parse(fixture!("sns-notification").as_bytes()), parse(bare.as_bytes()));
    let wrap = |message: &str| json!({"Type": "Notification", "Message": message}).to_string();
    assert_eq!(parsed(&wrap(bare)), parsed(bare));
    assert!(error(&wrap(&wrap(bare))).contains("Notification of SNS"));
    assert!(error(&wrap("hello")).contains("no JSON object"));
    let confirmation = json!({"Type": "SubscriptionConfirmation", "Message": bare, "Token": "2336"}).to_string();
    assert_eq!(error(&confirmation), "the message is no event: it is a SubscriptionConfirmation of SNS");
}
