//! `ecs-resolver queue`, as a shell sees it.

use std::process::Output;

use ecs_resolver::cli::exit;
use ecs_resolver::source::ports::EventQueue;
use serde_json::Value;

use super::{INSTANCE, NAME, aws, own};
use crate::daemon;
use crate::fake_aws::{FakeAws, Fault, Op};

/// `ecs-resolver queue …` against `endpoint`, for the host above.
fn command(endpoint: &str, arguments: &[&str]) -> Output {
    let arguments = [&["queue"], arguments, &["--config", "/dev/null", "--cluster", "prod"]].concat();
    let mut command = daemon::command(&arguments);
    for (name, value) in [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ] {
        command.env(name, value);
    }
    command.output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[test]
fn the_command_shows_the_queue_and_removes_it() {
    let fake = FakeAws::start();
    let (topic, endpoint) = (fake.messaging().add_topic("changes"), fake.endpoint_url());
    let own = ["--instance", INSTANCE, "--topic-arn", &topic];
    let run = |verb: &[&str]| said(&command(&endpoint, &[verb, &own].concat()));
    let unavailable = Some(i32::from(exit::UNAVAILABLE));

    let (status, text) = run(&["show"]);
    assert_eq!(status, unavailable);
    assert!(text.contains(&format!("there is no queue {NAME}")), "{text}");
    let nothing = format!("nothing to remove: there is no queue {NAME}\n");
    assert_eq!(run(&["delete"]), (Some(0), nothing.clone()));

    open(&fake, &topic);
    fake.messaging().send(NAME, "x");
    let (status, text) = run(&["show"]);
    assert!(status == Some(0) && text.contains(NAME) && text.contains("about 1 waiting"), "{text}");
    let (_, text) = run(&["show", "--json"]);
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["owner"], format!("0000000000000009 {INSTANCE}"));
    assert!(shown["subscription"].as_str().unwrap().starts_with(&topic));

    assert_eq!(run(&["delete"]), (Some(0), format!("removed queue {NAME} and its subscription\n")));
    assert!(fake.messaging().queues.is_empty() && fake.messaging().topics[&topic].subscriptions.is_empty());
    assert_eq!(run(&["delete"]), (Some(0), nothing));

    fake.messaging().name_is_taken = std::time::Duration::ZERO;
    fake.messaging().add_queue(NAME);
    let (status, text) = run(&["delete"]);
    assert_eq!(status, unavailable);
    assert!(text.contains("not tagged as ours") && fake.messaging().queues.contains_key(NAME), "{text}");
    fake.knobs().fail(Op::GetQueueUrl, Fault::AccessDenied);
    let (status, text) = run(&["show"]);
    assert!(status == unavailable && text.contains("add sqs:GetQueueUrl to the role"), "{text}");
}

/// Makes the queue of the host above.
fn open(fake: &FakeAws, topic: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (aws, _) = aws(&fake.endpoint_url()).await;
        own(&aws, topic, 9).open().await.unwrap();
    });
}

#[test]
fn the_command_goes_by_the_configuration_and_says_what_is_wrong_with_it() {
    let fake = FakeAws::start();
    let (topic, endpoint) = (fake.messaging().add_topic("changes"), fake.endpoint_url());
    let url = fake.messaging().add_queue("theirs");
    let config = Some(i32::from(exit::CONFIG));
    let (status, text) = said(&command(&endpoint, &["show"]));
    assert!(status == config && text.contains("set events.topic_arn or events.queue_url"), "{text}");
    let (status, text) = said(&command(&endpoint, &["show", "--queue-url", &url, "--topic-arn", &topic]));
    assert!(status == config && text.contains("a host reads one queue"), "{text}");

    let (status, text) = said(&command(&endpoint, &["show", "--queue-url", &url]));
    assert!(status == Some(0) && text.contains(&url) && text.contains("nobody"), "{text}");
    let (status, text) = said(&command(&endpoint, &["delete", "--queue-url", &url]));
    assert!(status == config && text.contains("delete it where it was made"), "{text}");
    assert!(fake.messaging().queues.contains_key("theirs"));

    // Without instance metadata and without --instance, a host goes by its name.
    let (_, text) = said(&command(&endpoint, &["delete", "--topic-arn", &topic]));
    assert!(text.starts_with("nothing to remove: there is no queue ecs-resolver-prod-"), "{text}");
    let host = fake.world().add_host("prod", 'a');
    fake.world().metadata_of = Some(host.instance_id.clone());
    let mut with_metadata = daemon::command(&["queue", "delete", "--cluster", "prod", "--topic-arn", &topic]);
    with_metadata.envs([
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_CONFIG_FILE", "/dev/null"),
    ]);
    let (status, text) = said(&with_metadata.output().unwrap());
    assert_eq!(
        (status, text),
        (Some(0), format!("nothing to remove: there is no queue ecs-resolver-prod-{}\n", host.instance_id))
    );
}
