//! ECS describes: limits and failures.

use super::ecs;
use crate::fake_aws::{FakeAws, Op};

#[tokio::test]
async fn describe_services_takes_ten_and_names_the_missing_ones() {
    let fake = FakeAws::start();
    for index in 0..9 {
        fake.world().service("prod", &format!("s{index}"));
    }
    let names = |count| (0..count).map(|index| format!("s{index}")).collect::<Vec<_>>();
    let ecs = ecs(&fake).await;

    let found = ecs.describe_services().cluster("prod").set_services(Some(names(10))).send().await.unwrap();
    assert_eq!(found.services().len(), 9);
    let [missing] = found.failures() else { panic!("one failure: {found:?}") };
    assert_eq!(missing.arn(), Some("arn:aws:ecs:us-east-1:123456789012:service/prod/s9"));
    assert_eq!(missing.reason(), Some("MISSING"));

    let refused = ecs.describe_services().cluster("prod").set_services(Some(names(11))).send().await.unwrap_err();
    assert!(refused.into_service_error().is_invalid_parameter_exception());
    assert_eq!(fake.batches(Op::DescribeServices), [10, 11]);
    assert_eq!(fake.calls_of(Op::DescribeServices)[1].error, Some("InvalidParameterException"));
    fake.forget_calls();
    assert_eq!(fake.count(Op::DescribeServices), 0);
}

#[tokio::test]
async fn describe_tasks_takes_a_hundred_and_names_the_missing_ones() {
    let fake = FakeAws::start();
    let mut arns = fake.world().service("prod", "web").fargate_tasks(101).task_arns();
    let ecs = ecs(&fake).await;
    let describe = |arns: &[String]| ecs.describe_tasks().cluster("prod").set_tasks(Some(arns.to_vec())).send();

    let refused = describe(&arns).await.unwrap_err();
    assert!(refused.into_service_error().is_invalid_parameter_exception());
    arns.pop();
    assert_eq!(describe(&arns).await.unwrap().tasks().len(), 100);

    fake.world().forget_task(&arns[7]);
    let found = describe(&arns).await.unwrap();
    assert_eq!(found.tasks().len(), 99);
    assert_eq!(found.failures()[0].arn(), Some(arns[7].as_str()));
    assert_eq!(found.failures()[0].reason(), Some("MISSING"));
}

#[tokio::test]
async fn describe_container_instances_takes_a_hundred() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'b');
    fake.world().container_instance(&host.instance_id).status("DRAINING").agent_connected = false;
    let ecs = ecs(&fake).await;
    let describe =
        |ids: Vec<String>| ecs.describe_container_instances().cluster("prod").set_container_instances(Some(ids)).send();

    let refused = describe(vec![host.container_instance_arn.clone(); 101]).await.unwrap_err();
    assert!(refused.into_service_error().is_invalid_parameter_exception());

    let found = describe(vec![host.container_instance_arn.clone(), "0000".to_owned()]).await.unwrap();
    assert_eq!(found.failures()[0].reason(), Some("MISSING"));
    let instance = &found.container_instances()[0];
    assert_eq!(instance.container_instance_arn(), Some(host.container_instance_arn.as_str()));
    assert_eq!(instance.ec2_instance_id(), Some(host.instance_id.as_str()));
    assert_eq!((instance.status(), instance.version(), instance.agent_connected()), (Some("DRAINING"), 2, false));
    let zone = &instance.attributes()[0];
    assert_eq!((zone.name(), zone.value()), ("ecs.availability-zone", Some("us-east-1b")));
    assert!(instance.registered_at().is_some());
}

#[tokio::test]
async fn clusters_are_described_and_listed() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").awsvpc_tasks(2);
    let ecs = ecs(&fake).await;
    let found = ecs.describe_clusters().clusters("prod").clusters("nope").send().await.unwrap();
    let cluster = &found.clusters()[0];
    assert_eq!((cluster.cluster_name(), cluster.status()), (Some("prod"), Some("ACTIVE")));
    assert_eq!(cluster.running_tasks_count(), 2);
    assert_eq!(cluster.active_services_count(), 1);
    assert_eq!(cluster.registered_container_instances_count(), 1);
    let missing = found.failures()[0].arn();
    assert_eq!(missing, Some("arn:aws:ecs:us-east-1:123456789012:cluster/nope"));

    let arn = cluster.cluster_arn().unwrap();
    assert_eq!(ecs.list_clusters().send().await.unwrap().cluster_arns(), [arn]);
    let by_arn = ecs.list_tasks().cluster(arn).send().await.unwrap();
    assert_eq!(by_arn.task_arns().len(), 2);
}

#[tokio::test]
async fn unknown_and_inactive_clusters_are_not_found() {
    let fake = FakeAws::start();
    "INACTIVE".clone_into(&mut fake.world().cluster("old").status);
    let ecs = ecs(&fake).await;
    assert!(ecs.list_clusters().send().await.unwrap().cluster_arns().is_empty());
    for absent in [Some("nope"), Some("old"), None] {
        let list = ecs.list_services().set_cluster(absent.map(str::to_owned));
        let refused = list.send().await.unwrap_err().into_service_error();
        assert!(refused.is_cluster_not_found_exception(), "{absent:?}: {refused}");
    }
}
