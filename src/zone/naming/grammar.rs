//! Reading a name from the zone leftwards: whose answer could it be?
//!
//! The zone is looked up by whole names, so this is not on the way of an answer. It is asked only about names that are
//! not there, to tell "does not exist" from "we do not know yet".

use super::{Kind, is_reserved};

/// Which clusters could have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'n> {
    /// None: the name is not of a form that ECS names have.
    Nobody,
    /// The default clusters.
    Defaults,
    /// The cluster with this label.
    Cluster(&'n [u8]),
    /// The default clusters, or the cluster with this label.
    DefaultsOr(&'n [u8]),
    /// Any cluster: task ids and hosts.
    Anybody,
}

/// Reads the labels of a name in front of the zone, given from the left.
#[must_use]
pub fn reach<'n>(labels: &[&'n [u8]]) -> Reach<'n> {
    let grammar = labels.iter().take_while(|label| label.starts_with(b"_")).count();
    let (prefix, rest) = labels.split_at(grammar);
    let Some((&last, before)) = rest.split_last() else {
        return if prefix.is_empty() { Reach::Nobody } else { Reach::Defaults };
    };
    match (Kind::from_label(last), before) {
        (Some(Kind::Task), [_]) => Reach::Anybody,
        (Some(_), [_]) => Reach::Defaults,
        (Some(_), [_, cluster]) | (Some(Kind::Task), [_, _, cluster]) => Reach::Cluster(cluster),
        (Some(_), _) => Reach::Nobody,
        (None, [_]) if last == b"host" => Reach::Anybody,
        (None, _) if is_reserved(last) => Reach::Nobody,
        (None, []) if prefix.is_empty() => Reach::Defaults,
        (None, []) => Reach::DefaultsOr(last),
        (None, [_]) => Reach::Cluster(last),
        (None, _) => Reach::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_reach_the_clusters_that_could_have_them() {
        let check = |name: &str, expected: Reach<'_>| {
            let labels: Vec<&[u8]> = name.split('.').filter(|label| !label.is_empty()).map(str::as_bytes).collect();
            assert_eq!(reach(&labels), expected, "{name}");
        };
        check("", Reach::Nobody);
        check("web", Reach::Defaults);
        check("web.prod", Reach::Cluster(b"prod"));
        check("web.svc", Reach::Defaults);
        check("web.prod.svc", Reach::Cluster(b"prod"));
        check("web.task", Reach::Anybody);
        check("0123.web.prod.task", Reach::Cluster(b"prod"));
        check("i-0123.host", Reach::Anybody);
        check("_http._tcp.web.prod.task", Reach::Cluster(b"prod"));
        check("_web._tcp", Reach::Defaults);
        check("_http._tcp.web", Reach::DefaultsOr(b"web"));
        check("ns.dns", Reach::Nobody);
        check("a.b.c", Reach::Nobody);
        check("a.b.c.svc", Reach::Nobody);
    }
}
