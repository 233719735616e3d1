//! Several datagrams with one system call, and their replies with another.
//!
//! A system call costs more than an answer does. A single datagram is received and sent without what goes with many,
//! which has more to be told to the kernel. Everything is allocated once.

use std::array;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, recvmmsg, sendmmsg};

use super::port::{Address, Port, Sender, with_control};

/// Datagrams that are received and sent at once. More save nothing more.
pub(super) const BATCH: usize = 16;
/// Largest datagram.
const MAX_DATAGRAM: usize = 65_535;
/// From one place for a datagram to the next. Not a power of two: their first lines would all be kept in the same few
/// places of the CPU's cache.
const STRIDE: usize = 65_536 + 5 * 64;
/// What a reply over UDP has room for without growing; likewise.
const REPLY: usize = 2048 + 5 * 64;

/// What the kernel is told of a batch of one socket. Addresses have no more room than those of its family take: what a
/// batch touches should fit in the nearest cache.
pub(super) enum Headers {
    V4(Calls<SockaddrIn>),
    V6(Calls<SockaddrIn6>),
}

/// The same, with addresses of one family.
pub(super) struct Calls<A> {
    receiving: MultiHeaders<A>,
    sending: MultiHeaders<A>,
}

impl Headers {
    pub(super) fn of(port: &Port) -> Self {
        if port.is_v4() { Self::V4(Calls::of(port)) } else { Self::V6(Calls::of(port)) }
    }
}

impl<A: Address> Calls<A> {
    fn of(port: &Port) -> Self {
        let preallocate = || {
            let control = port.is_wildcard().then(|| nix::cmsg_space!(libc::in6_pktinfo));
            MultiHeaders::preallocate(BATCH, control)
        };
        Self { receiving: preallocate(), sending: preallocate() }
    }
}

/// Up to [`BATCH`] datagrams of one socket, and the replies to them.
pub(super) struct Batch {
    /// [`BATCH`] places of the size of the largest datagram. Only pages that were written to take memory.
    space: Vec<u8>,
    /// Length of each datagram and who sent it; `None` for one that cannot be answered.
    received: [Option<(usize, Sender)>; BATCH],
    /// How many there are, and how many of them have been taken.
    count: usize,
    taken: usize,
    replies: [Vec<u8>; BATCH],
    /// To whom each goes.
    to: [Sender; BATCH],
    ready: usize,
}

impl Batch {
    pub(super) fn new() -> Self {
        let nobody = Sender { peer: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)), asked: None };
        Self {
            space: vec![0; BATCH * STRIDE],
            received: [None; BATCH],
            count: 0,
            taken: 0,
            replies: array::from_fn(|_| Vec::with_capacity(REPLY)),
            to: [nobody; BATCH],
            ready: 0,
        }
    }

    /// Receives what is there, at most `most` datagrams, in the place of those before, and says how many.
    pub(super) fn receive(&mut self, port: &Port, headers: &mut Headers, most: usize) -> io::Result<usize> {
        (self.count, self.taken) = (0, 0);
        self.count = if most == 1 && !port.is_wildcard() {
            let place = self.space.get_mut(..MAX_DATAGRAM).unwrap_or_default();
            self.received[0] = Some(port.receive(place)?);
            1
        } else {
            self.receive_many(port, headers, most)?
        };
        Ok(self.count)
    }

    fn receive_many(&mut self, port: &Port, headers: &mut Headers, most: usize) -> Result<usize, Errno> {
        let count = match headers {
            Headers::V4(calls) => self.receive_by(port, calls, most),
            Headers::V6(calls) => self.receive_by(port, calls, most),
        }?;
        // The kernel writes the room that it used over the room that there is, and nix leaves it so.
        let lacks_asked =
            |received: &Option<(usize, Sender)>| received.is_some_and(|(_, sender)| sender.asked.is_none());
        if port.is_wildcard() && self.received.iter().take(count).any(lacks_asked) {
            *headers = Headers::of(port);
        }
        Ok(count)
    }

    fn receive_by<A: Address>(&mut self, port: &Port, calls: &mut Calls<A>, most: usize) -> Result<usize, Errno> {
        let mut places = self.space.chunks_exact_mut(STRIDE);
        let mut parts: [_; BATCH] = array::from_fn(|_| {
            let place = places.next().and_then(|place| place.get_mut(..MAX_DATAGRAM));
            [IoSliceMut::new(place.unwrap_or_default())]
        });
        let messages = recvmmsg(port.fd(), &mut calls.receiving, parts.iter_mut().take(most), MsgFlags::empty(), None)?;
        let mut count = 0;
        for (message, received) in messages.zip(&mut self.received) {
            *received = Sender::of(&message).map(|sender| (message.bytes, sender));
            count += 1;
        }
        Ok(count)
    }

    /// All datagrams that can be answered.
    pub(super) fn messages(&self) -> impl Iterator<Item = &[u8]> {
        let places = self.space.chunks_exact(STRIDE).zip(&self.received).take(self.count);
        places.filter_map(|(place, received)| place.get(..received.as_ref()?.0))
    }

    /// The next datagram that has not been taken yet, its sender, and where a reply to it is written.
    pub(super) fn next(&mut self) -> Option<(&[u8], &Sender, &mut Vec<u8>)> {
        let untaken = self.received.get(self.taken..self.count).unwrap_or_default();
        let skipped = untaken.iter().take_while(|received| received.is_none()).count();
        let place = self.taken + skipped;
        self.taken = (place + 1).min(self.count);
        let (length, sender) = untaken.get(skipped)?.as_ref()?;
        let start = place * STRIDE;
        Some((self.space.get(start..start + length).unwrap_or_default(), sender, self.replies.get_mut(self.ready)?))
    }

    /// The reply that was written last is to be sent to `to`.
    pub(super) fn is_ready(&mut self, to: Sender) {
        if let Some(place) = self.to.get_mut(self.ready) {
            *place = to;
            self.ready += 1;
        }
    }

    /// Sends what is ready, and says how many could not be. Never waits.
    pub(super) fn send(&mut self, port: &Port, headers: &mut Headers) -> usize {
        let ready = std::mem::take(&mut self.ready);
        let (replies, to) = (self.replies.get(..ready).unwrap_or_default(), self.to.get(..ready).unwrap_or_default());
        match (replies, to) {
            ([reply], [to]) if to.asked.is_none() => usize::from(port.send(reply, to).is_err()),
            _ => match headers {
                Headers::V4(calls) => send_many(port, calls, replies, to),
                Headers::V6(calls) => send_many(port, calls, replies, to),
            },
        }
    }
}

/// Sends all replies; those in a row that leave from the same address at once.
fn send_many<A: Address>(port: &Port, calls: &mut Calls<A>, replies: &[Vec<u8>], to: &[Sender]) -> usize {
    let (mut at, mut failed) = (0, 0);
    while let Some(Sender { asked, .. }) = to.get(at) {
        let rest = to.get(at..).unwrap_or_default();
        let run = rest.iter().take_while(|sender| sender.asked == *asked).count();
        let (replies, to) = (replies.get(at..at + run).unwrap_or_default(), rest.get(..run).unwrap_or_default());
        let sent = match (asked, replies, to) {
            // The headers of a wildcard socket have room for an address of ours, which the kernel would read.
            (None, [reply, ..], [sender, ..]) if port.is_wildcard() => port.send(reply, sender).map(|()| 1),
            _ => send_run(port, calls, replies, to, *asked).map_err(io::Error::from),
        };
        match sent {
            Ok(sent) if sent > 0 => at += sent,
            // The first of them is the one that cannot be sent.
            Ok(_) | Err(_) => (at, failed) = (at + 1, failed + 1),
        }
    }
    failed
}

fn send_run<A: Address>(
    port: &Port,
    calls: &mut Calls<A>,
    replies: &[Vec<u8>],
    to: &[Sender],
    asked: Option<IpAddr>,
) -> Result<usize, Errno> {
    let parts: [_; BATCH] = array::from_fn(|index| [IoSlice::new(replies.get(index).map_or(&[], Vec::as_slice))]);
    let peers: [_; BATCH] = array::from_fn(|index| to.get(index).and_then(|sender| A::of(sender.peer)));
    let parts = parts.iter().take(replies.len());
    let peers = peers.get(..to.len()).unwrap_or_default();
    let sending = &mut calls.sending;
    let none: [ControlMessage<'_>; 0] = [];
    match asked {
        None => sendmmsg(port.fd(), sending, parts, peers, none, MsgFlags::empty()).map(Iterator::count),
        Some(asked) => with_control(asked, |control| {
            sendmmsg(port.fd(), sending, parts, peers, [control], MsgFlags::empty()).map(Iterator::count)
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;

    /// The kernel chooses the address of ours for a reply that goes without one, also between others.
    #[test]
    fn a_wildcard_socket_sends_replies_without_an_address_of_ours() {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
        let server = socket.local_addr().unwrap().port();
        let (port, mut batch) = (Port::new(socket).unwrap(), Batch::new());
        let mut headers = Headers::of(&port);
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let peer = client.local_addr().unwrap();
        let (ninth, chosen) = (Ipv4Addr::new(127, 0, 0, 9), Ipv4Addr::LOCALHOST);
        for asked in [[None, None, None], [Some(ninth), Some(ninth), None], [None, Some(ninth), None], [None; 3]] {
            for (reply, asked) in (1..).zip(asked) {
                batch.replies[batch.ready] = vec![reply; 3];
                batch.is_ready(Sender { peer, asked: asked.map(IpAddr::from) });
            }
            assert_eq!(batch.send(&port, &mut headers), 0, "{asked:?}");
            for (reply, asked) in (1..).zip(asked) {
                let mut bytes = [0; 8];
                let (length, from) = client.recv_from(&mut bytes).unwrap();
                assert_eq!((&bytes[..length], from.port()), (&[reply; 3][..], server));
                assert_eq!(from.ip(), asked.unwrap_or(chosen), "{asked:?}");
            }
        }
    }
}
