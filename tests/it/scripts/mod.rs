//! Stories in `tests/scripts/*`: commands, `---`, and what is observed, through the core alone: no socket, no clock.
//!
//! `UPDATE_EXPECT=1 cargo test scripts` writes what is observed into the files; read the diff before you commit it.

mod world;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use world::World;

/// Runs one script and returns it with its observations.
fn observe(script: &str) -> String {
    let mut world = World::default();
    let mut out = String::new();
    for block in script.split("\n\n").filter(|block| !block.trim().is_empty()) {
        let commands: Vec<&str> = block.lines().take_while(|line| *line != "---").collect();
        let observed: Vec<String> = commands
            .iter()
            .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
            .map(|line| world.run(line))
            .filter(|seen| !seen.is_empty())
            .collect();
        let _ = writeln!(out, "{}", commands.join("\n"));
        if !observed.is_empty() {
            let _ = writeln!(out, "---\n{}", observed.join("\n"));
        }
        out.push('\n');
    }
    format!("{}\n", out.trim_end())
}

#[test]
fn every_script_tells_what_is_observed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts");
    let mut scripts: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    scripts.sort();
    assert!(scripts.len() >= 8, "scripts are missing from {}", folder.display());
    let mut wrong = Vec::new();
    for path in scripts {
        let script = fs::read_to_string(&path).unwrap();
        let observed = observe(&script);
        if observed != script {
            if std::env::var_os("UPDATE_EXPECT").is_some() {
                fs::write(&path, &observed).unwrap();
            }
            wrong.push(difference(&path, &script, &observed));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn difference(path: &Path, expected: &str, observed: &str) -> String {
    let mut text = format!("{} differs:", path.display());
    let lines = expected.lines().zip(observed.lines()).enumerate().filter(|(_, (left, right))| left != right);
    for (number, (left, right)) in lines.take(5) {
        let _ = write!(text, "\n  line {}:\n    expected {left}\n    observed {right}", number + 1);
    }
    text
}
