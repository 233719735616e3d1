//! The knobs, as a client of the SDK feels them.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_ecs::Client;
use aws_sdk_ecs::error::ProvideErrorMetadata;
use futures_util::future::join_all;

use super::{ecs, sdk};
use crate::fake_aws::{Bucket, FakeAws, Fault, Op, PageStyle};

/// A client that retries at once.
async fn retrying(fake: &FakeAws) -> Client {
    let retry = RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(1));
    Client::from_conf(aws_sdk_ecs::config::Builder::from(&sdk(fake).await).retry_config(retry).build())
}

async fn list_tasks(ecs: &Client) -> Vec<String> {
    let pages = ecs.list_tasks().cluster("prod").into_paginator().items().send();
    pages.collect::<Result<_, _>>().await.unwrap()
}

#[tokio::test]
async fn over_the_rate_means_throttled_and_the_sdk_tries_again() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    let patient = retrying(&fake).await;
    fake.knobs().throttle(Bucket::ServiceRead, 1, 0.0);
    patient.list_services().cluster("prod").send().await.unwrap();
    let refused = patient.list_services().cluster("prod").send().await.unwrap_err();
    assert_eq!((refused.code(), refused.message()), (Some("ThrottlingException"), Some("Rate exceeded")));
    assert_eq!(fake.count(Op::ListServices), 5, "one good call, then four attempts of one call");
    patient.list_tasks().cluster("prod").send().await.expect("another bucket");
    fake.knobs().unthrottle();
    patient.list_services().cluster("prod").send().await.unwrap();

    fake.forget_calls();
    fake.knobs().fail_times(Op::ListServices, Fault::Throttled, 2);
    patient.list_services().cluster("prod").send().await.expect("the third attempt is good");
    let errors: Vec<_> = fake.calls().into_iter().map(|call| call.error).collect();
    assert_eq!(errors, [Some("ThrottlingException"), Some("ThrottlingException"), None]);
}

#[tokio::test]
async fn a_bucket_refills() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    fake.knobs().throttle(Bucket::ClusterRead, 1, 50.0);
    let ecs = ecs(&fake).await;
    let (mut good, mut throttled) = (0, 0);
    while good < 3 && throttled < 100_000 {
        match ecs.list_clusters().send().await {
            Ok(_) => good += 1,
            Err(_) => throttled += 1,
        }
    }
    assert_eq!(good, 3);
}

#[tokio::test]
async fn the_rates_of_aws_bite_after_the_burst() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    fake.knobs().throttle_like_aws();
    let ecs = ecs(&fake).await;
    // At once, so that even a busy machine is faster than the refill.
    let calls = (0..1000).map(|_| ecs.list_services().cluster("prod").send());
    let good = join_all(calls).await.iter().filter(|sent| sent.is_ok()).count();
    assert!((100..1000).contains(&good), "the burst of the service bucket is 100, not {good}");
    assert!(fake.calls().iter().any(|call| call.error == Some("ThrottlingException")));
}

#[tokio::test]
async fn access_denied_names_the_action() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    let ecs = ecs(&fake).await;
    fake.knobs().fail(Op::ListServices, Fault::AccessDenied);
    for _ in 0..2 {
        let refused = ecs.list_services().cluster("prod").send().await.unwrap_err();
        assert_eq!(refused.code(), Some("AccessDeniedException"));
        let message = refused.message().unwrap();
        assert!(message.starts_with("User: arn:aws:sts::123456789012:assumed-role/"), "{message}");
        assert!(message.contains("is not authorized to perform: ecs:ListServices on resource: *"), "{message}");
        assert!(refused.into_service_error().is_access_denied_exception());
    }
    assert!(ecs.list_tasks().cluster("prod").send().await.is_ok(), "only what was set fails");
    fake.knobs().heal(Op::ListServices);
    assert!(ecs.list_services().cluster("prod").send().await.is_ok());
}

#[tokio::test]
async fn failures_and_dropped_connections_are_retried() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    let patient = retrying(&fake).await;
    for fault in [Fault::InternalFailure, Fault::Drop] {
        fake.forget_calls();
        fake.knobs().fail_times(Op::ListTasks, fault, 2);
        patient.list_tasks().cluster("prod").send().await.expect("the third attempt is good");
        assert_eq!(fake.count(Op::ListTasks), 3, "{fault:?}");
    }
    fake.knobs().fail_all(Fault::Drop);
    let refused = ecs(&fake).await.list_clusters().send().await.unwrap_err();
    assert!(matches!(refused, aws_sdk_ecs::error::SdkError::DispatchFailure(_)), "{refused:?}");
    fake.knobs().heal_all();
    assert!(patient.list_clusters().send().await.is_ok());
}

#[tokio::test]
async fn a_stale_list_meets_current_describes() {
    let fake = FakeAws::start();
    let old = fake.world().service("prod", "web").fargate_tasks(2).task_arns();
    fake.freeze(Op::ListTasks);
    fake.world().forget_task(&old[0]);
    fake.world().task(&old[1]).stop();
    let new = fake.world().service("prod", "web").fargate_tasks(1).task_arns();
    let ecs = ecs(&fake).await;

    let listed: BTreeSet<String> = list_tasks(&ecs).await.into_iter().collect();
    assert_eq!(listed, old.iter().cloned().collect());
    let found = ecs.describe_tasks().cluster("prod").set_tasks(Some(old.clone())).send().await.unwrap();
    assert_eq!(found.tasks()[0].last_status(), Some("STOPPED"));
    assert_eq!(found.failures()[0].arn(), Some(old[0].as_str()));
    fake.knobs().thaw(Op::ListTasks);
    assert_eq!(list_tasks(&ecs).await, [new.last().unwrap().clone()]);
}

#[tokio::test]
async fn versions_can_be_left_out() {
    let fake = FakeAws::start();
    let arns = fake.world().service("prod", "web").awsvpc_tasks(1).task_arns();
    fake.world().task(&arns[0]).bump();
    let host = fake.world().task(&arns[0]).container_instance_arn.clone().unwrap();
    let ecs = ecs(&fake).await;
    for (omit, version) in [(false, 3), (true, 0)] {
        fake.knobs().omit_versions = omit;
        let found = ecs.describe_tasks().cluster("prod").tasks(&arns[0]).send().await.unwrap();
        assert_eq!(found.tasks()[0].version(), version);
        let found = ecs.describe_container_instances().cluster("prod").container_instances(&host).send().await.unwrap();
        assert_eq!(found.container_instances()[0].version(), i64::from(!omit));
    }
}

#[tokio::test]
async fn odd_pages_still_hold_everything() {
    let fake = FakeAws::start();
    let arns: BTreeSet<String> =
        fake.world().service("prod", "web").fargate_tasks(23).task_arns().into_iter().collect();
    fake.knobs().set_page_size(Op::ListTasks, 10);
    let ecs = ecs(&fake).await;
    for (style, calls, items) in [(PageStyle::Full, 3, 23), (PageStyle::Short, 7, 23), (PageStyle::Overlapping, 3, 25)]
    {
        fake.knobs().page_style = style;
        fake.forget_calls();
        let listed = list_tasks(&ecs).await;
        assert_eq!((fake.count(Op::ListTasks), listed.len()), (calls, items), "{style:?}");
        assert_eq!(listed.into_iter().collect::<BTreeSet<_>>(), arns, "{style:?}");
    }
}

#[tokio::test]
async fn answers_can_be_late() {
    let fake = FakeAws::start();
    fake.world().cluster("prod");
    fake.knobs().set_latency(Duration::from_mins(1));
    fake.knobs().set_latency_of(Op::ListServices, Duration::from_millis(1));
    ecs(&fake).await.list_services().cluster("prod").send().await.expect("hardly late");
    let timeout = TimeoutConfig::builder().operation_timeout(Duration::from_millis(100)).build();
    let hasty = aws_sdk_ecs::config::Builder::from(&sdk(&fake).await).timeout_config(timeout).build();
    let hasty = Client::from_conf(hasty);
    let late = hasty.list_tasks().cluster("prod").send().await.unwrap_err();
    assert!(matches!(late, aws_sdk_ecs::error::SdkError::TimeoutError(_)), "{late:?}");
}
