//! What a pass asks for, and what it makes of the answers.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::super::call::Call;
use super::Rig;
use super::world::{World, cluster, host, service, task};
use crate::ecs::{
    ContainerInstanceStatus, Ec2InstanceId, Ec2State, LoadBalancerId, ServiceStatus, TargetGroupArn, TaskStatus,
};
use crate::inventory::{Change, Resource, ResourceId, Scope, ServiceKey};
use crate::source::pace::Bucket;

pub(super) fn deleted(changes: &[Change]) -> Vec<ResourceId> {
    let deleted = changes.iter().filter_map(|change| match change {
        Change::Delete { id, .. } => Some(id.clone()),
        _ => None,
    });
    deleted.collect()
}

pub(super) fn applied(changes: &[Change]) -> Vec<&Resource> {
    let applied = changes.iter().filter_map(|change| match change {
        Change::Apply { resource, .. } => Some(resource),
        _ => None,
    });
    applied.collect()
}

fn kinds(changes: &[Change]) -> BTreeSet<&'static str> {
    let kind = |change: &Change| match change {
        Change::Apply { resource, .. } => match resource {
            Resource::Cluster(_) => "cluster",
            Resource::Service(_) => "service",
            Resource::Task(_) => "task",
            Resource::TaskDefinition(_) => "task definition",
            Resource::ContainerInstance(_) => "container instance",
            Resource::Ec2Instance(_) => "EC2 instance",
            Resource::TargetGroup(_) => "target group",
            Resource::LoadBalancer(_) => "load balancer",
        },
        Change::Delete { .. } => "delete",
        Change::Reset { scope: Scope::Clusters, .. } => "clusters reset",
        Change::Reset { scope: Scope::Services(_), .. } => "services reset",
        Change::Reset { scope: Scope::ContainerInstances(_), .. } => "container instances reset",
        Change::Health { .. } => "health",
        Change::Synced { .. } => "synced",
        Change::Unsynced { .. } => "unsynced",
    };
    changes.iter().map(kind).collect()
}

#[tokio::test(start_paused = true)]
async fn a_pass_reads_everything_and_ends_with_synced() {
    let mut rig = Rig::new(World::small());
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    let expected = [
        "cluster",
        "service",
        "task",
        "task definition",
        "container instance",
        "EC2 instance",
        "target group",
        "load balancer",
        "services reset",
        "container instances reset",
        "synced",
    ];
    assert_eq!(kinds(&changes), BTreeSet::from(expected));
    assert_eq!(changes.last(), Some(&Change::Synced { cluster: cluster("prod") }));
    let balancers: Vec<_> =
        applied(&changes).into_iter().filter(|it| matches!(it, Resource::LoadBalancer(_))).collect();
    assert_eq!(balancers.len(), 2, "one v2, one classic: {balancers:?}");
    assert_eq!(rig.failing(), [""; 0]);
    assert!(rig.report().complete.contains_key(&cluster("prod")));
}

#[tokio::test(start_paused = true)]
async fn batches_hold_as_many_as_the_api_takes() {
    let world = World::with_prod();
    for n in 0..41 {
        let balancers = vec![world.add_group(&format!("g{n}")), world.add_classic(&format!("c{n}"))];
        world.add_service(&format!("s{n}"), balancers);
    }
    for n in 0..401 {
        world.add_task(&format!("t{n}"), "web");
        world.add_host(&format!("h{n}"), &format!("i-{n}"));
    }
    world.add_host("anywhere", "mi-1");
    world.add_definition("web");
    let mut rig = Rig::new(world);
    assert!(rig.pass().await.0);
    let sizes = |call| {
        let mut sizes = rig.world.sizes(call);
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes
    };
    assert_eq!(sizes(Call::DescribeClusters), [1]);
    assert_eq!(sizes(Call::DescribeServices), [10, 10, 10, 10, 1]);
    assert_eq!(sizes(Call::DescribeTasks), [100, 100, 100, 100, 1]);
    assert_eq!(sizes(Call::DescribeContainerInstances), [100, 100, 100, 100, 2]);
    assert_eq!(sizes(Call::DescribeInstances), [200, 200, 1], "ECS Anywhere is not EC2's");
    assert_eq!(sizes(Call::DescribeTargetGroups), [20, 20, 1]);
    assert_eq!(sizes(Call::DescribeLoadBalancers), [20, 20, 1]);
    assert_eq!(sizes(Call::DescribeClassicLoadBalancers), [20, 20, 1]);
    assert_eq!(sizes(Call::DescribeTaskDefinition), [1]);
    // Pages of lists are counted: 5 each of tasks and of container instances, and 5 descriptions of each.
    assert_eq!(rig.describer.budget().drain().of(Bucket::ClusterResource), 20);
    let most = rig.world.change().most_under_way;
    assert!((2..=4).contains(&most), "{most} calls at once");
}

#[tokio::test(start_paused = true)]
async fn what_is_learned_is_dated_by_the_start_of_its_request() {
    let world = World::with_prod();
    for n in 0..3_001 {
        world.add_task(&n.to_string(), "web");
    }
    let mut rig = Rig::new(world);
    let (started, began) = (rig.describer.clock.now(), Instant::now());
    let (_, changes) = rig.pass().await;
    let dates = changes.iter().filter_map(|change| match change {
        Change::Apply { resource: Resource::Task(_), at } => Some(*at),
        _ => None,
    });
    let dates: BTreeSet<_> = dates.collect();
    let state = rig.world.change();
    let requests = state.requests.iter().filter(|it| it.0 == Call::DescribeTasks).map(|it| started + (it.2 - began));
    assert_eq!(dates, requests.collect());
    assert!(dates.len() > 2, "some had to wait for their turn");
}

#[tokio::test(start_paused = true)]
async fn a_list_deletes_what_was_seen_before_it_began_and_nothing_seen_after() {
    let mut rig = Rig::new(World::small());
    let (_, changes) = rig.pass().await;
    let (mut lists, mut services, mut hosts) = (Vec::new(), Vec::new(), Vec::new());
    for change in &changes {
        match change {
            Change::Reset { ids, at, .. } => lists.push((ids.clone(), *at)),
            Change::Apply { resource: Resource::Service(_), at } => services.push(*at),
            Change::Apply { resource: Resource::ContainerInstance(_), at } => hosts.push(*at),
            _ => {}
        }
    }
    for (ids, at) in lists {
        let key = ServiceKey::new(&cluster("prod"), "web");
        if ids.contains(&ResourceId::Service(key)) {
            assert!(services.iter().all(|&seen| seen > at), "{services:?} {at}");
        } else {
            assert_eq!(ids, BTreeSet::from([ResourceId::ContainerInstance(host("a"))]));
            assert!(hosts.iter().all(|&seen| seen > at), "{hosts:?} {at}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_stale_list_leaves_out_is_described_and_stays() {
    let mut rig = Rig::new(World::small());
    rig.pass().await;
    for id in [task("1").to_string(), service("web").to_string(), host("a").to_string()] {
        rig.world.change().unlisted.insert(id);
    }
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    assert_eq!(deleted(&changes), []);
    let seen = kinds(&changes);
    assert!(["task", "service", "container instance"].iter().all(|kind| seen.contains(kind)), "{seen:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_inactive_or_missing_is_deleted() {
    let world = World::small();
    for n in 2..=5 {
        world.add_task(&n.to_string(), "web");
    }
    world.add_service("off", Vec::new());
    world.add_host("b", "i-b");
    let mut rig = Rig::new(world);
    rig.pass().await;
    {
        let mut state = rig.world.change();
        state.tasks.get_mut(&task("1")).unwrap().last_status = TaskStatus::Stopped;
        state.tasks.remove(&task("2"));
        // A list that is ahead of DescribeTasks, and an answer that does not mention a task.
        state.undescribed.insert(task("3").to_string());
        state.unlisted.insert(task("4").to_string());
        state.unanswered.insert(task("4").to_string());
        state.tasks.get_mut(&task("5")).unwrap().desired_status = TaskStatus::Stopped;
        state.services.get_mut(&service("off")).unwrap().status = ServiceStatus::Inactive;
        state.services.remove(&service("web"));
        state.hosts.get_mut(&host("a")).unwrap().status = ContainerInstanceStatus::Inactive;
        state.hosts.remove(&host("b"));
    }
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    let key = |name| ResourceId::Service(ServiceKey::new(&cluster("prod"), name));
    let expected = [
        key("off"),
        key("web"),
        ResourceId::Task(task("1")),
        ResourceId::Task(task("2")),
        ResourceId::ContainerInstance(host("a")),
        ResourceId::ContainerInstance(host("b")),
    ];
    let gone = deleted(&changes);
    assert_eq!(gone.iter().cloned().collect::<BTreeSet<_>>(), BTreeSet::from(expected), "{gone:?}");
}

/// All tasks of a service were replaced between the list and the descriptions: it was never empty.
#[tokio::test(start_paused = true)]
async fn the_last_task_of_a_service_leaves_after_its_successors_were_looked_for() {
    let world = World::small();
    world.add_task("old", "web");
    world.add_task("new", "web");
    for id in ["old", "new"] {
        world.change().tasks.get_mut(&task(id)).unwrap().group = Some("service:web".to_owned());
    }
    world.change().unlisted.insert(task("new").to_string());
    let mut rig = Rig::new(world);
    rig.pass().await;
    {
        let mut state = rig.world.change();
        state.unlisted.clear();
        state.late.insert(task("new").to_string());
        state.tasks.get_mut(&task("old")).unwrap().last_status = TaskStatus::Stopped;
    }
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    let at = |wanted: &dyn Fn(&Change) -> bool| changes.iter().position(wanted).unwrap();
    let comes = at(&|it| matches!(it, Change::Apply { resource: Resource::Task(it), .. } if it.arn == task("new")));
    let goes = at(&|it| matches!(it, Change::Delete { id: ResourceId::Task(it), .. } if *it == task("old")));
    assert!(comes < goes, "{changes:?}");
    assert_eq!(rig.world.sizes(Call::ListTasks).len(), 3, "one for each pass, and one for the service");
}

/// AWS answers so slowly that the successors are replaced as well before they are described.
#[tokio::test(start_paused = true)]
async fn the_successors_of_successors_are_looked_for_too() {
    let world = World::small();
    for id in ["old", "mid", "new"] {
        world.add_task(id, "web");
        world.change().tasks.get_mut(&task(id)).unwrap().group = Some("service:web".to_owned());
    }
    world.change().unlisted.extend(["mid", "new"].map(|id| task(id).to_string()));
    let mut rig = Rig::new(world);
    rig.pass().await;
    {
        let mut state = rig.world.change();
        state.unlisted.clear();
        state.late.extend(["mid", "new"].map(|id| task(id).to_string()));
        state.later.insert(task("new").to_string());
        for id in ["old", "mid"] {
            state.tasks.get_mut(&task(id)).unwrap().last_status = TaskStatus::Stopped;
        }
    }
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    let at = |wanted: &dyn Fn(&Change) -> bool| changes.iter().position(wanted).unwrap();
    let comes = at(&|it| matches!(it, Change::Apply { resource: Resource::Task(it), .. } if it.arn == task("new")));
    let goes = at(&|it| matches!(it, Change::Delete { id: ResourceId::Task(it), .. } if *it == task("old")));
    assert!(comes < goes, "{changes:?}");
    // Nobody comes any more: one look tells so.
    rig.world.change().tasks.get_mut(&task("new")).unwrap().last_status = TaskStatus::Stopped;
    let before = rig.world.sizes(Call::ListTasks).len();
    rig.pass().await;
    assert_eq!(rig.world.sizes(Call::ListTasks).len(), before + 2, "one for the pass, and one for the service");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_gone_is_told_as_ec2_tells_it() {
    let world = World::small();
    world.add_host("b", "i-b");
    let mut rig = Rig::new(world);
    rig.pass().await;
    let machine = |id: &str| Ec2InstanceId(id.into());
    rig.world.change().machines.get_mut(&machine("i-a")).unwrap().state = Ec2State::ShuttingDown;
    rig.world.change().machines.remove(&machine("i-b"));
    let (_, changes) = rig.pass().await;
    let states = applied(&changes).into_iter().filter_map(|it| match it {
        Resource::Ec2Instance(machine) => Some(machine.state),
        _ => None,
    });
    assert_eq!(states.collect::<Vec<_>>(), [Ec2State::ShuttingDown]);
    assert_eq!(deleted(&changes), [], "once may be a slip");
    let (_, changes) = rig.pass().await;
    assert_eq!(deleted(&changes), [ResourceId::Ec2Instance(machine("i-b"))]);
}

#[tokio::test(start_paused = true)]
async fn load_balancers_that_are_not_found_are_told_as_deleted() {
    let mut rig = Rig::new(World::small());
    rig.pass().await;
    rig.world.change().balancers.clear();
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    let id = |id: &str| ResourceId::LoadBalancer(LoadBalancerId(id.into()));
    let gone: BTreeSet<_> = deleted(&changes).into_iter().collect();
    assert_eq!(gone, BTreeSet::from([id("arn:web"), id("old")]));
    rig.world.change().groups.clear();
    let (_, changes) = rig.pass().await;
    assert!(deleted(&changes).contains(&ResourceId::TargetGroup(TargetGroupArn("web".into()))));
    assert_eq!(rig.failing(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn given_tasks_and_services_can_be_described_alone() {
    let rig = Rig::new(World::small());
    let prod = cluster("prod");
    let tasks = BTreeSet::from([task("1"), task("gone")]);
    assert!(rig.describer.describe_tasks(&prod, tasks, &BTreeSet::new()).await.unwrap());
    let services = BTreeSet::from([service("web")]);
    assert!(rig.describer.describe_services(&prod, services, &BTreeSet::new()).await.unwrap());
    rig.describer.updates.ask(|_| ()).await.unwrap();
    let changes = rig.updater.seen();
    assert_eq!(kinds(&changes), BTreeSet::from(["task", "service", "delete"]));
    assert_eq!(deleted(&changes), [ResourceId::Task(task("gone"))]);
    assert_eq!(rig.world.change().requests.len(), 2);
}
