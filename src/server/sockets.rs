//! Binding the listen addresses: for each, one UDP socket per worker and one TCP listener.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};

use super::port::Port;

/// Receive buffer asked for, in bytes; the kernel may give less (`net.core.rmem_max`).
const RECEIVE_BUFFER: usize = 4 << 20;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// How often another port is tried when the kernel chose one that TCP cannot have as well.
const PORT_TRIES: usize = 16;

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({protocol}): {source}; {}", hint(source))]
pub struct BindError {
    /// The address as configured.
    pub address: SocketAddr,
    /// `UDP` or `TCP`.
    pub protocol: &'static str,
    /// What the operating system said.
    pub source: io::Error,
}

/// What to do about it.
fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program has this port: systemd-resolved, dnsmasq, or another ecs-resolver; `ss -lntup` tells which"
        }
        io::ErrorKind::PermissionDenied => "a port below 1024 needs root or CAP_NET_BIND_SERVICE",
        _ => "check `listen` in [dns]",
    }
}

/// The bound sockets, not yet served.
#[derive(Debug)]
pub struct Sockets {
    /// For each worker, a socket per address.
    pub(super) udp: Vec<Vec<Arc<Port>>>,
    pub(super) tcp: Vec<TcpListener>,
    addresses: Vec<SocketAddr>,
}

impl Sockets {
    /// Where they are bound, with the ports that the kernel chose where 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// Binds every address of `listen` for this number of workers (at least one). An address that the host does not have
/// yet is no error: it is served as soon as it appears. Port 0 gives a free port, the same for UDP and TCP.
///
/// # Errors
///
/// The first address that cannot be bound. No socket stays open then.
pub fn bind(listen: &[SocketAddr], workers: usize) -> Result<Sockets, BindError> {
    let workers = workers.max(1);
    let mut sockets =
        Sockets { udp: (0..workers).map(|_| Vec::new()).collect(), tcp: Vec::new(), addresses: Vec::new() };
    for address in listen {
        let (first, listener, bound) = pair(*address)?;
        let udp_error = |source| BindError { address: *address, protocol: "UDP", source };
        // Only now: an address that another program, or another one of us, has in use must be an error and not be shared.
        first.set_reuse_port(true).map_err(udp_error)?;
        let more = (1..workers).map(|_| datagram_socket(bound, true));
        for (worker, socket) in sockets.udp.iter_mut().zip(std::iter::once(Ok(first)).chain(more)) {
            let port = socket.and_then(|socket| Port::new(socket.into())).map_err(udp_error)?;
            worker.push(Arc::new(port));
        }
        sockets.tcp.push(listener);
        sockets.addresses.push(bound);
    }
    Ok(sockets)
}

/// A UDP socket and a TCP listener with the same address and port.
fn pair(address: SocketAddr) -> Result<(Socket, TcpListener, SocketAddr), BindError> {
    let error = |protocol| move |source| BindError { address, protocol, source };
    let mut tries = PORT_TRIES;
    loop {
        let socket = datagram_socket(address, false).map_err(error("UDP"))?;
        let port = socket.local_addr().ok().and_then(|local| local.as_socket()).map_or(0, |local| local.port());
        let bound = SocketAddr::new(address.ip(), port);
        match listener(bound) {
            Ok(listener) => return Ok((socket, listener, bound)),
            Err(taken) if taken.kind() == io::ErrorKind::AddrInUse && address.port() == 0 && tries > 0 => tries -= 1,
            Err(other) => return Err(error("TCP")(other)),
        }
    }
}

fn socket(address: SocketAddr, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    match address {
        SocketAddr::V4(_) => socket.set_freebind_v4(true)?,
        SocketAddr::V6(_) => {
            socket.set_only_v6(true)?;
            socket.set_freebind_v6(true)?;
        }
    }
    Ok(socket)
}

fn datagram_socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = socket(address, Type::DGRAM, Protocol::UDP)?;
    socket.set_reuse_port(shared)?;
    // A smaller buffer only drops earlier under a flood.
    let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket)
}

fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = socket(address, Type::STREAM, Protocol::TCP)?;
    // Connections of the process before us may linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
