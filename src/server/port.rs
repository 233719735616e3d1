//! One bound UDP socket: datagrams in, each with the way back to its sender, and datagrams out.
//!
//! A socket that is bound to one address answers from it by itself. One that is bound to all addresses must be told
//! which one was asked (IP_PKTINFO), or the reply may leave from another and be dropped by the client.

use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};

use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, RecvMsg, SockaddrStorage, sendmsg, setsockopt, sockopt,
};

/// A UDP socket, non-blocking.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    /// Whether it is bound to all addresses.
    wildcard: bool,
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
        Ok(Self { socket, wildcard })
    }

    /// Whether each datagram comes with the address that was asked, and each reply must say it.
    pub(super) fn is_wildcard(&self) -> bool {
        self.wildcard
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

impl Sender {
    /// Reads it from a datagram that was received; `None` if it is of no family that we know.
    pub(super) fn of(message: &RecvMsg<'_, '_, SockaddrStorage>) -> Option<Self> {
        let peer = socket_address(message.address.as_ref()?)?;
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

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = storage.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
    v4.or_else(|| storage.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
}

impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
