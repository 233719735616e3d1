//! Amazon Route 53: hosted zones and their record sets.
//!
//! The SDK has no paginator for record sets: the API goes on at a name, a type and, among sets of one name and type, an
//! identifier. Whoever lists decides when the next page is asked for.

mod convert;
mod refused;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_route53::Client;
use aws_sdk_route53::config::Builder;
use aws_sdk_route53::types::{self, RrType};

use super::ATTEMPTS;
use super::calls::{Calls, endless, too_many};
use super::error::shorten;
use crate::dns::DomainName;
use crate::route53::{ChangeId, ChangeStatus, HostedZone, HostedZoneId, RecordChange, name};
use crate::source::ports::{ApiError, ApiErrorKind, RecordCursor, RecordPage, Route53Api};

const HOSTED_ZONE: &str = "route53:GetHostedZone";
const BY_NAME: &str = "route53:ListHostedZonesByName";
const LIST: &str = "route53:ListResourceRecordSets";
const CHANGE: &str = "route53:ChangeResourceRecordSets";
const STATUS: &str = "route53:GetChange";

/// Record sets of one page, the most that the API gives.
const PAGE: i32 = 300;

/// Amazon Route 53.
#[derive(Clone)]
pub struct Route53 {
    client: Client,
    calls: Calls,
}

impl Route53 {
    pub(super) fn new(sdk: &SdkConfig, calls: Calls) -> Self {
        // Calls keep to a pace of ours. The SDK's own, after throttling, is so slow that the call ends in a time-out,
        // which says nothing of the reason.
        let attempts = sdk.retry_config().map_or(ATTEMPTS, RetryConfig::max_attempts);
        let config = Builder::from(sdk).retry_config(RetryConfig::standard().with_max_attempts(attempts)).build();
        Self { client: Client::from_conf(config), calls }
    }
}

#[async_trait]
impl Route53Api for Route53 {
    async fn hosted_zone(&self, id: &HostedZoneId) -> Result<HostedZone, ApiError> {
        let answer = self.calls.finish(HOSTED_ZONE, self.client.get_hosted_zone().id(id.as_str()).send().await)?;
        let zone = answer.hosted_zone().and_then(convert::hosted_zone);
        let mut zone = zone.ok_or_else(|| senseless(HOSTED_ZONE, "the answer has no zone"))?;
        zone.vpcs = answer.vpcs().iter().filter_map(|vpc| vpc.vpc_id().map(str::to_owned)).collect();
        Ok(zone)
    }

    async fn hosted_zones_named(&self, wanted: &DomainName) -> Result<Vec<HostedZone>, ApiError> {
        // The list is of all zones, in the order of their names, from this one on.
        let (mut from, mut id) = (name::text(wanted), None);
        let mut found = Vec::new();
        for pages in 1_usize.. {
            let request = self.client.list_hosted_zones_by_name().dns_name(&from).set_hosted_zone_id(id);
            let page = self.calls.finish(BY_NAME, request.send().await)?;
            let zones: Vec<_> = page.hosted_zones().iter().filter_map(convert::hosted_zone).collect();
            let passed = zones.iter().any(|zone| zone.name != *wanted);
            found.extend(zones.into_iter().filter(|zone| zone.name == *wanted));
            match page.next_dns_name() {
                Some(_) if too_many(pages) => return Err(endless(BY_NAME)),
                Some(next) if page.is_truncated() && !passed => {
                    from = next.to_owned();
                    id = page.next_hosted_zone_id().map(str::to_owned);
                }
                _ => break,
            }
        }
        Ok(found)
    }

    async fn list_record_sets(&self, zone: &HostedZoneId, from: Option<&RecordCursor>) -> Result<RecordPage, ApiError> {
        let mut request = self.client.list_resource_record_sets().hosted_zone_id(zone.as_str()).max_items(PAGE);
        if let Some(from) = from {
            request = request
                .start_record_name(&from.name)
                .start_record_type(RrType::from(from.kind.as_str()))
                .set_start_record_identifier(from.set_identifier.clone());
        }
        let answer = self.calls.finish(LIST, request.send().await)?;
        let mut page = RecordPage::default();
        for set in answer.resource_record_sets() {
            match convert::record_set(set) {
                Ok(set) => page.sets.push(set),
                Err(why) => page.unreadable.push(why),
            }
        }
        if answer.is_truncated() {
            let next = answer.next_record_name().zip(answer.next_record_type());
            let (name, kind) = next.ok_or_else(|| senseless(LIST, "more pages are promised, but not where"))?;
            page.next = Some(RecordCursor {
                name: name.to_owned(),
                kind: kind.as_str().to_owned(),
                set_identifier: answer.next_record_identifier().map(str::to_owned),
            });
        }
        Ok(page)
    }

    async fn change_record_sets(&self, zone: &HostedZoneId, changes: &[RecordChange]) -> Result<ChangeId, ApiError> {
        let unbuildable = |error: aws_smithy_types::error::operation::BuildError| senseless(CHANGE, &error.to_string());
        let changes: Result<Vec<_>, _> = changes.iter().map(convert::change).collect();
        let batch = types::ChangeBatch::builder().set_changes(Some(changes.map_err(unbuildable)?)).build();
        let request = self.client.change_resource_record_sets().hosted_zone_id(zone.as_str());
        let answer = request.change_batch(batch.map_err(unbuildable)?).send().await;
        let refused = answer.as_ref().err().and_then(refused::messages);
        let answer = self.calls.finish(CHANGE, answer).map_err(|error| match refused {
            Some(message) => ApiError { kind: ApiErrorKind::Rejected, message: shorten(&message), ..error },
            None => error,
        })?;
        let info = answer.change_info().ok_or_else(|| senseless(CHANGE, "the answer has no change"))?;
        Ok(ChangeId::new(info.id()))
    }

    async fn change_status(&self, change: &ChangeId) -> Result<ChangeStatus, ApiError> {
        let answer = self.calls.finish(STATUS, self.client.get_change().id(change.as_str()).send().await)?;
        let info = answer.change_info().ok_or_else(|| senseless(STATUS, "the answer has no change"))?;
        Ok(if *info.status() == types::ChangeStatus::Insync { ChangeStatus::InSync } else { ChangeStatus::Pending })
    }
}

/// The error of an answer, or a request, that cannot be.
fn senseless(operation: &'static str, what: &str) -> ApiError {
    ApiError { operation, kind: ApiErrorKind::Other, message: what.to_owned() }
}

#[cfg(test)]
mod tests;
