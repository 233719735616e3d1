//! What Cargo.lock may hold: the bans and the sources of deny.toml, without cargo-deny.

mod licences;

use std::path::Path;

use toml::{Table, Value};

fn table(file: &str) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(path).expect(file).parse().expect(file)
}

/// A ban of deny.toml: `name` or `name:<version`.
#[derive(Debug, PartialEq)]
struct Ban {
    name: String,
    below: Option<Vec<u64>>,
}

impl Ban {
    fn parse(text: &str) -> Self {
        let Some((name, below)) = text.split_once(':') else {
            return Self { name: text.to_owned(), below: None };
        };
        let below = below.strip_prefix('<').expect("only `name` and `name:<version` are understood here");
        Self { name: name.to_owned(), below: Some(numbers(below)) }
    }

    fn holds(&self, name: &str, version: &str) -> bool {
        self.name == name && self.below.as_ref().is_none_or(|below| numbers(version) < *below)
    }
}

fn numbers(version: &str) -> Vec<u64> {
    let release = version.split(['-', '+']).next().unwrap_or_default();
    release.split('.').map(|part| part.parse().expect("a version is numbers and dots")).collect()
}

fn bans(deny: &Table) -> Vec<Ban> {
    let listed = deny["bans"]["deny"].as_array().expect("[bans] deny");
    listed.iter().map(|ban| Ban::parse(ban["crate"].as_str().expect("a crate"))).collect()
}

/// What of these packages is banned, or comes from elsewhere than the allowed registries.
fn faults(packages: &[Value], deny: &Table) -> Vec<String> {
    let (bans, registries) = (bans(deny), deny["sources"]["allow-registry"].as_array().expect("registries"));
    let mut faults = Vec::new();
    for package in packages {
        let (name, version) = (package["name"].as_str().expect("name"), package["version"].as_str().expect("version"));
        if bans.iter().any(|ban| ban.holds(name, version)) {
            faults.push(format!("{name} {version} is banned by deny.toml; `cargo tree -i {name}@{version}` tells why"));
        }
        let source = package.get("source").and_then(Value::as_str);
        let allowed = |source: &str| {
            let registry = source.strip_prefix("registry+");
            registries.iter().any(|one| one.as_str() == registry)
        };
        // Without a source it is our own.
        if source.is_none() && name != env!("CARGO_PKG_NAME") || source.is_some_and(|source| !allowed(source)) {
            faults.push(format!("{name} {version} comes from {source:?}, which deny.toml does not allow"));
        }
    }
    faults
}

#[test]
fn the_lock_file_holds_nothing_that_is_banned() {
    let (lock, deny) = (table("Cargo.lock"), table("deny.toml"));
    let packages = lock["package"].as_array().expect("packages");
    assert!(packages.len() > 100, "this is not the lock file: {} packages", packages.len());
    let faults = faults(packages, &deny);
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn what_must_be_banned_is() {
    let bans = bans(&table("deny.toml"));
    for (name, version) in
        [("hyper", "0.14.32"), ("rustls", "0.21.12"), ("openssl-sys", "0.9.111"), ("aws-sdk-ec2", "1.200.0")]
    {
        assert!(bans.iter().any(|ban| ban.holds(name, version)), "{name} {version}");
    }
    for (name, version) in [("hyper", "1.0.0"), ("hyper", "1.7.0-rc.1"), ("rustls", "0.23.31"), ("hyper-util", "0.1.0")]
    {
        assert!(!bans.iter().any(|ban| ban.holds(name, version)), "{name} {version}");
    }
}

#[test]
fn no_part_of_hickory_validates_dnssec() {
    let manifest = table("Cargo.toml");
    let dependencies = manifest["dependencies"].as_table().expect("dependencies");
    let hickory: Vec<_> = dependencies.iter().filter(|(name, _)| name.starts_with("hickory")).collect();
    assert_eq!(hickory.len(), 3);
    for (name, how) in hickory {
        assert_eq!(how.get("default-features").and_then(Value::as_bool), Some(false), "{name}");
        let features = how.get("features").and_then(Value::as_array).into_iter().flatten();
        let features: Vec<_> = features.filter_map(Value::as_str).collect();
        assert!(features.iter().all(|feature| ["std", "tokio"].contains(feature)), "{name}: {features:?}");
    }
}

#[test]
fn planted_packages_are_found() {
    let planted = r#"
        package = [
            { name = "rustls", version = "0.21.12", source = "registry+https://github.com/rust-lang/crates.io-index" },
            { name = "serde", version = "1.0.0", source = "git+https://example.com/serde" },
            { name = "vendored", version = "1.0.0" },
            { name = "bytes", version = "1.0.0", source = "registry+https://github.com/rust-lang/crates.io-index" },
        ]"#;
    let planted: Table = planted.parse().expect("TOML");
    let faults = faults(planted["package"].as_array().expect("packages"), &table("deny.toml"));
    assert_eq!(faults.len(), 3, "{faults:?}");
}
