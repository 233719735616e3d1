//! The whole way: file, environment and flags to a configuration.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser};

use super::keys::KEYS;
use super::*;

/// The file that is shipped.
const SHIPPED: &str = include_str!("../../config/ecs-resolver.toml");

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    overrides: Overrides,
}

fn flags(arguments: &[&str]) -> Overrides {
    Flags::try_parse_from(std::iter::once(&"test").chain(arguments)).unwrap().overrides
}

/// The `key = value` lines of the shipped file as `(section.key, line)`, with the comment mark of examples removed.
fn shipped_lines() -> Vec<(String, String)> {
    let mut section = String::new();
    let mut found = Vec::new();
    for line in SHIPPED.lines() {
        let plain = line.strip_prefix('#').unwrap_or(line);
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']').to_owned();
        } else if section == keys::RECORDS {
            // Its keys are names: examples that have tests of their own.
        } else if let Some((key, _)) = plain.split_once(" = ").filter(|(key, _)| !key.contains(' ')) {
            found.push((format!("{section}.{key}"), line.to_owned()));
        }
    }
    found
}

#[test]
fn the_shipped_file_is_the_defaults() {
    let reading = read::read(SHIPPED);
    assert_eq!((reading.spec, reading.faults), (Spec::default(), vec![]));
    let defaults = load_text("", None, &Overrides::default()).unwrap();
    assert_eq!(load_text(SHIPPED, None, &Overrides::default()).unwrap().config, defaults.config);
}

#[test]
fn the_shipped_file_has_every_key_once_in_the_order_of_the_table() {
    let shipped: Vec<_> = shipped_lines().into_iter().map(|(key, _)| key).collect();
    let known: Vec<_> = KEYS.iter().map(|key| key.name.to_owned()).collect();
    assert_eq!(shipped, known);
}

#[test]
fn the_examples_are_valid_and_any_line_may_go() {
    let lines = shipped_lines();
    let examples = lines.iter().filter(|(_, line)| line.starts_with('#'));
    // One queue is either given or ours.
    for other in ["events.queue_url", "events.topic_arn"] {
        let examples = examples.clone().filter(|(key, _)| key != other);
        let all = examples.fold(SHIPPED.to_owned(), |text, (_, line)| text.replace(line.as_str(), &line[1..]));
        let loaded = load_text(&all, None, &Overrides::default()).unwrap();
        // The example of a fixture is not that of its source.
        assert!(matches!(loaded.notices.as_slice(), [one] if one.starts_with("ecs.fixture: ")), "{:?}", loaded.notices);
        let (config, _) = (loaded.config, loaded.file);
        assert_eq!(config.ecs.region.as_deref(), Some("eu-central-1"));
        assert_eq!(config.route53.zone_id.as_deref(), Some("Z0123456789ABCDEFGHIJ"));
        assert_ne!(config.events.queue_url.is_some(), config.events.topic_arn.is_some());
    }
    for (key, line) in lines.iter().filter(|(_, line)| !line.starts_with('#')) {
        assert_eq!(read::read(&SHIPPED.replace(line.as_str(), "")).spec, Spec::default(), "without {key}");
    }
}

#[test]
fn the_table_of_keys_is_that_of_the_file_and_of_the_environment() {
    let command = Flags::command();
    let variables: BTreeSet<_> = command.get_arguments().filter_map(|arg| arg.get_env()).collect();
    for key in KEYS {
        assert!(variables.contains(std::ffi::OsStr::new(&args::variable(key.name))), "{} has no variable", key.name);
        assert!(args::flag(key.name).is_some_and(|flag| flag.starts_with("--")), "{} has no flag", key.name);
    }
    assert_eq!(variables.len(), KEYS.len());
    // serde agrees that these are all: it names the fields it knows when it meets one that it does not.
    for section in keys::sections() {
        let error = toml::from_str::<Spec>(&format!("[{section}]\nx = 1")).unwrap_err();
        let known = keys::keys_of(section).map(|key| format!("`{key}`"));
        let fields: Vec<_> = error.message().split('`').skip(3).step_by(2).map(|key| format!("`{key}`")).collect();
        assert_eq!(fields, known.collect::<Vec<_>>(), "{error}");
    }
}

#[test]
fn a_flag_goes_before_a_variable_before_the_file_before_the_default() {
    // The environment of a test binary is shared, so the variable is played by clap's own merged value.
    let file = "[dns]\nttl = 7\nnegative_ttl = 8\n";
    let loaded = load_text(file, Some(Path::new("f")), &flags(&["--ttl", "9"])).unwrap();
    let dns = &loaded.config.dns;
    assert_eq!((dns.ttl, dns.negative_ttl, dns.workers), (9, 8, 1));
    assert_eq!(loaded.origins.get("dns.ttl"), Some(&Origin::Flag));
    assert_eq!(loaded.origins.get("dns.negative_ttl"), Some(&Origin::Line(3)));
    assert_eq!(loaded.origins.get("dns.workers"), None);
}

#[test]
fn lists_are_repeated_or_separated_by_commas_and_replace_the_file() {
    let over = flags(&["--listen", "127.0.0.1:1,127.0.0.2", "--listen", "::1", "--cluster", "all"]);
    let config = load_text("[dns]\nlisten = [\"10.0.0.1\"]\n", None, &over).unwrap().config;
    let shown: Vec<_> = config.dns.listen.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["127.0.0.1:1", "127.0.0.2:53", "[::1]:53"]);
    assert_eq!(config.ecs.clusters, settings::Clusters::All);
}

#[test]
fn an_empty_variable_is_not_given() {
    let over = flags(&["--zone", "", "--listen", ""]);
    assert_eq!(over.given().count(), 0);
    assert_eq!(load_text("", None, &over).unwrap().config.dns.listen.len(), 2);
}

#[test]
fn every_flag_reaches_its_key() {
    for key in KEYS {
        let flag = args::flag(key.name).unwrap();
        let matches = Flags::command().get_matches_from(["test", &flag, "7"]);
        let over = Flags::from_arg_matches(&matches).unwrap().overrides;
        assert_eq!(over.given().collect::<Vec<_>>(), [(key.name, ["7".to_owned()].as_slice())]);
        let mut spec = Spec::default();
        let faults = over.apply(&mut spec);
        assert_eq!(faults.is_empty(), spec != Spec::default(), "{} changes the spec or is a fault", key.name);
    }
}

#[test]
fn faults_of_every_kind_come_together_with_key_line_and_remedy() {
    let text = r#"listen = "127.0.0.1"
[dns]
lisen = ["127.0.0.1"]
listen = ["127.0.0.1", 53, "nonsense"]
zone = "internal"
ttl = "5"
[dns.more]
[nosuch]
key = 1
[ecs]
poll_interval = 30
clusters = ["a b"]
[http]
listen = "9153"
"#;
    let faults = load_text(text, Some(Path::new("t.toml")), &flags(&["--workers", "many"])).unwrap_err();
    let seen: Vec<_> = faults.faults.iter().map(|fault| (fault.key.as_str(), fault.origin)).collect();
    let line = |line| Some(Origin::Line(line));
    assert_eq!(
        seen,
        [
            ("listen", line(1)),
            ("dns.lisen", line(3)),
            ("dns.listen[1]", line(4)),
            ("dns.listen[2]", line(4)),
            ("dns.zone", line(5)),
            ("dns.ttl", line(6)),
            ("dns.more", line(7)),
            ("nosuch", line(8)),
            ("ecs.poll_interval", line(11)),
            ("ecs.clusters[0]", line(12)),
            ("http.listen", line(14)),
            ("dns.workers", Some(Origin::Flag)),
        ]
    );
    let shown = faults.to_string();
    assert_eq!(shown.lines().count(), faults.faults.len());
    for part in [
        "t.toml: line 1: listen: it is in no section; put it under [dns]",
        "dns.lisen: there is no such key; the keys of [dns] are listen, zone,",
        "dns.listen[1]: an integer does not fit here; give 1 to 32 IP addresses",
        "ecs.poll_interval: an integer does not fit here; give a duration from",
        "the sections are [dns] [ecs]",
        "\ndns.workers: `many` does not fit here; give a number of threads from 1 to 256 (set by --workers)",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
}

#[test]
fn records_are_read_and_their_faults_told_with_key_and_line() {
    let all = SHIPPED.replace("#\"", "\"");
    let loaded = load_text(&all, Some(Path::new("f")), &Overrides::default()).unwrap();
    let names: Vec<_> = loaded.config.records.0.iter().map(|set| format!("{} {}", set.name, set.kind)).collect();
    assert_eq!(
        names,
        [
            "7.2.1.10.in-addr.arpa. PTR",
            "db.corp.example. A",
            "db.ecs.internal. A",
            "x.ecs.internal. TXT",
            "x.ecs.internal. SRV"
        ]
    );
    let (below, outside) = loaded.config.records.split(&loaded.config.dns.zone);
    assert_eq!((below.len(), outside.len()), (3, 2));
    let table = show::table(&loaded);
    let words: Vec<&str> = table.split_whitespace().collect();
    assert!(words.join(" ").contains("records.db.ecs.internal 5 A 10.0.0.7"), "{table}");
    let text = r#"[records]
"db.ecs.internal" = "10.0.0"
"a.ecs.internal" = ["10.0.0.1", "TXT \"open", 7]
"A.ecs.internal." = "10.0.0.1"
"internal" = "10.0.0.1"
"*.ecs.internal" = "10.0.0.1"
"ecs.internal" = "10.0.0.1"
b.ecs.internal = "10.0.0.1"
"c.ecs.internal" = ["CNAME d.", "10.0.0.1"]
"*.corp.example" = "10.0.0.1"
"db.corp.example" = ["10.0.0", "NS ns.corp.example."]
[route53]
fallback = "off"
prefer = "route53"
"#;
    let faults = load_text(text, Some(Path::new("t.toml")), &Overrides::default()).unwrap_err().to_string();
    for line in [
        "line 2: records.db.ecs.internal[0]: `10.0.0` is neither an IP address nor a record; give IP addresses, or records such as",
        "line 3: records.a.ecs.internal: an array does not fit here; give IP addresses",
        "line 5: records.internal: `internal` is not below ecs.internal. and not outside of it, but at or above its apex",
        "line 6: records.*.ecs.internal: `*.ecs.internal` is a wildcard",
        "line 7: records.ecs.internal: `ecs.internal` is not below",
        "line 10: records.*.corp.example: `*.corp.example` is a wildcard",
        "line 11: records.db.corp.example[0]: `10.0.0` is neither an IP address nor a record",
        "line 11: records.db.corp.example[1]: a record of type NS cannot be here",
        "line 8: records.b: to TOML the dots of a name begin tables; put the whole name in quotes",
        "line 9: records.c.ecs.internal: a CNAME cannot stand beside other records",
        "line 14: route53.prefer: route53.fallback is \"off\", so there is nothing to prefer; set",
    ] {
        assert!(faults.contains(line), "{line} in\n{faults}");
    }
    let twice = "[records]\n\"a.ecs.internal\" = \"10.0.0.1\"\n\"A.ecs.internal.\" = \"10.0.0.1\"\n";
    let faults = load_text(twice, None, &Overrides::default()).unwrap_err().to_string();
    assert!(faults.contains("records.a.ecs.internal: `A.ecs.internal.` is the same name; put all into"), "{faults}");
}

#[test]
fn what_is_not_toml_is_told_with_its_line() {
    let faults = load_text("[dns]\nttl = \n[dns\n", Some(Path::new("t.toml")), &Overrides::default()).unwrap_err();
    let first = faults.faults.first().unwrap().to_string();
    assert!(first.starts_with("line 2: not TOML: "), "{faults}");
    let twice = load_text("[dns]\nttl = 1\nttl = 2\n", None, &Overrides::default()).unwrap_err();
    assert!(twice.to_string().contains("line 3"), "{twice}");
}

#[test]
fn a_named_file_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let absent = folder.path().join("absent.toml");
    let faults = load(Some(&absent), &Overrides::default()).unwrap_err();
    assert!(faults.to_string().contains("absent.toml: cannot be read"), "{faults}");
    let present = folder.path().join("present.toml");
    std::fs::write(&present, "[dns]\nzone = \"svc.example\"\n").unwrap();
    let loaded = load(Some(&present), &Overrides::default()).unwrap();
    assert_eq!(loaded.config.dns.zone.to_string(), "svc.example.");
    assert_eq!(loaded.file.as_deref(), Some(present.as_path()));
}

#[test]
fn a_fixture_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("inventory.json");
    let both = load_text("", None, &flags(&["--source", "fixture", "--fixture", "absent", "--ttl", "9999"]));
    assert_eq!(both.unwrap_err().faults.len(), 2);
    let once = load_text("[ecs]\nsource = \"fixture\"\nfixture = 5\n", None, &Overrides::default()).unwrap_err();
    assert_eq!(once.faults.len(), 1, "{once}");
    let text = format!("[ecs]\nsource = \"fixture\"\nfixture = {:?}\n", file.to_str().unwrap());
    let faults = load_text(&text, None, &Overrides::default()).unwrap_err();
    assert_eq!(faults.faults.first().map(|fault| fault.key.as_str()), Some("ecs.fixture"));
    std::fs::write(&file, "{}").unwrap();
    let config = load_text(&text, None, &Overrides::default()).unwrap().config;
    assert_eq!(config.ecs.source, settings::Source::Fixture(file));
}

#[test]
fn a_fixture_that_is_not_read_is_told() {
    let loaded = load_text("[ecs]\nfixture = \"/x\"\n", None, &Overrides::default()).unwrap();
    assert_eq!(loaded.notices, ["ecs.fixture: /x is not read, since ecs.source is \"describe\""]);
}

#[test]
fn a_variable_is_told_from_a_flag() {
    let variables = [("ECS_RESOLVER_DNS_TTL", "9"), ("ECS_RESOLVER_DNS_TTLL", "9"), ("RUST_LOG", "inof")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let over = flags(&["--ttl", "9", "--workers", "2"]);
    let loaded = judge("", None, &over, &variables).unwrap();
    assert_eq!(loaded.origins["dns.ttl"], Origin::Variable);
    assert_eq!(loaded.origins["dns.workers"], Origin::Flag);
    assert!(loaded.notices[0].starts_with("ECS_RESOLVER_DNS_TTLL: "), "{:?}", loaded.notices);
    let faults = judge("", None, &flags(&["--log-level", "inof"]), &variables).unwrap_err().to_string();
    assert!(faults.starts_with("log.level: `inof` is neither a level nor a module=level; give"), "{faults}");
    assert!(faults.ends_with("(set by RUST_LOG)"), "{faults}");
}

#[test]
fn a_file_is_in_utf8() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, b"[dns]\nzone = \"\xff\"\n").unwrap();
    let faults = load(Some(file.path()), &Overrides::default()).unwrap_err().to_string();
    assert!(faults.ends_with("; write it in UTF-8"), "{faults}");
}

#[test]
fn the_table_shows_values_and_where_they_were_set() {
    let loaded = load_text("[dns]\nttl = 9\n", Some(Path::new("f")), &flags(&["--snapshot", "/s.json"])).unwrap();
    let table = show::table(&loaded);
    let row =
        |key: &str| table.lines().find(|line| line.starts_with(key)).unwrap().split_whitespace().collect::<Vec<_>>();
    assert_eq!(row("dns.ttl"), ["dns.ttl", "9", "line", "2"]);
    assert_eq!(row("dns.listen"), ["dns.listen", "127.0.0.1:53", "169.254.20.10:53", "default"]);
    assert_eq!(row("ecs.source"), ["ecs.source", "describe", "default"]);
    assert_eq!(row("ecs.poll_interval"), ["ecs.poll_interval", "30s", "default"]);
    assert_eq!(row("forward.cache_size"), ["forward.cache_size", "16MiB", "default"]);
    assert_eq!(row("snapshot.path"), ["snapshot.path", "/s.json", "--snapshot"]);
    assert_eq!(row("snapshot.max_age"), ["snapshot.max_age", "168h", "default"]);
    assert!(KEYS.iter().all(|key| table.contains(key.name)));
    let json = show::json(&loaded);
    assert_eq!(json["config"]["dns"]["ttl"], 9);
    assert_eq!(json["config"]["http"]["listen"], "127.0.0.1:9153");
}

#[test]
fn domains_have_servers_of_their_own() {
    let text = "[forward]\nrate = 500\n[forward.\"Corp.example\"]\nupstreams = [\"10.1.0.2\", \"tls://10.1.0.3#dns.corp.example\"]\n\
                policy = \"random\"\n[forward.\"10.in-addr.arpa\"]\nupstreams = \"10.1.0.2:5353\"\n";
    let loaded = load_text(text, Some(Path::new("f")), &Overrides::default()).unwrap();
    let shown: Vec<_> = loaded
        .config
        .forward
        .domains
        .iter()
        .map(|domain| format!("{} {:?} {}", domain.name, domain.policy, domain.upstreams[0]))
        .collect();
    assert_eq!(shown, ["10.in-addr.arpa. Fastest 10.1.0.2:5353", "corp.example. Random 10.1.0.2:53"]);
    let table = show::table(&loaded);
    assert!(table.contains("forward.corp.example"), "{table}");
    assert!(table.contains("10.1.0.2:53 tls://10.1.0.3:853#dns.corp.example"), "{table}");
    assert_eq!(show::json(&loaded)["config"]["forward"]["domains"][0]["name"], "10.in-addr.arpa");
}

#[test]
fn faults_of_a_domain_say_which_and_where() {
    let refuses = |inner: &str, what: &str| {
        let text = format!("[forward]\n[forward.\"corp.example\"]\n{inner}\n");
        let faults = load_text(&text, Some(Path::new("f")), &Overrides::default()).unwrap_err();
        let [fault] = faults.faults.as_slice() else { panic!("{inner}: {faults}") };
        assert!(fault.key.starts_with("forward.corp.example") && fault.what.contains(what), "{fault}");
        assert_eq!(fault.origin, Some(Origin::Line(2)), "{fault}");
    };
    refuses("", "missing field `upstreams`");
    refuses("upstreams = []", "0 addresses");
    refuses("upstreams = 5", "expected");
    refuses("upstreams = \"10.1.0.2\"\nrate = 5", "unknown field `rate`");
    refuses("upstreams = \"10.1.0.2\"\npolicy = \"slowest\"", "`slowest`");
    refuses("upstreams = \"127.0.0.1\"", "loop");
    refuses("upstreams = \"nonsense\"", "`nonsense`");
    let twice =
        "[forward.\"a.example\"]\nupstreams = \"10.1.0.2\"\n[forward.\"A.example\"]\nupstreams = \"10.1.0.3\"\n";
    let faults = load_text(twice, None, &Overrides::default()).unwrap_err();
    assert!(faults.to_string().contains("a.example. is there twice"), "{faults}");
}

#[test]
fn what_opens_a_door_is_shown_nowhere() {
    let text = "events.queue_url = \"https://me:hunter2@sqs.eu-west-1.amazonaws.com/1/q\"";
    let loaded = load_text(text, None, &Overrides::default()).unwrap();
    for shown in [show::table(&loaded), show::json(&loaded).to_string()] {
        assert!(shown.contains("https://***@sqs.eu-west-1.amazonaws.com/1/q") && !shown.contains("hunter2"), "{shown}");
    }
    let faults = load_text(&text.replace("https", "ftp"), None, &Overrides::default()).unwrap_err().to_string();
    assert!(faults.contains("events.queue_url") && !faults.contains("hunter2"), "{faults}");
}
