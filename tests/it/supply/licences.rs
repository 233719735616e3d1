//! The licences of what is compiled for this machine, as the packages tell them: all must be allowed by deny.toml.

use std::path::Path;
use std::process::Command;

use serde_json::Value;
use spdx::{Expression, ParseMode};

use super::table;

/// What may not be used because of its licence, of packages as `cargo metadata` describes them.
fn faults(packages: &[Value], allowed: &[&str]) -> Vec<String> {
    let is_allowed = |text: &str| {
        // Some have the slash of old, for "or".
        let expression = Expression::parse_mode(text, ParseMode::LAX).ok()?;
        let met = expression.evaluate(|wanted| {
            wanted.license.id().is_some_and(|id| allowed.contains(&id.name)) && wanted.addition.is_none()
        });
        met.then_some(())
    };
    let fault = |package: &Value| {
        let licence = package["license"].as_str().unwrap_or("no licence");
        is_allowed(licence).is_none().then(|| format!("{} {}: {licence}", package["name"], package["version"]))
    };
    packages.iter().filter_map(fault).collect()
}

fn allowed(deny: &toml::Table) -> Vec<&str> {
    deny["licenses"]["allow"].as_array().expect("[licenses] allow").iter().filter_map(toml::Value::as_str).collect()
}

#[test]
fn every_licence_is_allowed() {
    let mut metadata = Command::new(env!("CARGO"));
    metadata.args(["metadata", "--locked", "--offline", "--all-features", "--format-version", "1"]);
    metadata.args(["--filter-platform", "x86_64-unknown-linux-gnu"]);
    let output = metadata.current_dir(Path::new(env!("CARGO_MANIFEST_DIR"))).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let used: Vec<&Value> =
        metadata["resolve"]["nodes"].as_array().expect("nodes").iter().map(|one| &one["id"]).collect();
    let packages = metadata["packages"].as_array().expect("packages");
    let packages: Vec<Value> = packages.iter().filter(|package| used.contains(&&package["id"])).cloned().collect();
    assert!(packages.len() > 100, "these are not all: {}", packages.len());
    let deny = table("deny.toml");
    let faults = faults(&packages, &allowed(&deny));
    assert!(faults.is_empty(), "deny.toml does not allow\n{}\n", faults.join("\n"));
}

#[test]
fn planted_licences_are_found() {
    let package = |licence| serde_json::json!({ "name": "planted", "version": "1.0.0", "license": licence });
    let planted = [
        package("MIT/Apache-2.0"),
        package("GPL-3.0-only OR MIT"),
        package("Apache-2.0 WITH LLVM-exception OR Apache-2.0"),
        package("(MIT OR Apache-2.0) AND Unicode-3.0"),
        package("GPL-3.0-only"),
        package("MIT AND GPL-3.0-only"),
        package("Apache-2.0 WITH LLVM-exception"),
        serde_json::json!({ "name": "planted", "version": "1.0.0" }),
    ];
    let deny = table("deny.toml");
    let faults = faults(&planted, &allowed(&deny));
    assert_eq!(faults.len(), 4, "{faults:?}");
}
