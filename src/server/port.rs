//! One bound UDP socket: datagrams in, each with the way back to its sender, and datagrams out.
//!
//! A socket that is bound to one address answers from it by itself. One that is bound to all addresses must be told
//! which one was asked (IP_PKTINFO), or the reply may leave from another and be dropped by the client.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, RecvMsg, SockaddrIn, SockaddrIn6, SockaddrLike, SockaddrStorage,
    sendmsg, setsockopt, sockopt,
};

/// A UDP socket, non-blocking.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    /// Whether it is bound to all addresses.
    wildcard: bool,
    v4: bool,
}

/// Where a reply goes, and from which address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    pub(super) peer: SocketAddr,
    /// The address of ours that was asked, where the socket has all of them.
    pub(super) asked: Option<IpAddr>,
}

impl Port {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let wildcard = local.ip().is_unspecified();
        // An inherited socket may have been told to say more: `PassPacketInfo=` and `Timestamping=` of a socket unit.
        match local {
            SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4PacketInfo, &wildcard)?,
            SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &wildcard)?,
        }
        setsockopt(&socket, sockopt::ReceiveTimestamp, &false)?;
        Ok(Self { socket, wildcard, v4: local.is_ipv4() })
    }

    /// Whether each datagram comes with the address that was asked, and each reply must say it.
    pub(super) fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// Whether its addresses are of IPv4.
    pub(super) fn is_v4(&self) -> bool {
        self.v4
    }

    pub(super) fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// The next datagram of a socket that is bound to one address; `WouldBlock` if there is none.
    pub(super) fn receive(&self, into: &mut [u8]) -> io::Result<(usize, Sender)> {
        self.socket.recv_from(into).map(|(length, peer)| (length, Sender { peer, asked: None }))
    }

    /// Sends a reply. Never waits: `WouldBlock` if the send buffer is full.
    pub(super) fn send(&self, reply: &[u8], to: &Sender) -> io::Result<()> {
        let Some(asked) = to.asked else {
            return self.socket.send_to(reply, to.peer).map(drop);
        };
        let peer = SockaddrStorage::from(to.peer);
        let part = [IoSlice::new(reply)];
        with_control(asked, |control| sendmsg(self.fd(), &part, &[control], MsgFlags::empty(), Some(&peer)))?;
        Ok(())
    }
}

/// An address as the kernel has it, of one family.
pub(super) trait Address: SockaddrLike + Copy {
    /// `None` if it is of another family.
    fn of(address: SocketAddr) -> Option<Self>;
    fn socket_address(self) -> SocketAddr;
}

impl Address for SockaddrIn {
    fn of(address: SocketAddr) -> Option<Self> {
        if let SocketAddr::V4(v4) = address { Some(v4.into()) } else { None }
    }

    fn socket_address(self) -> SocketAddr {
        SocketAddr::V4(self.into())
    }
}

impl Address for SockaddrIn6 {
    fn of(address: SocketAddr) -> Option<Self> {
        if let SocketAddr::V6(v6) = address { Some(v6.into()) } else { None }
    }

    fn socket_address(self) -> SocketAddr {
        SocketAddr::V6(self.into())
    }
}

impl Sender {
    /// Reads it from a datagram that was received; `None` if nobody has sent it.
    pub(super) fn of<A: Address>(message: &RecvMsg<'_, '_, A>) -> Option<Self> {
        let peer = message.address?.socket_address();
        // Only a wildcard socket has them. If they had no room, the reply leaves from the address that the kernel chooses.
        let asked = message.cmsgs().ok().into_iter().flatten().find_map(|control| match control {
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(IpAddr::from(info.ipi_spec_dst.s_addr.to_ne_bytes())),
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(IpAddr::from(info.ipi6_addr.s6_addr)),
            _ => None,
        });
        Some(Self { peer, asked })
    }
}

/// Calls `send` with what makes a reply leave from `address`. The route back is the kernel's choice, the address is
/// not.
pub(super) fn with_control<R>(address: IpAddr, send: impl FnOnce(ControlMessage<'_>) -> R) -> R {
    match address {
        IpAddr::V4(v4) => {
            let any = libc::in_addr { s_addr: 0 };
            let own = libc::in_addr { s_addr: u32::from_ne_bytes(v4.octets()) };
            send(ControlMessage::Ipv4PacketInfo(&libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: own, ipi_addr: any }))
        }
        IpAddr::V6(v6) => {
            let own = libc::in6_addr { s6_addr: v6.octets() };
            send(ControlMessage::Ipv6PacketInfo(&libc::in6_pktinfo { ipi6_addr: own, ipi6_ifindex: 0 }))
        }
    }
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
