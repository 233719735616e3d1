//! ECS lists: pages, filters, and what is not listed.

use std::collections::BTreeSet;

use aws_sdk_ecs::types::{ContainerInstanceStatus, DesiredStatus};

use super::ecs;
use crate::fake_aws::{FakeAws, Op};

#[tokio::test]
async fn services_come_ten_at_a_time_unless_more_are_asked_for() {
    let fake = FakeAws::start();
    for index in 0..250 {
        fake.world().service("prod", &format!("s{index:03}"));
    }
    let ecs = ecs(&fake).await;
    for (size, calls) in [(None, 25), (Some(100), 3)] {
        let list = ecs.list_services().cluster("prod").set_max_results(size);
        let arns: Vec<String> = list.into_paginator().items().send().collect::<Result<_, _>>().await.unwrap();
        assert_eq!(arns.len(), 250);
        assert_eq!(arns.iter().collect::<BTreeSet<_>>().len(), 250, "no service twice");
        assert_eq!(fake.count(Op::ListServices), calls);
        let asked = size.and_then(|size| usize::try_from(size).ok());
        assert!(fake.calls().iter().all(|call| call.max_results == asked && call.status == 200));
        fake.forget_calls();
    }
    for size in [0, 101] {
        let refused = ecs.list_services().cluster("prod").max_results(size).send().await.unwrap_err();
        assert!(refused.into_service_error().is_invalid_parameter_exception(), "{size}");
    }
}

#[tokio::test]
async fn tokens_are_checked() {
    let fake = FakeAws::start();
    fake.world().service("prod", "web").fargate_tasks(3);
    fake.knobs().set_page_size(Op::ListTasks, 1);
    let ecs = ecs(&fake).await;
    let token = ecs.list_tasks().cluster("prod").send().await.unwrap().next_token().unwrap().to_owned();
    let invented = ecs.list_tasks().cluster("prod").next_token("1").send().await.unwrap_err();
    assert!(invented.into_service_error().is_invalid_parameter_exception());
    let of_another_list = ecs.list_services().cluster("prod").next_token(token).send().await.unwrap_err();
    assert!(of_another_list.into_service_error().is_invalid_parameter_exception());
}

fn sorted(arns: &[String]) -> BTreeSet<String> {
    arns.iter().cloned().collect()
}

#[tokio::test]
async fn tasks_are_listed_by_desired_status() {
    let fake = FakeAws::start();
    let web = fake.world().service("prod", "web").awsvpc_tasks(3).task_arns();
    fake.world().task(&web[0]).stopping();
    fake.world().task(&web[1]).stop();
    fake.world().task(&web[2]).status("PENDING", "RUNNING");
    let ecs = ecs(&fake).await;

    let by_default = ecs.list_tasks().cluster("prod").send().await.unwrap();
    assert_eq!(by_default.task_arns(), [web[2].clone()]);
    let stopped = ecs.list_tasks().cluster("prod").desired_status(DesiredStatus::Stopped);
    assert_eq!(sorted(stopped.send().await.unwrap().task_arns()), sorted(&web[..2]));

    let described = ecs.describe_tasks().cluster("prod").tasks(&web[1]).send().await.unwrap();
    let stopped = &described.tasks()[0];
    assert_eq!((stopped.last_status(), stopped.version()), (Some("STOPPED"), 3));
    assert_eq!(stopped.attachments()[0].status(), Some("DELETED"));
    assert!(stopped.stopped_at().is_some() && stopped.stopped_reason().is_some());
}

#[tokio::test]
async fn tasks_are_listed_by_service_family_and_host() {
    let fake = FakeAws::start();
    let web = fake.world().service("prod", "web").awsvpc_tasks(2).task_arns();
    let job = fake.world().service("prod", "job").fargate_tasks(1).task_arns();
    fake.world().task(&job[0]).group = Some("family:job".to_owned());
    let host = fake.world().task(&web[0]).container_instance_arn.clone().unwrap();
    let ecs = ecs(&fake).await;
    let list = || ecs.list_tasks().cluster("prod");

    assert_eq!(list().send().await.unwrap().task_arns().len(), 3);
    assert_eq!(sorted(list().service_name("web").send().await.unwrap().task_arns()), sorted(&web));
    assert!(list().service_name("job").send().await.unwrap().task_arns().is_empty());
    assert_eq!(list().family("job").send().await.unwrap().task_arns(), job);
    assert_eq!(sorted(list().container_instance(host).send().await.unwrap().task_arns()), sorted(&web));
    let refused = list().service_name("nope").send().await.unwrap_err();
    assert!(refused.into_service_error().is_service_not_found_exception());
}

#[tokio::test]
async fn deleted_services_are_described_but_not_listed() {
    let fake = FakeAws::start();
    fake.world().service("prod", "kept");
    fake.world().service("prod", "going").status("DRAINING");
    fake.world().service("prod", "gone").status("INACTIVE");
    let ecs = ecs(&fake).await;
    let listed = ecs.list_services().cluster("prod").send().await.unwrap();
    assert_eq!(listed.service_arns(), ["arn:aws:ecs:us-east-1:123456789012:service/prod/kept"]);
    let described = ecs.describe_services().cluster("prod").services("going").services("gone").send().await.unwrap();
    let statuses: Vec<_> = described.services().iter().filter_map(|service| service.status()).collect();
    assert_eq!(statuses, ["DRAINING", "INACTIVE"]);
}

#[tokio::test]
async fn container_instances_are_listed_but_for_inactive_ones() {
    let fake = FakeAws::start();
    let hosts: Vec<_> = ['a', 'b', 'a'].into_iter().map(|zone| fake.world().add_host("prod", zone)).collect();
    fake.world().container_instance(&hosts[1].instance_id).status("DRAINING");
    fake.world().container_instance(&hosts[2].instance_id).status("INACTIVE");
    let ecs = ecs(&fake).await;
    let list = || ecs.list_container_instances().cluster("prod");
    assert_eq!(list().send().await.unwrap().container_instance_arns().len(), 2);
    let draining = list().status(ContainerInstanceStatus::Draining).send().await.unwrap();
    assert_eq!(draining.container_instance_arns(), [hosts[1].container_instance_arn.clone()]);
    assert!(list().filter("agentConnected==true").send().await.is_err(), "the fake says what it cannot do");
}
