//! The documents speak of files and tests that exist.

use std::path::Path;

use crate::floors::files;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// The documents: every Markdown file at the top and in `docs`.
fn documents() -> Vec<String> {
    let of = |folder: &str| {
        let entries = std::fs::read_dir(root().join(folder)).expect("a folder of documents");
        let names =
            entries.map(|entry| entry.expect("a directory entry").file_name().into_string().expect("a name in UTF-8"));
        names.filter(|name| name.ends_with(".md")).map(|name| format!("{folder}{name}")).collect::<Vec<_>>()
    };
    let documents = [of(""), of("docs/")].concat();
    assert!(documents.len() >= 4, "documents are missing: {documents:?}");
    documents
}

/// What stands between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// What a document says that is not so.
fn faults(document: &str, text: &str) -> Vec<String> {
    let places = ["src/", "tests/", "benches/", "config/", "systemd/", "examples/", "fuzz/"];
    let mut faults = Vec::new();
    for word in quoted(text).filter(|word| places.iter().any(|place| word.starts_with(place))) {
        let (file, test) = word.split_once("::").map_or((word, None), |(file, test)| (file, Some(test)));
        let Some(source) = root().join(file).exists().then(|| std::fs::read_to_string(root().join(file))) else {
            faults.push(format!("{document}: there is no `{file}`"));
            continue;
        };
        let is_there = |test: &str| source.as_ref().is_ok_and(|source| source.contains(&format!("fn {test}(")));
        if let Some(test) = test.filter(|test| !is_there(test)) {
            faults.push(format!("{document}: `{file}` has no `{test}`"));
        }
    }
    faults
}

/// The numbered points under a heading.
fn points<'t>(text: &'t str, heading: &str) -> Vec<&'t str> {
    let section = text.split("\n## ").find_map(|section| section.strip_prefix(heading)).expect("the heading");
    let starts = section.match_indices('\n').map(|(at, _)| at + 1).filter(|at| {
        let digits = section[*at..].chars().take_while(char::is_ascii_digit).count();
        digits > 0 && section[at + digits..].starts_with(". ")
    });
    let mut starts: Vec<usize> = starts.collect();
    starts.push(section.len());
    starts.windows(2).map(|pair| &section[pair[0]..pair[1]]).collect()
}

#[test]
fn what_the_documents_name_exists() {
    let mut found = Vec::new();
    for document in documents() {
        found.extend(faults(&document, &read(&document)));
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// What the commands of a document, which are indented by four, name of ours and there is not.
fn lacking(text: &str) -> Vec<String> {
    let mut lacking = Vec::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("    ")) {
        let words: Vec<&str> = line.split_whitespace().take_while(|word| *word != "#").collect();
        for (at, word) in words.iter().enumerate() {
            let next = words.get(at + 1).copied().unwrap_or_default();
            let sources = match *word {
                "--bench" => vec![format!("benches/{next}.rs")],
                "--test" => vec![format!("tests/{next}.rs")],
                "--example" => vec![format!("examples/{next}.rs"), format!("examples/{next}/main.rs")],
                _ => match word.strip_prefix("target/release/examples/") {
                    Some(name) => vec![format!("examples/{name}.rs"), format!("examples/{name}/main.rs")],
                    None if word.starts_with("benches/") => vec![(*word).to_owned()],
                    None => continue,
                },
            };
            if !sources.iter().any(|source| root().join(source).exists()) {
                lacking.push(line.to_owned());
            }
        }
    }
    lacking
}

#[test]
fn the_commands_that_measure_exist() {
    let text = read("docs/performance.md");
    assert!(text.lines().filter(|line| line.starts_with("    ")).count() > 8);
    assert_eq!(lacking(&text), [""; 0]);
    let planted = "    cargo bench --bench core\n    cargo bench --bench no\n    benches/no.py # x\n    target/release/examples/load\n";
    assert_eq!(lacking(planted), ["cargo bench --bench no", "benches/no.py # x"]);
    for script in ["benches/crowd.py", "benches/forwarding.py", "benches/side_by_side/__main__.py"] {
        let help = std::process::Command::new("python3").arg(root().join(script)).arg("--help").output();
        let help = help.expect("python3");
        assert!(help.status.success(), "{script}: {}", String::from_utf8_lossy(&help.stderr));
    }
}

#[test]
fn every_invariant_has_a_test_that_guards_it() {
    let text = read("ARCHITECTURE.md");
    let invariants = points(&text, "What holds always");
    assert!(invariants.len() >= 8, "{invariants:?}");
    for invariant in invariants {
        let flat = invariant.split_whitespace().collect::<Vec<_>>().join(" ");
        let guard = flat.split("guarded by ").nth(1).unwrap_or_default();
        let test = quoted(guard).next().unwrap_or_default();
        assert!(guard.starts_with('`') && test.contains(".rs::"), "nothing guards: {flat}");
    }
}

/// Lines of tables that name no test and do not say why none can be.
fn unproven(text: &str) -> Vec<&str> {
    let lines = text.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| proof |"));
    lines.filter(|line| !line.contains("Cannot apply: ") && !line.contains(".rs::")).collect()
}

#[test]
fn every_line_of_the_robustness_table_has_a_proof_or_a_reason() {
    let text = read("docs/robustness.md");
    assert!(text.lines().filter(|line| line.starts_with("| ")).count() > 40);
    let unproven = unproven(&text);
    assert!(unproven.is_empty(), "{unproven:#?}");
    let planted = "| what it is | what holds here | proof |\n|---|---|---|\n| a | b | |\n| a | Cannot apply: b | |\n";
    assert_eq!(self::unproven(planted), ["| a | b | |"]);
}

#[test]
fn every_version_has_the_five_headings() {
    let text = read("CHANGELOG.md");
    for version in text.split("\n## ").skip(1) {
        let headings: Vec<&str> = version.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        assert_eq!(headings, ["Breaking changes", "New", "Improvements", "Bug fixes", "Other"], "{version}");
    }
    assert!(text.contains(&format!("\n## {}", env!("CARGO_PKG_VERSION"))), "the changelog lacks this version");
}

#[test]
fn nothing_points_out_of_the_repository() {
    // In two parts, or this file would be found.
    let outside = [concat!("/work", "/"), concat!("../", "shared")];
    let mut every = documents();
    every.extend(["deny.toml", "Cargo.toml", "clippy.toml"].map(str::to_owned));
    every.extend(["src", "tests", "config", "systemd", "benches"].into_iter().flat_map(|folder| files(root(), folder)));
    for file in every {
        let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
        assert!(!outside.iter().any(|path| text.contains(path)), "{file} names a path that a clone does not have");
    }
}

#[test]
fn planted_faults_are_found() {
    let text =
        "`src/lib.rs` `src/nowhere.rs` `tests/it/docs.rs::planted_faults_are_found` `tests/it/docs.rs::no_test` `x`";
    assert_eq!(
        faults("X.md", text),
        ["X.md: there is no `src/nowhere.rs`", "X.md: `tests/it/docs.rs` has no `no_test`"]
    );
    assert_eq!(
        points("# X\n## A\n1. one\n   more\n2. two\n\n## B\n1. three\n", "A"),
        ["1. one\n   more\n", "2. two\n"]
    );
}
