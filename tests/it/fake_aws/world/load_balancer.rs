//! Load balancers, classic and v2, and target groups.

/// Whom a load balancer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The VPC.
    Internal,
    /// Everybody.
    InternetFacing,
}

impl Scheme {
    /// As the APIs spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::InternetFacing => "internet-facing",
        }
    }

    /// What the DNS names of classic and application load balancers begin with.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Internal => "internal-",
            Self::InternetFacing => "",
        }
    }
}

/// A classic load balancer.
#[derive(Clone, Debug)]
pub struct ClassicLoadBalancer {
    pub name: String,
    pub dns_name: String,
    pub scheme: Scheme,
}

/// An application or network load balancer.
#[derive(Clone, Debug)]
pub struct LoadBalancer {
    pub arn: String,
    pub name: String,
    pub dns_name: String,
    pub scheme: Scheme,
    /// `application` or `network`.
    pub kind: &'static str,
}

/// A target group.
#[derive(Clone, Debug)]
pub struct TargetGroup {
    pub arn: String,
    pub name: String,
    /// `ip` or `instance`.
    pub target_type: &'static str,
    /// At most one at AWS; none while it is not in use.
    pub load_balancer_arns: Vec<String>,
}
