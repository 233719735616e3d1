//! What an answer costs without the sockets: the question read, the name found, the reply written, for each kind of
//! answer and at three sizes of the zone. `cargo bench --bench respond` prints nanoseconds for each.
//!
//! The questions of `respond` are few, so everything is in the CPU's cache. Those of `crowd` are of all services, at
//! random and 16 at a time, as a worker has them when its queue is deep, with and without reading ahead; between two
//! crowds as much other memory is read as the kernel would.

#[expect(dead_code, reason = "the test uses the rest")]
#[path = "../tests/hot_path/kinds.rs"]
mod kinds;
#[path = "../tests/hot_path/upstream.rs"]
mod upstream;
#[path = "../tests/hot_path/world.rs"]
mod world;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Instant;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use ecs_resolver::dns::{Body, BodyBuilder, DomainName, Ede, Parsed, Question, RData, Rcode, ReplyContext, SoaBlock};
use ecs_resolver::dns::{precheck, rdata, reply};
use ecs_resolver::metrics::{Counters, Metrics, Source};
use ecs_resolver::responder::{Circumstances, Responder, Verdict};
use kinds::{How, KINDS, Kind, World};
use tokio::runtime::Runtime;
use world::{SERVICES, responder};

const SIZES: [usize; 3] = [10, 1_000, 100_000];

fn parse(criterion: &mut Criterion) {
    let query = KINDS[0].query();
    criterion.bench_function("parse", |bencher| {
        bencher.iter(|| {
            let message = black_box(&query);
            (precheck(message), matches!(Question::parse(message), Parsed::Plain(_)))
        });
    });
}

/// Bodies as the zone has them.
fn bodies() -> Vec<(&'static str, Body)> {
    let mut addresses = BodyBuilder::new(true);
    let mut services = BodyBuilder::new(true);
    for task in 1..=3u8 {
        let target =
            DomainName::from_text(&format!("0123456789abcdef0123456789abcde{task}.web.prod.task.ecs.internal"));
        let target = target.expect("a name").to_name();
        addresses.answer(5, &RData::A(rdata::A::new(10, 0, 0, task)));
        services.answer(5, &RData::SRV(rdata::SRV::new(10, 100, 8080, target))).glue(5, [10, 0, 0, task].into());
    }
    let ede = std::sync::Arc::new(Ede::new(Ede::OTHER, "no task is ready"));
    vec![
        ("a", addresses.build()),
        ("srv with glue", services.build()),
        ("nxdomain", Body::empty(Rcode::NxDomain, true, None)),
        ("nodata with ede", Body::empty(Rcode::NoError, true, Some(ede))),
    ]
}

fn encode(criterion: &mut Criterion) {
    let query = KINDS[0].query();
    let Parsed::Plain(question) = Question::parse(&query) else { panic!("a plain question") };
    let soa = SoaBlock::new(&DomainName::from_text("ecs.internal").expect("a name"), 1, 5);
    let mut group = criterion.benchmark_group("encode");
    let mut out = Vec::with_capacity(2048);
    for (called, body) in bodies() {
        let mut spin = 0u32;
        group.bench_function(called, |bencher| {
            bencher.iter(|| {
                spin = spin.wrapping_add(1);
                let context = ReplyContext { soa: &soa, spin, limit: 1232, ede: None, cookie: None };
                reply::write(&mut out, black_box(&question), black_box(&body), &context);
                out.len()
            });
        });
    }
}

/// Asks the responder; what is not in the cache is waited for.
async fn ask(responder: &Responder, query: &[u8], counters: &Counters, reply: &mut Vec<u8>) {
    let now = tokio::time::Instant::now().into_std();
    if let Verdict::Await(pending) = responder.respond(query, circumstances(0, now), counters, reply) {
        responder.finish(&pending, reply).await;
    }
}

fn circumstances(spin: u32, now: Instant) -> Circumstances {
    Circumstances { tcp: false, client: Ipv4Addr::LOCALHOST.into(), spin, now }
}

fn respond(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let counters = Metrics::new("bench").worker();
    // What the zone says of services is measured at all sizes; all else does not grow with their number.
    let zone_only = |kind: &&Kind| kind.world == World::Plain && kind.source == Source::Zone;
    for services in SIZES {
        let kinds = KINDS.iter().filter(zone_only);
        measure(criterion, (&runtime, &counters), (World::Plain, services), kinds);
    }
    for world in World::ALL {
        // What has outlived its upstream would need one that goes.
        let kinds = KINDS.iter().filter(|kind| kind.world == world && !zone_only(kind) && !kind.is_stale());
        measure(criterion, (&runtime, &counters), (world, SERVICES), kinds);
    }
}

fn measure<'k>(
    criterion: &mut Criterion,
    (runtime, counters): (&Runtime, &Counters),
    (world, services): (World, usize),
    kinds: impl Iterator<Item = &'k Kind>,
) {
    let responder = responder(world, services);
    let mut group = criterion.benchmark_group("respond");
    for kind in kinds {
        let (query, mut out) = (kind.query(), Vec::with_capacity(2048));
        // Fills the cache.
        if kind.how != How::Alone {
            runtime.block_on(ask(&responder, &query, counters, &mut out));
        }
        let now: Instant = tokio::time::Instant::now().into_std();
        let mut spin = 0u32;
        group.bench_function(BenchmarkId::new(kind.called, services), |bencher| {
            bencher.iter(|| {
                spin = spin.wrapping_add(1);
                responder.respond(black_box(&query), circumstances(spin, now), counters, &mut out)
            });
        });
    }
}

/// Questions of one crowd.
const CROWD: usize = 16;
/// Octets that the kernel goes through for a crowd, roughly.
const OTHERS: usize = 256 << 10;

/// A question for an address of a service.
fn of_service(index: usize) -> Vec<u8> {
    let header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    let name = DomainName::from_text(&format!("svc-{index:04}.ecs.internal")).expect("a name");
    [&header, name.as_wire(), &[0, 1, 0, 1]].concat()
}

fn crowd(criterion: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let _within = runtime.enter();
    let counters = Metrics::new("bench").worker();
    let mut group = criterion.benchmark_group("crowd");
    group.throughput(criterion::Throughput::Elements(CROWD as u64));
    for services in SIZES {
        let responder = responder(World::Plain, services);
        let queries: Vec<Vec<u8>> = (0..1 << 14).map(|at| of_service(at * 7919 % services)).collect();
        let others = vec![1u8; OTHERS];
        for ahead in [false, true] {
            let now: Instant = tokio::time::Instant::now().into_std();
            let mut crowds = queries.chunks_exact(CROWD).cycle();
            let mut out = Vec::with_capacity(2048);
            let called = if ahead { "read ahead" } else { "one by one" };
            group.bench_function(BenchmarkId::new(called, services), |bencher| {
                bencher.iter_batched(
                    || {
                        let crowd = crowds.next().unwrap_or_default().to_vec();
                        black_box(others.iter().step_by(64).fold(0u8, |sum, octet| sum.wrapping_add(*octet)));
                        crowd
                    },
                    |crowd| {
                        if ahead {
                            responder.read_ahead(crowd.iter().map(Vec::as_slice));
                        }
                        for query in &crowd {
                            black_box(responder.respond(query, circumstances(0, now), &counters, &mut out));
                        }
                        crowd
                    },
                    criterion::BatchSize::PerIteration,
                );
            });
        }
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots();
    targets = parse, encode, respond, crowd
}
criterion_main!(benches);
