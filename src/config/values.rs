//! Texts of the configuration → values: addresses, durations, sizes, names. Each error is what is wrong, in a clause.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

use crate::dns::presentation::{self, Escapes};
use crate::dns::{DomainName, name};
use crate::ecs::ClusterArn;
use crate::forwarder::Server;

/// Port of DNS.
pub const DNS_PORT: u16 = 53;

/// Reads an address with or without a port; `port` is taken if it has none.
///
/// # Errors
/// When it is neither.
pub fn address(text: &str, port: u16) -> Result<SocketAddr, String> {
    let bare = text.trim();
    let inner = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(bare);
    let parsed = bare.parse().or_else(|_| inner.parse().map(|ip: IpAddr| SocketAddr::new(ip, port)));
    parsed.map_err(|_| format!("`{text}` is not an IP address, with or without a port"))
}

/// Reads a network, `10.0.0.0/8`; an address alone is the network of itself.
///
/// # Errors
/// When it is none, or has bits behind its prefix, which is more often a slip than meant.
pub fn network(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = parsed.map_err(|_| format!("`{text}` is not a network"))?;
    let whole = network.trunc();
    if whole == network { Ok(network) } else { Err(format!("{network} is an address in the network {whole}")) }
}

/// Port of DNS over TLS (RFC 7858 3.1).
const TLS_PORT: u16 = 853;

/// Reads a DNS server: an address with or without a port (53), or `tls://` and an address with or without a port
/// (853), `#` and the name in its certificate; without a name its certificate must be for the address.
///
/// # Errors
/// When it is neither.
pub fn server(text: &str) -> Result<Server, String> {
    let Some(rest) = text.trim().strip_prefix("tls://") else {
        return address(text, DNS_PORT).map(Server::from);
    };
    let (at, name) = rest.split_once('#').map_or((rest, None), |(at, name)| (at, Some(name)));
    let address = address(at, TLS_PORT)?;
    match name {
        Some(name) if DomainName::from_text(name).is_none_or(|name| name.labels().next().is_none()) => {
            Err(format!("`{name}` is not the name of a server"))
        }
        Some(name) => Ok(Server { address, tls: Some(name.into()) }),
        None => Ok(Server { address, tls: Some(address.ip().to_string().into()) }),
    }
}

/// Reads a duration such as `30s` or `1m 30s`.
///
/// # Errors
/// When it is none, or negative.
pub fn duration(text: &str) -> Result<Duration, String> {
    let parsed = text.parse::<jiff::SignedDuration>().ok().and_then(|signed| Duration::try_from(signed).ok());
    parsed.ok_or_else(|| format!("`{text}` is not a duration"))
}

/// Writes a duration as [`duration`] reads it.
#[must_use]
pub fn duration_text(duration: Duration) -> String {
    jiff::SignedDuration::try_from(duration).map_or_else(|_| format!("{duration:?}"), |signed| format!("{signed:#}"))
}

const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// Reads a size such as `16MiB` as bytes.
///
/// # Errors
/// When it is none, or does not fit into 64 bits.
pub fn size(text: &str) -> Result<u64, String> {
    let parse = |(unit, bytes): &(&str, u64)| {
        let number = text.trim().strip_suffix(unit)?.trim_end().parse::<u64>().ok()?;
        number.checked_mul(*bytes)
    };
    UNITS.iter().find_map(parse).ok_or_else(|| format!("`{text}` is not a size in KiB, MiB or GiB"))
}

/// Writes a size as [`size`] reads it, rounded down to whole KiB.
#[must_use]
pub fn size_text(bytes: u64) -> String {
    let (unit, size) =
        UNITS.into_iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size)).unwrap_or(("KiB", 1024));
    format!("{}{unit}", bytes / size)
}

/// Names of which AWS's own resolver answers parts that hosts depend on.
const OF_AWS: [&str; 3] = ["internal.", "ec2.internal.", "compute.internal."];

/// Reads the name of our zone.
///
/// # Errors
/// When it is no domain name, has letters that ECS names cannot have, or would hide names of AWS.
pub fn zone(text: &str) -> Result<DomainName, String> {
    let letters = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let name = Some(text).filter(|text| letters(text)).and_then(DomainName::from_text);
    let name = name.filter(|name| name.labels().next().is_some());
    let name = name.ok_or_else(|| format!("`{text}` is not a domain name"))?;
    let shown = name.to_string();
    if OF_AWS.contains(&shown.as_str()) || shown.ends_with(".compute.internal.") {
        return Err(format!("`{text}` holds names of AWS itself, which hosts need"));
    }
    Ok(name)
}

/// Reads a name that `[records]` may have: one below `zone` or outside of it that is not a wildcard.
///
/// # Errors
/// When it is none.
pub fn record_name(text: &str, zone: &DomainName) -> Result<DomainName, String> {
    let name = presentation::name(text, Escapes::Decimal).ok_or_else(|| format!("`{text}` is not a domain name"))?;
    if name::is_within(zone.as_wire(), name.as_wire()) {
        return Err(format!("`{text}` is not below {zone} and not outside of it, but at or above its apex"));
    }
    if name.labels().next() == Some(b"*") {
        return Err(format!("`{text}` is a wildcard, and names here stand for themselves only"));
    }
    Ok(name)
}

/// How much may be logged. There is nothing below debug, which "trace" means as well.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Reads what is to be logged, and writes it as the log takes it: levels, and levels of modules as `module=level`,
/// separated by commas.
///
/// # Errors
/// When something else is in it.
pub fn log_filter(text: &str) -> Result<String, String> {
    let directive = |directive: &str| {
        let (module, level) = directive.rsplit_once('=').map_or(("", directive), |(module, level)| (module, level));
        let level = level.to_ascii_lowercase();
        if !LEVELS.contains(&level.as_str()) {
            return Err(format!("`{directive}` is neither a level nor a module=level"));
        }
        let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_:".contains(&byte);
        if directive.contains('=') && (module.is_empty() || !module.bytes().all(letters)) {
            return Err(format!("`{module}` is not the name of a module"));
        }
        let level = if level == "trace" { "debug" } else { level.as_str() };
        Ok(if module.is_empty() { level.to_owned() } else { format!("{module}={level}") })
    };
    let directives: Result<Vec<_>, _> = text.split(',').map(|part| directive(part.trim())).collect();
    Ok(directives?.join(","))
}

/// Whether `text` can be the name or ARN of a cluster.
#[must_use]
pub fn is_cluster(text: &str) -> bool {
    let name = match ClusterArn::parse(text) {
        Ok(arn) => arn.id().to_owned(),
        Err(_) => text.to_owned(),
    };
    (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether `text` has the shape of a region: `eu-central-1`, `us-gov-west-1`.
#[must_use]
pub fn is_region(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    let words = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, names)) => number.parse::<u8>().is_ok() && names.len() >= 2 && names.iter().all(words),
        None => false,
    }
}

/// Whether `text` has the shape of a queue's URL: `https://<host>/<account>/<name>`. Plain HTTP is taken too, for
/// emulators.
#[must_use]
pub fn is_queue_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let parts: Vec<_> = rest.unwrap_or_default().split('/').collect();
    let clean = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_graphic());
    matches!(parts.as_slice(), [_, account, _] if account.bytes().all(|byte| byte.is_ascii_digit()))
        && parts.iter().all(clean)
}

/// Whether `text` has the shape of a topic's ARN.
#[must_use]
pub fn is_topic_arn(text: &str) -> bool {
    let parts: Vec<_> = text.split(':').collect();
    let full = parts.iter().all(|part| !part.is_empty());
    matches!(parts.as_slice(), ["arn", _, "sns", _, account, _] if account.bytes().all(|byte| byte.is_ascii_digit()))
        && full
}

/// The id of a hosted zone, without the `/hostedzone/` that the API puts before it; `None` if it is none.
#[must_use]
pub fn hosted_zone_id(text: &str) -> Option<&str> {
    let id = text.strip_prefix("/hostedzone/").unwrap_or(text);
    let letters = id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    (id.starts_with('Z') && (2..=32).contains(&id.len()) && letters).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_may_leave_out_the_port() {
        for (text, want) in [
            ("127.0.0.1", "127.0.0.1:53"),
            ("127.0.0.1:1053", "127.0.0.1:1053"),
            ("::1", "[::1]:53"),
            ("[fd00:ec2::253]", "[fd00:ec2::253]:53"),
            ("[::1]:5353", "[::1]:5353"),
        ] {
            assert_eq!(address(text, 53).unwrap().to_string(), want);
        }
        for bad in ["", "localhost", "127.0.0.1:", "127.0.0.1:99999", "10.0.0", "eth0", "[::1"] {
            assert!(address(bad, 53).unwrap_err().contains(bad));
        }
    }

    #[test]
    fn networks_are_whole_and_an_address_is_one() {
        for (text, want) in [("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3", "10.1.2.3/32"), ("fd00::/8", "fd00::/8")] {
            assert_eq!(network(text).unwrap().to_string(), want);
        }
        assert!(network("10.1.2.3/16").unwrap_err().contains("10.1.0.0/16"));
        for bad in ["", "10.0.0.0/33", "10.0.0/8", "loopback", "10.0.0.0/8/8", "fe80::1%eth0"] {
            assert!(network(bad).unwrap_err().contains("not a network"), "{bad}");
        }
    }

    #[test]
    fn servers_may_be_asked_over_tls() {
        for (text, want) in [
            ("10.0.0.2", "10.0.0.2:53"),
            ("tls://10.0.0.2#dns.example", "tls://10.0.0.2:853#dns.example"),
            ("tls://[fd00::2]:8853#dns.example", "tls://[fd00::2]:8853#dns.example"),
            ("tls://10.0.0.2", "tls://10.0.0.2:853#10.0.0.2"),
        ] {
            let read = server(text).unwrap();
            assert_eq!(read.to_string(), want);
            assert_eq!(server(want), Ok(read));
        }
        for bad in ["tls://", "tls://dns.example", "tls://10.0.0.2#", "tls://10.0.0.2#a..b", "https://10.0.0.2"] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations_and_sizes_are_read_and_written() {
        for (text, millis) in [("30s", 30_000), ("1m 30s", 90_000), ("100ms", 100), ("1h", 3_600_000)] {
            let read = duration(text).unwrap();
            assert_eq!(read, Duration::from_millis(millis));
            assert_eq!(duration(&duration_text(read)).unwrap(), read);
        }
        for bad in ["", "30", "-5s", "soon", "s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        for (text, bytes) in [("16MiB", 16 << 20), ("1 GiB", 1 << 30), ("1500KiB", 1500 << 10)] {
            assert_eq!(size(text), Ok(bytes));
            assert_eq!(size(&size_text(bytes)), Ok(bytes));
        }
        for bad in ["", "16", "MiB", "-1MiB", "16MB", "99999999999999999999GiB", "18446744073709551615GiB"] {
            assert!(size(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_logged_is_spelt_right() {
        for (text, want) in [
            ("info", "info"),
            ("WARN, ecs_resolver::forwarder=Debug", "warn,ecs_resolver::forwarder=debug"),
            ("trace,hyper=off", "debug,hyper=off"),
        ] {
            assert_eq!(log_filter(text).as_deref(), Ok(want));
        }
        for bad in ["", "inof", "verbose", "info,", "ecs_resolver", "ecs_resolver=", "=info", "===", "a[b]=info", "a=1"]
        {
            assert!(log_filter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_zone_leaves_the_names_of_aws_alone() {
        assert_eq!(zone("ECS.Internal").unwrap().to_string(), "ecs.internal.");
        let long = format!("{}.internal", "a".repeat(64));
        for bad in ["", ".", "a..b", "a b", "internal", "EC2.internal.", "eu-west-1.compute.internal", long.as_str()] {
            assert!(zone(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn names_of_aws_have_their_shapes() {
        assert!(is_cluster("prod") && is_cluster("arn:aws:ecs:eu-west-1:123456789012:cluster/prod_1"));
        assert!(!is_cluster("") && !is_cluster("a b") && !is_cluster("arn:aws:ecs:r:1:service/x"));
        assert!(!is_cluster(&"a".repeat(256)));
        assert!(is_region("eu-central-1") && is_region("us-gov-west-1"));
        assert!(!is_region("frankfurt") && !is_region("eu-central") && !is_region("EU-central-1") && !is_region(""));
        assert!(is_queue_url("https://sqs.eu-west-1.amazonaws.com/123456789012/q"));
        assert!(is_queue_url("http://127.0.0.1:4566/000000000000/q"));
        assert!(!is_queue_url("q") && !is_queue_url("https://host/q") && !is_queue_url("ftp://h/1/q"));
        assert!(!is_queue_url("https://host//q"));
        assert!(is_topic_arn("arn:aws:sns:eu-west-1:123456789012:t") && !is_topic_arn("arn:aws:sqs:eu-west-1:1:t"));
        assert!(!is_topic_arn("arn:aws:sns::1:t"));
        assert_eq!(hosted_zone_id("/hostedzone/Z1D633PJN98FT9"), Some("Z1D633PJN98FT9"));
        assert_eq!((hosted_zone_id("ecs.internal"), hosted_zone_id("Z")), (None, None));
    }
}
