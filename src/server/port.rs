//! One bound UDP socket: a datagram in, with the way back to its sender, and a datagram out.
//!
//! A socket that is bound to one address answers from it by itself. One that is bound to all addresses must be told
//! which one was asked (IP_PKTINFO), or the reply may leave from another and be dropped by the client.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, setsockopt, sockopt,
};

/// A UDP socket, non-blocking.
#[derive(Debug)]
pub(super) struct Port {
    socket: UdpSocket,
    /// Whether it is bound to all addresses.
    wildcard: bool,
}

/// Where a reply goes, and from which address.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    pub(super) peer: SocketAddr,
    asked: Option<Asked>,
}

/// The address of ours that a datagram came to.
#[derive(Debug, Clone, Copy)]
enum Asked {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl Port {
    pub(super) fn new(socket: UdpSocket) -> io::Result<Self> {
        let local = socket.local_addr()?;
        let wildcard = local.ip().is_unspecified();
        match local {
            SocketAddr::V4(_) if wildcard => setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?,
            SocketAddr::V6(_) if wildcard => setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?,
            SocketAddr::V4(_) | SocketAddr::V6(_) => {}
        }
        Ok(Self { socket, wildcard })
    }

    /// The next datagram; `WouldBlock` if there is none.
    pub(super) fn receive(&self, into: &mut [u8]) -> io::Result<(usize, Sender)> {
        if self.wildcard {
            return self.receive_with_address(into);
        }
        self.socket.recv_from(into).map(|(length, peer)| (length, Sender { peer, asked: None }))
    }

    /// Sends a reply. Never waits: `WouldBlock` if the send buffer is full.
    pub(super) fn send(&self, reply: &[u8], to: &Sender) -> io::Result<()> {
        let control = match &to.asked {
            None => return self.socket.send_to(reply, to.peer).map(drop),
            Some(Asked::V4(info)) => ControlMessage::Ipv4PacketInfo(info),
            Some(Asked::V6(info)) => ControlMessage::Ipv6PacketInfo(info),
        };
        let peer = SockaddrStorage::from(to.peer);
        sendmsg(self.socket.as_raw_fd(), &[IoSlice::new(reply)], &[control], MsgFlags::empty(), Some(&peer))?;
        Ok(())
    }

    fn receive_with_address(&self, into: &mut [u8]) -> io::Result<(usize, Sender)> {
        let mut control = nix::cmsg_space!(libc::in6_pktinfo);
        let mut parts = [IoSliceMut::new(into)];
        let message = recvmsg::<SockaddrStorage>(
            self.socket.as_raw_fd(),
            &mut parts,
            Some(control.as_mut_slice()),
            MsgFlags::empty(),
        )?;
        let peer = message.address.as_ref().and_then(socket_address).ok_or(Errno::EAFNOSUPPORT)?;
        let asked = message.cmsgs()?.find_map(|control| match control {
            // The route back is the kernel's choice, the address is not.
            ControlMessageOwned::Ipv4PacketInfo(info) => Some(Asked::V4(libc::in_pktinfo { ipi_ifindex: 0, ..info })),
            ControlMessageOwned::Ipv6PacketInfo(info) => Some(Asked::V6(libc::in6_pktinfo { ipi6_ifindex: 0, ..info })),
            _ => None,
        });
        Ok((message.bytes, Sender { peer, asked }))
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
