//! What AWS did, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use super::plan::{Kind, Plan};
use crate::fake_aws::FakeAws;

#[derive(Debug, Default)]
struct State {
    /// Ready tasks by service.
    ready: BTreeMap<String, BTreeSet<String>>,
    /// Since when a service has had a ready task without a break.
    covered_since: BTreeMap<String, Instant>,
    /// Address of each task that has one of its own.
    addresses: BTreeMap<String, String>,
    /// When the task with this address stopped.
    stopped: BTreeMap<String, Instant>,
}

/// All of it; shared by those who deploy and the one who watches.
#[derive(Debug, Default)]
pub struct Truth(Mutex<State>);

impl Truth {
    /// Everything of the plan runs.
    pub fn of(plan: &Plan, fake: &FakeAws) -> Self {
        let truth = Self::default();
        for service in &plan.services {
            let mut world = fake.world();
            for arn in world.tasks_of("prod", &service.name) {
                let address = world.task(&arn).private_address().filter(|_| service.kind != Kind::Bridge);
                truth.ready(&service.name, &arn, address);
            }
        }
        truth
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A task is ready from now on.
    pub fn ready(&self, service: &str, arn: &str, address: Option<String>) {
        let state = &mut *self.lock();
        let ready = state.ready.entry(service.to_owned()).or_default();
        if ready.is_empty() {
            state.covered_since.insert(service.to_owned(), Instant::now());
        }
        ready.insert(arn.to_owned());
        state.addresses.extend(address.map(|address| (arn.to_owned(), address)));
    }

    /// A task is to stop.
    pub fn leaves(&self, service: &str, arn: &str) {
        let state = &mut *self.lock();
        let ready = state.ready.entry(service.to_owned()).or_default();
        ready.remove(arn);
        if ready.is_empty() {
            state.covered_since.remove(service);
        }
    }

    /// A task has stopped.
    pub fn stopped(&self, arn: &str, at: Instant) {
        let state = &mut *self.lock();
        if let Some(address) = state.addresses.get(arn) {
            state.stopped.insert(address.clone(), at);
        }
    }

    /// Since when `service` has had a ready task.
    pub fn covered_since(&self, service: &str) -> Option<Instant> {
        self.lock().covered_since.get(service).copied()
    }

    /// When the task with this address stopped, if it has.
    pub fn stop_of(&self, address: &str) -> Option<Instant> {
        self.lock().stopped.get(address).copied()
    }

    /// The addresses of the ready tasks, sorted.
    pub fn addresses(&self, service: &str) -> Vec<String> {
        let state = self.lock();
        let tasks = state.ready.get(service).into_iter().flatten();
        let mut addresses: Vec<_> = tasks.filter_map(|arn| state.addresses.get(arn).cloned()).collect();
        addresses.sort();
        addresses
    }
}
