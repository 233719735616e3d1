//! Second opinion on changes that are refused: ministack, through our own client and as the registrar carries them out.
//!
//! AWS answers a batch that does not fit with a document of its own, `<InvalidChangeBatch>`, which names every change at
//! fault. ministack answers with the common `<ErrorResponse>`, whose code is InvalidChangeBatch, and names the first. Both
//! must come to the same with us; the unit tests of `src/aws/route53/refused.rs` have the document of AWS.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::types::{HostedZoneConfig, Vpc, VpcRegion};
use ecs_resolver::aws::Route53;
use ecs_resolver::dns::{DomainName, RecordType};
use ecs_resolver::ecs::ClusterArn;
use ecs_resolver::inventory::ServiceKey;
use ecs_resolver::register::Group;
use ecs_resolver::register::plan::Purpose;
use ecs_resolver::register::record::{simple, values};
use ecs_resolver::registrar::Registrar;
use ecs_resolver::route53::{Action, HostedZoneId, RecordChange};
use ecs_resolver::source::ports::{ApiError, ApiErrorKind, Route53Api};

use crate::ministack::Ministack;
use crate::queue;

/// A private zone, and our way to it.
struct Zone {
    _ministack: Ministack,
    api: Arc<Route53>,
    id: HostedZoneId,
}

fn name(label: &str) -> DomainName {
    DomainName::from_text(&format!("{label}.ecs.internal")).expect("a name")
}

fn change(action: Action, label: &str, value: &str) -> RecordChange {
    RecordChange { action, set: simple(&name(label), RecordType::CNAME, 60, vec![value.to_owned()]) }
}

async fn make_zone(sdk: &SdkConfig) -> HostedZoneId {
    let vpc = Vpc::builder().vpc_id("vpc-0a1b2c3d").vpc_region(VpcRegion::UsEast1).build();
    let config = HostedZoneConfig::builder().private_zone(true).build();
    let made = Client::new(sdk).create_hosted_zone().name("ecs.internal").caller_reference("one").vpc(vpc);
    let made = made.hosted_zone_config(config).send().await.expect("the zone is made");
    HostedZoneId::new(made.hosted_zone().expect("a zone").id())
}

impl Zone {
    /// A zone with one record.
    async fn open() -> Self {
        let ministack = Ministack::start();
        let id = make_zone(&ministack.sdk().await).await;
        let (aws, _) = queue::aws(&ministack.endpoint_url()).await;
        let zone = Self { _ministack: ministack, api: Arc::new(aws.route53), id };
        zone.change(&[change(Action::Create, "taken", "one.example")]).await.expect("a new name is made");
        zone
    }

    async fn change(&self, changes: &[RecordChange]) -> Result<(), ApiError> {
        self.api.change_record_sets(&self.id, changes).await.map(drop)
    }

    /// Name and value of every CNAME.
    async fn records(&self) -> Vec<String> {
        let page = self.api.list_record_sets(&self.id, None).await.expect("the zone is read");
        assert!(page.unreadable.is_empty() && page.next.is_none(), "{page:?}");
        let sets = page.sets.iter().filter(|set| set.kind == RecordType::CNAME);
        sets.map(|set| format!("{} {}", set.name, values(set).expect("no alias").1.join(" "))).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_is_refused_as_a_whole_and_says_what() {
    let zone = Zone::open().await;
    let good = || change(Action::Create, "good", "good.example");
    for (wrong, said) in [
        (change(Action::Create, "taken", "two.example"), "but it already exists"),
        (change(Action::Delete, "never", "one.example"), "but it was not found"),
        (change(Action::Delete, "taken", "two.example"), "do not match the current values"),
    ] {
        let error = zone.change(&[good(), wrong]).await.unwrap_err();
        assert_eq!(
            (error.operation, error.kind),
            ("route53:ChangeResourceRecordSets", ApiErrorKind::Rejected),
            "{error}"
        );
        assert!(error.message.starts_with("InvalidChangeBatch: Tried to") && error.message.contains(said), "{error}");
        assert_eq!(zone.records().await, ["taken.ecs.internal. one.example"], "nothing of it was done");
    }
    // A change of an owned record as we make it: out with exactly what was listed, in with what should be there.
    let update = [change(Action::Delete, "taken", "one.example"), change(Action::Create, "taken", "two.example")];
    zone.change(&update).await.expect("both fit");
    assert_eq!(zone.records().await, ["taken.ecs.internal. two.example"]);
    let again = zone.change(&update).await.unwrap_err();
    assert_eq!(again.kind, ApiErrorKind::Rejected, "somebody was faster: {again}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_not_there_is_not_found() {
    let zone = Zone::open().await;
    let id = HostedZoneId::new("Z0NOSUCHZONE00");
    let change = [change(Action::Create, "new", "one.example")];
    for error in [
        zone.api.change_record_sets(&id, &change).await.map(drop).unwrap_err(),
        zone.api.hosted_zone(&id).await.map(drop).unwrap_err(),
        zone.api.list_record_sets(&id, None).await.map(drop).unwrap_err(),
    ] {
        assert_eq!(error.kind, ApiErrorKind::NotFound, "{error}");
        assert!(error.message.starts_with("NoSuchHostedZone: "), "{error}");
    }
}

/// Five names in one request, of which one is somebody else's by now.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_at_fault_is_found_and_the_others_are_registered() {
    let zone = Zone::open().await;
    let cluster = ClusterArn::of("us-east-1", "123456789012", "prod").expect("an ARN");
    let group = |label: &str| Group {
        name: name(label),
        service: ServiceKey::new(&cluster, label),
        purpose: Purpose::Register,
        changes: vec![change(Action::Create, label, &format!("{label}.example"))],
    };
    let groups: Vec<_> = ["a", "b", "taken", "c", "d"].map(group).into();
    let registrar = Registrar::new(Arc::clone(&zone.api) as Arc<dyn Route53Api>, name("x"), None, Duration::ZERO);
    let applied = registrar.apply(&zone.id, groups).await;
    let done: Vec<_> = applied.done.iter().map(|group| &*group.service.name).collect();
    assert_eq!(done, ["a", "b", "c", "d"]);
    let [failed] = applied.failed.as_slice() else { panic!("{:?}", applied.failed) };
    assert_eq!((&*failed.group.service.name, failed.error.kind), ("taken", ApiErrorKind::Rejected));
    assert!(failed.error.message.contains("already exists"), "{}", failed.error);
    let expected = ["a", "b", "c", "d"].map(|label| format!("{label}.ecs.internal. {label}.example"));
    let mut records = zone.records().await;
    records.retain(|record| !record.starts_with("taken."));
    assert_eq!(records, expected);
}
