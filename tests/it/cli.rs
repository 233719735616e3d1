//! The program as a shell sees it: output, exit status, environment.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use ecs_resolver::cli::exit;

use crate::loopback;

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
    let address = format!("{}:9153", loopback::address());
    let output = run(&["dump", "--http", &address], &[]);
    assert_eq!(status(&output), Some(exit::UNAVAILABLE));
    assert!(text(&output.stderr).contains(&format!("no ecs-resolver answers on {address}")));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [
        ["demo", "--listen", &address, "--http", "off"],
        ["demo", "--listen", "127.0.0.1:0", "--http", &address],
        ["run", "--source=off", "--http=off", "--listen", &address],
    ] {
        let output = run(&arguments, &[]);
        let said = text(&output.stderr);
        assert_eq!(status(&output), Some(exit::UNAVAILABLE), "{said}");
        assert!(said.contains(&address) && !said.contains("answering DNS"), "{said}");
    }
}

#[test]
fn every_help_has_examples_that_are_understood() {
    for command in [
        "run",
        "controller",
        "demo",
        "check",
        "dump",
        "queue",
        "queue show",
        "queue delete",
        "cache",
        "completions",
        "man",
    ] {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = text(&run(&words, &[]).stdout);
        let examples = help.split_once("\nExamples:\n").expect("examples").1.lines().map(str::trim);
        // The shell's part of a line is not ours, and explanations stand after several spaces.
        let ours = examples.filter_map(|line| line.split_once("ecs-resolver ").map(|(_, ours)| ours));
        let ours: Vec<&str> = ours.map(|line| line.split(['|', '>']).next().unwrap()).collect();
        let ours: Vec<&str> = ours.iter().map(|line| line.split("  ").next().unwrap().trim()).collect();
        assert!(!ours.is_empty(), "{help}");
        for line in ours {
            let arguments: Vec<&str> = line.split(' ').chain(["--help"]).collect();
            assert_eq!(status(&run(&arguments, &[])), Some(exit::OK), "{command}: {line}");
        }
    }
}

/// Has a program check a text, given as its last argument; `None` if it is not installed.
fn checked_by(program: &[&str], content: &str) -> Option<Output> {
    let file = file(content);
    match Command::new(program[0]).args(&program[1..]).arg(file.path()).env("MANWIDTH", "100").output() {
        Ok(output) => Some(output),
        Err(error) => {
            // Past the test harness, which would hide it.
            let _ = writeln!(std::io::stderr(), "NOT TESTED: {}: {error}", program.join(" "));
            None
        }
    }
}

#[test]
fn completions_are_scripts_that_shells_accept() {
    for shell in ["bash", "zsh", "fish"] {
        let script = text(&run(&["completions", shell], &[]).stdout);
        assert!(
            script.contains("ecs-resolver") && script.contains("no-churn") && script.contains("topic-arn"),
            "{shell}"
        );
        if let Some(output) = checked_by(&[shell, "-n"], &script) {
            assert!(output.status.success(), "{shell}: {}", text(&output.stderr));
        }
    }
    let broken = checked_by(&["bash", "-n"], "if true; then\n").expect("bash");
    assert!(!broken.status.success(), "bash -n accepts everything");
}

#[test]
fn bash_completes_our_words() {
    let script = file(&text(&run(&["completions", "bash"], &[]).stdout));
    for (line, last, completed) in
        [("demo --se", 2, "--services --seed"), ("queue de", 2, "delete"), ("queue delete --in", 3, "--instance")]
    {
        let ask = format!(
            "source \"$0\"; COMP_WORDS=(ecs-resolver {line}); COMP_CWORD={last}; \
             _ecs__resolver ecs-resolver \"${{COMP_WORDS[{last}]}}\" \"${{COMP_WORDS[{}]}}\"; echo \"${{COMPREPLY[*]}}\"",
            last - 1
        );
        let output = Command::new("bash").args(["-c", &ask]).arg(script.path()).output().unwrap();
        assert_eq!(text(&output.stdout).trim(), completed, "{}", text(&output.stderr));
    }
}

#[test]
fn manual_pages_are_made_and_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(status(&run(&["man", "--dir", folder.path().to_str().unwrap()], &[])), Some(exit::OK));
    let of = |command: &str| std::fs::read_to_string(folder.path().join(format!("ecs-resolver{command}.1"))).unwrap();
    assert_eq!(text(&run(&["man"], &[]).stdout), of(""));
    let names = |page: &str| page.lines().filter(|line| line.starts_with("ecs\\-") && line.ends_with("(1)")).count();
    let named = names(&of("")) + names(&of("-queue")) + names(&of("-cache"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), named + 1, "a page for every one that is named");
    for (command, word) in [
        ("", "SUBCOMMANDS"),
        ("-run", "--listen"),
        ("-demo", "--services"),
        ("-dump", "--json"),
        ("-queue", "SUBCOMMANDS"),
        ("-queue-delete", "--instance"),
    ] {
        let page = of(command);
        assert!(page.contains(&format!(".TH ecs-resolver{command} 1")), "{command}");
        for reader in [&["man", "-l"][..], &["groff", "-man", "-Tutf8", "-ww", "-P-cbou"]] {
            let Some(output) = checked_by(reader, &page) else { continue };
            let (read, said) = (text(&output.stdout), text(&output.stderr));
            assert!(output.status.success() && said.is_empty(), "{reader:?} {command}: {said}");
            assert!(read.contains(word), "{reader:?} {command}: {read}");
            assert!(read.contains("\n       Examples:\n         ecs-resolver"), "examples keep their lines: {read}");
        }
    }
}
