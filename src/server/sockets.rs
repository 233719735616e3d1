//! Binding the listen addresses: for each, one UDP socket per worker and one TCP listener, unless they are inherited.

use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::inherited::Inherited;
use super::port::Port;

/// What the kernel counts for a small query in a receive buffer, in bytes, when it came over loopback or a container's
/// bridge: measured on Linux 6.18, for up to about 180 bytes of payload. From a network card it is twice that and more.
pub const QUERY_COST: usize = 832;

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
    /// For each worker, the sockets that it reads. One may be in the list of several workers.
    pub(super) udp: Vec<Vec<Arc<Port>>>,
    pub(super) tcp: Vec<TcpListener>,
    /// Inherited sockets that are answered for the last time.
    pub(super) retiring: Inherited,
    listening: Vec<Listening>,
    addresses: Vec<SocketAddr>,
    /// What we have bound ourselves.
    bound_udp: Vec<(SocketAddr, Vec<Arc<Port>>)>,
    /// Which of `tcp` we have bound ourselves.
    bound_tcp: Vec<(SocketAddr, usize)>,
}

/// The UDP sockets of one address.
#[derive(Debug, Clone, Copy)]
pub struct Listening {
    /// Where.
    pub address: SocketAddr,
    /// How many share it.
    pub sockets: usize,
    /// Whether they were bound before we were started.
    pub inherited: bool,
    /// Bytes that their receive buffers hold together, as the kernel counts them ([`QUERY_COST`]).
    pub receive_buffer: usize,
}

/// Sockets of one address that we have bound ourselves.
#[derive(Debug)]
pub struct Bound<'a> {
    /// `UDP` or `TCP`.
    pub protocol: &'static str,
    /// Where.
    pub address: SocketAddr,
    /// The sockets.
    pub sockets: Vec<BorrowedFd<'a>>,
}

impl Sockets {
    fn new(workers: usize) -> Self {
        Self {
            udp: (0..workers.max(1)).map(|_| Vec::new()).collect(),
            tcp: Vec::new(),
            retiring: Inherited::default(),
            listening: Vec::new(),
            addresses: Vec::new(),
            bound_udp: Vec::new(),
            bound_tcp: Vec::new(),
        }
    }

    /// Where they are bound, with the ports that the kernel chose where 0 was asked for.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The UDP sockets, address by address.
    #[must_use]
    pub fn listening(&self) -> &[Listening] {
        &self.listening
    }

    /// The sockets that were not inherited.
    pub fn bound(&self) -> impl Iterator<Item = Bound<'_>> {
        let udp = self.bound_udp.iter().map(|(address, ports)| Bound {
            protocol: "UDP",
            address: *address,
            sockets: ports.iter().map(|port| port.as_fd()).collect(),
        });
        let tcp = self.bound_tcp.iter().map(|(address, index)| Bound {
            protocol: "TCP",
            address: *address,
            sockets: self.tcp.get(*index).map(AsFd::as_fd).into_iter().collect(),
        });
        udp.chain(tcp)
    }

    /// Adds UDP sockets that share an address. Each has a reader, and each worker something to read.
    fn add_udp(&mut self, address: SocketAddr, sockets: Vec<UdpSocket>, inherited: bool) -> io::Result<()> {
        let receive_buffer =
            sockets.iter().map(|socket| SockRef::from(socket).recv_buffer_size()).sum::<io::Result<_>>()?;
        let ports =
            sockets.into_iter().map(|socket| Port::new(socket).map(Arc::new)).collect::<io::Result<Vec<_>>>()?;
        let workers = self.udp.len();
        let turns = if ports.is_empty() { 0 } else { workers.max(ports.len()) };
        for (turn, port) in ports.iter().cycle().take(turns).enumerate() {
            if let Some(worker) = self.udp.get_mut(turn % workers) {
                worker.push(Arc::clone(port));
            }
        }
        self.listening.push(Listening { address, sockets: ports.len(), inherited, receive_buffer });
        if !inherited {
            self.bound_udp.push((address, ports));
        }
        Ok(())
    }

    fn bind_tcp(&mut self, address: SocketAddr, listener: TcpListener) {
        self.bound_tcp.push((address, self.tcp.len()));
        self.tcp.push(listener);
    }
}

/// Binds every address of `listen` for this number of workers (at least one). An address that the host does not have
/// yet is no error: it is served as soon as it appears. Port 0 gives a free port, the same for UDP and TCP.
///
/// # Errors
///
/// The first address that cannot be bound. No socket stays open then.
pub fn bind(listen: &[SocketAddr], workers: usize) -> Result<Sockets, BindError> {
    take_over(Inherited::default(), listen, workers)
}

/// As [`bind`], but addresses with inherited sockets have those and get no others. Inherited sockets of other addresses
/// are served as well, but for those of our own making, which are answered for the last time.
///
/// # Errors
///
/// The first address that cannot be bound.
pub fn take_over(mut inherited: Inherited, listen: &[SocketAddr], workers: usize) -> Result<Sockets, BindError> {
    let mut sockets = Sockets::new(workers);
    sockets.retiring = inherited.retire(listen);
    for address in listen {
        let (udp, tcp) = inherited.take(*address);
        add(&mut sockets, *address, udp, tcp)?;
    }
    while let Some(address) = inherited.any() {
        let (udp, tcp) = inherited.take(address);
        let unused = |source| BindError { address, protocol: "UDP", source };
        if !udp.is_empty() {
            sockets.add_udp(address, udp, true).map_err(unused)?;
        }
        sockets.tcp.extend(tcp);
        sockets.addresses.push(address);
    }
    Ok(sockets)
}

/// Adds an address of the configuration with what is inherited of it; the rest is bound.
fn add(
    sockets: &mut Sockets,
    address: SocketAddr,
    mut udp: Vec<UdpSocket>,
    tcp: Vec<TcpListener>,
) -> Result<(), BindError> {
    let udp_error = |source| BindError { address, protocol: "UDP", source };
    let (udp_inherited, tcp_inherited) = (!udp.is_empty(), !tcp.is_empty());
    let mut bound = address;
    match (udp_inherited, tcp_inherited) {
        (false, false) => {
            let (first, listener, at) = pair(address)?;
            bound = at;
            sockets.bind_tcp(bound, listener);
            udp.push(first.into());
        }
        (false, true) => udp.push(datagram_socket(address, false).map_err(udp_error)?.into()),
        (true, false) => {
            let tcp_error = |source| BindError { address, protocol: "TCP", source };
            sockets.bind_tcp(address, listener(address).map_err(tcp_error)?);
        }
        (true, true) => {}
    }
    sockets.tcp.extend(tcp);
    if !udp_inherited {
        add_siblings(&mut udp, bound, sockets.udp.len()).map_err(udp_error)?;
    }
    sockets.add_udp(bound, udp, udp_inherited).map_err(udp_error)?;
    sockets.addresses.push(bound);
    Ok(())
}

/// Binds more sockets beside the first, one for each further worker.
fn add_siblings(sockets: &mut Vec<UdpSocket>, address: SocketAddr, workers: usize) -> io::Result<()> {
    // Only now: an address that another program, or another one of us, has in use must be an error and not be shared.
    sockets.iter().try_for_each(|first| SockRef::from(first).set_reuse_port(true))?;
    for _ in 1..workers {
        sockets.push(datagram_socket(address, true)?.into());
    }
    Ok(())
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
