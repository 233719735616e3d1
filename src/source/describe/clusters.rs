//! Which clusters there are.
//!
//! A configured cluster that AWS does not know is a failing call, and what was known of it is kept: more likely the
//! region or the credentials changed than that somebody deleted a cluster that is in use. Where all clusters are
//! followed, one that is neither listed nor found in two passes in a row is gone, as long as others are found.

use std::collections::BTreeSet;

use super::call::Call;
use super::describer::Describer;
use crate::ecs::{Cluster, ClusterArn, Timestamp};
use crate::inventory::{Change, Resource, ResourceId};
use crate::source::Stopped;
use crate::source::ports::{ApiError, ApiErrorKind};

/// The clusters to read.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    /// In configured order, each once.
    pub(super) clusters: Vec<ClusterArn>,
    /// Whether nothing that should be read is missing from it.
    pub(super) complete: bool,
}

/// What DescribeClusters said.
struct Answer {
    found: Vec<Cluster>,
    /// Whether all batches were answered: what was not found does not exist.
    complete: bool,
}

impl Describer {
    /// Finds the clusters called `wanted` (names or ARNs).
    pub(super) async fn resolve_named(&self, wanted: &[String]) -> Result<Resolved, Stopped> {
        let began = self.clock.now();
        let known = self.known_clusters().await?;
        let answer = self.describe_clusters(wanted).await?;
        self.drop_namesakes(&known, &answer.found, wanted, began).await?;
        let mut resolved = Resolved { clusters: Vec::new(), complete: true };
        for name in wanted {
            let found = find(&answer.found, name).map(|cluster| cluster.arn.clone());
            let arn = match found {
                Some(arn) => Some(arn),
                None if answer.complete => None,
                None => self.assume(name, &known).await?,
            };
            if answer.complete {
                let missing = arn.is_none().then(|| no_such_cluster(name));
                self.settle(Call::DescribeClusters, Some(name), missing.as_ref());
            }
            match arn {
                None => resolved.complete = false,
                Some(arn) if resolved.clusters.contains(&arn) => {}
                Some(arn) => resolved.clusters.push(arn),
            }
        }
        Ok(resolved)
    }

    /// Finds all clusters, and those that are `named` even where listing is not allowed. `missed` holds those that the
    /// last pass did not find.
    pub(super) async fn resolve_all(
        &self,
        named: &[String],
        missed: &mut BTreeSet<ClusterArn>,
    ) -> Result<Resolved, Stopped> {
        let began = self.clock.now();
        let list = self.call(Call::ListClusters, self.apis.ecs.list_clusters()).await;
        let (listed, mut failure) = match list {
            Ok((ids, _)) => (ids.into_iter().collect(), None),
            Err(error) => (BTreeSet::new(), Some(error)),
        };
        let known: BTreeSet<ClusterArn> = self.known_clusters().await?.into_iter().map(|it| it.arn).collect();
        let wanted = &listed | &known;
        let is_new = |name: &&String| !wanted.iter().any(|arn| arn.as_str() == *name || arn.id() == *name);
        let named = named.iter().filter(is_new).cloned();
        let texts: Vec<String> = wanted.iter().map(ToString::to_string).chain(named).collect();
        let answer = self.describe_clusters(&texts).await?;
        let mut clusters = wanted;
        if answer.complete {
            clusters = answer.found.into_iter().map(|cluster| cluster.arn).collect();
            if failure.is_none() && clusters.is_empty() {
                failure = Some(no_cluster());
            } else if failure.is_none() {
                let gone = &(&known - &listed) - &clusters;
                self.drop_gone(&gone & missed, began).await?;
                *missed = gone;
            }
        }
        self.settle(Call::ListClusters, None, failure.as_ref());
        Ok(Resolved { clusters: clusters.into_iter().collect(), complete: failure.is_none() })
    }

    /// Forgets clusters that only have the name of one that was found: they are of another account or region, known from
    /// a file that came with the image of a disk.
    async fn drop_namesakes(
        &self,
        known: &[Cluster],
        found: &[Cluster],
        wanted: &[String],
        at: Timestamp,
    ) -> Result<(), Stopped> {
        let is_other = |it: &&Cluster| {
            let by_name = found.iter().any(|other| other.name == it.name && other.arn != it.arn);
            by_name && !found.contains(*it) && !wanted.iter().any(|name| name == it.arn.as_str())
        };
        let others: BTreeSet<ClusterArn> = known.iter().filter(is_other).map(|it| it.arn.clone()).collect();
        for cluster in &others {
            tracing::warn!("what is known of {cluster} is forgotten: the cluster of that name is another one");
        }
        if others.is_empty() { Ok(()) } else { self.drop_gone(others, at).await }
    }

    async fn drop_gone(&self, gone: BTreeSet<ClusterArn>, at: Timestamp) -> Result<(), Stopped> {
        for cluster in &gone {
            self.status.forget(cluster);
        }
        let delete = |cluster| Change::Delete { id: ResourceId::Cluster(cluster), at };
        self.deliver(gone.into_iter().map(delete).collect()).await
    }

    async fn known_clusters(&self) -> Result<Vec<Cluster>, Stopped> {
        self.updates.ask(|inventory| inventory.clusters.values().map(|record| record.cluster.clone()).collect()).await
    }

    async fn describe_clusters(&self, wanted: &[String]) -> Result<Answer, Stopped> {
        let (mut found, mut failure) = (Vec::new(), None);
        for batch in wanted.chunks(Call::DescribeClusters.batch()) {
            match self.call(Call::DescribeClusters, self.apis.ecs.describe_clusters(batch)).await {
                Ok((described, at)) => {
                    let apply = |it: &Cluster| Change::Apply { resource: Resource::Cluster(it.clone()), at };
                    self.deliver(described.found.iter().map(apply).collect()).await?;
                    found.extend(described.found);
                }
                Err(error) => failure = Some(error),
            }
        }
        self.settle(Call::DescribeClusters, None, failure.as_ref());
        Ok(Answer { found, complete: failure.is_none() })
    }

    /// The cluster that `name` must be, as far as that can be told without DescribeClusters.
    async fn assume(&self, name: &str, known: &[Cluster]) -> Result<Option<ClusterArn>, Stopped> {
        if let Some(cluster) = find(known, name) {
            return Ok(Some(cluster.arn.clone()));
        }
        let Ok(arn) = ClusterArn::parse(name) else { return Ok(None) };
        let cluster = Cluster { arn: arn.clone(), name: arn.id().to_owned() };
        self.deliver(vec![Change::Apply { resource: Resource::Cluster(cluster), at: self.clock.now() }]).await?;
        Ok(Some(arn))
    }
}

fn find<'a>(clusters: &'a [Cluster], name: &str) -> Option<&'a Cluster> {
    clusters.iter().find(|cluster| cluster.name == name || cluster.arn.as_str() == name)
}

fn no_such_cluster(name: &str) -> ApiError {
    let message = format!(
        "there is no ACTIVE cluster `{name}` in this account and region: check its name, the region and the \
         credentials; what is known of it is kept"
    );
    ApiError { operation: Call::DescribeClusters.operation(), kind: ApiErrorKind::NotFound, message }
}

fn no_cluster() -> ApiError {
    let message = "there is no cluster in this account and region: check the region and the credentials; what is \
                   known is kept";
    ApiError { operation: Call::ListClusters.operation(), kind: ApiErrorKind::NotFound, message: message.to_owned() }
}
