//! The systemd units are such that systemd accepts, hardened, and of one mind with the program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use ecs_resolver::ecs::Timestamp;
use ecs_resolver::inventory::{Inventory, Saved, reduce};
use ecs_resolver::source::synthetic::synthetic;

/// Highest exposure that `systemd-analyze security` may find, in its tenths (0 best, 100 worst).
const MAX_EXPOSURE: &str = "15";

const SERVICE: &str = "ecs-resolver.service";
const SOCKET: &str = "ecs-resolver.socket";

fn file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn unit() -> String {
    file(SERVICE)
}

/// The values of a key of a unit.
fn values<'u>(unit: &'u str, key: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('=')).collect()
}

/// The unit in a folder, with `binary` in place of the installed one: systemd wants it to exist.
fn written(folder: &tempfile::TempDir, name: &str, text: &str, binary: &str) -> PathBuf {
    let path = folder.path().join(name);
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

/// Whether systemd takes this text for the unit `name`, with the others beside it as they are.
fn verifies(name: &str, text: &str) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    for other in [SERVICE, SOCKET] {
        written(&folder, other, &file(other), env!("CARGO_BIN_EXE_ecs-resolver"));
    }
    let path = written(&folder, name, text, env!("CARGO_BIN_EXE_ecs-resolver"));
    let (fine, said) = analyze(&["verify", "--man=no", "--recursive-errors=no"], &path);
    // Unknown keys and bad values are only warnings to it; they name the unit.
    (fine && !said.contains("ecs-resolver."), said)
}

#[test]
fn systemd_accepts_the_units() {
    for (name, key) in [(SERVICE, "WatchdogSec="), (SOCKET, "ReceiveBuffer=")] {
        let (fine, said) = verifies(name, &file(name));
        assert!(fine, "{name}: {said}");
        let (fine, said) = verifies(name, &file(name).replace(key, "Planted="));
        assert!(!fine, "{name}: a planted unknown key goes unnoticed: {said}");
    }
}

#[test]
fn it_is_started_again_whatever_happens() {
    let unit = unit();
    let of = |key: &str| values(&unit, key);
    assert_eq!((of("Restart"), of("StartLimitIntervalSec")), (vec!["always"], vec!["0"]));
    for key in ["WatchdogSec", "FileDescriptorStoreMax", "MemoryMax", "OOMScoreAdjust", "RestartSec"] {
        assert_eq!(of(key).len(), 1, "{key}");
    }
}

#[test]
fn the_socket_unit_is_for_the_addresses_of_the_configuration() {
    let socket = file(SOCKET);
    let config = ecs_resolver::config::load(None, &ecs_resolver::config::Overrides::default());
    let dns = config.map(|loaded| loaded.config.dns).map_err(|faults| faults.to_string()).unwrap();
    let listen: Vec<String> = dns.listen.iter().map(ToString::to_string).collect();
    assert_eq!(values(&socket, "ListenStream"), listen);
    assert_eq!((values(&socket, "ListenDatagram"), dns.workers), (listen.iter().map(String::as_str).collect(), 1));
    assert_eq!(values(&socket, "Service"), [SERVICE]);
}

#[test]
fn the_unit_is_hardened() {
    let security = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = written(&folder, SERVICE, text, env!("CARGO_BIN_EXE_ecs-resolver"));
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

/// Bytes, of the forms that systemd and we write.
fn bytes(text: &str) -> u64 {
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].trim() {
        "" => 0,
        "K" | "KiB" => 10,
        "M" | "MiB" => 20,
        "G" | "GiB" => 30,
        unit => panic!("{unit}"),
    };
    text[..digits].parse::<u64>().unwrap() << shift
}

#[test]
fn an_inventory_that_is_full_fits_into_the_memory_of_the_unit_and_into_its_file() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/ecs-resolver.toml");
    let text = std::fs::read_to_string(&shipped).unwrap().replace("\n#", "");
    let config = ecs_resolver::config::load(Some(&shipped), &ecs_resolver::config::Overrides::default());
    let config = config.map(|loaded| loaded.config).map_err(|faults| faults.to_string()).unwrap();
    let (full, cache) = (config.limits.inventory as u64, config.forward.cache_size);
    let figure = |before: &str| {
        let rest = text.split_once(before).unwrap_or_else(|| panic!("{before}")).1;
        bytes(rest.split_inclusive("KiB").next().unwrap())
    };
    // What docs/performance.md has measured, and the copy that a save makes, is less.
    let each = figure("one takes up to ") + figure("and up to ");
    let memory = bytes(values(&unit(), "MemoryMax")[0]);
    let needed = full * each + cache;
    assert!(needed <= memory, "limits.inventory and forward.cache_size come to {needed} bytes, MemoryMax= is {memory}");

    let (services, tasks) = (500, 3);
    let changes = synthetic(services, tasks).into_changes(Timestamp::UNIX_EPOCH).into_iter();
    let inventory = changes.fold(Inventory::default(), |known, change| reduce(known, change).0);
    let mut written = Vec::new();
    Saved::of(&inventory, &BTreeMap::new()).write(&mut written).unwrap();
    let file = written.len() as u64 * full / inventory.size() as u64;
    assert!(file <= ecs_resolver::store::MOST, "{file} bytes, which are not read again");
}
