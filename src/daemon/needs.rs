//! The files that settings name: read before anything is started, so that `check` finds what `run` would refuse.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{access, feed, upstreams};
use crate::config::settings::{SnapshotPath, Source};
use crate::config::{Config, Fault, Faults, Loaded};
use crate::source::fixture;

/// Where systemd puts what `LoadCredential=` names, for the unit alone and as long as it runs.
const CREDENTIALS: &str = "/run/credentials/";
/// What `StateDirectory=` of the unit makes.
const STATE: &str = "/var/lib/ecs-resolver";

/// The same configuration, if every file that it names is there and of use.
///
/// # Errors
/// A fault for each that is not.
pub fn judged(loaded: Loaded) -> Result<Loaded, Faults> {
    let faults = faults(&loaded.config, |_| true);
    loaded.unless(faults)
}

/// [`judged`] outside of the daemon's own surroundings: what only the unit can read is not judged, and notices tell what
/// the unit will not be able to read or write.
///
/// # Errors
/// As [`judged`].
pub fn judged_from_outside(mut loaded: Loaded) -> Result<Loaded, Faults> {
    let faults = faults(&loaded.config, |file| !is_credential(file));
    loaded.notices.extend(notices(&loaded.config));
    loaded.unless(faults)
}

fn faults(config: &Config, judges: impl Fn(&Path) -> bool) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Source::Fixture(file) = &config.ecs.source {
        faults.extend(fixture::parse(file, fs::read(file)).err().map(|error| feed::unfit(&error)));
    }
    let (hosts, ca) = (config.forward.hosts.as_deref(), config.forward.tls_ca.as_deref());
    if hosts.is_some_and(&judges) {
        faults.extend(upstreams::hosts(config).err());
    }
    if ca.is_none_or(&judges) {
        faults.extend(upstreams::link(config).err());
    }
    let secret = config.access.cookie_secret.as_deref().filter(|file| judges(file));
    faults.extend(secret.and_then(|file| access::read(file).err()));
    faults
}

fn notices(config: &Config) -> Vec<String> {
    let named = [
        ("access.cookie_secret", config.access.cookie_secret.as_deref()),
        ("forward.hosts", config.forward.hosts.as_deref()),
        ("forward.tls_ca", config.forward.tls_ca.as_deref()),
        (
            "ecs.fixture",
            match &config.ecs.source {
                Source::Fixture(file) => Some(file.as_path()),
                Source::Describe | Source::Off => None,
            },
        ),
    ];
    let named = named.into_iter().filter_map(|(key, file)| Some((key, file?)));
    let mut notices: Vec<_> = named.filter_map(|(key, file)| unreadable(key, file)).collect();
    if let SnapshotPath::At(file) = &config.snapshot.path
        && let Some(folder) = file.parent().filter(|folder| !folder.is_dir() && *folder != Path::new(STATE))
    {
        notices.push(format!("snapshot.path: there is no folder {}, so that nothing is kept", folder.display()));
    }
    notices
}

/// Says that the unit cannot read what we can.
fn unreadable(key: &str, file: &Path) -> Option<String> {
    if is_credential(file) {
        return Some(format!("{key}: {} is for the unit alone, and was not looked at", file.display()));
    }
    let closed = |path: &Path, bit| fs::metadata(path).is_ok_and(|it| it.permissions().mode() & bit == 0);
    let for_all = !closed(file, 0o004) && !file.ancestors().skip(1).any(|folder| closed(folder, 0o001));
    (!for_all).then(|| {
        format!(
            "{key}: not everybody may read {}, and the unit has a user of its own (DynamicUser=): hand it over by \
             LoadCredential=, as the unit's comments say",
            file.display()
        )
    })
}

fn is_credential(file: &Path) -> bool {
    file.starts_with(CREDENTIALS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Overrides, load_text};

    const SECRET: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf\n";

    fn loaded(text: &str) -> Loaded {
        load_text(text, Some(Path::new("t.toml")), &Overrides::default()).unwrap()
    }

    #[test]
    fn every_file_that_is_of_no_use_is_a_fault_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let wrong = folder.path().join("wrong");
        fs::write(&wrong, "no secret, no inventory, no certificate\n").unwrap();
        let wrong = wrong.display();
        let text = format!(
            "[ecs]\nsource = \"fixture\"\nfixture = \"{wrong}\"\n[forward]\nupstreams = \"tls://10.0.0.2\"\n\
             tls_ca = \"{wrong}\"\nhosts = \"{wrong}/absent\"\n[access]\ncookie_secret = \"{wrong}\"\n"
        );
        let want = [("ecs.fixture", 3), ("forward.tls_ca", 6), ("forward.hosts", 7), ("access.cookie_secret", 9)];
        for judge in [judged, judged_from_outside] {
            let faults = judge(loaded(&text)).unwrap_err().to_string();
            let lines: Vec<&str> = faults.lines().collect();
            assert_eq!(lines.len(), want.len(), "{faults}");
            for (line, (key, number)) in lines.iter().zip(want) {
                assert!(line.starts_with(&format!("t.toml: line {number}: {key}: ")), "{line}");
            }
        }
    }

    #[test]
    fn what_only_we_can_read_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        fs::write(&file, SECRET).unwrap();
        let text = format!("[access]\ncookie_secret = \"{}\"\n", file.display());
        let told = |folder_mode, file_mode| {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(folder_mode)).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(file_mode)).unwrap();
            judged_from_outside(loaded(&text)).unwrap().notices
        };
        assert!(told(0o755, 0o600)[0].contains("LoadCredential="));
        assert!(told(0o700, 0o644)[0].contains("access.cookie_secret: not everybody may read"));
        assert_eq!(told(0o755, 0o644), [""; 0]);
        assert_eq!(judged(loaded(&text)).unwrap().notices, [""; 0], "the daemon itself can, or cannot");
    }

    #[test]
    fn what_the_unit_alone_can_read_is_not_judged_from_outside() {
        let text = "[access]\ncookie_secret = \"/run/credentials/ecs-resolver.service/cookie-secret\"\n";
        let told = judged_from_outside(loaded(text)).unwrap().notices;
        assert!(told[0].contains("was not looked at"), "{told:?}");
        assert!(judged(loaded(text)).is_err());
    }

    #[test]
    fn a_folder_that_is_missing_is_told() {
        let text = "[snapshot]\npath = \"/nonexistent/ecs-resolver/inventory\"\n";
        let told = judged_from_outside(loaded(text)).unwrap().notices;
        assert_eq!(told, ["snapshot.path: there is no folder /nonexistent/ecs-resolver, so that nothing is kept"]);
    }
}
