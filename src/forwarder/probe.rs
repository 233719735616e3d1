//! Upstreams that do not answer are asked whether they are there again; and each is asked once, when it is first used,
//! whether it leads back to us.
//!
//! Both is one question: for a random name of a top-level domain that does not exist. Any reply shows that somebody is
//! there; the question coming to ourselves shows a loop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::budget::Class;
use super::drive::over_stream;
use super::rules::Rules;
use super::stats::count;
use super::{Forwarder, now};
use crate::dns::{DomainName, HEADER_LEN, RecordType, name};
use crate::forward::{Key, Observation, Transport, Turn, query};

/// The domain of the names that are asked for.
const DOMAIN: &[u8] = b"\x12ecs-resolver-probe\x00";
/// Time for a reply.
const PATIENCE: Duration = Duration::from_secs(1);
/// Time between two questions to an upstream that is down: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(5));
/// Time between two questions to an upstream that leads back to us.
const LOOP_PAUSE: Duration = Duration::from_secs(30);

/// The names that are being asked for, and whether they have come to us.
#[derive(Debug, Default)]
pub(super) struct Probes(Mutex<HashMap<DomainName, bool>>);

impl Probes {
    fn lock(&self) -> MutexGuard<'_, HashMap<DomainName, bool>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a probe has found.
enum Found {
    Reply { took: Duration },
    Loop,
    Nothing,
}

/// Whether `name` is one that we ask upstreams for: then this is our own question.
pub(super) fn came_back(forwarder: &Forwarder, name: &DomainName) -> bool {
    name::is_within(name.as_wire(), DOMAIN)
        && forwarder.probes.lock().get_mut(name).is_some_and(|came_back| {
            *came_back = true;
            true
        })
}

/// Takes note of what was seen of an upstream, and does what follows from it.
pub(super) fn observe(forwarder: &Arc<Forwarder>, rules: &Arc<Rules>, upstream: usize, observation: Observation) {
    let Some(turn) = rules.upstreams.observe(upstream, observation, now()) else { return };
    let Some(server) = rules.upstreams.server(upstream) else { return };
    match turn {
        Turn::Up => {
            tracing::info!("upstream {server} answers again");
            forwarder.store.forgive();
        }
        Turn::Down => {
            count(&forwarder.stats.downs);
            tracing::warn!("upstream {server} does not answer; it is asked now and then whether it is back");
            watch(forwarder, rules, upstream);
        }
    }
}

/// Finds out whether an upstream that nobody has asked before leads back to us.
pub(super) fn look(forwarder: &Arc<Forwarder>, rules: &Arc<Rules>, upstream: usize) {
    let (forwarder, rules) = (Arc::clone(forwarder), Arc::clone(rules));
    tokio::spawn(async move {
        if matches!(ask(&forwarder, &rules, upstream).await, Found::Loop) && found_loop(&forwarder, &rules, upstream) {
            watch(&forwarder, &rules, upstream);
        }
    });
}

/// Asks those upstreams of new rules that are known to be down until they are up.
pub(super) fn watch_all(forwarder: &Arc<Forwarder>, rules: &Arc<Rules>) {
    rules.upstreams.down().into_iter().for_each(|upstream| watch(forwarder, rules, upstream));
}

/// Asks an upstream that is down until it is up, or other rules hold.
fn watch(forwarder: &Arc<Forwarder>, rules: &Arc<Rules>, upstream: usize) {
    let (forwarder, rules) = (Arc::clone(forwarder), Arc::clone(rules));
    tokio::spawn(async move {
        let (mut pause, longest) = PAUSES;
        while !rules.upstreams.is_up(upstream) && Arc::ptr_eq(&rules, &forwarder.rules.load()) {
            match ask(&forwarder, &rules, upstream).await {
                Found::Reply { took } => observe(&forwarder, &rules, upstream, Observation::Answered { took }),
                Found::Loop => {
                    found_loop(&forwarder, &rules, upstream);
                    tokio::time::sleep(LOOP_PAUSE).await;
                }
                Found::Nothing => {
                    tokio::time::sleep(pause).await;
                    pause = (2 * pause).min(longest);
                }
            }
        }
    });
}

/// Takes note of a loop; says whether it is news.
fn found_loop(forwarder: &Forwarder, rules: &Rules, upstream: usize) -> bool {
    let news = rules.upstreams.found_looping(upstream);
    if news && let Some(server) = rules.upstreams.server(upstream) {
        count(&forwarder.stats.loops);
        tracing::error!(
            "upstream {server} leads back to this resolver and is not asked any more: name another in [forward], \
             the resolver that comes after this one"
        );
    }
    news
}

/// Asks one upstream for a name of its own.
async fn ask(forwarder: &Forwarder, rules: &Rules, upstream: usize) -> Found {
    let mut random = [0; 10];
    let (Some(server), Ok(())) = (rules.upstreams.server(upstream), rules.link.random(&mut random)) else {
        return Found::Nothing;
    };
    let id = u16::from_be_bytes([random[8], random[9]]);
    let label: String = random[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let domain = DomainName::from_wire(DOMAIN);
    let Some(name) = domain.and_then(|domain| DomainName::join([label], &domain)) else {
        return Found::Nothing;
    };
    let key = Key::new(name.clone(), RecordType::A);
    let query = query::build(&key, &query::question(&key), id, false);
    let transport = if server.tls.is_some() { Transport::Tls } else { Transport::Udp };
    rules.budget.take(Class::Own, transport).await;
    count(&forwarder.stats.probes);
    forwarder.probes.lock().insert(name.clone(), false);
    let begun = now();
    let reply = async {
        if server.tls.is_some() {
            return over_stream(&*rules.link, server, &query).await;
        }
        let mut flight = rules.link.udp(server.address, &query).await?;
        loop {
            let bytes = flight.receive().await?;
            if is_reply(&bytes, id) {
                return Ok(bytes);
            }
        }
    };
    let reply = tokio::time::timeout(PATIENCE, reply).await;
    let came_back = forwarder.probes.lock().remove(&name).unwrap_or_default();
    match reply {
        _ if came_back => Found::Loop,
        Ok(Ok(_)) => Found::Reply { took: now().saturating_duration_since(begun) },
        Ok(Err(_)) | Err(_) => Found::Nothing,
    }
}

fn is_reply(bytes: &[u8], id: u16) -> bool {
    bytes.first_chunk::<HEADER_LEN>().is_some_and(|header| header[..2] == id.to_be_bytes() && header[2] & 0x80 != 0)
}
