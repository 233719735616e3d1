//! Whatever becomes of the events on their way, the end is the same.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::super::intake::{self, Incoming};
use super::model::{Model, Step, at, event};
use crate::dns::DomainName;
use crate::ecs::Timestamp;
use crate::ecs::event::Detail;
use crate::inventory::{Change, Inventory, Outcome, reduce};
use crate::zone::{Settings, ZoneWriter, text};

/// What reaches us.
#[derive(Debug, Clone)]
enum Arrival {
    /// An event.
    Told(Box<Detail>),
    /// The answers to a pass that began at this time, when the cluster was like this.
    Read(Timestamp, Box<Model>),
}

struct Agent {
    inventory: Inventory,
    writer: ZoneWriter,
}

impl Agent {
    fn new() -> Self {
        let settings = Settings::new(DomainName::from_text("ecs.internal").unwrap(), vec!["prod".to_owned()]);
        let inventory = Inventory::default();
        Self { writer: ZoneWriter::new(settings, &inventory, 1), inventory }
    }

    fn learn(&mut self, changes: Vec<Change>) {
        let mut touched = BTreeSet::new();
        for change in changes {
            let (next, outcome) = reduce(std::mem::take(&mut self.inventory), change);
            self.inventory = next;
            if let Outcome::Changed(subjects) = outcome {
                touched.extend(subjects);
            }
        }
        self.writer.update(&self.inventory, &touched);
    }

    fn arrival(&mut self, arrival: &Arrival, now: Timestamp) {
        match arrival {
            Arrival::Told(detail) => {
                let incoming = Incoming { event: event((**detail).clone()), at: now };
                if let Ok(consequence) = intake::consequence(&self.inventory, incoming) {
                    self.learn(consequence.changes);
                }
            }
            Arrival::Read(began, model) => {
                let changes = model.pass(&self.inventory, *began);
                self.learn(changes);
            }
        }
    }

    /// The zone without its serial number.
    fn zone(&self) -> String {
        let file = text::master_file(self.writer.zone());
        file.lines().filter(|line| !line.contains("SOA")).collect::<Vec<_>>().join("\n")
    }
}

/// A history as it happened: events and passes in order. The pass at its end is not in it.
fn plain(steps: &[Step], passes: &[usize]) -> (Vec<Arrival>, Model) {
    let mut model = Model::new();
    let mut arrivals = vec![Arrival::Read(at(0), Box::new(model.clone()))];
    for (index, step) in steps.iter().enumerate() {
        let now = at(1_000 + index as i64);
        arrivals.extend(model.step(*step).map(|detail| Arrival::Told(Box::new(detail))));
        if passes.contains(&index) {
            arrivals.push(Arrival::Read(now, Box::new(model.clone())));
        }
    }
    (arrivals, model)
}

/// The same in another order, some of it twice, some of it not at all.
fn disturbed(arrivals: Vec<Arrival>) -> impl Strategy<Value = Vec<Arrival>> {
    let indices: Vec<usize> = (0..arrivals.len()).collect();
    let some = proptest::sample::subsequence(indices.clone(), 0..=indices.len());
    let twice = proptest::sample::subsequence(indices.clone(), 0..=indices.len());
    let shuffled = (some, twice).prop_flat_map(|(some, twice)| Just([some, twice].concat()).prop_shuffle());
    shuffled.prop_map(move |order| order.into_iter().map(|index| arrivals[index].clone()).collect())
}

fn histories() -> impl Strategy<Value = (Vec<Arrival>, Model, Vec<Arrival>)> {
    let steps = (vec(any::<Step>(), 0..60), vec(0..60_usize, 0..4));
    steps.prop_flat_map(|(steps, passes)| {
        let (arrivals, mut model) = plain(&steps, &passes);
        model.settle();
        (Just(arrivals.clone()), Just(model), disturbed(arrivals))
    })
}

proptest! {
    /// Any interleaving, duplication, reordering and loss ends, with a last pass, in the zone of the plain history.
    #[test]
    fn any_fate_of_the_events_ends_in_the_same_zone((arrivals, model, disturbed) in histories()) {
        let (mut plain, mut other) = (Agent::new(), Agent::new());
        for (index, arrival) in arrivals.iter().enumerate() {
            plain.arrival(arrival, at(2_000 + index as i64));
        }
        for (index, arrival) in disturbed.iter().enumerate() {
            other.arrival(arrival, at(2_000 + index as i64));
        }
        for agent in [&mut plain, &mut other] {
            let changes = model.pass(&agent.inventory, at(10_000));
            agent.learn(changes);
        }
        prop_assert_eq!(plain.zone(), other.zone());
    }

    /// Events alone do as well, where none was lost: services are asked for, which a pass stands for here.
    #[test]
    fn nothing_but_late_and_doubled_events_needs_no_pass(steps in vec(any::<Step>(), 0..60), seed in any::<u64>()) {
        let of_tasks = |step: &Step| matches!(step.0 % 12, 0..=6 | 8);
        let steps: Vec<Step> = steps.into_iter().filter(of_tasks).collect();
        let (arrivals, model) = plain(&steps, &[]);
        let mut late = arrivals.clone();
        late[1..].reverse();
        let rotate = late.len().saturating_sub(1).max(1);
        late[1..].rotate_left((seed % rotate as u64) as usize);
        late.extend(arrivals[1..].to_vec());
        let mut agent = Agent::new();
        for (index, arrival) in late.iter().enumerate() {
            agent.arrival(arrival, at(2_000 + index as i64));
        }
        let told = agent.zone();
        let changes = model.pass(&agent.inventory, at(10_000));
        agent.learn(changes);
        prop_assert_eq!(told, agent.zone());
    }
}
