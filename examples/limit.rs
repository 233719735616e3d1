//! What the kernel's sockets allow: a responder that does nothing but receive, put one canned address record behind the
//! question, and send. What a server costs beyond it is its own.
//!
//!     cargo run --release --example limit -- 1054 epoll
//!
//! `epoll` waits for one socket as a worker of ours does and then takes up to 16 datagrams with one system call; `mmsg`
//! waits in that call itself; `naive` takes and sends one at a time.

use std::array;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg, sendmmsg, setsockopt, sockopt,
};

/// Datagrams in one system call, as our workers have them.
const BATCH: usize = 16;
/// Room for a datagram.
const ROOM: usize = 4096;
/// Receive buffer, in bytes.
const BUFFER: usize = 4 << 20;
/// An address record of the name that was asked.
const RECORD: [u8; 16] = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 1, 2, 3];
/// Octets of a header.
const HEADER: usize = 12;
/// Octets of the OPT record of a query that has nothing else behind its question.
const OPT: usize = 11;

/// Turns the query of `length` into its answer, and says how long that is; `None` if it is no query.
fn answer(space: &mut [u8], length: usize) -> Option<usize> {
    let mut end = HEADER;
    while *space[..length].get(end)? != 0 {
        end += 1 + usize::from(space[end]);
    }
    end += 5;
    let opt = length.checked_sub(end)?;
    space[2] |= 0x84;
    space[3] = 0x80;
    space[7] = 1;
    space[11] = u8::from(opt >= OPT);
    space.copy_within(end..length, end + RECORD.len());
    space[end..end + RECORD.len()].copy_from_slice(&RECORD);
    Some(length + RECORD.len())
}

fn naive(socket: &UdpSocket) -> ! {
    let mut space = [0; ROOM];
    loop {
        let Ok((length, peer)) = socket.recv_from(&mut space) else { continue };
        if let Some(length) = answer(&mut space, length) {
            let _ = socket.send_to(&space[..length], peer);
        }
    }
}

/// Batches of one socket.
struct Batches<'s> {
    socket: &'s UdpSocket,
    space: Vec<u8>,
    lengths: [usize; BATCH],
    peers: [Option<SockaddrStorage>; BATCH],
    receiving: MultiHeaders<SockaddrStorage>,
    sending: MultiHeaders<SockaddrStorage>,
}

impl<'s> Batches<'s> {
    fn of(socket: &'s UdpSocket) -> Self {
        Self {
            socket,
            space: vec![0; BATCH * ROOM],
            lengths: [0; BATCH],
            peers: [None; BATCH],
            receiving: MultiHeaders::preallocate(BATCH, None),
            sending: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Receives and answers what is there; says how many there were.
    fn serve(&mut self, flags: MsgFlags) -> usize {
        let fd = self.socket.as_raw_fd();
        let mut places = self.space.chunks_exact_mut(ROOM);
        let mut parts: [_; BATCH] = array::from_fn(|_| [IoSliceMut::new(places.next().unwrap_or_default())]);
        let Ok(messages) = recvmmsg(fd, &mut self.receiving, parts.iter_mut(), flags, None) else { return 0 };
        let mut count = 0;
        for message in messages {
            (self.lengths[count], self.peers[count]) = (message.bytes, message.address);
            count += 1;
        }
        for (place, length) in self.space.chunks_exact_mut(ROOM).zip(&mut self.lengths).take(count) {
            *length = answer(place, *length).unwrap_or(0);
        }
        let place = |at: usize| &self.space[at * ROOM..at * ROOM + self.lengths[at]];
        let parts: [_; BATCH] = array::from_fn(|at| [IoSlice::new(place(at))]);
        let none: [ControlMessage<'_>; 0] = [];
        let _ = sendmmsg(fd, &mut self.sending, &parts[..count], &self.peers[..count], none, MsgFlags::empty());
        count
    }
}

fn mmsg(socket: &UdpSocket) -> ! {
    let mut batches = Batches::of(socket);
    loop {
        batches.serve(MsgFlags::MSG_WAITFORONE);
    }
}

fn epoll(socket: &UdpSocket) -> ! {
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).expect("an epoll");
    epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, 0)).expect("a socket to wait for");
    let (mut batches, mut events) = (Batches::of(socket), [EpollEvent::empty(); BATCH]);
    loop {
        if epoll.wait(&mut events, EpollTimeout::NONE).is_ok() {
            while batches.serve(MsgFlags::MSG_DONTWAIT) == BATCH {}
        }
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [port, way] = &arguments[..] else {
        eprintln!("usage: limit PORT epoll|mmsg|naive");
        std::process::exit(2);
    };
    let port: u16 = port.parse().expect("a port");
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("the port is free");
    setsockopt(&socket, sockopt::RcvBuf, &BUFFER).expect("a receive buffer");
    match way.as_str() {
        "naive" => naive(&socket),
        "mmsg" => mmsg(&socket),
        "epoll" => epoll(&socket),
        other => panic!("{other} is none of epoll, mmsg, naive"),
    }
}
