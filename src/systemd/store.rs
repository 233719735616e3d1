//! Sockets that outlive the process (sd_listen_fds(3), sd_pid_notify_with_fds(3)). systemd hands us those of a socket unit
//! and those that an earlier process of ours has given it to keep; queries that come in between wait in them.

use std::io::{self, Read};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use listenfd::ListenFd;
use sd_notify::NotifyState;

use crate::server::{Inherited, Sockets};

/// Descriptors in one message; the kernel takes no more than 253.
const AT_ONCE: usize = 128;
/// How long systemd may take to let go of sockets.
const PATIENCE: Duration = Duration::from_secs(2);

/// The sockets that systemd has handed to us. To be called once, before there is any other thread: it takes the
/// variables out of the environment, so that programs that we run do not believe the sockets theirs.
#[must_use]
pub fn inherited() -> Inherited {
    let mut inherited = Inherited::default();
    // One of the two crates checks whom the sockets are for and has their names, the other makes owned ones of them.
    let passed: Vec<_> = match sd_notify::listen_fds_with_names() {
        Ok(passed) => passed.collect(),
        Err(error) => {
            tracing::warn!(%error, "the sockets from systemd cannot be used");
            return inherited;
        }
    };
    if passed.is_empty() {
        return inherited;
    }
    let mut owned = ListenFd::from_env();
    for (index, (descriptor, name)) in passed.iter().enumerate() {
        if let Err(error) = add(&mut inherited, &mut owned, index, name) {
            tracing::warn!("descriptor {descriptor} ({name}) from systemd is not used: {error}");
        }
    }
    inherited
}

fn add(inherited: &mut Inherited, owned: &mut ListenFd, index: usize, name: &str) -> io::Result<()> {
    if let Ok(Some(socket)) = owned.take_udp_socket(index) {
        let stored = name == stored_name("UDP", socket.local_addr()?);
        return inherited.add_udp(socket, stored);
    }
    match owned.take_tcp_listener(index)? {
        Some(listener) => {
            let stored = name == stored_name("TCP", listener.local_addr()?);
            inherited.add_tcp(listener, stored)
        }
        None => Ok(()),
    }
}

/// Gives systemd the sockets that we have bound ourselves, so that our next process inherits them. It takes them if the
/// unit has `FileDescriptorStoreMax=`.
pub fn keep(sockets: &Sockets) {
    for bound in sockets.bound() {
        let name = stored_name(bound.protocol, bound.address);
        // It is not to look for errors on them: a socket that was refused once is as good as before.
        let state = [NotifyState::FdStore, NotifyState::FdName(&name), NotifyState::Custom("FDPOLL=0")];
        for sockets in bound.sockets.chunks(AT_ONCE) {
            send(&state, sockets);
        }
    }
}

/// Has systemd close the sockets that it keeps for these addresses, each `UDP` or `TCP`, and waits for that.
pub fn forget(retired: &[(&'static str, SocketAddr)]) {
    if retired.is_empty() {
        return;
    }
    for (protocol, address) in retired {
        send(&[NotifyState::FdStoreRemove, NotifyState::FdName(&stored_name(protocol, *address))], &[]);
    }
    if let Err(error) = until_heard() {
        tracing::warn!(%error, "systemd may still hold the sockets of addresses that are not configured any more");
    }
}

/// Returns when systemd has dealt with everything that it was told: it closes what comes with `BARRIER=1`.
fn until_heard() -> io::Result<()> {
    let (mut ours, theirs) = UnixStream::pair()?;
    ours.set_read_timeout(Some(PATIENCE))?;
    send(&[NotifyState::Custom("BARRIER=1")], &[theirs.as_fd()]);
    drop(theirs);
    ours.read(&mut [0]).map(drop)
}

fn send(state: &[NotifyState<'_>], descriptors: &[BorrowedFd<'_>]) {
    if let Err(error) = sd_notify::notify_with_fds(state, descriptors) {
        tracing::warn!(%error, "systemd cannot be told {state:?}");
    }
}

/// The name of sockets in systemd's store, by which it forgets them again. A colon may not be in it.
fn stored_name(protocol: &str, address: SocketAddr) -> String {
    format!("{}-{address}", protocol.to_ascii_lowercase()).replace(':', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_name_that_systemd_takes() {
        let names: Vec<_> = ["127.0.0.1:53", "127.0.0.1:5353", "[::1]:53", "[fe80::1%2]:53"]
            .iter()
            .flat_map(|address| ["UDP", "TCP"].map(|protocol| stored_name(protocol, address.parse().unwrap())))
            .collect();
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len());
        // sd_pid_notify_with_fds(3).
        assert!(names.iter().all(|name| name.len() < 256 && name.bytes().all(|byte| byte.is_ascii_graphic())));
        assert!(names.iter().all(|name| !name.contains(':')), "{names:?}");
        assert_eq!(names[0], "udp-127.0.0.1_53");
    }

    #[test]
    fn without_systemd_there_is_nothing_and_nobody_is_waited_for() {
        assert!(inherited().retired(&[]).is_empty());
        forget(&[("UDP", SocketAddr::from(([127, 0, 0, 1], 53)))]);
        until_heard().unwrap();
    }
}
