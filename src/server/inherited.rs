//! Sockets that were bound before we were started: by systemd for a socket unit, or by an earlier process of ours that had
//! systemd keep them. What is queued in them is ours to answer.
//!
//! Whoever holds a member of a group of sockets with one address (SO_REUSEPORT) gets its share of the queries, read or
//! not. So every inherited socket is served, wanted or not; and no socket is bound beside inherited ones, which the kernel
//! would refuse to another user anyway.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};

use socket2::SockRef;

/// Sockets that somebody else has bound and that we are to serve.
#[derive(Debug, Default)]
pub struct Inherited {
    pub(super) udp: Vec<Held<UdpSocket>>,
    pub(super) tcp: Vec<Held<TcpListener>>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Held<S> {
    pub(super) address: SocketAddr,
    pub(super) socket: S,
    /// Whether we bound it ourselves, earlier, so that we may close it for good.
    stored: bool,
}

impl<S> Held<S> {
    /// Whether it is to be closed: it is ours, and its address is not to be served any more.
    fn is_retired(&self, listen: &[SocketAddr]) -> bool {
        self.stored && !listen.contains(&self.address)
    }

    /// Whether nobody can bind `address` beside it: one of the two has all addresses.
    fn is_in_the_way_of(&self, address: &SocketAddr) -> bool {
        self.address.port() == address.port() && (self.address.ip().is_unspecified() || address.ip().is_unspecified())
    }
}

impl Inherited {
    /// Adds a UDP socket; `stored` if an earlier process of ours has bound it.
    ///
    /// # Errors
    ///
    /// When it is connected, so that it hears one peer only, or the operating system refuses to make it non-blocking.
    pub fn add_udp(&mut self, socket: UdpSocket, stored: bool) -> io::Result<()> {
        if socket.peer_addr().is_ok() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is connected"));
        }
        socket.set_nonblocking(true)?;
        self.udp.push(Held { address: socket.local_addr()?, socket, stored });
        Ok(())
    }

    /// Adds a TCP listener; `stored` if an earlier process of ours has bound it.
    ///
    /// # Errors
    ///
    /// When it does not listen, or the operating system refuses to make it non-blocking.
    pub fn add_tcp(&mut self, socket: TcpListener, stored: bool) -> io::Result<()> {
        if !SockRef::from(&socket).is_listener()? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
        }
        socket.set_nonblocking(true)?;
        self.tcp.push(Held { address: socket.local_addr()?, socket, stored });
        Ok(())
    }

    /// What will be closed because its address is none of `listen`, as `UDP` or `TCP` and address.
    #[must_use]
    pub fn retired(&self, listen: &[SocketAddr]) -> Vec<(&'static str, SocketAddr)> {
        let udp = self.udp.iter().filter(|held| held.is_retired(listen)).map(|held| ("UDP", held.address));
        let tcp = self.tcp.iter().filter(|held| held.is_retired(listen)).map(|held| ("TCP", held.address));
        let mut retired: Vec<_> = udp.chain(tcp).collect();
        retired.dedup();
        retired
    }

    /// Takes out what is to be closed. Sockets in the way of an address of `listen` are closed at once.
    pub(super) fn retire(&mut self, listen: &[SocketAddr]) -> Self {
        Self { udp: retire(&mut self.udp, listen), tcp: retire(&mut self.tcp, listen) }
    }

    /// Takes out what has this address.
    pub(super) fn take(&mut self, address: SocketAddr) -> (Vec<UdpSocket>, Vec<TcpListener>) {
        (take(&mut self.udp, address), take(&mut self.tcp, address))
    }

    /// An address of those that are left.
    pub(super) fn any(&self) -> Option<SocketAddr> {
        let udp = self.udp.first().map(|held| held.address);
        udp.or_else(|| self.tcp.first().map(|held| held.address))
    }
}

fn retire<S>(held: &mut Vec<Held<S>>, listen: &[SocketAddr]) -> Vec<Held<S>> {
    let retired = held.extract_if(.., |held| held.is_retired(listen));
    retired.filter(|held| !listen.iter().any(|address| held.is_in_the_way_of(address))).collect()
}

fn take<S>(held: &mut Vec<Held<S>>, address: SocketAddr) -> Vec<S> {
    held.extract_if(.., |held| held.address == address).map(|held| held.socket).collect()
}
