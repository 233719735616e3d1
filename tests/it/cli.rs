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
fn what_run_would_refuse_check_finds_and_neither_opens_a_socket() {
    let wrong = file("neither a secret nor an inventory nor a certificate\n");
    let wrong = wrong.path().to_str().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    for (key, lines) in [
        ("forward.hosts", "[forward]\nhosts = \"/nonexistent/hosts\"\n".to_owned()),
        ("forward.tls_ca", format!("[forward]\nupstreams = \"tls://10.0.0.2#dns.x\"\ntls_ca = \"{wrong}\"\n")),
        ("access.cookie_secret", format!("[access]\ncookie_secret = \"{wrong}\"\n")),
        ("ecs.fixture", format!("[ecs]\nsource = \"fixture\"\nfixture = \"{wrong}\"\n")),
    ] {
        // Whoever opened a socket would fail of it: the address is taken.
        let config = file(&format!("[dns]\nlisten = \"{listen}\"\n[http]\nlisten = \"off\"\n{lines}"));
        for command in ["check", "run"] {
            let output = run(&[command, "--config", config.path().to_str().unwrap()], &[]);
            let said = text(&output.stderr);
            assert_eq!(status(&output), Some(exit::CONFIG), "{command}: {said}");
            assert!(said.contains(&format!(": {key}: ")) && said.lines().count() == 1, "{command}: {said}");
            assert!(said.contains(": line "), "{command}: {said}");
        }
    }
}

#[test]
fn what_everything_runs_with_is_told() {
    let output = run(&["check"], &[("ECS_RESOLVER_DNS_TTLL", "3"), ("ECS_RESOLVER_DNS_TTL", "4")]);
    let said = text(&output.stdout);
    let row: Vec<&str> = said.lines().find(|line| line.starts_with("dns.ttl ")).unwrap().split_whitespace().collect();
    assert_eq!(row, ["dns.ttl", "4", "ECS_RESOLVER_DNS_TTL"]);
    assert!(said.contains("Note: ECS_RESOLVER_DNS_TTLL: there is no such variable"), "{said}");
    let output = run(&["check"], &[("RUST_LOG", "===")]);
    assert_eq!(status(&output), Some(exit::CONFIG));
    assert!(text(&output.stderr).ends_with("(set by RUST_LOG)\n"), "{}", text(&output.stderr));
}

/// Runs the binary with standard output or error on a device that is always full, until it has answered a question.
fn serves_although_full(arguments: &[&str], stdout: bool) {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let address = loopback::address();
    let listen = format!("{address}:0");
    // A port that is free now may be taken when it is bound, but hardly each time.
    let port = std::net::UdpSocket::bind(&listen).unwrap().local_addr().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-resolver"));
    command.args(arguments).args(["--http", "off", "--listen", &port.to_string()]);
    command.stdout(if stdout { full().into() } else { std::process::Stdio::null() }).stderr(full());
    let mut daemon = command.spawn().unwrap();
    let socket = std::net::UdpSocket::bind(&listen).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
    // ecs.internal. SOA
    let query = b"\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03ecs\x08internal\x00\x00\x06\x00\x01";
    let mut reply = [0; 512];
    let began = std::time::Instant::now();
    let answered = loop {
        // Refused, as nobody listens yet.
        let _ = socket.send_to(query, port);
        if socket.recv_from(&mut reply).is_ok_and(|(length, _)| length > 12 && reply.starts_with(b"\x12\x34")) {
            break Ok(());
        }
        if let Some(ended) = daemon.try_wait().unwrap() {
            break Err(format!("{arguments:?} ended: {ended}"));
        }
        assert!(began.elapsed().as_secs() < 60, "{arguments:?} does not answer");
    };
    let _ = daemon.kill();
    let _ = daemon.wait();
    answered.unwrap();
}

#[test]
fn a_log_that_cannot_be_written_keeps_no_one_from_an_answer() {
    serves_although_full(&["run", "--source", "off"], false);
    serves_although_full(&["demo"], true);
}

#[test]
fn nothing_is_logged_by_others() {
    let config = file("[log]\nlevel = \"inof\"\n");
    let output = run(&["check", "--config", config.path().to_str().unwrap()], &[]);
    let said = text(&output.stderr);
    assert_eq!((status(&output), said.lines().count()), (Some(exit::CONFIG), 1), "{said}");
    assert!(said.contains("log.level: `inof` is neither a level nor a module=level"), "{said}");
    // It fails of the address, and says so alone; the library that filters the log has nothing to say of its own.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let line = ["run", "--source=off", "--http=off", "--log-level=trace", "--log-format=json", "--listen", &listen];
    let said = text(&run(&line, &[]).stderr);
    let (last, log) = said.trim_end().rsplit_once('\n').unwrap_or((&said, ""));
    let (log, last) = if log.is_empty() { ("", last) } else { (last, log) };
    assert!(last.contains(&listen), "{said}");
    assert!(log.lines().all(|line| line.starts_with('{')), "{said}");
}

#[test]
fn a_missing_cluster_is_a_wrong_configuration() {
    let agent = file("");
    let absent = format!("{}-absent", agent.path().display());
    let output = run(&["controller", "--once", "--agent-config", &absent, "--log-level", "off"], &[]);
    assert_eq!(status(&output), Some(exit::CONFIG), "{}", text(&output.stderr));
    assert!(text(&output.stderr).starts_with("ecs.clusters: there is no cluster to register; give names"));
}

#[test]
fn an_empty_name_is_not_the_root() {
    for name in ["", "bad..name"] {
        let output = run(&["cache", "flush", name, "--http", "127.0.0.1:1"], &[]);
        assert_eq!(status(&output), Some(exit::USAGE), "{name}");
    }
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
    let config = file(&format!("[http]\nlisten = \"{address}\"\n"));
    let path = config.path().to_str().unwrap();
    for output in [run(&["dump", "--http", &address], &[]), run(&["cache", "dump", "--config", path], &[])] {
        assert_eq!(status(&output), Some(exit::UNAVAILABLE));
        assert!(text(&output.stderr).contains(&format!("no ecs-resolver answers on {address}")));
    }
    let off = run(&["dump"], &[("ECS_RESOLVER_HTTP_LISTEN", "off")]);
    assert_eq!(status(&off), Some(exit::UNAVAILABLE));
    assert!(text(&off.stderr).contains("the daemon has no HTTP"));
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
