//! Elastic Load Balancing, classic and v2: two APIs and two SDKs behind one port.
//!
//! Both fail a whole batch when one of it does not exist; `not_found.rs` finds out which.

mod not_found;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_elasticloadbalancing as classic;
use aws_sdk_elasticloadbalancingv2 as v2;

use super::calls::Calls;
use crate::ecs::{LoadBalancer, LoadBalancerId, Scheme, TargetGroup, TargetGroupArn};
use crate::source::ports::{ApiError, Described, LoadBalancerApi};

/// IAM has one action for classic and v2.
const LOAD_BALANCERS: &str = "elasticloadbalancing:DescribeLoadBalancers";
const TARGET_GROUPS: &str = "elasticloadbalancing:DescribeTargetGroups";

/// Elastic Load Balancing.
#[derive(Clone)]
pub struct LoadBalancing {
    classic: classic::Client,
    v2: v2::Client,
    calls: Calls,
}

impl LoadBalancing {
    pub(super) fn new(sdk: &SdkConfig, calls: Calls) -> Self {
        Self { classic: classic::Client::new(sdk), v2: v2::Client::new(sdk), calls }
    }

    async fn target_groups(&self, groups: Vec<TargetGroupArn>) -> Result<Vec<TargetGroup>, ApiError> {
        let arns = groups.iter().map(|group| group.as_str().to_owned()).collect();
        let stream = self.v2.describe_target_groups().set_target_group_arns(Some(arns)).into_paginator().send();
        let items = |page: v2::operation::describe_target_groups::DescribeTargetGroupsOutput| {
            page.target_groups().iter().filter_map(target_group).collect()
        };
        self.calls.pages(TARGET_GROUPS, stream, items).await
    }

    async fn load_balancers(&self, balancers: Vec<LoadBalancerId>) -> Result<Vec<LoadBalancer>, ApiError> {
        let arns = balancers.iter().map(|balancer| balancer.as_str().to_owned()).collect();
        let stream = self.v2.describe_load_balancers().set_load_balancer_arns(Some(arns)).into_paginator().send();
        let items = |page: v2::operation::describe_load_balancers::DescribeLoadBalancersOutput| {
            page.load_balancers().iter().filter_map(load_balancer).collect()
        };
        self.calls.pages(LOAD_BALANCERS, stream, items).await
    }

    async fn classic_load_balancers(&self, names: Vec<LoadBalancerId>) -> Result<Vec<LoadBalancer>, ApiError> {
        let names = names.iter().map(|name| name.as_str().to_owned()).collect();
        let request = self.classic.describe_load_balancers().set_load_balancer_names(Some(names));
        let items = |page: classic::operation::describe_load_balancers::DescribeLoadBalancersOutput| {
            page.load_balancer_descriptions().iter().filter_map(classic_load_balancer).collect()
        };
        self.calls.pages(LOAD_BALANCERS, request.into_paginator().send(), items).await
    }
}

#[async_trait]
impl LoadBalancerApi for LoadBalancing {
    async fn describe_target_groups(
        &self,
        groups: &[TargetGroupArn],
    ) -> Result<Described<TargetGroup, TargetGroupArn>, ApiError> {
        not_found::without_missing(groups, TargetGroupArn::as_str, |batch| self.target_groups(batch)).await
    }

    async fn describe_load_balancers(
        &self,
        balancers: &[LoadBalancerId],
    ) -> Result<Described<LoadBalancer, LoadBalancerId>, ApiError> {
        not_found::without_missing(balancers, LoadBalancerId::as_str, |batch| self.load_balancers(batch)).await
    }

    async fn describe_classic_load_balancers(
        &self,
        names: &[LoadBalancerId],
    ) -> Result<Described<LoadBalancer, LoadBalancerId>, ApiError> {
        not_found::without_missing(names, LoadBalancerId::as_str, |batch| self.classic_load_balancers(batch)).await
    }
}

fn target_group(from: &v2::types::TargetGroup) -> Option<TargetGroup> {
    Some(TargetGroup {
        arn: TargetGroupArn(from.target_group_arn()?.into()),
        load_balancers: from.load_balancer_arns().iter().map(|arn| LoadBalancerId(arn.as_str().into())).collect(),
    })
}

/// A gateway load balancer has no name in the DNS, so there is nothing to say of it.
fn load_balancer(from: &v2::types::LoadBalancer) -> Option<LoadBalancer> {
    Some(LoadBalancer {
        id: LoadBalancerId(from.load_balancer_arn()?.into()),
        dns_name: dns_name(from.dns_name())?,
        scheme: scheme(from.scheme().map(v2::types::LoadBalancerSchemeEnum::as_str)),
    })
}

fn classic_load_balancer(from: &classic::types::LoadBalancerDescription) -> Option<LoadBalancer> {
    Some(LoadBalancer {
        id: LoadBalancerId(from.load_balancer_name()?.into()),
        dns_name: dns_name(from.dns_name())?,
        scheme: scheme(from.scheme()),
    })
}

fn dns_name(from: Option<&str>) -> Option<String> {
    from.map(|name| name.trim_end_matches('.').to_owned()).filter(|name| !name.is_empty())
}

fn scheme(word: Option<&str>) -> Scheme {
    if word == Some("internal") { Scheme::Internal } else { Scheme::InternetFacing }
}

#[cfg(test)]
mod tests;
