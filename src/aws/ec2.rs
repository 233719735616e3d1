//! One call of EC2, DescribeInstances, through the SDK's own runtime: signed, timed out and retried as the others
//! are. The EC2 SDK itself is a million lines of code for it.
//!
//! The protocol is `ec2` of Smithy: a form in, XML out (API version 2016-11-15).

mod client;
mod response;

use std::collections::BTreeSet;

use async_trait::async_trait;
use aws_config::SdkConfig;

use self::client::{DescribeInstances, Query};
use super::calls::{Calls, endless, too_many};
use crate::ecs::{Ec2Instance, Ec2InstanceId};
use crate::source::ports::{ApiError, ApiErrorKind, Described, Ec2Api};

const OPERATION: &str = "ec2:DescribeInstances";
/// Most values of one filter.
const BATCH: usize = 200;

/// Amazon EC2.
#[derive(Clone)]
pub struct Ec2 {
    /// `None` without a region, which fails the calls with a word of it.
    operation: Option<DescribeInstances>,
    calls: Calls,
}

impl Ec2 {
    pub(super) async fn new(sdk: &SdkConfig, calls: Calls) -> Self {
        Self { operation: client::describe_instances(sdk).await, calls }
    }

    /// All pages of one batch.
    async fn describe(&self, batch: &[Ec2InstanceId], found: &mut Vec<Ec2Instance>) -> Result<(), ApiError> {
        let operation = self.operation.as_ref().ok_or_else(no_region)?;
        let mut query = Query { instances: batch.to_vec(), next_token: None };
        for pages in 1_usize.. {
            let page = self.calls.finish(OPERATION, operation.invoke(query.clone()).await)?;
            found.extend(page.instances);
            match page.next_token {
                Some(_) if too_many(pages) => return Err(endless(OPERATION)),
                Some(token) => query.next_token = Some(token),
                None => break,
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Ec2Api for Ec2 {
    async fn describe_instances(
        &self,
        instances: &[Ec2InstanceId],
    ) -> Result<Described<Ec2Instance, Ec2InstanceId>, ApiError> {
        // Managed instances of ECS Anywhere are no instances of EC2.
        let known: Vec<_> = instances.iter().filter(|id| id.as_str().starts_with("i-")).cloned().collect();
        let mut found = Vec::new();
        for batch in known.chunks(BATCH) {
            self.describe(batch, &mut found).await?;
        }
        let answered: BTreeSet<_> = found.iter().map(|instance| &instance.id).collect();
        let missing = known.iter().filter(|id| !answered.contains(id)).cloned().collect();
        Ok(Described { found, missing })
    }
}

fn no_region() -> ApiError {
    let message = "no AWS region is known: set AWS_REGION, or the region in the configuration".to_owned();
    ApiError { operation: OPERATION, kind: ApiErrorKind::Other, message }
}

#[cfg(test)]
mod tests;
