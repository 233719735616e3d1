//! Whoever delivers changes is told only once they are served: a message of a queue is deleted no sooner than that.

use ecs_resolver::dns::DomainName;
use ecs_resolver::ecs::{Cluster, ClusterArn, Timestamp};
use ecs_resolver::inventory::{Change, Resource};
use ecs_resolver::source::{Origin, Updates};
use ecs_resolver::updater::Updater;
use ecs_resolver::zone::Settings;
use futures_util::FutureExt;

fn settings() -> Settings {
    Settings::new(DomainName::from_text("ecs.internal").unwrap(), vec!["prod".to_owned()])
}

#[tokio::test]
async fn who_delivers_is_told_when_it_is_served() {
    let updater = Updater::new(settings(), 1);
    let shared = updater.shared();
    let (updates, messages) = Updates::channel();
    let arn = ClusterArn::parse("arn:aws:ecs:us-east-1:123456789012:cluster/prod").unwrap();
    let cluster = Cluster { arn: arn.clone(), name: "prod".to_owned() };
    let changes = vec![
        Change::Apply { resource: Resource::Cluster(cluster), at: Timestamp::UNIX_EPOCH },
        Change::Synced { cluster: arn },
    ];
    let mut served = std::pin::pin!(updates.serve(Origin::Read, changes));
    // The updater does not work yet: nothing is served, and nobody is told that it is.
    assert!(served.as_mut().now_or_never().is_none());
    assert!(!shared.load().zone.sync.is_complete());
    tokio::spawn(updater.run(messages));
    served.await.unwrap();
    assert!(shared.load().zone.sync.is_complete());
}
