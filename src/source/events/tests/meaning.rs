//! What one event means.

use std::collections::BTreeSet;

use super::super::intake::{Incoming, consequence, emptied, is_withdrawal};
use super::super::stats::Verdict;
use super::model::{Model, at, cluster, event, host_arn, key, machine_id, service_arn, task, task_arn, told};
use crate::ecs::event::{Detail, HealthOfTask, Ignored, ServiceHint, TaskHealth};
use crate::ecs::{ClusterArn, ContainerInstance, Ec2State, Health, Task, TaskStatus};
use crate::inventory::{Change, Inventory, Resource, reduce};

/// An agent that has read the model.
fn knows(model: &Model) -> Inventory {
    let pass = model.pass(&Inventory::default(), at(0));
    pass.into_iter().fold(Inventory::default(), |inventory, change| reduce(inventory, change).0)
}

fn running(number: u32, service: &str, health: Health) -> Task {
    let mut task = Task { last_status: TaskStatus::Running, ..task(number, service, 0) };
    task.containers[0].health = Some(health);
    task
}

fn model(tasks: impl IntoIterator<Item = Task>) -> Model {
    let mut model = Model::new();
    model.tasks = tasks.into_iter().map(|task| (task.arn.clone(), task)).collect();
    model
}

fn meaning(inventory: &Inventory, detail: Detail) -> Result<super::super::intake::Consequence, Verdict> {
    consequence(inventory, Incoming { event: event(detail), at: at(5) })
}

#[test]
fn a_task_event_is_applied_and_what_it_refers_to_is_asked_for() {
    let inventory = knows(&Model::new());
    let known = meaning(&inventory, Detail::Task(told(&task(1, "web", 0)))).unwrap();
    assert_eq!(known.changes, [Change::Apply { resource: Resource::Task(told(&task(1, "web", 0))), at: at(5) }]);
    assert!(known.asks.is_empty(), "{:?}", known.asks);
    assert_eq!(known.look_at, Some(key("web")));
    let unknown = meaning(&inventory, Detail::Task(task(1, "new", 9))).unwrap().asks;
    assert_eq!(unknown.hosts, BTreeSet::from([(cluster(), host_arn(9))]));
    assert_eq!(unknown.services, BTreeSet::from([ServiceHint { cluster: cluster(), service: service_arn("new") }]));
    assert!(unknown.definitions);
    let over = Task { last_status: TaskStatus::Stopped, ..task(1, "new", 9) };
    assert!(meaning(&inventory, Detail::Task(over)).unwrap().asks.is_empty(), "of a task that is over nobody asks");
}

#[test]
fn what_is_not_followed_is_foreign() {
    let inventory = knows(&Model::new());
    let staging = ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/staging").unwrap();
    let west = ClusterArn::parse("arn:aws:ecs:us-west-2:123456789012:cluster/prod").unwrap();
    for cluster in [staging, west] {
        let host = ContainerInstance { cluster: cluster.clone(), ..Model::new().hosts[&host_arn(1)].clone() };
        let health =
            TaskHealth { cluster: cluster.clone(), at: at(0), interval: Default::default(), tasks: Vec::new() };
        for detail in [
            Detail::Task(Task { cluster: cluster.clone(), ..task(1, "web", 0) }),
            Detail::ContainerInstance(host),
            Detail::Service(ServiceHint { cluster: cluster.clone(), service: service_arn("web") }),
            Detail::TaskHealth(health),
            Detail::Ec2Instance { id: machine_id(77), state: Ec2State::Stopping },
        ] {
            assert_eq!(meaning(&inventory, detail.clone()).unwrap_err(), Verdict::Foreign, "{detail:?}");
        }
    }
    let other = Detail::Ignored(Ignored::UnknownType);
    assert_eq!(meaning(&inventory, other).unwrap_err(), Verdict::Ignored);
}

#[test]
fn a_machine_that_goes_is_believed_at_once_and_one_that_comes_is_asked_for() {
    let inventory = knows(&Model::new());
    let gone = meaning(&inventory, Detail::Ec2Instance { id: machine_id(1), state: Ec2State::ShuttingDown }).unwrap();
    let [Change::Apply { resource: Resource::Ec2Instance(machine), .. }] = gone.changes.as_slice() else {
        panic!("{gone:?}")
    };
    assert_eq!((machine.state, machine.private_ipv4), (Ec2State::ShuttingDown, None));
    assert_eq!(gone.asks.departed, BTreeSet::from([(cluster(), machine_id(1))]));
    let comes = meaning(&inventory, Detail::Ec2Instance { id: machine_id(1), state: Ec2State::Running }).unwrap();
    assert!(comes.changes.is_empty(), "an event of EC2 has no version");
    assert_eq!(comes.asks.machines, BTreeSet::from([(cluster(), machine_id(1))]));
}

#[test]
fn health_that_a_controller_has_seen_is_taken_over() {
    let inventory = knows(&model([running(1, "web", Health::Unknown)]));
    let seen = HealthOfTask { task: task_arn(1), containers: vec![("app".to_owned(), Health::Healthy)] };
    let health = TaskHealth { cluster: cluster(), at: at(3), interval: Default::default(), tasks: vec![seen] };
    let changes = meaning(&inventory, Detail::TaskHealth(health)).unwrap().changes;
    let learned = changes.into_iter().fold(inventory, |inventory, change| reduce(inventory, change).0);
    assert_eq!(learned.tasks[&task_arn(1)].task.containers[0].health, Some(Health::Healthy));
}

#[test]
fn only_a_withdrawal_that_empties_a_service_is_held() {
    let leaving = |numbers: &[u32]| numbers.iter().map(|number| task_arn(*number)).collect();
    let web = |tasks: &[Health]| {
        let tasks = tasks.iter().enumerate().map(|(index, health)| running(index as u32 + 1, "web", *health));
        knows(&model(tasks))
    };
    use Health::{Healthy, Unhealthy, Unknown};
    assert_eq!(emptied(&web(&[Healthy, Unknown]), &leaving(&[1])), BTreeSet::from([key("web")]));
    assert_eq!(emptied(&web(&[Healthy]), &leaving(&[1])), BTreeSet::from([key("web")]));
    assert_eq!(emptied(&web(&[Healthy, Healthy]), &leaving(&[1, 2])), BTreeSet::from([key("web")]));
    assert_eq!(emptied(&web(&[Healthy, Healthy]), &leaving(&[1])), BTreeSet::new(), "another is ready");
    assert_eq!(emptied(&web(&[Unhealthy, Unknown]), &leaving(&[1])), BTreeSet::new(), "it served nobody");
    let mut unwanted = model([running(1, "web", Healthy)]);
    unwanted.services.get_mut("web").unwrap().desired_count = 0;
    assert_eq!(emptied(&knows(&unwanted), &leaving(&[1])), BTreeSet::new(), "it is to be empty");
}

#[test]
fn a_task_that_leaves_is_a_withdrawal() {
    let with = |desired, last| Detail::Task(Task { desired_status: desired, last_status: last, ..task(1, "web", 0) });
    assert!(is_withdrawal(&with(TaskStatus::Stopped, TaskStatus::Running)));
    assert!(is_withdrawal(&with(TaskStatus::Stopped, TaskStatus::Stopping)));
    assert!(is_withdrawal(&with(TaskStatus::Stopped, TaskStatus::Stopped)));
    assert!(!is_withdrawal(&with(TaskStatus::Running, TaskStatus::Running)));
}
