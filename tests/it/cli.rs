//! The program as a shell sees it: output, exit status, environment.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use ecs_resolver::cli::exit;

/// Runs the binary without any of our variables but `variables`.
fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-resolver"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("ECS_RESOLVER_") || name == "RUST_LOG") {
        command.env_remove(name);
    }
    command.args(arguments).envs(variables.iter().copied()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn status(output: &Output) -> Option<u8> {
    output.status.code().and_then(|code| u8::try_from(code).ok())
}

fn file(content: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content.as_bytes()).unwrap();
    file
}

#[test]
fn check_tells_all_faults_and_exits_78() {
    let config = file("[dns]\nlisen = []\nttl = \"5\"\nzone = \"internal\"\n");
    let path = config.path().to_str().unwrap();
    for command in [["check", "--config", path], ["run", "--config", path]] {
        let output = run(&command, &[("ECS_RESOLVER_DNS_WORKERS", "0")]);
        assert_eq!(status(&output), Some(exit::CONFIG));
        assert_eq!(text(&output.stdout), "");
        let said = text(&output.stderr);
        let keys = ["line 2: dns.lisen: ", "line 3: dns.ttl: ", "line 4: dns.zone: ", "dns.workers: 0 is out of range"];
        assert!(keys.iter().all(|key| said.contains(key)), "{said}");
        assert_eq!(said.lines().count(), keys.len(), "{said}");
    }
    let json = run(&["check", "--config", path, "--json"], &[]);
    let faults: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(faults["faults"][0]["key"], "dns.lisen");
    assert_eq!(status(&json), Some(exit::CONFIG));
}

#[test]
fn check_shows_the_settings_that_hold() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/ecs-resolver.toml");
    let output = run(&["check", "--config", shipped.to_str().unwrap()], &[]);
    assert_eq!((status(&output), text(&output.stderr)), (Some(exit::OK), String::new()));
    assert!(text(&output.stdout).lines().any(|line| line.starts_with("dns.zone") && line.contains("ecs.internal")));
}

#[test]
fn flag_before_variable_before_file_before_default() {
    let config = file("[dns]\nttl = 1\nnegative_ttl = 1\n[http]\nlisten = \"127.0.0.1:1\"\n");
    let arguments = ["check", "--json", "--config", config.path().to_str().unwrap(), "--ttl", "3"];
    let variables = [("ECS_RESOLVER_DNS_TTL", "2"), ("ECS_RESOLVER_DNS_NEGATIVE_TTL", "2"), ("RUST_LOG", "debug")];
    let output = run(&arguments, &variables);
    let settings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let dns = &settings["config"]["dns"];
    assert_eq!((dns["ttl"].as_u64(), dns["negative_ttl"].as_u64()), (Some(3), Some(2)), "{settings}");
    assert_eq!(settings["config"]["http"]["listen"], "127.0.0.1:1");
    assert_eq!(settings["config"]["log"]["level"], "debug");
    assert_eq!(dns["workers"], 1);
}

#[test]
fn wrong_usage_is_64_and_help_is_0() {
    for arguments in [&["nosuch"][..], &[], &["run", "--nosuch"], &["demo", "--listen", "here"]] {
        let output = run(arguments, &[]);
        assert_eq!(status(&output), Some(exit::USAGE), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"]] {
        assert_eq!(status(&run(arguments, &[])), Some(exit::OK), "{arguments:?}");
    }
}

#[test]
fn dump_without_a_daemon_is_69_and_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let output = run(&["dump", "--http", &address], &[]);
    assert_eq!(status(&output), Some(exit::UNAVAILABLE));
    assert!(text(&output.stderr).contains(&format!("no ecs-resolver answers on {address}")));
}

#[test]
fn completions_and_manual_pages_are_made() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(text(&run(&["completions", shell], &[]).stdout).contains("ecs-resolver"), "{shell}");
    }
    assert!(text(&run(&["man"], &[]).stdout).contains(".TH ecs-resolver 1"));
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(status(&run(&["man", "--dir", folder.path().to_str().unwrap()], &[])), Some(exit::OK));
    for page in ["ecs-resolver.1", "ecs-resolver-run.1", "ecs-resolver-demo.1"] {
        assert!(folder.path().join(page).is_file(), "{page}");
    }
}
