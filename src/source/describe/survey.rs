//! One read of the default clusters for whoever must know how complete it was: registration, which deletes.

use std::collections::{BTreeMap, BTreeSet};
use std::future::ready;
use std::sync::Arc;

use tokio::time::Instant;

use super::FIRST_DEFINITIONS;
use super::call::Call;
use super::definitions;
use super::describer::Describer;
use crate::ecs::event::ServiceHint;
use crate::ecs::{ClusterArn, ServiceArn, ServiceStatus};
use crate::inventory::{Change, ServiceKey};
use crate::register::{Reading, Standing};
use crate::source::Stopped;

/// What was read, and how well.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Every cluster that was found. One is complete only if those before it are: who has a name depends on them.
    pub clusters: BTreeMap<ClusterArn, Reading>,
    /// Whether every cluster was found and read completely.
    pub complete: bool,
}

impl Survey {
    /// The clusters whose services were read completely.
    #[must_use]
    pub fn usable(&self) -> BTreeSet<ClusterArn> {
        let usable = self.clusters.iter().filter(|(_, reading)| reading.services);
        usable.map(|(cluster, _)| cluster.clone()).collect()
    }
}

impl Describer {
    /// Reads the clusters called `wanted`, in this order: services and their load balancers, and with `tasks` also
    /// tasks, hosts and task definitions. Services that something was heard of, `hints`, are described even if the
    /// list does not have them yet. What was read is in the inventory, and served, when this returns.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn survey(
        self: &Arc<Self>,
        wanted: &[String],
        tasks: bool,
        hints: &[ServiceHint],
    ) -> Result<Survey, Stopped> {
        let began = Instant::now();
        let mut survey = Survey { clusters: BTreeMap::new(), complete: !wanted.is_empty() };
        for name in wanted {
            let resolved = self.resolve_named(std::slice::from_ref(name)).await?;
            survey.complete &= resolved.complete && !resolved.clusters.is_empty();
            for cluster in resolved.clusters {
                let mut reading = self.survey_cluster(&cluster, tasks, hints).await?;
                reading.services &= survey.complete;
                survey.complete = reading.services && (reading.tasks || !tasks);
                survey.clusters.entry(cluster).or_insert(reading);
            }
        }
        self.status.passed(began.elapsed(), survey.complete);
        drop(self.budget().drain());
        Ok(survey)
    }

    async fn survey_cluster(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        tasks: bool,
        hints: &[ServiceHint],
    ) -> Result<Reading, Stopped> {
        let began = self.clock.now();
        let hinted = hints.iter().filter(|hint| hint.cluster == *cluster).map(|hint| hint.service.clone()).collect();
        let services = async {
            // From now on it is known, and what is known is asked for with what is listed.
            self.describe_services(cluster, hinted, &BTreeSet::new()).await?;
            let listed = self.read_services(cluster).await?;
            self.read_balancers(cluster).await?;
            Ok(listed)
        };
        let running = async {
            if !tasks {
                return Ok(false);
            }
            let (complete, ()) = tokio::try_join!(self.read_tasks(cluster), self.read_hosts(cluster))?;
            self.read_definitions(&mut definitions::Reading::default(), Instant::now() + FIRST_DEFINITIONS).await?;
            Ok(complete)
        };
        let (listed, running) = tokio::try_join!(services, running)?;
        if listed.is_some() {
            self.serve(vec![Change::Synced { cluster: cluster.clone() }]).await?;
            self.status.complete(cluster, began);
        }
        // Not what the inventory has: hints bring services there that no list has shown.
        Ok(Reading { services: listed.is_some(), tasks: running, listed: listed.unwrap_or_default() })
    }

    /// What DescribeServices says of these services, each asked for by itself whatever the lists say. One that it is
    /// MISSING of although the inventory has just seen it, and those of calls that fail, are left out.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn standings(
        self: &Arc<Self>,
        services: &BTreeSet<ServiceKey>,
    ) -> Result<BTreeMap<ServiceKey, Standing>, Stopped> {
        let mut by_cluster: BTreeMap<&ClusterArn, Vec<ServiceArn>> = BTreeMap::new();
        for key in services {
            by_cluster.entry(&key.cluster).or_default().extend(service_arn(key));
        }
        let mut standings = BTreeMap::new();
        for (cluster, arns) in by_cluster {
            self.in_batches(
                Call::DescribeServices,
                cluster,
                &arns,
                |apis, cluster, services| async move { apis.ecs.describe_services(&cluster, &services).await },
                |described, _| {
                    let found = described.found.into_iter().map(|service| {
                        let standing = standing(service.status, service.desired_count);
                        (ServiceKey::new(cluster, &service.name), standing)
                    });
                    standings.extend(found);
                    let missing = described.missing.iter().map(|arn| ServiceKey::new(cluster, arn.id()));
                    standings.extend(missing.map(|key| (key, Standing::Missing)));
                    ready(Ok(()))
                },
            )
            .await?;
        }
        let seen = self.updates.ask(|inventory| inventory.services.keys().cloned().collect::<BTreeSet<_>>()).await?;
        standings.retain(|key, standing| *standing != Standing::Missing || !seen.contains(key));
        Ok(standings)
    }
}

fn standing(status: ServiceStatus, desired: u32) -> Standing {
    match status {
        ServiceStatus::Active | ServiceStatus::Unknown => Standing::Active { desired },
        ServiceStatus::Draining => Standing::Draining,
        ServiceStatus::Inactive => Standing::Inactive,
    }
}

/// The ARN of a service by its cluster's.
fn service_arn(key: &ServiceKey) -> Option<ServiceArn> {
    let (before, _) = key.cluster.as_str().rsplit_once(":cluster/")?;
    ServiceArn::parse(&format!("{before}:service/{}/{}", key.cluster.id(), key.name)).ok()
}
