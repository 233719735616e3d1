//! Services: those that are listed, and those that we know.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{ClusterArn, Service, ServiceArn, ServiceStatus, Timestamp};
use crate::inventory::{Change, Resource, ResourceId, Scope, ServiceKey};
use crate::source::Stopped;
use crate::source::ports::Described;

impl Describer {
    /// Reads the services of `cluster`. Returns how many the list holds if everything was answered; only then does the
    /// list delete.
    pub(super) async fn read_services(self: &Arc<Self>, cluster: &ClusterArn) -> Result<Option<usize>, Stopped> {
        let list = self.list(Call::ListServices, cluster, self.apis.ecs.list_services(cluster)).await;
        let of = cluster.clone();
        let known = self.updates.ask(move |inventory| -> BTreeSet<ServiceArn> {
            let services = inventory.services.values().map(|observed| &observed.value);
            services.filter(|service| service.cluster == of).map(|service| service.arn.clone()).collect()
        });
        let known = known.await?;
        let Some(list) = list else {
            self.describe_services(cluster, known, &BTreeSet::new()).await?;
            return Ok(None);
        };
        let answered = self.describe_services(cluster, &list.ids | &known, &list.ids).await?;
        if answered {
            let ids = list.ids.iter().map(|service| ResourceId::Service(key(cluster, service))).collect();
            let scope = Scope::Services(cluster.clone());
            self.deliver(vec![Change::Reset { scope, ids, at: list.at }]).await?;
        }
        Ok(answered.then_some(list.ids.len()))
    }

    /// Describes `services` of `cluster`. A service that is INACTIVE is gone, and so is one that is MISSING unless a
    /// list read just before, `listed`, has it: then the API has not made up its mind. Returns whether all were
    /// answered for.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_services(
        self: &Arc<Self>,
        cluster: &ClusterArn,
        services: BTreeSet<ServiceArn>,
        listed: &BTreeSet<ServiceArn>,
    ) -> Result<bool, Stopped> {
        self.describe(
            Call::DescribeServices,
            cluster,
            services,
            |apis, cluster, services| async move { apis.ecs.describe_services(&cluster, &services).await },
            |described, at| changes(cluster, described, listed, at),
        )
        .await
    }
}

fn key(cluster: &ClusterArn, service: &ServiceArn) -> ServiceKey {
    ServiceKey::new(cluster, service.id())
}

fn changes(
    cluster: &ClusterArn,
    described: Described<Service, ServiceArn>,
    listed: &BTreeSet<ServiceArn>,
    at: Timestamp,
) -> Vec<Change> {
    let found = described.found.into_iter().map(|service| match service.status {
        ServiceStatus::Inactive => Change::Delete { id: ResourceId::Service(key(cluster, &service.arn)), at },
        _ => Change::Apply { resource: Resource::Service(service), at },
    });
    let missing = described.missing.iter().filter(|service| !listed.contains(service));
    let missing = missing.map(|service| Change::Delete { id: ResourceId::Service(key(cluster, service)), at });
    found.chain(missing).collect()
}
