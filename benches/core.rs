//! What the core does, piece by piece: one change reduced, one service and a whole cluster rendered, a hosted zone compiled,
//! and a question looked up in zones of 10, 1,000 and 100,000 services.

use std::collections::BTreeSet;
use std::hint::black_box;

use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use ecs_resolver::dns::presentation::Escapes;
use ecs_resolver::dns::{DomainName, Parsed, Question, RecordType};
use ecs_resolver::ecs::{TaskStatus, Timestamp};
use ecs_resolver::inventory::{Change, Inventory, Outcome, Resource, Subject, reduce};
use ecs_resolver::resolve::resolve;
use ecs_resolver::route53::{Content, HostedZoneId, RecordSet, Routing};
use ecs_resolver::source::synthetic::synthetic;
use ecs_resolver::zone::{Settings, ZoneWriter, layers, render};

fn name(text: &str) -> DomainName {
    DomainName::from_text(text).expect("a name")
}

fn settings() -> Settings {
    Settings::new(name("ecs.internal"), vec!["prod".to_owned()])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).expect("a time")
}

/// A cluster and everything that must be rendered of it.
fn cluster(services: usize, tasks: usize) -> (Inventory, BTreeSet<Subject>) {
    let mut touched = BTreeSet::new();
    let inventory =
        synthetic(services, tasks).into_changes(at(0)).into_iter().fold(Inventory::default(), |known, next| {
            let (inventory, outcome) = reduce(known, next);
            if let Outcome::Changed(subjects) = outcome {
                touched.extend(subjects);
            }
            inventory
        });
    (inventory, touched)
}

fn reduce_one(criterion: &mut Criterion) {
    let (mut inventory, _) = cluster(1_000, 4);
    let mut task = inventory.tasks.values().next().expect("a task").task.clone();
    let mut next = 0;
    criterion.bench_function("reduce", |bencher| {
        bencher.iter(|| {
            next += 1;
            task.version = Some(next);
            task.last_status = if next % 2 == 0 { TaskStatus::Running } else { TaskStatus::Pending };
            let change = Change::Apply { resource: Resource::Task(task.clone()), at: at(0) };
            let (known, outcome) = reduce(std::mem::take(&mut inventory), change);
            inventory = known;
            outcome
        });
    });
}

fn render_and_compile(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    for tasks in [4, 100] {
        let (inventory, touched) = cluster(1, tasks);
        let service = touched.iter().find(|subject| matches!(subject, Subject::Service(_))).expect("a service");
        group.bench_function(BenchmarkId::new("one_service", tasks), |bencher| {
            bencher.iter(|| render::render(&inventory, &settings(), black_box(service)));
        });
    }
    let (inventory, touched) = cluster(1_000, 4);
    group.sample_size(10).bench_function("cluster_of_1000_services", |bencher| {
        let writer = || ZoneWriter::new(settings(), &inventory, 1);
        bencher.iter_batched_ref(writer, |writer| writer.update(&inventory, &touched), BatchSize::PerIteration);
    });
    group.finish();
    let set = |number: usize| RecordSet {
        name: name(&format!("r{number}.ecs.internal")),
        kind: RecordType::A,
        content: Content::Values { ttl: 60, values: vec![format!("10.0.{}.{}", number / 250, number % 250)] },
        routing: Routing::Simple,
        set_identifier: None,
        health_check: None,
    };
    let (sets, zone): (Vec<_>, _) = ((0..1_000).map(set).collect(), HostedZoneId::new("Z1"));
    criterion.bench_function("compile/hosted_zone_of_1000", |bencher| {
        bencher.iter(|| layers::compile(&name("ecs.internal"), Some(&zone), black_box(&sets), Escapes::Octal));
    });
}

/// Wire form of a query.
fn query(asked: &str, kind: RecordType) -> Vec<u8> {
    let header = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    [&header, name(asked).as_wire(), &u16::from(kind).to_be_bytes(), &[0, 1]].concat()
}

fn look_up(criterion: &mut Criterion) {
    const ASKED: usize = 1 << 12;
    let mut group = criterion.benchmark_group("look_up");
    for services in [10, 1_000, 100_000] {
        let (inventory, touched) = cluster(services, 1);
        let mut writer = ZoneWriter::new(settings(), &inventory, 1);
        writer.update(&inventory, &touched);
        drop((inventory, touched));
        let kinds = [("hit", "", RecordType::A), ("nodata", "", RecordType::AAAA), ("nxdomain", "x.", RecordType::A)];
        for (what, prefix, kind) in kinds {
            // Other names than a cache of the CPU could keep, if there are as many.
            let service = |index: usize| index.wrapping_mul(7919) % services;
            let asked = |index| query(&format!("{prefix}svc-{:04}.prod.task.ecs.internal", service(index)), kind);
            let queries: Vec<Vec<u8>> = (0..ASKED).map(asked).collect();
            let mut next = 0;
            group.bench_function(BenchmarkId::new(what, services), |bencher| {
                bencher.iter(|| {
                    next = (next + 1) % ASKED;
                    let Parsed::Plain(question) = Question::parse(&queries[next]) else { panic!("not plain") };
                    black_box(resolve(writer.zone(), &question, 0).end);
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, reduce_one, render_and_compile, look_up);
criterion_main!(benches);
