//! A responder over a small cluster, with one upstream that says what it is told to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use ecs_resolver::access::Access;
use ecs_resolver::dns::{DomainName, RecordType};
use ecs_resolver::ecs::Timestamp;
use ecs_resolver::forwarder::{Flight, ForwardSettings, Forwarder, Link};
use ecs_resolver::inventory::{Document, Inventory, Subject, reduce};
use ecs_resolver::metrics::{Counters, Metrics};
use ecs_resolver::responder::{Circumstances, Responder, Verdict};
use ecs_resolver::snapshot::{Shared, Snapshot};
use ecs_resolver::zone::{Fallback, Settings, Zone, ZoneWriter};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::Name;
use tokio::runtime::{Builder, Runtime};

const CLUSTER: &str = include_str!("../../tests/fixtures/inventory-small.json");
const HEADER: usize = 12;

/// The cluster's zone, published.
static ZONE: LazyLock<Shared> = LazyLock::new(|| {
    let document: Document = serde_json::from_str(CLUSTER).expect("the fixture is an inventory");
    let mut inventory = Inventory::default();
    for change in document.into_changes(Timestamp::UNIX_EPOCH) {
        inventory = reduce(inventory, change).0;
    }
    Shared::new(Snapshot { generation: 1, zone: zone(&inventory), ede: None })
});

/// The zone of an inventory.
pub fn zone(inventory: &Inventory) -> Zone {
    let origin = DomainName::from_text("ecs.internal").expect("a name");
    let settings = Settings { fallback: Fallback::Resolver, ..Settings::new(origin, vec!["prod".to_owned()]) };
    let mut writer = ZoneWriter::new(settings, &Inventory::default(), 1);
    let services = inventory.services.keys().cloned().map(Subject::Service);
    let subjects = services.chain(inventory.container_instances.keys().cloned().map(Subject::Host));
    let subjects = subjects.chain(inventory.tasks.keys().cloned().map(Subject::Task));
    let subjects = subjects.chain(inventory.clusters.keys().cloned().map(Subject::Cluster)).collect();
    writer.update(inventory, &subjects);
    writer.zone().clone()
}

/// An upstream of which every datagram and every stream brings the same bytes, and then nothing more.
#[derive(Debug)]
pub struct Upstream {
    /// The bytes.
    pub reply: Vec<u8>,
    /// Whether id and question are made to fit the query, as only the true upstream and a lucky forger can. What is too
    /// short for them is made longer.
    pub fitting: bool,
}

impl Upstream {
    fn answer(&self, query: &[u8]) -> Vec<u8> {
        let mut reply = self.reply.clone();
        let question = query.get(HEADER..question_end(query)).unwrap_or_default();
        if self.fitting {
            reply.resize(reply.len().max(HEADER + question.len()), 0);
            reply[..2].copy_from_slice(&query[..2]);
            reply[2] = 0x80 | (reply[2] & 0x07);
            reply[4..6].copy_from_slice(&[0, 1]);
            reply[HEADER..HEADER + question.len()].copy_from_slice(question);
        }
        reply
    }
}

/// Where the question of a query of our own ends.
fn question_end(query: &[u8]) -> usize {
    let mut at = HEADER;
    // A label may have octets of 0.
    while query[at] != 0 {
        at += 1 + usize::from(query[at]);
    }
    at + 5
}

struct Once(Option<Vec<u8>>);

#[async_trait]
impl Flight for Once {
    async fn receive(&mut self) -> io::Result<Vec<u8>> {
        match self.0.take() {
            Some(bytes) => Ok(bytes),
            None => std::future::pending().await,
        }
    }
}

#[async_trait]
impl Link for Upstream {
    async fn udp(&self, _: SocketAddr, query: &[u8]) -> io::Result<Box<dyn Flight>> {
        Ok(Box::new(Once(Some(self.answer(query)))))
    }

    async fn tcp(&self, _: SocketAddr, query: &[u8]) -> io::Result<Vec<u8>> {
        Ok(self.answer(query))
    }

    async fn tls(&self, to: SocketAddr, _: &str, query: &[u8]) -> io::Result<Vec<u8>> {
        self.tcp(to, query).await
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        bytes.fill(0x5a);
        Ok(())
    }
}

/// A runtime whose clock jumps to the next deadline as soon as there is nothing to do.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime")
}

/// A responder that asks `upstream`. Must be called within the runtime that it is to be used in.
pub fn responder(upstream: Upstream) -> Responder {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let settings = ForwardSettings { cache_bytes: 1 << 16, ..ForwardSettings::with_upstreams([address]) };
    Responder::new(ZONE.clone(), Forwarder::new(settings, Arc::new(upstream)), Arc::new(Access::open()))
}

/// What becomes of a message.
#[derive(Debug)]
pub enum Fate {
    /// It was answered from what is known.
    Answered(Vec<u8>),
    /// It was answered after an upstream was asked.
    Forwarded(Vec<u8>),
    /// It gets no reply.
    Dropped,
    /// It is not for the responder.
    Unusual,
}

/// Has `message` answered.
pub async fn ask(responder: &Responder, message: &[u8], tcp: bool) -> Fate {
    // One set for all: each is kept for as long as there may be a scrape.
    static COUNTERS: LazyLock<Arc<Counters>> = LazyLock::new(|| Metrics::new("fuzz").shared());
    let now = tokio::time::Instant::now().into_std();
    let circumstances = Circumstances { tcp, client: Ipv4Addr::LOCALHOST.into(), spin: 1, now };
    let mut out = Vec::new();
    match responder.respond(message, circumstances, &COUNTERS, &mut out) {
        Verdict::Reply(_) => Fate::Answered(out),
        Verdict::Drop(_) => Fate::Dropped,
        Verdict::Unusual => Fate::Unusual,
        Verdict::Await(pending) => {
            responder.finish(&pending, &mut out).await;
            Fate::Forwarded(out)
        }
    }
}

/// A query for `name`, with an OPT of this size if it is not 0.
pub fn query(name: &str, qtype: RecordType, payload: u16, dnssec_ok: bool) -> Vec<u8> {
    let mut message = Message::new(0x1234, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = true;
    message.add_query(Query::query(Name::from_ascii(name).expect("a name"), qtype));
    if payload > 0 {
        let mut edns = Edns::new();
        edns.set_max_payload(payload).set_dnssec_ok(dnssec_ok);
        message.set_edns(edns);
    }
    message.to_vec().expect("a query")
}
