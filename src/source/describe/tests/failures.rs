//! A failing call empties nothing, stops no other, and is reported.

use std::time::Duration;

use tokio::time::Instant;

use super::super::call::Call;
use super::Rig;
use super::passes::deleted;
use super::world::{World, cluster, host, service, task};
use crate::inventory::{Change, Scope};
use crate::source::ports::ApiErrorKind;

/// Each call that a pass over a named cluster makes, and whether a pass is complete without it: the first one, and
/// one of a cluster that is known.
const CALLS: [(Call, bool, bool); 12] = [
    (Call::DescribeClusters, false, true),
    (Call::ListServices, false, false),
    (Call::DescribeServices, false, false),
    (Call::ListTasks, false, false),
    (Call::DescribeTasks, false, false),
    (Call::ListContainerInstances, true, true),
    (Call::DescribeContainerInstances, true, true),
    (Call::DescribeTaskDefinition, true, true),
    (Call::DescribeInstances, true, true),
    (Call::DescribeTargetGroups, true, true),
    (Call::DescribeLoadBalancers, true, true),
    (Call::DescribeClassicLoadBalancers, true, true),
];

const KINDS: [ApiErrorKind; 6] = [
    ApiErrorKind::Throttled,
    ApiErrorKind::Denied,
    ApiErrorKind::Credentials,
    ApiErrorKind::NotFound,
    ApiErrorKind::Unreachable,
    ApiErrorKind::Other,
];

fn is_synced(changes: &[Change]) -> bool {
    changes.contains(&Change::Synced { cluster: cluster("prod") })
}

fn resets(changes: &[Change]) -> Vec<&Scope> {
    let scopes = changes.iter().filter_map(|change| match change {
        Change::Reset { scope, .. } => Some(scope),
        _ => None,
    });
    scopes.collect()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_from_the_start_is_named_and_blocks_only_what_needs_it() {
    for (call, complete_without, _) in CALLS {
        for kind in KINDS {
            let mut rig = Rig::new(World::small());
            rig.world.change().broken = vec![(call, kind)];
            let (complete, changes) = rig.pass().await;
            assert_eq!((complete, is_synced(&changes)), (complete_without, complete_without), "{call:?} {kind:?}");
            let through = if call == Call::DescribeClusters { vec![] } else { vec![cluster("prod")] };
            assert_eq!(rig.updater.passed(), through, "complete or not: {call:?} {kind:?}");
            assert_eq!(deleted(&changes), [], "{call:?} {kind:?}");
            assert_eq!(rig.failing(), [call.operation()], "{call:?} {kind:?}");
            let failing = &rig.report().failing[0];
            assert_eq!((failing.kind, failing.message.as_str()), (kind, "broken"));
            rig.world.change().broken.clear();
            let (complete, changes) = rig.pass().await;
            assert!(complete && is_synced(&changes), "{call:?} {kind:?}");
            assert_eq!(rig.failing(), [""; 0], "{call:?} {kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_later_takes_nothing_away_and_stops_no_other() {
    for (call, _, complete_without) in CALLS {
        let mut rig = Rig::new(World::small());
        rig.pass().await;
        // Something for every call to do, and lists that would delete everything.
        rig.world.add_task("2", "api");
        rig.world.add_definition("api");
        {
            let mut state = rig.world.change();
            state.unlisted = [task("1").to_string(), service("web").to_string(), host("a").to_string()].into();
            state.requests.clear();
            state.broken = vec![(call, ApiErrorKind::Other)];
        }
        let (complete, changes) = rig.pass().await;
        assert_eq!(complete, complete_without, "{call:?}");
        assert_eq!(deleted(&changes), [], "{call:?}");
        let prod = cluster("prod");
        let expected = match call {
            Call::ListServices | Call::DescribeServices => vec![Scope::ContainerInstances(prod)],
            Call::ListContainerInstances | Call::DescribeContainerInstances => vec![Scope::Services(prod)],
            _ => vec![Scope::Services(prod.clone()), Scope::ContainerInstances(prod)],
        };
        let resets = resets(&changes);
        assert_eq!(resets.len(), expected.len(), "{call:?}");
        assert!(expected.iter().all(|scope| resets.contains(&scope)), "{call:?}: {resets:?}");
        for (other, ..) in CALLS {
            let needs = matches!((call, other), (Call::ListTasks | Call::DescribeTasks, Call::DescribeTaskDefinition));
            assert!(needs || !rig.world.sizes(other).is_empty(), "{other:?} was not made as {call:?} failed");
        }
        assert_eq!(rig.failing(), [call.operation()], "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_failing_batch_leaves_the_others_but_a_missing_permission_ends_them() {
    for (kind, made) in [(ApiErrorKind::Other, 30), (ApiErrorKind::Throttled, 30), (ApiErrorKind::Denied, 8)] {
        let world = World::with_prod();
        for n in 0..300 {
            world.add_service(&format!("s{n}"), Vec::new());
        }
        let mut rig = Rig::new(world);
        rig.world.change().broken = vec![(Call::DescribeServices, kind)];
        assert!(!rig.pass().await.0);
        let sizes = rig.world.sizes(Call::DescribeServices);
        if kind == ApiErrorKind::Denied {
            assert!(sizes.len() <= made, "{} calls without permission", sizes.len());
        } else {
            assert_eq!(sizes.len(), made, "{kind:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_without_end_is_given_up() {
    let mut rig = Rig::new(World::small());
    rig.world.change().hanging = vec![Call::DescribeInstances];
    let began = Instant::now();
    let (complete, changes) = rig.pass().await;
    assert!(complete && is_synced(&changes));
    assert_eq!(rig.failing(), ["ec2:DescribeInstances"]);
    assert_eq!(rig.report().failing[0].kind, ApiErrorKind::Unreachable);
    assert!(began.elapsed() >= Duration::from_secs(300));
}
