//! Finding a forwarded answer among 4,000, at random, with the key and the value that the forwarder has: in `quick_cache`,
//! which keeps them, and in `moka`, which knows time as well. `cargo bench --bench forward_cache` prints nanoseconds for
//! each.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use ecs_resolver::dns::{DomainName, RecordType};
use ecs_resolver::forward::{Caps, Entry, Key, query};
use ecs_resolver::forwarder::Answer;
use foldhash::fast::RandomState;
use quick_cache::Weighter;

const ANSWERS: usize = 4_000;
const ROOM: u64 = 16 << 20;
/// Coprime to the number of answers, so that all are asked for, in no order that a CPU could guess.
const STEP: usize = 1_663;

fn key(number: usize) -> Key {
    Key::new(DomainName::from_text(&format!("h-{number:04}.example.com")).expect("a name"), RecordType::A)
}

/// An answer of two addresses.
fn answer(key: &Key) -> Arc<Answer> {
    let mut reply = query::build(key, &query::question(key), 7, false);
    (reply[2], reply[3], reply[7]) = (0x81, 0x80, 2);
    for last in [1, 2] {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 192, 0, 2, last]);
    }
    let now: Instant = tokio::time::Instant::now().into_std();
    Arc::new(Answer::from(Entry::accept(key, &reply, Caps::default(), now).expect("a good reply")))
}

#[derive(Clone)]
struct Weight;

impl Weighter<Key, Arc<Answer>> for Weight {
    fn weight(&self, key: &Key, answer: &Arc<Answer>) -> u64 {
        (answer.memory() + key.name.as_wire().len()) as u64
    }
}

struct Expiry;

impl moka::Expiry<Key, Arc<Answer>> for Expiry {
    fn expire_after_create(&self, _: &Key, answer: &Arc<Answer>, _: Instant) -> Option<Duration> {
        Some(Duration::from_secs(u64::from(answer.ttl())))
    }
}

fn look_up(criterion: &mut Criterion) {
    let keys: Vec<Key> = (0..ANSWERS).map(key).collect();
    let quick = quick_cache::sync::Cache::with(
        ANSWERS,
        ROOM,
        Weight,
        RandomState::default(),
        quick_cache::sync::DefaultLifecycle::default(),
    );
    let moka = moka::sync::Cache::builder()
        .max_capacity(ROOM)
        .weigher(|key: &Key, answer: &Arc<Answer>| (answer.memory() + key.name.as_wire().len()) as u32)
        .expire_after(Expiry)
        .build_with_hasher(RandomState::default());
    for key in &keys {
        let answer = answer(key);
        quick.insert(key.clone(), Arc::clone(&answer));
        moka.insert(key.clone(), answer);
    }
    moka.run_pending_tasks();
    let mut at = 0;
    let mut next = || {
        at = (at + STEP) % ANSWERS;
        keys[at].borrow()
    };
    let mut group = criterion.benchmark_group("look up");
    group.bench_function("quick_cache", |bencher| {
        bencher.iter(|| quick.get(&black_box(next())).expect("an answer").ttl());
    });
    group.bench_function("moka", |bencher| bencher.iter(|| moka.get(&black_box(next())).expect("an answer").ttl()));
}

criterion_group! {
    name = benches;
    config = Criterion::default().without_plots();
    targets = look_up
}
criterion_main!(benches);
