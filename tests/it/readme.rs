//! README.md is true: what it shows is what happens, what it lists is what there is.

mod blocks;
mod replay;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use ecs_resolver::cli::exit;
use ecs_resolver::config::{args, keys};
use ecs_resolver::metrics::table::TABLE;

use crate::daemon::{self, Daemon};
use crate::forwarding::encrypted::certificates;
use blocks::{Block, cells, code_spans, tables};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("README.md")
}

/// The demo as the README shows it: nothing changes, and the upstream is dead.
fn demo() -> Daemon {
    // Nobody listens on the discard port of a machine that runs tests.
    let demo = Daemon::start(&["demo", "--no-churn", "--upstream", "127.0.0.1:9"], &[]);
    demo.wait_ready();
    demo
}

#[test]
fn it_starts_with_dig_then_the_demo_and_the_tests_are_for_developers() {
    let blocks = Block::all(&readme());
    assert_eq!(blocks[1].lines, ["cargo run --release -- demo"]);
    assert_eq!(blocks.last().unwrap().lines, ["tests/run"]);
    assert!(readme().starts_with("# ecs-resolver\n\n```console\n$ dig "), "something stands before it");
    assert!(root().join("tests/run").is_file());
}

#[test]
fn every_transcript_is_what_happens() {
    let demo = demo();
    let blocks = Block::all(&readme());
    let shown = blocks.iter().filter(|block| block.language == "console");
    let transcripts: Vec<_> = shown.flat_map(Block::transcripts).collect();
    assert!(transcripts.len() >= 10, "{transcripts:?}");
    for transcript in transcripts {
        let happened = replay::normal(&replay::run(&demo, &transcript.command));
        assert_eq!(replay::normal(&transcript.output), happened, "$ {}", transcript.command);
        assert!(!happened.is_empty(), "nothing is shown of: $ {}", transcript.command);
    }
}

#[test]
fn every_configuration_passes_check() {
    let blocks = Block::all(&readme());
    let blocks: Vec<_> = blocks.iter().filter(|block| block.language == "toml").collect();
    assert!(blocks.len() >= 3);
    let fixture = root().join("tests/fixtures/inventory-small.json");
    let folder = certificates();
    let ca = folder.path().join("ca.pem");
    for block in blocks {
        let text = block.lines.join("\n").replace("/etc/ecs-resolver/inventory.json", fixture.to_str().unwrap());
        let text = text.replace("/etc/ssl/certs/internal.pem", ca.to_str().unwrap());
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let output = daemon::command(&["check", "--config", file.path().to_str().unwrap()]).output().unwrap();
        assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Commands of ours: in blocks for the shell and between backticks.
fn our_commands() -> BTreeSet<String> {
    let readme = readme();
    let blocks = Block::all(&readme);
    let shell = blocks.iter().filter(|block| block.language == "sh").flat_map(|block| block.lines.iter().cloned());
    let spans = code_spans(&readme).into_iter().map(str::to_owned);
    let demo = shell.clone().filter_map(|line| Some(line.strip_prefix("cargo run --release -- ")?.to_owned()));
    let ours = shell.chain(spans).filter_map(|line| Some(line.strip_prefix("ecs-resolver ")?.to_owned()));
    ours.chain(demo).collect()
}

#[test]
fn the_contents_lead_to_the_sections() {
    let readme = readme();
    let anchor = |heading: &str| heading.to_lowercase().replace(' ', "-");
    let headings: BTreeSet<String> =
        readme.lines().filter_map(|line| line.trim_start_matches('#').strip_prefix(' ')).map(anchor).collect();
    let links: Vec<&str> = readme.split("](#").skip(1).filter_map(|rest| rest.split(')').next()).collect();
    assert!(links.len() > 15, "{links:?}");
    for link in links {
        assert!(headings.contains(link), "there is no section {link}");
    }
}

#[test]
fn prose_is_wrapped() {
    let readme = readme();
    let mut fenced = false;
    for line in readme.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let is_table = line.trim_start().starts_with('|');
        assert!(fenced || is_table || line.chars().count() <= 120, "{line}");
    }
}

#[test]
fn every_command_works() {
    let demo = demo();
    let http = demo.http.to_string();
    let commands = our_commands();
    let pages = tempfile::tempdir().unwrap();
    let of = |verb: &str| commands.iter().filter(|line| line.split(' ').next() == Some(verb)).count();
    for verb in ["run", "controller", "demo", "check", "dump", "queue", "cache", "completions", "man"] {
        assert!(of(verb) > 0, "the README shows no `ecs-resolver {verb}`");
    }
    for line in &commands {
        let line = line.replace("/etc/ecs-resolver/ecs-resolver.toml", "config/ecs-resolver.toml");
        let line = line.replace("/usr/local/share/man/man1", pages.path().to_str().unwrap());
        let mut arguments: Vec<&str> = line.split(' ').collect();
        match arguments[0] {
            // These would go on for ever, or need AWS; whether their words are understood shows all the same.
            "run" | "demo" | "controller" | "queue" => arguments.push("--help"),
            "dump" | "cache" => arguments.extend(["--http", &http]),
            _ => {}
        }
        let output = daemon::command(&arguments).current_dir(root()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let shown = !output.stdout.is_empty() || arguments.contains(&"--dir");
        assert!(output.status.success() && shown, "{line}: {said}");
    }
    assert!(pages.path().join("ecs-resolver.1").is_file(), "the units name a page that no step installs");
}

#[test]
fn every_file_of_the_instructions_exists() {
    let blocks = Block::all(&readme());
    let words = blocks.iter().filter(|block| block.language == "sh").flat_map(|block| &block.lines);
    let words: Vec<&str> = words.flat_map(|line| line.split(' ')).collect();
    for folder in ["config/", "systemd/", "tests/"] {
        let files: Vec<_> = words.iter().filter(|word| word.starts_with(folder)).collect();
        assert!(!files.is_empty(), "{folder}");
        assert!(files.iter().all(|file| root().join(file).is_file()), "{files:?}");
    }
    assert!(words.contains(&"target/release/ecs-resolver"));
}

#[test]
fn every_flag_exists() {
    let commands = [
        "run",
        "controller",
        "demo",
        "check",
        "dump",
        "queue show",
        "queue delete",
        "cache flush",
        "completions",
        "man",
    ];
    let helps = commands.map(|command| {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let output = daemon::command(&words).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    for span in code_spans(&readme()).into_iter().filter(|span| span.starts_with("--")) {
        let flag = span.split(' ').next().unwrap();
        let known = |help: &String| help.split_whitespace().any(|word| word.trim_end_matches(',') == flag);
        assert!(helps.iter().any(known), "{span}");
    }
}

#[test]
fn every_key_and_variable_exists() {
    let shipped = std::fs::read_to_string(root().join("config/ecs-resolver.toml")).unwrap();
    let is_key = |span: &str| {
        let (section, key) = span.split_once('.').unwrap_or_default();
        shipped.split_once(&format!("\n[{section}]\n")).is_some_and(|(_, rest)| {
            let section = rest.split("\n[").next().unwrap_or_default();
            section.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{key} =")))
        })
    };
    assert!(is_key("dns.listen") && is_key("snapshot.path") && !is_key("dns.path"), "the shipped file is read wrongly");
    let sections: BTreeSet<&str> = keys::KEYS.iter().filter_map(|key| Some(key.name.split_once('.')?.0)).collect();
    let (readme, mut seen) = (readme(), 0);
    for span in code_spans(&readme) {
        let section = span.split_once('.').map_or("", |(section, _)| section);
        let is_name = span.split('.').any(|label| label == "internal");
        if sections.contains(section) && !is_name {
            let key = span.split(' ').next().unwrap();
            assert!(is_key(key), "`{span}` is no key of config/ecs-resolver.toml");
            seen += 1;
        } else if span.starts_with("ECS_RESOLVER_") {
            assert!(keys::KEYS.iter().any(|key| args::variable(key.name) == span), "{span}");
        }
    }
    assert!(seen >= 5, "only {seen} keys are named");
}

#[test]
fn the_metrics_are_those_of_the_table() {
    let readme = readme();
    let table =
        tables(&readme).into_iter().find(|table| table[0].starts_with("| metric |")).expect("a table of metrics");
    let written: Vec<_> = table[2..].iter().map(|line| cells(line)[..3].join(" ")).collect();
    let exported: Vec<_> = TABLE
        .iter()
        .map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
            format!("`{}` {} {labels}", metric.name, format!("{:?}", metric.kind).to_lowercase())
        })
        .collect();
    assert_eq!(written, exported, "left: README.md, right: src/metrics/table.rs");
    for name in code_spans(&readme).into_iter().filter(|span| span.starts_with("ecs_resolver_")) {
        let name = name.split('{').next().unwrap();
        assert!(TABLE.iter().any(|metric| metric.name == name), "{name}");
    }
}

#[test]
fn the_pages_and_exit_codes_are_those_there_are() {
    let readme = readme();
    let column = |title: &str| -> Vec<String> {
        let table = tables(&readme).into_iter().find(|table| table[0].starts_with(&format!("| {title} |")));
        table.expect(title)[2..].iter().map(|line| cells(line)[0].trim_matches('`').to_owned()).collect()
    };
    let (_, index) = demo().get("/");
    let pages: Vec<_> = index.lines().filter_map(|line| line.split(' ').next()).collect();
    let pages: Vec<_> = pages.into_iter().filter(|word| word.starts_with('/')).collect();
    assert_eq!(column("path"), pages);
    let codes =
        [exit::OK, exit::USAGE, exit::UNAVAILABLE, exit::INTERNAL, exit::INCOMPLETE, exit::REFUSED, exit::CONFIG];
    let codes = codes.map(|code| code.to_string());
    assert_eq!(column("exit status"), codes);
}
