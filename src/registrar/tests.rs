//! Requests and their failures, on a hosted zone that follows Route 53's rules.

use std::sync::Mutex;

use async_trait::async_trait;
use tokio::time::Instant;

use super::*;
use crate::dns::RecordType;
use crate::register::plan::Purpose;
use crate::register::record::simple;
use crate::register::tests::model::Model;
use crate::register::tests::{key, name};
use crate::register::{Group, Kind, Ownership};
use crate::route53::{Action, ChangeId, ChangeStatus, RecordChange};
use crate::source::ports::{RecordCursor, RecordPage};

const CHANGE: &str = "route53:ChangeResourceRecordSets";

/// A hosted zone, and what it answers instead of the truth.
#[derive(Default)]
struct Zone {
    model: Mutex<Model>,
    zones: Vec<HostedZone>,
    /// Failures of the next change requests, last first.
    failures: Mutex<Vec<ApiErrorKind>>,
    /// A type that the policy does not allow to change.
    denied: Option<RecordType>,
    /// Sizes of the change requests, in groups.
    requests: Mutex<Vec<usize>>,
    /// Times that GetChange still says PENDING.
    pending: Mutex<u32>,
    /// Whether each page says that the list goes on at its own start.
    endless: bool,
}

fn error(kind: ApiErrorKind) -> ApiError {
    ApiError { operation: CHANGE, kind, message: "no".to_owned() }
}

#[async_trait]
impl Route53Api for Zone {
    async fn hosted_zone(&self, id: &HostedZoneId) -> Result<HostedZone, ApiError> {
        let found = self.zones.iter().find(|zone| zone.id == *id).cloned();
        found.ok_or_else(|| error(ApiErrorKind::NotFound))
    }
    async fn hosted_zones_named(&self, _: &DomainName) -> Result<Vec<HostedZone>, ApiError> {
        Ok(self.zones.clone())
    }
    async fn list_record_sets(&self, _: &HostedZoneId, from: Option<&RecordCursor>) -> Result<RecordPage, ApiError> {
        let sets = self.model.lock().unwrap().0.clone();
        let next = RecordCursor { name: "a".into(), kind: "A".into(), set_identifier: None };
        let next = self.endless.then_some(next).filter(|_| from.is_none_or(|_| self.endless));
        Ok(RecordPage { sets, unreadable: vec!["odd".into()], next })
    }
    async fn change_record_sets(&self, _: &HostedZoneId, changes: &[RecordChange]) -> Result<ChangeId, ApiError> {
        self.requests.lock().unwrap().push(changes.len() / 2);
        if let Some(kind) = self.failures.lock().unwrap().pop() {
            return Err(error(kind));
        }
        if changes.iter().any(|change| Some(change.set.kind) == self.denied) {
            return Err(error(ApiErrorKind::Denied));
        }
        let done = self.model.lock().unwrap().request(changes);
        done.map(|()| ChangeId::new("C1")).map_err(|message| ApiError { message, ..error(ApiErrorKind::Rejected) })
    }
    async fn change_status(&self, _: &ChangeId) -> Result<ChangeStatus, ApiError> {
        let mut pending = self.pending.lock().unwrap();
        let status = if *pending == 0 { ChangeStatus::InSync } else { ChangeStatus::Pending };
        *pending = pending.saturating_sub(1);
        Ok(status)
    }
}

fn registrar(zone: Arc<Zone>, id: Option<&str>) -> Registrar {
    let origin = DomainName::from_text("ecs.internal").unwrap();
    Registrar::new(zone, origin, id.map(HostedZoneId::new), Duration::from_secs(60))
}

fn hosted(id: &str, name: &str) -> HostedZone {
    HostedZone {
        id: HostedZoneId::new(id),
        name: DomainName::from_text(name).unwrap(),
        private: true,
        record_sets: None,
        owned_by: None,
        vpcs: Vec::new(),
    }
}

/// Registers a name.
fn group(label: &str) -> Group {
    let at = name(label);
    let ownership = Ownership { service: key(label), task: None, kind: Kind::Cname };
    let sets = [simple(&at, RecordType::CNAME, 60, vec!["lb.example".into()]), ownership.record(&at).unwrap()];
    let changes = sets.map(|set| RecordChange { action: Action::Create, set }).to_vec();
    Group { name: at, service: key(label), purpose: Purpose::Register, changes }
}

fn groups(count: usize) -> Vec<Group> {
    (0..count).map(|number| group(&format!("s{number}"))).collect()
}

async fn applied(zone: &Arc<Zone>, groups: Vec<Group>) -> Applied {
    registrar(Arc::clone(zone), None).apply(&HostedZoneId::new("Z1"), groups).await
}

#[tokio::test(start_paused = true)]
async fn one_bad_name_does_not_block_the_others_and_is_named() {
    let zone = Arc::new(Zone::default());
    zone.model.lock().unwrap().0.push(simple(&name("s5"), RecordType::A, 60, vec!["10.0.0.1".into()]));
    let applied = applied(&zone, groups(9)).await;
    let [failed] = applied.failed.as_slice() else { panic!("{applied:?}") };
    assert_eq!((&failed.group.name, applied.done.len()), (&name("s5"), 8));
    assert!(failed.error.message.contains("a CNAME stands alone"), "{}", failed.error);
    assert_eq!(*zone.requests.lock().unwrap(), [9, 4, 5, 2, 1, 1, 3]);
    assert_eq!(zone.model.lock().unwrap().0.len(), 17);
}

#[test]
fn only_what_is_newly_refused_is_looked_at_again() {
    let of = |kind, labels: &[&str]| {
        let failed = labels.iter().map(|label| Failed { group: group(label), error: error(kind) });
        Applied { failed: failed.collect(), ..Applied::default() }
    };
    let (refused, rejected) = (reconcile::Refused::default(), ApiErrorKind::Rejected);
    assert!(!refused.note(&Applied::default()));
    assert!(refused.note(&of(rejected, &["a", "b"])));
    assert!(!refused.note(&of(rejected, &["b"])));
    assert!(refused.note(&of(rejected, &["a", "b"])), "it was done in between");
    assert!(!refused.note(&of(ApiErrorKind::Denied, &["c"])), "looking again helps nobody");
    assert!(refused.note(&of(rejected, &["b"])));
}

#[tokio::test(start_paused = true)]
async fn a_change_under_way_and_throttling_are_waited_for() {
    let zone = Arc::new(Zone::default());
    *zone.failures.lock().unwrap() = vec![ApiErrorKind::Throttled; 5];
    let began = Instant::now();
    let result = applied(&zone, groups(2)).await;
    assert_eq!((result.done.len(), result.failed.len(), zone.requests.lock().unwrap().len()), (2, 0, 6));
    assert!(began.elapsed() > Duration::from_secs(5), "the pauses grow: {:?}", began.elapsed());
    *zone.failures.lock().unwrap() = vec![ApiErrorKind::Throttled; 6];
    let result = applied(&zone, vec![group("t1"), group("t2")]).await;
    assert_eq!((result.done.len(), result.failed.len()), (0, 2), "there is an end to it");
}

#[tokio::test(start_paused = true)]
async fn what_fails_for_all_is_not_tried_name_by_name() {
    let zone = Arc::new(Zone::default());
    *zone.failures.lock().unwrap() = vec![ApiErrorKind::Unreachable];
    let result = applied(&zone, groups(1200)).await;
    assert_eq!((result.failed.len(), zone.requests.lock().unwrap().len()), (1200, 1));
    let zone = Arc::new(Zone { denied: Some(RecordType::CNAME), ..Zone::default() });
    let result = applied(&zone, groups(1200)).await;
    let requests = zone.requests.lock().unwrap();
    assert_eq!((result.done.len(), result.failed.len()), (0, 1200));
    assert!(requests.iter().filter(|groups| **groups == 1).count() == 8 && requests.len() < 40, "{requests:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_policy_denies_of_one_type_does_not_block_another() {
    let zone = Arc::new(Zone { denied: Some(RecordType::A), ..Zone::default() });
    let address = |number| {
        let mut group = group(&format!("a{number:03}"));
        let at = group.name.clone();
        group.changes[0].set = simple(&at, RecordType::A, 60, vec!["10.0.0.1".into()]);
        group
    };
    let mut wanted: Vec<_> = (0..100).map(address).collect();
    wanted.extend(groups(100));
    let result = applied(&zone, wanted).await;
    assert_eq!((result.done.len(), result.failed.len()), (100, 100));
    assert!(result.done.iter().all(|group| group.changes[0].set.kind == RecordType::CNAME));
    assert!(result.failed.iter().all(|failed| failed.error.kind == ApiErrorKind::Denied));
}

#[tokio::test(start_paused = true)]
async fn a_change_is_waited_for_until_it_is_everywhere() {
    let zone = Arc::new(Zone::default());
    *zone.pending.lock().unwrap() = 3;
    assert!(!applied(&zone, groups(1)).await.pending);
    assert_eq!(*zone.pending.lock().unwrap(), 0);
    *zone.pending.lock().unwrap() = 1_000;
    assert!(applied(&zone, vec![group("t")]).await.pending, "but not for ever");
}

#[tokio::test]
async fn the_zone_must_be_the_one_that_is_meant() {
    let mut cloud_map = hosted("Z3", "ecs.internal");
    cloud_map.owned_by = Some("servicediscovery.amazonaws.com".to_owned());
    let of = |zones: Vec<HostedZone>| Arc::new(Zone { zones, ..Zone::default() });
    let two = of(vec![hosted("Z1", "ecs.internal"), hosted("Z2", "ecs.internal"), hosted("Z4", "other.internal")]);
    assert_eq!(registrar(Arc::clone(&two), Some("Z2")).find().await.unwrap().id.as_str(), "Z2");
    let said = async |zone: &Arc<Zone>, id| registrar(Arc::clone(zone), id).find().await.unwrap_err().to_string();
    assert!(said(&two, None).await.contains("Z1 and Z2 are all private hosted zones ecs.internal."));
    assert!(said(&two, Some("Z9")).await.contains("no hosted zone Z9 in this account, and dns.zone is ecs.internal."));
    assert!(said(&two, Some("Z4")).await.contains("Z4 is other.internal. and dns.zone is ecs.internal."));
    let owned = said(&of(vec![cloud_map]), None).await;
    assert!(owned.contains("Z3 (ecs.internal.) belongs to servicediscovery.amazonaws.com (AWS Cloud Map)"), "{owned}");
    assert!(said(&of(vec![]), None).await.contains("no private hosted zone ecs.internal."));
}

#[tokio::test]
async fn a_list_without_end_is_no_list() {
    let zone = Arc::new(Zone { endless: true, ..Zone::default() });
    let error = registrar(zone, None).list(&HostedZoneId::new("Z1")).await.unwrap_err();
    assert!(error.to_string().contains("does not end"), "{error}");
}
