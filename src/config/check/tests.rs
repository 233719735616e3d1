//! Every kind of fault, one by one and together.

use super::*;

/// The keys of the faults of a file's text.
fn faults(text: &str) -> Vec<Fault> {
    check(toml::from_str(text).unwrap(), &Overrides::default()).err().unwrap_or_default()
}

fn config(text: &str) -> Config {
    check(toml::from_str(text).unwrap(), &Overrides::default()).unwrap()
}

/// One fault, of `key`, that says `what`.
fn refuses(text: &str, key: &str, what: &str) {
    let found = faults(text);
    let [fault] = found.as_slice() else { panic!("{text}: {found:?}") };
    assert_eq!(fault.key, key, "{text}");
    assert!(fault.what.contains(what), "{fault}");
    assert!(!fault.fix.is_empty(), "{fault}");
}

#[test]
fn the_defaults_are_what_the_documentation_says() {
    let config = config("");
    let shown: Vec<_> = config.dns.listen.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1:53", "169.254.20.10:53"]);
    assert_eq!(config.dns.zone.to_string(), "ecs.internal.");
    assert_eq!((config.dns.ttl, config.dns.negative_ttl, config.dns.workers), (5, 5, 1));
    assert_eq!((config.ecs.source, config.ecs.clusters), (Source::Describe, Clusters::FromHost));
    assert_eq!(config.ecs.poll_interval, Duration::from_secs(30));
    assert_eq!(config.forward.upstreams, ["169.254.169.253:53".parse::<SocketAddr>().unwrap().into()]);
    assert_eq!(config.http.listen, Some("127.0.0.1:9153".parse().unwrap()));
    assert_eq!((config.route53.fallback, config.forward.cache_size), (Fallback::Resolver, 16 << 20));
}

#[test]
fn limits_have_limits() {
    refuses("limits.tcp_connections = 15", "limits.tcp_connections", "15 is out of range");
    refuses("limits.tcp_connections_per_client = 0", "limits.tcp_connections_per_client", "0 is out of range");
    refuses("limits.tcp_idle = \"99ms\"", "limits.tcp_idle", "99ms is out of range");
    refuses("limits.questions_under_way = 1000001", "limits.questions_under_way", "1000001 is out of range");
    refuses(
        "limits.questions_under_way_per_client = -1",
        "limits.questions_under_way_per_client",
        "-1 is out of range",
    );
    refuses("limits.inventory = 999", "limits.inventory", "999 is out of range");
    let limits = config("").limits;
    assert_eq!((limits.tcp_connections, limits.tcp_connections_per_client), (1024, 128));
    assert_eq!((limits.questions_under_way, limits.questions_under_way_per_client), (4096, 1024));
    assert_eq!((limits.tcp_idle, limits.inventory), (Duration::from_secs(10), 150_000));
}

#[test]
fn addresses_are_judged_one_by_one() {
    refuses("dns.listen = []", "dns.listen", "0 addresses");
    let many: Vec<_> = (1..=33).map(|port| format!("\"127.0.0.1:{port}\"")).collect();
    refuses(&format!("dns.listen = [{}]", many.join(",")), "dns.listen", "33 addresses");
    refuses("dns.listen = [\"127.0.0.1\", \"localhost\"]", "dns.listen[1]", "`localhost`");
    refuses("dns.listen = [\"127.0.0.1\", \"127.0.0.1:53\"]", "dns.listen[1]", "twice");
    refuses("dns.listen = \"224.0.0.1\"", "dns.listen[0]", "one host");
    refuses("dns.listen = \"255.255.255.255\"", "dns.listen[0]", "one host");
    assert_eq!(config("dns.listen = [\"127.0.0.1:0\", \"127.0.0.1:0\"]").dns.listen.len(), 2);
    refuses("forward.upstreams = []", "forward.upstreams", "0 addresses");
    refuses("forward.upstreams = \"10.0.0.2:0\"", "forward.upstreams[0]", "cannot be asked");
    refuses("forward.upstreams = \"0.0.0.0\"", "forward.upstreams[0]", "cannot be asked");
}

#[test]
fn our_own_address_as_upstream_is_a_loop() {
    refuses("forward.upstreams = [\"10.0.0.2\", \"127.0.0.1\"]", "forward.upstreams[1]", "loop");
    refuses("dns.listen = \"0.0.0.0\"\nforward.upstreams = \"127.0.0.53\"", "forward.upstreams[0]", "loop");
    refuses("dns.listen = \"[::]:5353\"\nforward.upstreams = \"[::1]:5353\"", "forward.upstreams[0]", "loop");
    refuses("forward.upstreams = \"[::ffff:127.0.0.1]\"", "forward.upstreams[0]", "loop");
    config("dns.listen = \"127.0.0.1:1053\"\nforward.upstreams = \"127.0.0.1:5300\"");
    config("forward.upstreams = \"127.0.0.53\"");
}

#[test]
fn numbers_have_ranges() {
    for (text, key) in [
        ("dns.ttl = -1", "dns.ttl"),
        ("dns.ttl = 3601", "dns.ttl"),
        ("dns.negative_ttl = 9999999999", "dns.negative_ttl"),
        ("dns.workers = 0", "dns.workers"),
        ("dns.workers = 257", "dns.workers"),
        ("ecs.poll_interval = \"99ms\"", "ecs.poll_interval"),
        ("ecs.poll_interval = \"2h\"", "ecs.poll_interval"),
        ("ecs.reconcile_interval = \"999ms\"", "ecs.reconcile_interval"),
        ("ecs.reconcile_interval = \"25h\"", "ecs.reconcile_interval"),
        ("ecs.health_interval = \"2h\"", "ecs.health_interval"),
        ("forward.cache_size = \"1KiB\"", "forward.cache_size"),
        ("forward.cache_size = \"5GiB\"", "forward.cache_size"),
    ] {
        refuses(text, key, "out of range");
    }
    refuses("ecs.poll_interval = \"soon\"", "ecs.poll_interval", "not a duration");
    refuses("forward.cache_size = \"big\"", "forward.cache_size", "not a size");
    assert_eq!(config("dns.ttl = 0\ndns.negative_ttl = 0").dns.ttl, 0);
}

#[test]
fn words_are_the_known_ones() {
    refuses("ecs.source = \"events\"", "ecs.source", "`events`");
    refuses("ecs.source = \"fixture\"", "ecs.fixture", "no file");
    refuses("ecs.source = \"fixture\"\necs.fixture = \"\"", "ecs.fixture", "no file");
    refuses("route53.fallback = \"yes\"", "route53.fallback", "`yes`");
    refuses("log.format = \"xml\"", "log.format", "`xml`");
    refuses("log.level = \"info,,=x=\"", "log.level", "not a filter");
    assert_eq!(config("ecs.source = \"off\"\necs.fixture = \"x\"").ecs.source, Source::Off);
    assert_eq!(config("route53.fallback = \"off\"").route53.fallback, Fallback::Off);
}

#[test]
fn clusters_are_named_all_or_this_hosts() {
    assert_eq!(config("ecs.clusters = \"all\"").ecs.clusters, Clusters::All);
    assert_eq!(config("ecs.clusters = [\"*\"]").ecs.clusters, Clusters::All);
    let named = config("ecs.clusters = [\"b\", \"a\"]").ecs.clusters;
    assert_eq!(named, Clusters::Named(vec!["b".to_owned(), "a".to_owned()]));
    refuses("ecs.clusters = [\"a\", \"*\"]", "ecs.clusters[1]", "all clusters");
    refuses("ecs.clusters = [\"a\", \"a\"]", "ecs.clusters[1]", "twice");
    refuses("ecs.clusters = [\"a/b\"]", "ecs.clusters[0]", "neither");
    let many: Vec<_> = (0..101).map(|number| format!("\"c{number}\"")).collect();
    refuses(&format!("ecs.clusters = [{}]", many.join(",")), "ecs.clusters", "101 clusters");
}

#[test]
fn names_of_aws_must_have_their_shape() {
    refuses("dns.zone = \"ec2.internal\"", "dns.zone", "AWS itself");
    refuses("dns.zone = \"\"", "dns.zone", "not a domain name");
    refuses("ecs.region = \"frankfurt\"", "ecs.region", "not an AWS region");
    refuses("events.queue_url = \"my-queue\"", "events.queue_url", "not the URL");
    refuses("events.topic_arn = \"my-topic\"", "events.topic_arn", "not the ARN");
    refuses("controller.record_types = []", "controller.record_types", "no record type");
    refuses("controller.record_types = [\"CNAME\", \"MX\"]", "controller.record_types[1]", "`MX`");
    refuses("controller.interval = \"2h\"", "controller.interval", "out of range");
    let kinds = config("controller.record_types = [\"srv\", \"A\"]").controller.record_types;
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), [Kind::A, Kind::Srv]);
    let both = "events.queue_url = \"https://h/1/q\"\nevents.topic_arn = \"arn:aws:sns:eu-west-1:1:t\"";
    refuses(both, "events.topic_arn", "a host reads one queue");
    refuses("route53.zone_id = \"ecs.internal\"", "route53.zone_id", "hosted zone");
    let id = config("route53.zone_id = \"/hostedzone/Z1D633PJN98FT9\"").route53.zone_id;
    assert_eq!(id.as_deref(), Some("Z1D633PJN98FT9"));
}

#[test]
fn paths_are_absolute() {
    refuses("snapshot.path = \"snapshot.json\"", "snapshot.path", "absolute");
    refuses("ecs.agent_config = \"ecs.config\"", "ecs.agent_config", "absolute");
}

#[test]
fn http_has_an_address_of_its_own() {
    assert_eq!(config("http.listen = \"off\"").http.listen, None);
    refuses("http.listen = \"127.0.0.1\"", "http.listen", "with a port");
    refuses("http.listen = \"127.0.0.1:53\"", "http.listen", "taken by 127.0.0.1:53");
    refuses("http.listen = \"0.0.0.0:53\"", "http.listen", "taken by 127.0.0.1:53");
}

#[test]
fn all_faults_come_at_once() {
    let text = "dns.ttl = -1\ndns.zone = \"internal\"\nforward.upstreams = \"127.0.0.1\"\nlog.format = \"xml\"";
    let keys: Vec<_> = faults(text).into_iter().map(|fault| fault.key).collect();
    assert_eq!(keys, ["dns.zone", "dns.ttl", "log.format", "forward.upstreams[0]"]);
}

#[test]
fn an_address_that_everybody_reaches_is_told() {
    assert_eq!(notices(&config("")), Vec::<String>::new());
    let said = notices(&config("dns.listen = \"0.0.0.0\""));
    let [open] = said.as_slice() else { panic!("{said:?}") };
    assert!(open.contains("whoever"), "{said:?}");
}

#[test]
fn the_snapshot_has_a_place_and_an_age() {
    let path = |text: &str| config(text).snapshot.path;
    assert_eq!(path(""), SnapshotPath::StateDirectory);
    assert_eq!(path("snapshot.path = \"off\""), SnapshotPath::Off);
    assert_eq!(path("snapshot.path = \"/s\""), SnapshotPath::At("/s".into()));
    assert_eq!(config("snapshot.max_age = \"0s\"").snapshot.max_age, Duration::ZERO);
    refuses("snapshot.max_age = \"8761h\"", "snapshot.max_age", "out of range");
}

#[test]
fn what_forwarding_takes_is_judged() {
    refuses("forward.upstreams = \"tls://dns.example\"", "forward.upstreams[0]", "is not an IP address");
    refuses("forward.upstreams = [\"tls://10.0.0.2#a\", \"tls://10.0.0.2:853#a\"]", "forward.upstreams[1]", "twice");
    refuses("forward.upstreams = \"tls://127.0.0.1:53#a.example\"", "forward.upstreams[0]", "loop");
    refuses("forward.policy = \"slowest\"", "forward.policy", "`slowest`");
    refuses("forward.rate = 9", "forward.rate", "9 is out of range");
    refuses("forward.min_ttl = 61\nforward.max_ttl = 60", "forward.min_ttl", "61 is out of range");
    refuses("forward.max_ttl = 0", "forward.max_ttl", "0 is out of range");
    refuses("forward.negative_ttl = 3601", "forward.negative_ttl", "out of range");
    refuses("forward.serve_stale = \"169h\"", "forward.serve_stale", "169h is out of range");
    refuses("forward.tls_ca = \"ca.pem\"", "forward.tls_ca", "absolute");
    refuses("forward.hosts = \"hosts\"", "forward.hosts", "absolute");
    refuses("forward.block = [\"ok.example\", \"a..b\"]", "forward.block[1]", "`a..b`");
    refuses("forward.block_answer = \"refused\"", "forward.block_answer", "`refused`");
    refuses("forward.rebind_exempt = \".\"", "forward.rebind_exempt[0]", "not a domain name");
    let config =
        config("forward.upstreams = [\"10.0.0.2\", \"tls://10.0.0.2#a.example\"]\nforward.serve_stale = \"0s\"");
    assert_eq!((config.forward.upstreams.len(), config.forward.serve_stale), (2, Duration::ZERO));
}

#[test]
fn networks_are_whole_and_named_once() {
    refuses("access.allow = [\"10.0.0.0/8\", \"10.1.2.3/16\"]", "access.allow[1]", "in the network 10.1.0.0/16");
    refuses("access.allow = \"private\"", "access.allow[0]", "`private` is not a network");
    refuses("access.deny = [\"192.0.2.1\", \"192.0.2.1/32\"]", "access.deny[1]", "twice");
    refuses("access.deny = \"10.0.0.0/8\"", "access.deny", "10.0.0.0/8 is in access.allow too");
    refuses("access.own_networks = \"fe80::1%eth0\"", "access.own_networks[0]", "not a network");
    let many: Vec<_> = (0..1001).map(|host| format!("\"10.0.{}.{}\"", host / 256, host % 256)).collect();
    refuses(&format!("access.deny = [{}]", many.join(",")), "access.deny", "1001 networks");
    refuses("access.denied = \"ignore\"", "access.denied", "`ignore`");
    refuses("access.rate_limit = -1", "access.rate_limit", "out of range");
    refuses("access.slip = 101", "access.slip", "out of range");
    refuses("access.cookie_secret = \"secret\"", "access.cookie_secret", "absolute");
    let access = config("access.rate_limit = 0\naccess.deny = \"10.9.0.0/16\"\naccess.allow = []").access;
    assert_eq!((access.rate_limit, access.allow.len(), access.deny.len()), (None, 0, 1));
}

#[test]
fn who_opens_a_door_is_told() {
    assert_eq!(notices(&config("")), Vec::<String>::new());
    for (text, key, what) in [
        ("http.listen = \"0.0.0.0:9153\"", "http.listen: ", "no access control"),
        ("http.listen = \"10.0.0.5:9153\"", "http.listen: ", "outside of this host"),
        ("access.allow = \"0.0.0.0/0\"", "access.allow: ", "everybody"),
        ("access.own_networks = \"::/0\"", "access.own_networks: ", "no limit"),
    ] {
        let told = notices(&config(text));
        assert!(matches!(told.as_slice(), [one] if one.starts_with(key) && one.contains(what)), "{text}: {told:?}");
    }
    assert_eq!(notices(&config("http.listen = \"[::1]:9153\"")), Vec::<String>::new());
}
