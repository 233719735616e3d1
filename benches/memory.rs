//! What a task costs in memory, part by part: `cargo bench --bench memory`. Counts what is asked of the allocator and is
//! still held; the allocator's own share comes on top, and so does the room that was needed for a while.

use std::alloc::System;

use ecs_resolver::dns::DomainName;
use ecs_resolver::ecs::Timestamp;
use ecs_resolver::inventory::{Inventory, Subject, reduce};
use ecs_resolver::source::synthetic::synthetic;
use ecs_resolver::zone::{Settings, ZoneWriter};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Bytes and allocations that are held since `region` began.
fn held(region: &Region<'_, System>) -> (usize, usize) {
    let change = region.change();
    (change.bytes_allocated - change.bytes_deallocated, change.allocations - change.deallocations)
}

fn main() {
    let origin = DomainName::from_text("ecs.internal").expect("a name");
    let begin = Timestamp::from_second(1_700_000_000).expect("a time");
    for (services, tasks) in [(1_000, 3), (1_000, 10), (25_000, 4), (33_334, 3)] {
        let region = Region::new(ALLOCATOR);
        let changes = synthetic(services, tasks).into_changes(begin).into_iter();
        let inventory = changes.fold(Inventory::default(), |known, change| reduce(known, change).0);
        let of_inventory = held(&region);
        let region = Region::new(ALLOCATOR);
        let mut writer = ZoneWriter::new(Settings::new(origin.clone(), vec!["prod".to_owned()]), &inventory, 1);
        writer.update(&inventory, &inventory.services.keys().cloned().map(Subject::Service).collect());
        let of_zone = held(&region);
        let count = services * tasks;
        let each = |(bytes, pieces): (usize, usize)| {
            format!("{:4} bytes in {:4.1}", bytes / count, pieces as f64 / count as f64)
        };
        println!(
            "{services:6} services of {tasks:2} tasks, a task: inventory {}, zone {} ({} names), together {} bytes",
            each(of_inventory),
            each(of_zone),
            writer.zone().len() / count,
            (of_inventory.0 + of_zone.0) / count,
        );
    }
}
