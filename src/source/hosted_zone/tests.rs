use std::collections::VecDeque;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::*;
use crate::dns::RecordType;
use crate::ecs::Timestamp;
use crate::route53::{ChangeId, ChangeStatus, Content, RecordChange, RecordSet, Routing};
use crate::source::Message;
use crate::source::ports::{RecordCursor, RecordPage};

/// A zone of pages, each with the failures that come before it is given.
#[derive(Default)]
struct Fake {
    zones: Mutex<Vec<HostedZone>>,
    pages: Mutex<Vec<Vec<RecordSet>>>,
    failures: Mutex<VecDeque<(&'static str, Option<ApiErrorKind>)>>,
    calls: Mutex<Vec<&'static str>>,
}

impl Fake {
    fn fail(&self, operation: &'static str, kind: ApiErrorKind) {
        self.failures.lock().unwrap().push_back((operation, Some(kind)));
    }

    /// Lets one call pass before the next failure.
    fn pass(&self, operation: &'static str) {
        self.failures.lock().unwrap().push_back((operation, None));
    }

    fn answer<T>(&self, operation: &'static str, answer: impl FnOnce() -> T) -> Result<T, ApiError> {
        self.calls.lock().unwrap().push(operation);
        let mut failures = self.failures.lock().unwrap();
        if failures.front().is_some_and(|(of, _)| *of == operation)
            && let Some((_, Some(kind))) = failures.pop_front()
        {
            return Err(ApiError { operation, kind, message: "on purpose".to_owned() });
        }
        drop(failures);
        Ok(answer())
    }

    fn count(&self, operation: &str) -> usize {
        self.calls.lock().unwrap().iter().filter(|call| **call == operation).count()
    }
}

const BY_NAME: &str = "route53:ListHostedZonesByName";

#[async_trait]
impl Route53Api for Fake {
    async fn hosted_zone(&self, id: &HostedZoneId) -> Result<HostedZone, ApiError> {
        let find = || self.zones.lock().unwrap().iter().find(|zone| zone.id == *id).cloned().unwrap();
        self.answer("route53:GetHostedZone", find)
    }

    async fn hosted_zones_named(&self, _: &DomainName) -> Result<Vec<HostedZone>, ApiError> {
        self.answer(BY_NAME, || self.zones.lock().unwrap().clone())
    }

    async fn list_record_sets(&self, _: &HostedZoneId, from: Option<&RecordCursor>) -> Result<RecordPage, ApiError> {
        self.answer(LIST, || {
            let at: usize = from.map_or(0, |from| from.name.parse().unwrap());
            let pages = self.pages.lock().unwrap();
            let next = (at + 1 < pages.len()).then(|| RecordCursor {
                name: (at + 1).to_string(),
                kind: "A".to_owned(),
                set_identifier: None,
            });
            RecordPage { sets: pages[at].clone(), unreadable: Vec::new(), next }
        })
    }

    async fn change_record_sets(&self, _: &HostedZoneId, _: &[RecordChange]) -> Result<ChangeId, ApiError> {
        unreachable!("this source only reads")
    }

    async fn change_status(&self, _: &ChangeId) -> Result<ChangeStatus, ApiError> {
        unreachable!("this source only reads")
    }
}

fn zone(id: &str) -> HostedZone {
    HostedZone {
        id: HostedZoneId::new(id),
        name: DomainName::from_text("ecs.internal").unwrap(),
        private: true,
        record_sets: None,
        owned_by: None,
        vpcs: Vec::new(),
    }
}

fn a(name: &str) -> RecordSet {
    RecordSet {
        name: DomainName::from_text(&format!("{name}.ecs.internal")).unwrap(),
        kind: RecordType::A,
        content: Content::Values { ttl: 60, values: vec!["10.0.0.1".to_owned()] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    }
}

/// A source at work on a fake with one zone of two pages, and what it hands over.
struct Source {
    fake: Arc<Fake>,
    status: Arc<SourceStatus>,
    messages: mpsc::Receiver<Message>,
}

impl Source {
    fn start(prepare: impl FnOnce(&Fake)) -> Self {
        let fake = Arc::new(Fake::default());
        fake.zones.lock().unwrap().push(zone("Z1"));
        fake.pages.lock().unwrap().extend([vec![a("one"), a("two")], vec![a("three")]]);
        prepare(&fake);
        let (updates, messages) = Updates::channel();
        let status = Arc::new(SourceStatus::default());
        let settings = HostedZoneSettings {
            name: DomainName::from_text("ecs.internal").unwrap(),
            id: None,
            poll_interval: Duration::from_secs(60),
        };
        let api = Arc::new(Paced::new(Arc::<Fake>::clone(&fake)));
        let clock = Clock::at(Timestamp::UNIX_EPOCH);
        tokio::spawn(HostedZoneSource::new(settings, api, updates, Arc::clone(&status), clock).run());
        Self { fake, status, messages }
    }

    /// The names of the next zone that is handed over.
    async fn next(&mut self) -> Vec<String> {
        let Some(Message::Hosted(records, done)) = self.messages.recv().await else { panic!("something else") };
        done.send(()).unwrap();
        records.sets.iter().map(|set| set.name.to_string().split('.').next().unwrap().to_owned()).collect()
    }

    fn failing(&self) -> Vec<String> {
        self.status.report().failing.iter().map(ToString::to_string).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn the_zone_is_read_whole_and_again() {
    let mut source = Source::start(|_| {});
    assert_eq!(source.next().await, ["one", "two", "three"]);
    let first = Instant::now();
    source.fake.pages.lock().unwrap()[1] = vec![a("four")];
    assert_eq!(source.next().await, ["one", "two", "four"]);
    let between = first.elapsed();
    assert!(Duration::from_secs(50) < between && between < Duration::from_secs(70), "{between:?}");
    assert!(source.status.report().hosted_zone.is_some());
    assert_eq!(source.fake.count(BY_NAME), 1, "the zone is looked for once");
}

#[tokio::test(start_paused = true)]
async fn a_throttled_start_is_tried_again_soon() {
    let throttled = ApiErrorKind::Throttled;
    let mut source = Source::start(|fake| {
        (0..3).for_each(|_| fake.fail(BY_NAME, throttled));
        (0..2).for_each(|_| fake.fail(LIST, throttled));
    });
    let began = Instant::now();
    assert_eq!(source.next().await.len(), 3);
    assert!(began.elapsed() < Duration::from_secs(60), "backing off from one second: {:?}", began.elapsed());
    assert!(source.failing().is_empty(), "{:?}", source.failing());
}

#[tokio::test(start_paused = true)]
async fn what_was_read_in_part_is_not_handed_on() {
    let mut source = Source::start(|_| {});
    assert_eq!(source.next().await.len(), 3);
    sleep(Duration::from_secs(1)).await;
    let first = source.status.report().hosted_zone;
    // Of two pages the second fails; then the whole list is there again, one page shorter.
    source.fake.pass(LIST);
    source.fake.fail(LIST, ApiErrorKind::Denied);
    while source.failing().is_empty() {
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(source.fake.count(LIST), 4);
    assert!(source.messages.is_empty(), "nothing was handed on");
    assert_eq!(source.status.report().hosted_zone, first);
    source.fake.pages.lock().unwrap().truncate(1);
    assert_eq!(source.next().await, ["one", "two"]);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_gone_is_looked_for_anew() {
    let mut source = Source::start(|_| {});
    source.next().await;
    source.fake.fail(LIST, ApiErrorKind::NotFound);
    source.next().await;
    assert_eq!(source.fake.count(BY_NAME), 2);
}

#[tokio::test(start_paused = true)]
async fn the_wrong_zone_is_never_read() {
    let source = Source::start(|fake| fake.zones.lock().unwrap().push(zone("Z0")));
    sleep(Duration::from_secs(100)).await;
    assert!(source.messages.is_empty());
    let failing = source.failing();
    assert!(failing[0].contains("Z0 and Z1 are all private hosted zones ecs.internal."), "{failing:?}");
    assert_eq!(source.fake.count(LIST), 0);
}
