//! Queries over TCP.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::pace::Pace;
use super::tally::{Query, Sent, Tally, now};

/// When a query without an answer is lost.
const PATIENCE: Duration = Duration::from_secs(2);
/// Octets of the length in front of a message.
const PREFIX: usize = 2;
/// Room for what arrives at once.
const ARRIVES: usize = 16 * 1024;

/// A connection that stays open, with queries under way by their IDs.
struct Kept {
    stream: TcpStream,
    /// By ID: as many as may be under way.
    sent: Vec<Option<Sent>>,
    free: Vec<u16>,
    leaving: Vec<u8>,
    arrived: Vec<u8>,
}

fn append(query: &Query, id: u16, to: &mut Vec<u8>) {
    to.extend_from_slice(&(query.0.len() as u16).to_be_bytes());
    to.extend_from_slice(&id.to_be_bytes());
    to.extend_from_slice(&query.0[2..]);
}

/// The first message of `bytes`, and how long it is with its length.
fn message(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let length = PREFIX + usize::from(u16::from_be_bytes(*bytes.first_chunk()?));
    Some((bytes.get(PREFIX..length)?, length))
}

fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(stream)
}

impl Kept {
    fn to(server: SocketAddr, window: usize) -> Self {
        let stream = connect(server).expect("a connection");
        let window = u16::try_from(window).expect("a window of less than 65,536 queries");
        let (sent, free) = (vec![None; window.into()], (0..window).collect());
        Self { stream, sent, free, leaving: Vec::new(), arrived: Vec::new() }
    }

    /// Sends as many as may be under way, with one write.
    fn send(&mut self, now: Instant, tally: &mut Tally<'_>) -> io::Result<()> {
        while let Some(id) = self.free.pop() {
            let which = tally.draw();
            append(&tally.queries[which], id, &mut self.leaving);
            self.sent[usize::from(id)] = Some(Sent { at: now, which });
        }
        if !self.leaving.is_empty() {
            match self.stream.write(&self.leaving) {
                Ok(count) => drop(self.leaving.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn receive(&mut self, space: &mut [u8], tally: &mut Tally<'_>) -> io::Result<()> {
        match self.stream.read(space) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => self.arrived.extend_from_slice(&space[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
        let (now, mut taken) = (now(), 0);
        while let Some((reply, length)) = message(&self.arrived[taken..]) {
            let id = reply.first_chunk::<2>().map_or(u16::MAX, |id| u16::from_be_bytes(*id));
            match self.sent.get_mut(usize::from(id)).and_then(Option::take) {
                Some(sent) => {
                    self.free.push(id);
                    tally.answered(sent, reply, now);
                }
                None => tally.bad += 1,
            }
            taken += length;
        }
        self.arrived.drain(..taken);
        Ok(())
    }
}

/// Keeps `window` queries under way over `connections` for `length`. A connection that ends has lost its queries, and is
/// opened anew.
pub fn kept(server: SocketAddr, connections: usize, window: usize, length: Duration, tally: &mut Tally<'_>) {
    let each = window.div_ceil(connections.max(1)).max(1);
    let mut open: Vec<Kept> = (0..connections.max(1)).map(|_| Kept::to(server, each)).collect();
    let mut space = vec![0; ARRIVES];
    let begun = now();
    loop {
        let now = now();
        let elapsed = now.saturating_duration_since(begun);
        let under_way = open.iter().any(|kept| kept.free.len() < each);
        if elapsed >= length && (!under_way || elapsed >= length + PATIENCE) {
            break;
        }
        for kept in &mut open {
            let sent = if elapsed < length { kept.send(now, tally) } else { Ok(()) };
            if sent.and_then(|()| kept.receive(&mut space, tally)).is_err() {
                tally.lost += kept.sent.iter().flatten().count() as u64;
                *kept = Kept::to(server, each);
            }
        }
    }
    tally.lost += open.iter().flat_map(|kept| &kept.sent).flatten().count() as u64;
}

/// A connection for one query.
struct Once {
    stream: TcpStream,
    sent: Sent,
    arrived: Vec<u8>,
}

impl Once {
    fn to(server: SocketAddr, at: Instant, tally: &mut Tally<'_>) -> io::Result<Self> {
        let which = tally.draw();
        let mut stream = connect(server)?;
        let mut framed = Vec::with_capacity(512);
        append(&tally.queries[which], which as u16, &mut framed);
        // The buffer of a new socket has room for it.
        stream.write_all(&framed)?;
        Ok(Self { stream, sent: Sent { at, which }, arrived: Vec::new() })
    }

    /// Whether it is over, with an answer or without.
    fn receive(&mut self, space: &mut [u8], tally: &mut Tally<'_>) -> bool {
        match self.stream.read(space) {
            Ok(count @ 1..) => self.arrived.extend_from_slice(&space[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let lost = now().saturating_duration_since(self.sent.at) >= PATIENCE;
                tally.lost += u64::from(lost);
                return lost;
            }
            Ok(0) | Err(_) => {
                tally.lost += 1;
                return true;
            }
        }
        let Some((reply, _)) = message(&self.arrived) else { return false };
        tally.answered(self.sent, reply, now());
        true
    }
}

/// Keeps up to `window` queries under way for `length`, each over a connection of its own, which we close.
pub fn once(server: SocketAddr, window: usize, mut pace: Pace, length: Duration, tally: &mut Tally<'_>) {
    let mut under_way: Vec<Once> = Vec::with_capacity(window);
    let mut space = vec![0; ARRIVES];
    let begun = now();
    loop {
        let now = now();
        let ends = now.saturating_duration_since(begun) >= length;
        if ends && under_way.is_empty() {
            return;
        }
        if !ends && under_way.len() < window && pace.due(now) > 0 {
            match Once::to(server, pace.at(0, now), tally) {
                Ok(once) => under_way.push(once),
                Err(_) => tally.lost += 1,
            }
            pace.sent(1);
        } else {
            pace.rest();
        }
        under_way.retain_mut(|once| !once.receive(&mut space, tally));
    }
}
