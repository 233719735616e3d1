//! The addresses of a task's own network interface (network mode awsvpc), told from what DescribeTasks and the Task
//! State Change event say of it. One rule for both, so that they cannot disagree.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network interface as a container lists it (`networkInterfaces`).
#[derive(Debug, Clone, Copy, Default)]
pub struct NetworkInterface<'a> {
    /// `attachmentId`: what attached it.
    pub attachment: Option<&'a str>,
    /// `privateIpv4Address`.
    pub ipv4: Option<&'a str>,
    /// `ipv6Address`.
    pub ipv6: Option<&'a str>,
}

/// Something attached to a task (`attachments`).
#[derive(Debug, Clone, Default)]
pub struct Attachment<'a> {
    /// `id`.
    pub id: Option<&'a str>,
    /// `type`: `eni` in events, `ElasticNetworkInterface` in the API; others are no interfaces.
    pub kind: Option<&'a str>,
    /// `status`, e.g. ATTACHED.
    pub status: Option<&'a str>,
    /// `details`, name and value.
    pub details: Vec<(&'a str, &'a str)>,
}

impl<'a> Attachment<'a> {
    fn is_interface(&self) -> bool {
        matches!(self.kind, Some("eni" | "ElasticNetworkInterface"))
    }

    /// Values of the detail of this name.
    fn values(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.details.iter().filter(move |detail| detail.0 == name).map(|detail| detail.1)
    }
}

/// The addresses, each once, in the order of the API. The containers of a task share its interface, so each lists it
/// again. An attachment has the address earlier, while no container runs yet, and is all that moto gives.
///
/// What was attached by an attachment that is DELETED belongs to somebody else by now, unless the task `is_over`:
/// then nobody will be sent there, and the address tells which task it was.
#[must_use]
pub fn addresses(
    is_over: bool,
    interfaces: &[NetworkInterface<'_>],
    attachments: &[Attachment<'_>],
) -> (Vec<Ipv4Addr>, Vec<Ipv6Addr>) {
    let gone = |attachment: &Attachment<'_>| !is_over && attachment.status == Some("DELETED");
    let detached = |id: &str| attachments.iter().any(|attachment| gone(attachment) && attachment.id == Some(id));
    let interfaces: Vec<_> = interfaces.iter().filter(|one| !one.attachment.is_some_and(detached)).collect();
    let attachments: Vec<_> = attachments.iter().filter(|one| one.is_interface() && !gone(one)).collect();
    let attached = |name| attachments.iter().flat_map(move |one| one.values(name));
    (
        parsed(interfaces.iter().filter_map(|one| one.ipv4), attached("privateIPv4Address")),
        parsed(interfaces.iter().filter_map(|one| one.ipv6), attached("ipv6Address")),
    )
}

/// The addresses among `texts`, or, if there is none, among `otherwise`.
fn parsed<'a, T: FromStr + PartialEq>(
    texts: impl Iterator<Item = &'a str>,
    otherwise: impl Iterator<Item = &'a str>,
) -> Vec<T> {
    let found = unique(texts.filter_map(|text| text.parse().ok()));
    if found.is_empty() { unique(otherwise.filter_map(|text| text.parse().ok())) } else { found }
}

/// Each value once, in the order of its first appearance.
pub(crate) fn unique<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<T> {
    values.fold(Vec::new(), |mut kept, value| {
        if !kept.contains(&value) {
            kept.push(value);
        }
        kept
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(kind: &'static str, status: &'static str, address: &'static str) -> Attachment<'static> {
        let details = vec![("subnetId", "subnet-1"), ("privateIPv4Address", address), ("ipv6Address", "2001:db8::9")];
        Attachment { id: Some("at"), kind: Some(kind), status: Some(status), details }
    }

    fn listed(ipv4: &'static str) -> NetworkInterface<'static> {
        NetworkInterface { attachment: Some("at"), ipv4: Some(ipv4), ipv6: None }
    }

    fn ipv4(is_over: bool, interfaces: &[NetworkInterface<'_>], attachments: &[Attachment<'_>]) -> Vec<String> {
        addresses(is_over, interfaces, attachments).0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_the_containers_list_counts_and_else_the_attachment() {
        let attached = attachment("eni", "ATTACHED", "10.0.0.9");
        let both = [listed("10.0.0.1"), listed("10.0.0.1"), listed("10.0.0.2")];
        assert_eq!(ipv4(false, &both, std::slice::from_ref(&attached)), ["10.0.0.1", "10.0.0.2"]);
        assert_eq!(ipv4(false, &[], std::slice::from_ref(&attached)), ["10.0.0.9"]);
        assert_eq!(ipv4(false, &[listed("nonsense")], &[attached]), ["10.0.0.9"]);
        assert_eq!(ipv4(false, &[], &[attachment("ElasticNetworkInterface", "ATTACHED", "10.0.0.9")]), ["10.0.0.9"]);
    }

    #[test]
    fn each_family_is_looked_for_by_itself() {
        let (v4, v6) = addresses(false, &[listed("10.0.0.1")], &[attachment("eni", "ATTACHED", "10.0.0.9")]);
        assert_eq!((v4, v6), (vec![Ipv4Addr::new(10, 0, 0, 1)], vec!["2001:db8::9".parse().unwrap()]));
    }

    #[test]
    fn other_attachments_have_no_address_of_the_task() {
        assert!(ipv4(false, &[], &[attachment("elb", "ATTACHED", "10.0.0.9")]).is_empty());
        assert!(ipv4(false, &[], &[attachment("AmazonElasticBlockStorage", "ATTACHED", "10.0.0.9")]).is_empty());
    }

    #[test]
    fn an_interface_that_is_deleted_is_not_the_tasks_while_it_lives() {
        for kind in ["eni", "ElasticNetworkInterface"] {
            let deleted = [attachment(kind, "DELETED", "10.0.0.9")];
            assert!(ipv4(false, &[], &deleted).is_empty());
            assert!(ipv4(false, &[listed("10.0.0.9")], &deleted).is_empty());
            assert_eq!(ipv4(true, &[listed("10.0.0.9")], &deleted), ["10.0.0.9"]);
            let moved = [attachment(kind, "DELETED", "10.0.0.9"), attachment(kind, "ATTACHED", "10.0.0.10")];
            assert_eq!(ipv4(false, &[], &moved), ["10.0.0.10"]);
        }
    }
}
