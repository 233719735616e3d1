use std::collections::BTreeSet;

use super::*;
use crate::ecs::TaskStatus;
use crate::inventory::{Document, Inventory, Outcome, ServiceKey, reduce};
use crate::source::Message;
use crate::zone::readiness::{Standing, TaskView};

const START: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn second(number: i64) -> Timestamp {
    later(START, SignedDuration::from_secs(number))
}

fn after(inventory: Inventory, changes: Vec<Change>) -> Inventory {
    changes.into_iter().fold(inventory, |inventory, change| {
        let (inventory, outcome) = reduce(inventory, change);
        assert_ne!(outcome, Outcome::Stale);
        inventory
    })
}

fn ready(inventory: &Inventory, app: &App) -> usize {
    let key =
        ServiceKey::new(&inventory.clusters.keys().find(|arn| arn.id() == app.cluster).unwrap().clone(), app.name);
    inventory.tasks_of(&key).filter(|record| life::is_ready(&record.task, app)).count()
}

/// No address and no host port is given to two at once.
fn assert_no_conflicts(inventory: &Inventory) {
    let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
    for record in inventory.tasks.values() {
        let task = &record.task;
        assert!(task.ipv4.iter().all(|address| addresses.insert(*address)), "{task:?}");
        let bindings = task.containers.iter().flat_map(|container| &container.network_bindings);
        for binding in bindings {
            assert!(ports.insert((task.container_instance.clone(), binding.host_port)), "{task:?}");
        }
    }
}

#[test]
fn the_world_holds_one_of_each_kind() {
    let document = world(START);
    let inventory = after(Inventory::default(), document.clone().into_changes(START));
    let counts = inventory.counts();
    assert_eq!((counts.clusters, counts.synced_clusters, counts.services, counts.container_instances), (2, 2, 12, 4));
    assert_eq!(counts.tasks, APPS.iter().map(|app| app.desired as usize).sum::<usize>() + 1);
    APPS.iter().for_each(|app| assert_eq!(ready(&inventory, app), app.desired as usize, "{}", app.name));
    assert_no_conflicts(&inventory);
    let again = after(Inventory::default(), Document::of(&inventory).into_changes(START));
    assert_eq!(again, inventory);
    assert_eq!(document.load_balancers.len(), 4);
    assert!(document.tasks.iter().all(|task| inventory.task_definitions.contains_key(&task.task_definition)));
}

#[test]
fn the_same_seed_tells_the_same_story() {
    let tell = |seed| {
        let mut simulation = Simulation::new(seed, START);
        (0..200).map(|number| simulation.step(second(number))).collect::<Vec<_>>()
    };
    assert_eq!(tell(1), tell(1));
    assert_ne!(tell(1), tell(2));
}

#[test]
fn services_stay_up_through_an_hour_of_stories() {
    for seed in 0..2 {
        let mut simulation = Simulation::new(seed, START);
        let mut inventory = after(Inventory::default(), world(START).into_changes(START));
        let mut told = Vec::new();
        for number in 0..3_600 {
            let step = simulation.step(second(number));
            inventory = after(inventory, step.changes);
            told.extend(step.told);
            for app in APPS.iter().filter(|app| app.desired > 1) {
                let least = app.desired as usize - 1;
                assert!(ready(&inventory, app) >= least, "{} at {number} s after {:?}", app.name, told.last());
            }
            assert_no_conflicts(&inventory);
            let known = simulation.tasks.values().map(|simulated| &simulated.task.arn);
            let standalone = inventory.tasks.len() - 1;
            assert_eq!(known.filter(|arn| inventory.tasks.contains_key(arn)).count(), standalone);
            assert!(inventory.tasks.len() < 80);
        }
        for kind in ["deploying", "scaling", "fails its health check", "has exited", "draining", "takes tasks again"] {
            assert!(told.iter().any(|line| line.contains(kind)), "{kind} is missing in {told:#?}");
        }
        assert!(told.len() > 60, "the stories have come to a halt: {told:#?}");
    }
}

#[test]
fn a_deployment_goes_through_every_state() {
    let mut simulation = Simulation::new(0, START);
    let mut seen = BTreeSet::new();
    for number in 0..600 {
        for change in simulation.step(second(number)).changes {
            if let Change::Apply { resource: Resource::Task(task), .. } = change {
                seen.insert((task.last_status, task.desired_status));
            }
        }
    }
    for status in [TaskStatus::Provisioning, TaskStatus::Pending, TaskStatus::Activating, TaskStatus::Running] {
        assert!(seen.contains(&(status, TaskStatus::Running)), "{status:?}");
    }
    let going = [TaskStatus::Running, TaskStatus::Deactivating, TaskStatus::Stopping, TaskStatus::Deprovisioning];
    for status in going.into_iter().chain([TaskStatus::Stopped]) {
        assert!(seen.contains(&(status, TaskStatus::Stopped)), "{status:?}");
    }
}

/// Who asks in a loop sees a task leave before it stops, unless it dies without warning.
#[test]
fn tasks_leave_the_answers_before_they_stop() {
    let mut simulation = Simulation::new(5, START);
    let mut inventory = after(Inventory::default(), world(START).into_changes(START));
    let answers = |inventory: &Inventory| -> BTreeSet<TaskArn> {
        let views = inventory.tasks.values().map(|record| TaskView::of(inventory, record));
        views.filter(|view| view.standing == Standing::Ready).map(|view| view.task.arn.clone()).collect()
    };
    let (mut deployed, mut before) = (0, answers(&inventory));
    for number in 1..1_800 {
        let wanted: BTreeSet<TaskArn> = inventory
            .tasks
            .values()
            .filter(|record| record.task.desired_status == TaskStatus::Running)
            .map(|record| record.task.arn.clone())
            .collect();
        inventory = after(inventory, simulation.step(second(number)).changes);
        let now = answers(&inventory);
        for gone in before.iter().filter(|arn| !inventory.tasks.contains_key(*arn)) {
            assert!(wanted.contains(gone), "{gone} was told to stop, and was answered until it had");
        }
        deployed += before.iter().filter(|arn| !now.contains(*arn) && inventory.tasks.contains_key(*arn)).count();
        before = now;
    }
    assert!(deployed > 20, "{deployed} tasks left the answers while they still ran");
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let mut simulation = Simulation::new(3, START);
    let mut inventory = after(Inventory::default(), world(START).into_changes(START));
    for number in (0..300).map(|number| if number % 7 == 0 { 0 } else { number }) {
        inventory = after(inventory, simulation.step(second(number)).changes);
    }
    assert!(inventory.counts().tasks > 30);
}

#[tokio::test(start_paused = true)]
async fn it_runs_until_the_updater_stops() {
    let (updates, mut messages) = Updates::channel();
    let begin = tokio::time::Instant::now();
    let now = move || later(START, SignedDuration::try_from(begin.elapsed()).unwrap());
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let source = tokio::spawn(run(updates, 1, now, move |line| tell.send(line.to_owned()).unwrap()));
    let mut inventory = Inventory::default();
    for _ in 0..10 {
        let Some(Message::Deliver(delivery)) = messages.recv().await else { panic!("the source has ended") };
        inventory = after(inventory, delivery.changes);
    }
    assert_eq!(inventory.counts().synced_clusters, 2);
    assert!(told.recv().await.is_some());
    drop(messages);
    source.await.unwrap();
}
