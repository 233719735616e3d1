//! One reconcile: read ECS, read the zone, plan, ask about what would go, plan again, change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::apply::Applied;
use super::status::RegistrarStatus;
use super::{Error, Registrar};
use crate::ecs::event::ServiceHint;
use crate::register::desired::Options;
use crate::register::{Consent, Desired, Evidence, Group, Kind, Plan, plan, report};
use crate::route53::HostedZone;
use crate::snapshot::Shared;
use crate::source::Updates;
use crate::source::describe::{Describer, Survey};
use crate::source::ports::ApiErrorKind;

/// What a controller registers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Names or ARNs of the default clusters, in order.
    pub clusters: Vec<String>,
    /// Record types.
    pub options: Options,
    /// What the operator allows.
    pub consent: Consent,
}

/// What one reconcile came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What ECS wants.
    pub desired: Desired,
    /// What had to be done.
    pub plan: Plan,
    /// What was done; nothing if only a plan was wanted.
    pub applied: Applied,
    /// Whether all of ECS that matters could be read.
    pub complete: bool,
}

impl Outcome {
    /// Whether the zone now says all that it should, as far as that is ours to decide.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.complete && self.applied.failed.is_empty() && self.plan.refused.is_none()
    }
}

/// Changes that Route 53 refused as such in the last reconcile.
#[derive(Default)]
pub(super) struct Refused(Mutex<Vec<Group>>);

impl Refused {
    /// Notes what was refused now. Returns whether there is something that was not refused before.
    pub(super) fn note(&self, applied: &Applied) -> bool {
        let refused = applied.failed.iter().filter(|failed| failed.error.kind == ApiErrorKind::Rejected);
        let now: Vec<_> = refused.map(|failed| failed.group.clone()).collect();
        // The list is whole at all times, so a panic elsewhere spoils nothing.
        let mut before = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = now.iter().any(|group| !before.contains(group));
        *before = now;
        is_new
    }
}

/// Reads, plans and changes. It keeps nothing between two reconciles but what the inventory knows, and which changes
/// were refused.
pub struct Controller {
    settings: Settings,
    describer: Arc<Describer>,
    updates: Updates,
    shared: Shared,
    registrar: Registrar,
    status: Arc<RegistrarStatus>,
    refused: Refused,
}

impl Controller {
    /// A controller. `describer` fills the inventory that `updates` asks and `shared` is rendered from; no other
    /// source does.
    #[must_use]
    pub fn new(
        settings: Settings,
        describer: Arc<Describer>,
        updates: Updates,
        shared: Shared,
        registrar: Registrar,
    ) -> Self {
        Self { settings, describer, updates, shared, registrar, status: Arc::default(), refused: Refused::default() }
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Arc<RegistrarStatus> {
        Arc::clone(&self.status)
    }

    /// Works out what would be changed, and changes nothing.
    ///
    /// # Errors
    /// When the hosted zone cannot be found or read.
    pub async fn plan(&self) -> Result<Outcome, Error> {
        let (_, outcome) = self.read(&[]).await?;
        Ok(outcome)
    }

    /// Makes the zone say what ECS wants. `hints` are services that something was heard of.
    ///
    /// # Errors
    /// When the hosted zone cannot be found or read; then nothing was changed. What single names failed of is in the
    /// outcome.
    pub async fn reconcile(&self, hints: &[ServiceHint]) -> Result<Outcome, Error> {
        let began = self.describer.now();
        let result = self.change(hints).await;
        self.status.note(began, &result);
        result
    }

    async fn change(&self, hints: &[ServiceHint]) -> Result<Outcome, Error> {
        let (zone, mut outcome) = self.read(hints).await?;
        outcome.applied = self.registrar.apply(&zone.id, outcome.plan.groups.clone()).await;
        if self.refused.note(&outcome.applied) {
            // Somebody may have changed the zone while we read it, another controller for one: look again, once. What
            // was refused the last time, too, is not worth it.
            let done = std::mem::take(&mut outcome.applied.done);
            let (zone, second) = self.read(hints).await?;
            outcome = second;
            outcome.applied = self.registrar.apply(&zone.id, outcome.plan.groups.clone()).await;
            self.refused.note(&outcome.applied);
            outcome.applied.done.splice(0..0, done);
        }
        tell(&outcome);
        Ok(outcome)
    }

    /// Everything up to the plan.
    async fn read(&self, hints: &[ServiceHint]) -> Result<(HostedZone, Outcome), Error> {
        let zone = self.registrar.find().await?;
        let kinds = &self.settings.options.kinds;
        let tasks = kinds.contains(&Kind::A) || kinds.contains(&Kind::Srv);
        let survey = self.describer.survey(&self.settings.clusters, tasks, hints).await?;
        let listing = self.registrar.list(&zone.id).await?;
        let desired = self.desired(&survey).await?;
        let mut evidence = Evidence { clusters: survey.clusters, standings: BTreeMap::new() };
        let consent = self.settings.consent;
        let mut plan = plan(&listing, &desired, &evidence, consent);
        if !plan.questions.is_empty() {
            evidence.standings = self.describer.standings(&plan.questions).await?;
            plan = self::plan(&listing, &desired, &evidence, consent);
        }
        let complete = survey.complete && plan.questions.is_empty();
        Ok((zone, Outcome { desired, plan, applied: Applied::default(), complete }))
    }

    async fn desired(&self, survey: &Survey) -> Result<Desired, Error> {
        let (usable, options, shared) = (survey.usable(), self.settings.options.clone(), self.shared.clone());
        // Asked behind everything that was read, so what is served by then is rendered from it.
        let desired = self.updates.ask(move |inventory| {
            let snapshot = shared.load();
            Desired::of(inventory, &snapshot.zone, &usable, &options)
        });
        Ok(desired.await?)
    }
}

/// Logs what was done; what was not is the status's to tell.
fn tell(outcome: &Outcome) {
    for group in &outcome.applied.done {
        let said: Vec<_> = group.changes.iter().map(report::line).collect();
        let (purpose, service) = (group.purpose.label(), &group.service.name);
        tracing::info!("{purpose} {} for service {service}: {}", group.name, said.join("; "));
    }
    if outcome.applied.pending && !outcome.applied.done.is_empty() {
        tracing::info!("Route 53 has taken the changes; some of its servers may not have them yet");
    }
}
