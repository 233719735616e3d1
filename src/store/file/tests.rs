use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;

const NOW: Timestamp = Timestamp::UNIX_EPOCH;

fn save(path: &Path, text: &str) -> io::Result<u64> {
    write(path, Kind::Inventory, NOW, |out| out.write_all(text.as_bytes()))
}

fn refusal(path: &Path) -> &'static str {
    read(path, Kind::Inventory).unwrap_err().label()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = entries.collect();
    names.sort();
    names
}

#[test]
fn what_was_written_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory");
    assert!(read(&path, Kind::Inventory).unwrap().is_none());
    for text in ["first", "", &"long ".repeat(100_000)] {
        assert_eq!(save(&path, text).unwrap(), fs::metadata(&path).unwrap().len());
        assert_eq!(read(&path, Kind::Inventory).unwrap().unwrap(), text.as_bytes());
    }
    assert_eq!(names(folder.path()), ["inventory"], "nothing is left over");
    let head = fs::read(&path).unwrap();
    let head = String::from_utf8_lossy(&head[..300]).into_owned();
    assert!(head.contains("\nwritten by ecs-resolver ") && head.contains(" at 1970-01-01T00:00:00Z\nlong"), "{head}");
}

/// A disk that fills up is such a writer: the error comes in the middle.
#[test]
fn a_write_that_fails_leaves_the_old_file_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory");
    save(&path, "old").unwrap();
    let full = write(&path, Kind::Inventory, NOW, |out| {
        out.write_all(&[0; 100_000])?;
        Err(io::ErrorKind::StorageFull.into())
    });
    assert_eq!(full.unwrap_err().kind(), io::ErrorKind::StorageFull);
    let large = write_within(&path, Kind::Inventory, NOW, 10_000, |out| out.write_all(&[0; 10_000]));
    assert_eq!(large.unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    assert_eq!(read(&path, Kind::Inventory).unwrap().unwrap(), b"old");
    assert_eq!(names(folder.path()), ["inventory"]);
    assert!(save(&folder.path().join("nowhere/inventory"), "x").is_err());
}

#[test]
fn what_is_no_regular_file_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("folder")).unwrap();
    nix::unistd::mkfifo(&at("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    save(&at("inventory"), "x").unwrap();
    std::os::unix::fs::symlink(at("inventory"), at("link")).unwrap();
    for name in ["folder", "pipe", "link"] {
        assert_eq!(refusal(&at(name)), "not_a_file", "{name}");
    }
    assert_eq!(refusal(Path::new("/dev/zero")), "not_a_file");
    assert!(save(&at("folder"), "x").is_err(), "a folder is not replaced");
}

#[test]
fn what_is_too_large_is_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory");
    // A hole, which takes no room.
    File::create(&path).unwrap().set_len(MOST + 1).unwrap();
    assert_eq!(refusal(&path), "too_large");
}

#[test]
fn what_killed_writers_have_left_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory");
    save(&path, "x").unwrap();
    for name in [".inventory.7.tmp", ".inventory.8.tmp", ".cache.7.tmp", "inventory.old"] {
        fs::write(folder.path().join(name), "half").unwrap();
    }
    sweep(&path);
    assert_eq!(names(folder.path()), [".cache.7.tmp", "inventory", "inventory.old"]);
}

#[test]
fn what_lies_in_the_way_of_a_new_file_is_neither_followed_nor_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (path, temporary) = (at("inventory"), at(&format!(".inventory.{}.tmp", std::process::id())));
    fs::write(at("precious"), "of somebody").unwrap();
    std::os::unix::fs::symlink(at("precious"), &temporary).unwrap();
    save(&path, "first").unwrap();
    assert_eq!(fs::read_to_string(at("precious")).unwrap(), "of somebody");
    fs::write(&temporary, "planted").unwrap();
    fs::set_permissions(&temporary, fs::Permissions::from_mode(0o666)).unwrap();
    let planted = File::open(&temporary).unwrap();
    save(&path, "second").unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_ne!(fs::metadata(&path).unwrap().ino(), planted.metadata().unwrap().ino(), "its owner could write it");
    fs::create_dir(&temporary).unwrap();
    assert!(save(&path, "third").is_err(), "what cannot be removed");
    assert_eq!(read(&path, Kind::Inventory).unwrap().unwrap(), b"second");
}
