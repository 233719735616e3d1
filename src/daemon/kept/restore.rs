//! What the inventory of before the restart is good for: its file is read, judged, and used or refused.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::Keeping;
use crate::daemon::feed::Prepared;
use crate::daemon::wording::counted;
use crate::ecs::{ClusterArn, Timestamp};
use crate::inventory::saved::text::Part;
use crate::inventory::{Change, Inventory, ResourceId, Saved, reduce};
use crate::source::staleness::{age, seconds};
use crate::store::{self, Kind, Refusal};
use crate::updater::spread::over_cores;

/// Parts of the file that are worth a thread.
const PARTS: usize = 4;

/// What is known from before the restart.
#[derive(Debug)]
pub(in crate::daemon) struct Restored {
    pub(in crate::daemon) inventory: Inventory,
    /// When the last complete pass over each of its clusters began.
    pub(in crate::daemon) read: BTreeMap<ClusterArn, Timestamp>,
}

/// The inventory of before the restart, if there is one that may be used. Every other is told of, and counted.
pub(in crate::daemon) fn inventory(
    keeping: &Keeping,
    feed: &Prepared,
    region: Option<&str>,
    now: Timestamp,
) -> Option<Restored> {
    let path = keeping.inventory.as_deref()?;
    store::sweep(path);
    let found = load(path).and_then(|saved| {
        saved.map(|saved| admit(saved, &Followed { feed, region, max_age: keeping.max_age }, now)).transpose()
    });
    let count = |result| keeping.counts.loaded(Kind::Inventory, result);
    match found {
        Ok(Some(restored)) => {
            count("loaded");
            let counts = restored.inventory.counts();
            let oldest = restored.read.values().min().copied().unwrap_or(now);
            tracing::info!(
                "until AWS has been read, answers are those of before the start: {}, {}, as of {}, from {}",
                counted(counts.services, "service"),
                counted(counts.tasks, "task"),
                seconds(oldest),
                path.display()
            );
            Some(restored)
        }
        Ok(None) => {
            count("absent");
            tracing::info!("there is no {} yet: names are known once AWS has been read", path.display());
            None
        }
        Err(refusal) => {
            count(refusal.label());
            tracing::warn!("{} is not used: {refusal}", path.display());
            None
        }
    }
}

fn load(path: &Path) -> Result<Option<Saved>, Refusal> {
    let Some(bytes) = store::read(path, Kind::Inventory)? else { return Ok(None) };
    let unintelligible = |error: &dyn std::error::Error| Refusal::Unintelligible(error.to_string());
    let text = std::str::from_utf8(&bytes).map_err(|error| unintelligible(&error))?;
    let side_by_side = |parts: &[Part<'_>]| over_cores(parts, PARTS, Part::decode);
    Saved::read_from(text, side_by_side).map(Some).map_err(|error| unintelligible(&error))
}

/// Which clusters may be in the file.
struct Followed<'f> {
    feed: &'f Prepared,
    region: Option<&'f str>,
    max_age: Option<Duration>,
}

/// Takes over the clusters that are followed here and were read not too long ago; all others are left out.
fn admit(saved: Saved, followed: &Followed<'_>, now: Timestamp) -> Result<Restored, Refusal> {
    let (mut read, mut foreign, mut old) = (BTreeMap::new(), Vec::new(), Vec::new());
    for (arn, name, at) in saved.read() {
        let named = followed.feed.clusters.iter().any(|wanted| wanted == name || wanted == arn.as_str());
        if !named && !followed.feed.all {
            foreign.push(format!("cluster {name}, which is not followed"));
        } else if followed.region.is_some_and(|region| region != arn.region()) {
            foreign.push(format!("cluster {name} in the region {}, which is not ours", arn.region()));
        } else if followed.max_age.is_some_and(|most| age(at, now) > most) {
            old.push(format!("cluster {name} was last read {} s ago, at {}", age(at, now).as_secs(), seconds(at)));
        } else {
            // A clock that was ahead: else it would be young for too long.
            read.insert(arn.clone(), at.min(now));
        }
    }
    if read.is_empty() {
        let none = foreign.is_empty() && old.is_empty();
        return Err(match old.first() {
            Some(_) => Refusal::TooOld(old.join(", ")),
            None if none => Refusal::Foreign("no cluster in it was ever read completely".to_owned()),
            None => Refusal::Foreign(format!("it is of {}", foreign.join(", "))),
        });
    }
    for left_out in foreign.iter().chain(&old) {
        tracing::info!("a part of what is known from before the start is not used: {left_out}");
    }
    let mut inventory = saved.into_inventory(now);
    let others: Vec<_> = inventory.clusters.keys().filter(|arn| !read.contains_key(*arn)).cloned().collect();
    for cluster in others {
        (inventory, _) = reduce(inventory, Change::Delete { id: ResourceId::Cluster(cluster), at: now });
    }
    Ok(Restored { inventory, read })
}

#[cfg(test)]
mod tests;
