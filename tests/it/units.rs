//! The systemd unit is one that systemd accepts, hardened, and of one mind with the program.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Highest exposure that `systemd-analyze security` may find, in its tenths (0 best, 100 worst).
const MAX_EXPOSURE: &str = "20";

fn unit() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/ecs-resolver.service");
    std::fs::read_to_string(path).unwrap()
}

/// The unit in a folder of its own, with `binary` in place of the installed one: systemd wants it to exist.
fn written(folder: &tempfile::TempDir, text: &str, binary: &str) -> PathBuf {
    let path = folder.path().join("ecs-resolver.service");
    std::fs::write(&path, text.replace("/usr/bin/ecs-resolver", binary)).unwrap();
    path
}

/// Runs systemd-analyze (Debian package systemd) and returns whether it is content, and what it said.
fn analyze(arguments: &[&str], unit: &Path) -> (bool, String) {
    let output = Command::new("systemd-analyze").args(arguments).arg(unit).env("SYSTEMD_PAGER", "").output();
    let output = output.expect("systemd-analyze must be installed: apt-get install systemd");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn verifies(text: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = written(&folder, text, env!("CARGO_BIN_EXE_ecs-resolver"));
    let (fine, said) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path);
    // Unknown keys and bad values are only warnings to it; they name the unit.
    (fine && !said.contains("ecs-resolver.service"), said)
}

#[test]
fn systemd_accepts_the_unit() {
    let (fine, said) = verifies(&unit());
    assert!(fine, "{said}");
    let (fine, said) = verifies(&unit().replace("WatchdogSec=", "WatchdogSeconds="));
    assert!(!fine, "a planted unknown key goes unnoticed: {said}");
}

#[test]
fn the_unit_is_hardened() {
    let security = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder, text, env!("CARGO_BIN_EXE_ecs-resolver"));
        analyze(&["security", "--offline=true", "--no-pager", &format!("--threshold={MAX_EXPOSURE}")], &path)
    };
    let (fine, said) = security(&unit());
    assert!(fine, "{said}");
    let (fine, said) = security(&unit().replace("SystemCallFilter=", "#"));
    assert!(!fine, "without its system call filter the unit passes all the same: {said}");
}

#[test]
fn the_unit_and_the_program_agree() {
    let unit = unit();
    let starts: Vec<_> = unit.lines().filter_map(|line| line.split_once("=/usr/bin/ecs-resolver ")).collect();
    let keys: Vec<_> = starts.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["ExecStart"]);
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/ecs-resolver.toml");
    for (key, line) in starts {
        assert!(line.contains(ecs_resolver::config::DEFAULT_PATH), "{key}");
        let line = line.replace(ecs_resolver::config::DEFAULT_PATH, config.to_str().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_ecs-resolver"));
        // --help shows that the words are understood, without starting the daemon.
        let output = command.args(line.split(' ')).arg("--help").output().unwrap();
        assert!(output.status.success(), "{key}: {}", String::from_utf8_lossy(&output.stderr));
    }
    for code in [ecs_resolver::cli::exit::USAGE, ecs_resolver::cli::exit::CONFIG] {
        let prevented = unit.lines().find_map(|line| line.strip_prefix("RestartPreventExitStatus=")).unwrap();
        assert!(prevented.split(' ').any(|status| status == code.to_string()), "{code}");
    }
}
