//! From the settings of `[access]` to the rules, and what is looked at again and again for them: the host's networks,
//! the wall clock, and the secret of the cookies.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Error;
use crate::access::cookies::{Secret, Secrets};
use crate::access::{Access, AccessSettings, Surroundings};
use crate::config::settings;
use crate::server;
use crate::source::clock::Clock;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(30);
/// Life of a random secret. The one before it is taken until the next change, so a cookie outlives it by far.
const SECRET_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Other settings, ready to be gone by, and whom to tell when they are.
struct Change {
    settings: AccessSettings,
    keeper: Option<Keeper>,
    done: oneshot::Sender<()>,
}

/// Changes the rules while they hold.
#[derive(Clone)]
pub(super) struct Rules(mpsc::Sender<Change>);

/// Settings of `[access]` whose secret has been read.
pub(super) struct Checked {
    settings: AccessSettings,
    keeper: Option<Keeper>,
}

impl Rules {
    /// Reads what other settings need. A random secret stays as it is.
    ///
    /// # Errors
    /// As [`start`].
    pub(super) fn check(running: &settings::Access, wanted: &settings::Access) -> Result<Checked, Error> {
        let anew = running.cookie_secret != wanted.cookie_secret;
        let keeper = anew.then(|| Keeper::new(wanted.cookie_secret.as_deref())).transpose()?;
        Ok(Checked { settings: settings(wanted), keeper })
    }

    /// Has them hold; returns when they do.
    pub(super) async fn change(&self, Checked { settings, keeper }: Checked) {
        let (done, holds) = oneshot::channel();
        if self.0.send(Change { settings, keeper, done }).await.is_ok() {
            // It fails only at shutdown.
            let _ = holds.await;
        }
    }
}

/// Starts to keep the rules up to date until `token` is cancelled.
///
/// # Errors
/// When the secret cannot be read, or the operating system has no random numbers.
pub(super) fn start(config: &settings::Access, token: &CancellationToken) -> Result<(Arc<Access>, Rules), Error> {
    let mut keeper = Keeper::new(config.cookie_secret.as_deref())?;
    let mut interfaces = Interfaces::default();
    interfaces.look(server::interfaces::networks);
    let access = Arc::new(Access::new(settings(config), keeper.surroundings(&interfaces)));
    let (kept, (changes, mut changed)) = (Arc::clone(&access), mpsc::channel::<Change>(1));
    // The only writer of the rules.
    let keep = async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(INTERVAL) => {
                    keeper.look();
                    interfaces.look(server::interfaces::networks);
                    kept.refresh(keeper.surroundings(&interfaces));
                }
                Some(change) = changed.recv() => {
                    keeper = change.keeper.unwrap_or(keeper);
                    kept.reconfigure(change.settings, keeper.surroundings(&interfaces));
                    // Who waits may be gone.
                    let _ = change.done.send(());
                }
            }
        }
    };
    tokio::spawn(token.clone().run_until_cancelled_owned(keep));
    Ok((access, Rules(changes)))
}

fn settings(config: &settings::Access) -> AccessSettings {
    AccessSettings {
        allow: config.allow.clone(),
        deny: config.deny.clone(),
        denial: config.denied,
        own: config.own_networks.clone(),
        rate: config.rate_limit,
        slip: config.slip,
        cookies: config.cookies,
    }
}

/// The addresses of the host's interfaces, as the kernel last told.
#[derive(Debug, Default)]
struct Interfaces {
    networks: Vec<IpNet>,
    complained: bool,
}

impl Interfaces {
    /// Reads them again. If they cannot be had the old ones stay: neighbours must not become strangers.
    fn look(&mut self, read: impl FnOnce() -> io::Result<Vec<IpNet>>) {
        match read() {
            Ok(networks) => (self.networks, self.complained) = (networks, false),
            Err(error) if !self.complained => {
                tracing::warn!(%error, "the addresses of this host cannot be read; its networks are taken to be those of before");
                self.complained = true;
            }
            Err(_) => {}
        }
    }
}

/// Keeps the secret: that of a file, or a random one.
#[derive(Debug)]
struct Keeper {
    secrets: Secrets,
    from: From,
    clock: Clock,
}

#[derive(Debug)]
enum From {
    File { path: PathBuf, complained: bool },
    Random { since: Instant },
}

impl Keeper {
    fn new(file: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = file else {
            let secrets = Secrets { current: random().map_err(Error::Internal)?, other: None };
            return Ok(Self { secrets, from: From::Random { since: Instant::now() }, clock: Clock::start() });
        };
        let secrets = read(path).map_err(Error::Unavailable)?;
        Ok(Self { secrets, from: From::File { path: path.to_owned(), complained: false }, clock: Clock::start() })
    }

    fn surroundings(&self, interfaces: &Interfaces) -> Surroundings {
        let clock = match self.from {
            // Nobody else takes these cookies, so a clock of the host that jumps need not spoil any.
            From::Random { .. } => self.clock,
            // Other servers must agree on the time, so a correction of it must be heeded.
            From::File { .. } => Clock::start(),
        };
        let seconds = clock.now().as_second().rem_euclid(1 << 32);
        let time = (u32::try_from(seconds).unwrap_or_default(), Instant::now().into_std());
        Surroundings { networks: interfaces.networks.clone(), secrets: self.secrets.clone(), time }
    }

    /// Reads the file again, or makes a new secret if it is time. What cannot be had leaves the old one in use.
    fn look(&mut self) {
        match &mut self.from {
            From::Random { since } if since.elapsed() >= SECRET_LIFE => {
                if let Ok(current) = random() {
                    self.secrets = Secrets { current, other: Some(self.secrets.current) };
                    *since = Instant::now();
                }
            }
            From::Random { .. } => {}
            From::File { path, complained } => match read(path) {
                Ok(secrets) => (self.secrets, *complained) = (secrets, false),
                Err(error) if !*complained => {
                    tracing::warn!("{error}; the secret that was read before stays in use");
                    *complained = true;
                }
                Err(_) => {}
            },
        }
    }
}

fn random() -> Result<Secret, String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers for a secret: {error}"))?;
    Ok(Secret::new(bytes))
}

/// Reads one or two secrets. An error never shows what was read.
fn read(path: &Path) -> Result<Secrets, String> {
    let fault = |what: &str| format!("access.cookie_secret: {} {what}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| fault(&format!("cannot be read: {error}")))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let secrets: Option<Vec<Secret>> = lines.map(Secret::from_hex).collect();
    match secrets.as_deref() {
        Some([current]) => Ok(Secrets { current: *current, other: None }),
        Some([current, other]) => Ok(Secrets { current: *current, other: Some(*other) }),
        _ => Err(fault("must have one or two lines of 32 hexadecimal digits: `openssl rand -hex 16` makes one")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "e5e973e5a6b2a43f48e7dc849e37bfcf";
    const SECOND: &str = "445536bcd2513298075a5d379663c962";

    #[tokio::test(start_paused = true)]
    async fn a_random_secret_changes_every_day_and_the_one_before_stays_good() {
        let mut keeper = Keeper::new(None).unwrap();
        let first = keeper.secrets.clone();
        tokio::time::advance(SECRET_LIFE - INTERVAL).await;
        keeper.look();
        assert_eq!(keeper.secrets, first);
        tokio::time::advance(INTERVAL).await;
        keeper.look();
        assert_ne!(keeper.secrets.current, first.current);
        assert_eq!(keeper.secrets.other, Some(first.current));
    }

    #[tokio::test(start_paused = true)]
    async fn with_a_random_secret_the_time_is_our_own_and_with_a_shared_one_that_of_the_host() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, FIRST).unwrap();
        let (random, shared) = (Keeper::new(None).unwrap(), Keeper::new(Some(&path)).unwrap());
        let time = |keeper: &Keeper| keeper.surroundings(&Interfaces::default()).time.0;
        let (own, host) = (time(&random), time(&shared));
        tokio::time::advance(Duration::from_secs(100_000)).await;
        assert_eq!(time(&random), own + 100_000);
        // The host's clock has not moved by more than this test took.
        assert!(time(&shared) - host < 50_000);
    }

    #[test]
    fn networks_that_cannot_be_read_are_those_of_before() {
        let (mut interfaces, network) = (Interfaces::default(), "10.0.0.5/16".parse::<IpNet>().unwrap());
        interfaces.look(|| Ok(vec![network]));
        interfaces.look(|| Err(io::ErrorKind::OutOfMemory.into()));
        assert_eq!((interfaces.networks.as_slice(), interfaces.complained), ([network].as_slice(), true));
        interfaces.look(|| Ok(Vec::new()));
        assert!(interfaces.networks.is_empty() && !interfaces.complained);
    }

    #[test]
    fn a_file_is_read_again_and_shows_in_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let [first, second] = [FIRST, SECOND].map(|hex| Secret::from_hex(hex).unwrap());
        std::fs::write(&path, format!("{FIRST}\n\n")).unwrap();
        let mut keeper = Keeper::new(Some(&path)).unwrap();
        assert_eq!(keeper.secrets, Secrets { current: first, other: None });
        std::fs::write(&path, format!("{SECOND}\n{FIRST}\n")).unwrap();
        keeper.look();
        assert_eq!(keeper.secrets, Secrets { current: second, other: Some(first) });
        for bad in ["", "e5e973\n", &format!("{FIRST}\n{FIRST}\n{FIRST}\n"), &format!("{FIRST} {SECOND}")] {
            std::fs::write(&path, bad).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.contains("32 hexadecimal digits") && !error.contains("e5e973"), "{error}");
        }
        keeper.look();
        assert_eq!(keeper.secrets.current, second, "a broken file changes nothing");
        assert!(matches!(keeper.from, From::File { complained: true, .. }));
        assert!(Keeper::new(Some(&folder.path().join("absent"))).is_err());
    }
}
