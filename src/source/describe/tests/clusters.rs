//! Which clusters a pass reads.

use super::super::call::Call;
use super::Rig;
use super::passes::deleted;
use super::world::{World, arn, cluster};
use crate::ecs::{Cluster, ClusterArn};
use crate::inventory::{Change, ResourceId};
use crate::source::ports::ApiErrorKind;

fn synced(changes: &[Change]) -> Vec<ClusterArn> {
    let synced = changes.iter().filter_map(|change| match change {
        Change::Synced { cluster } => Some(cluster.clone()),
        _ => None,
    });
    synced.collect()
}

fn all(world: World) -> Rig {
    let mut rig = Rig::new(world);
    rig.settings.all = true;
    rig
}

#[tokio::test(start_paused = true)]
async fn configured_clusters_are_read_in_their_order_and_once() {
    let world = World::with_prod();
    world.add_cluster("dev");
    world.add_cluster("other");
    let mut rig = Rig::new(world);
    rig.settings.clusters = vec!["prod".to_owned(), arn("cluster", "dev"), arn("cluster", "prod")];
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    assert_eq!(synced(&changes), [cluster("prod"), cluster("dev")]);
}

#[tokio::test(start_paused = true)]
async fn a_configured_cluster_that_is_not_there_is_reported_and_what_was_known_stays() {
    let mut rig = Rig::new(World::small());
    rig.settings.clusters.push("typo".to_owned());
    let (complete, changes) = rig.pass().await;
    assert!(!complete);
    assert_eq!(synced(&changes), [cluster("prod")]);
    let failing = rig.report().failing;
    assert_eq!(failing.len(), 1);
    assert_eq!((failing[0].operation, failing[0].kind), ("ecs:DescribeClusters", ApiErrorKind::NotFound));
    assert!(failing[0].to_string().contains("no ACTIVE cluster `typo`"), "{}", failing[0]);

    rig.world.change().clusters.clear();
    for _ in 0..3 {
        let (complete, changes) = rig.pass().await;
        assert!(!complete);
        assert_eq!(changes, []);
    }
    assert_eq!(rig.report().failing.len(), 2);
    rig.world.add_cluster("prod");
    rig.world.add_cluster("typo");
    assert!(rig.pass().await.0);
    assert_eq!(rig.failing(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_configured_arn_needs_no_permission_to_describe_clusters() {
    let mut rig = Rig::new(World::small());
    rig.settings.clusters = vec![arn("cluster", "prod")];
    rig.world.change().broken = vec![(Call::DescribeClusters, ApiErrorKind::Denied)];
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    assert_eq!(synced(&changes), [cluster("prod")]);
    assert_eq!(rig.failing(), ["ecs:DescribeClusters"]);
}

#[tokio::test(start_paused = true)]
async fn all_clusters_are_found_and_followed() {
    let world = World::with_prod();
    for n in 0..120 {
        world.add_cluster(&format!("c{n}"));
    }
    let mut rig = all(world);
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    assert_eq!(synced(&changes).len(), 121);
    assert_eq!(rig.world.sizes(Call::DescribeClusters), [100, 21]);
}

#[tokio::test(start_paused = true)]
async fn of_all_clusters_one_is_gone_when_two_passes_do_not_find_it() {
    let mut rig = all(World::with_prod());
    rig.world.add_cluster("dev");
    rig.pass().await;
    // A stale list alone means nothing.
    rig.world.change().unlisted.insert(arn("cluster", "dev"));
    for _ in 0..3 {
        let (_, changes) = rig.pass().await;
        assert_eq!((deleted(&changes), synced(&changes).len()), (vec![], 2));
    }
    rig.world.change().clusters.remove(&cluster("dev"));
    assert_eq!(deleted(&rig.pass().await.1), []);
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    assert_eq!(deleted(&changes), [ResourceId::Cluster(cluster("dev"))]);
    assert_eq!(rig.report().complete.keys().collect::<Vec<_>>(), [&cluster("prod")]);
    assert_eq!(deleted(&rig.pass().await.1), []);
}

#[tokio::test(start_paused = true)]
async fn an_account_without_any_cluster_deletes_nothing() {
    let mut rig = all(World::with_prod());
    rig.pass().await;
    rig.world.change().clusters.clear();
    for _ in 0..3 {
        let (complete, changes) = rig.pass().await;
        assert!(!complete);
        assert_eq!(changes, []);
    }
    let failing = rig.report().failing;
    assert_eq!(failing.len(), 1);
    assert!(failing[0].to_string().contains("no cluster in this account and region"), "{}", failing[0]);
}

#[tokio::test(start_paused = true)]
async fn known_clusters_are_read_when_they_can_not_be_listed_or_described() {
    for call in [Call::ListClusters, Call::DescribeClusters] {
        let mut rig = all(World::with_prod());
        assert!(rig.pass().await.0);
        rig.world.change().broken = vec![(call, ApiErrorKind::Denied)];
        for _ in 0..3 {
            let (_, changes) = rig.pass().await;
            assert_eq!((deleted(&changes), synced(&changes)), (vec![], vec![cluster("prod")]), "{call:?}");
        }
        assert_eq!(rig.failing(), [call.operation()]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_of_the_same_name_in_another_account_is_forgotten() {
    // As with a file of before, that came with the image of a disk: the name is the same, and the account is not.
    let theirs = ClusterArn::parse("arn:aws:ecs:us-east-1:999999999999:cluster/prod").unwrap();
    let mut rig = Rig::new(World::small());
    let ours = {
        let mut world = rig.world.change();
        let ours = world.clusters.remove(&cluster("prod")).unwrap();
        world.clusters.insert(theirs.clone(), Cluster { arn: theirs.clone(), name: "prod".to_owned() });
        ours
    };
    let (_, changes) = rig.pass().await;
    assert_eq!(synced(&changes), [theirs.clone()]);
    {
        let mut world = rig.world.change();
        world.clusters = [(ours.arn.clone(), ours)].into();
    }
    let (complete, changes) = rig.pass().await;
    assert!(complete);
    assert_eq!(deleted(&changes), [ResourceId::Cluster(theirs.clone())]);
    assert_eq!(synced(&changes), [cluster("prod")]);
    assert!(!rig.report().complete.contains_key(&theirs), "nor is its age told any more");
    assert_eq!(deleted(&rig.pass().await.1), []);
}
