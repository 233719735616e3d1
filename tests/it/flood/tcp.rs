//! Mutated packets in streams, some of them cut or with a wrong length.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use fastrand::Rng;
use socket2::{Domain, Socket, Type};

use super::Tally;
use crate::fuzz::mutate::{mutated, one_of};
use crate::fuzz::targets::tcp_stream::check;
use crate::loopback;

/// Packets of one stream. The first that is no query ends it.
const IN_A_STREAM: u64 = 16;
/// Longer than any deadline of the daemon.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends so many mutations of `seeds`, a few in each connection.
pub fn send(to: SocketAddr, seeds: &[Vec<u8>], packets: u64, seed: u64) -> Tally {
    let mut rng = Rng::with_seed(seed);
    let mut tally = Tally::default();
    // Ports are used once a minute; each address has its own.
    let from = loopback::address();
    while tally.sent < packets {
        let mut stream = Vec::new();
        let count = rng.u64(1..=IN_A_STREAM).min(packets - tally.sent);
        for id in 0..count {
            let mut packet = one_of(&mut rng, seeds);
            packet.truncate(4096);
            if let Some(first) = packet.first_chunk_mut::<2>() {
                *first = (id as u16).to_be_bytes();
            }
            stream.extend(u16::try_from(packet.len()).expect("not long").to_be_bytes());
            stream.extend(packet);
        }
        if rng.u8(0..8) == 0 {
            stream = mutated(&mut rng, &stream, &seeds[0]);
        }
        tally.sent += count;
        let replies = exchange(from, to, &stream, &mut rng);
        check(&stream, &replies);
        tally.replies += count_of(&replies);
    }
    tally
}

/// Writes the stream in one piece or a few, and reads until the daemon closes.
fn exchange(from: Ipv4Addr, to: SocketAddr, stream: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut connection = connect(from, to).expect("the daemon accepts");
    connection.set_nodelay(true).expect("an option of TCP");
    connection.set_read_timeout(Some(PATIENCE)).expect("a time limit");
    let piece = if rng.u8(0..4) == 0 { rng.usize(1..=stream.len().max(1)) } else { stream.len().max(1) };
    for piece in stream.chunks(piece) {
        // It may have closed already.
        if connection.write_all(piece).is_err() {
            break;
        }
    }
    let _ = connection.shutdown(Shutdown::Write);
    let mut replies = Vec::new();
    if let Err(error) = connection.read_to_end(&mut replies) {
        // Closed with something unread: what came before it is lost to us.
        assert!(!matches!(error.kind(), std::io::ErrorKind::WouldBlock), "the daemon does not close");
        replies.clear();
    }
    replies
}

fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((from, 0)).into())?;
    socket.connect(&to.into())?;
    Ok(socket.into())
}

/// How many messages there are.
fn count_of(mut replies: &[u8]) -> u64 {
    let mut count = 0;
    while let Some((length, rest)) = replies.split_first_chunk::<2>() {
        replies = rest.get(usize::from(u16::from_be_bytes(*length))..).unwrap_or_default();
        count += 1;
    }
    count
}
