use super::*;
use crate::daemon::feed::Feed;
use crate::ecs::Cluster;
use crate::inventory::Resource;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn arn(name: &str) -> ClusterArn {
    ClusterArn::parse(&format!("arn:aws:ecs:us-east-1:123456789012:cluster/{name}")).unwrap()
}

/// An inventory of `prod` and `batch`, read at 0 s and 10 s, and of `new`, which was never read whole.
fn saved() -> Saved {
    let apply = |name: &str| Change::Apply {
        resource: Resource::Cluster(Cluster { arn: arn(name), name: name.to_owned() }),
        at: at(0),
    };
    let synced = |name: &str| Change::Synced { cluster: arn(name) };
    let changes = [apply("prod"), apply("batch"), apply("new"), synced("prod"), synced("batch")];
    let inventory = changes.into_iter().fold(Inventory::default(), |inventory, change| reduce(inventory, change).0);
    Saved::of(&inventory, &[(arn("prod"), at(0)), (arn("batch"), at(10))].into())
}

fn judge(clusters: &[&str], region: &str, max_age: u64, now: i64) -> Result<Vec<String>, String> {
    let clusters = clusters.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let feed = Prepared { feed: Feed::Describe, all: clusters.is_empty(), clusters };
    let max_age = Some(Duration::from_secs(max_age)).filter(|age| !age.is_zero());
    let followed = Followed { feed: &feed, region: Some(region).filter(|region| !region.is_empty()), max_age };
    match admit(saved(), &followed, at(now)) {
        Ok(restored) => {
            assert!(restored.inventory.clusters.keys().eq(restored.read.keys()));
            assert!(restored.read.values().all(|read| *read <= at(now)), "{:?}", restored.read);
            Ok(restored.read.keys().map(|arn| arn.id().to_owned()).collect())
        }
        Err(refusal) => Err(format!("{}: {refusal}", refusal.label())),
    }
}

#[test]
fn what_is_followed_and_young_enough_is_used() {
    assert_eq!(judge(&["prod", "batch"], "us-east-1", 3600, 60).unwrap(), ["batch", "prod"]);
    assert_eq!(judge(&[], "", 3600, 60).unwrap(), ["batch", "prod"], "all clusters");
    assert_eq!(judge(&["prod"], "", 3600, 60).unwrap(), ["prod"], "no longer followed");
    assert_eq!(judge(&["arn:aws:ecs:us-east-1:123456789012:cluster/prod"], "", 3600, 60).unwrap(), ["prod"]);
    assert_eq!(judge(&["prod", "batch"], "", 3600, 3605).unwrap(), ["batch"], "one is too old");
    assert_eq!(judge(&["prod"], "", 0, 1_000_000).unwrap(), ["prod"], "any age");
    assert_eq!(judge(&["prod"], "", 3600, -60).unwrap(), ["prod"], "a clock that was ahead");
}

#[test]
fn what_is_foreign_or_too_old_is_refused() {
    let refused = |clusters: &[&str], region, now| judge(clusters, region, 3600, now).unwrap_err();
    let other = refused(&["other"], "", 60);
    assert!(other.starts_with("foreign: it is of cluster batch, which is not followed"), "{other}");
    let region = refused(&["prod"], "eu-west-1", 60);
    assert!(region.contains("cluster prod in the region us-east-1, which is not ours"), "{region}");
    let account = refused(&["arn:aws:ecs:us-east-1:999999999999:cluster/prod"], "", 60);
    assert!(account.starts_with("foreign: "), "{account}");
    let old = refused(&["prod"], "", 3601);
    assert!(old.starts_with("too_old: cluster prod was last read 3601 s ago, at 2023-11-14T22:13:20Z"), "{old}");
    assert!(old.contains("raise snapshot.max_age"), "{old}");
    assert!(refused(&["new"], "", 60).starts_with("foreign: "));
}
