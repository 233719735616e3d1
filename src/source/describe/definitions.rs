//! Task definitions: each revision is read once in an agent's life, the most used first, as fast as the budget lets.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::call::Call;
use super::describer::{Describer, is_hopeless};
use crate::ecs::TaskDefinitionArn;
use crate::inventory::{Change, Inventory, Resource};
use crate::source::Stopped;
use crate::source::ports::{ApiError, ApiErrorKind};

/// How the reading goes since the last pass began. One that cannot be read is not tried twice between two passes.
#[derive(Debug, Default)]
pub(super) struct Reading {
    tried: BTreeSet<TaskDefinitionArn>,
    failure: Option<ApiError>,
}

impl Reading {
    fn is_over(&self) -> bool {
        self.failure.as_ref().is_some_and(|error| is_hopeless(error.kind) || error.kind == ApiErrorKind::Throttled)
    }
}

impl Describer {
    /// Reads task definitions that are in use and not known, until all are, or the next would have to wait
    /// beyond `until`. Returns how many are left.
    pub(super) async fn read_definitions(&self, reading: &mut Reading, until: Instant) -> Result<usize, Stopped> {
        let (unread, agents) = self.updates.ask(|inventory| (unread(inventory), agents(inventory))).await?;
        self.budget().set_agents(agents);
        let mut left = unread.len();
        for arn in unread {
            let wait = self.wait(Call::DescribeTaskDefinition);
            if reading.is_over() || (!wait.is_zero() && Instant::now() + wait > until) {
                break;
            }
            if reading.tried.insert(arn.clone()) {
                left -= usize::from(self.read_definition(&arn, reading).await?);
            }
        }
        self.status.unread_definitions(left);
        self.settle(Call::DescribeTaskDefinition, None, reading.failure.as_ref());
        Ok(left)
    }

    /// Reads task definitions that are in use and not known, as far as the budget has room now. Returns how many are
    /// left.
    ///
    /// # Errors
    /// [`Stopped`] at shutdown; failing calls are noted in the status.
    pub async fn describe_definitions(&self) -> Result<usize, Stopped> {
        self.read_definitions(&mut Reading::default(), Instant::now()).await
    }

    async fn read_definition(&self, arn: &TaskDefinitionArn, reading: &mut Reading) -> Result<bool, Stopped> {
        let request = self.apis.ecs.describe_task_definition(arn);
        match self.call(Call::DescribeTaskDefinition, request).await {
            Ok((definition, at)) => {
                self.deliver(vec![Change::Apply { resource: Resource::TaskDefinition(definition), at }]).await?;
                Ok(true)
            }
            Err(error) => {
                reading.failure = Some(error);
                Ok(false)
            }
        }
    }
}

/// Task definitions in use that are not known, the one with the most tasks first.
fn unread(inventory: &Inventory) -> Vec<TaskDefinitionArn> {
    let mut uses: BTreeMap<&TaskDefinitionArn, usize> = BTreeMap::new();
    let of_tasks = inventory.tasks.values().map(|record| &record.task.task_definition);
    let of_services = inventory.services.values().filter_map(|observed| observed.value.task_definition.as_ref());
    for arn in of_tasks.chain(of_services).filter(|&arn| !inventory.task_definitions.contains_key(arn)) {
        *uses.entry(arn).or_default() += 1;
    }
    let mut unread: Vec<_> = uses.into_iter().collect();
    unread.sort_by_key(|&(_, uses)| Reverse(uses));
    unread.into_iter().map(|(arn, _)| arn.clone()).collect()
}

/// Agents that share AWS's buckets with us, as there is one on every host.
pub(super) fn agents(inventory: &Inventory) -> usize {
    inventory.container_instances.len()
}
