//! Clients: questions at a steady rate, each answer held against the truth.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use fastrand::Rng;
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};

use super::cluster::{self, Cluster, SERVICES};
use super::report::{Kind, Outcome};
use super::upstream;

/// How long a client waits.
const PATIENCE: Duration = Duration::from_secs(6);
/// Names of others.
const NAMES: u16 = 200;

/// What is asked.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Addresses(usize),
    NoAddresses(usize),
    Nobody(u32),
    Other(u16),
}

impl Asked {
    fn any(rng: &mut Rng) -> Self {
        match rng.u8(0..10) {
            0..5 => Self::Addresses(rng.usize(..SERVICES)),
            5 => Self::NoAddresses(rng.usize(..SERVICES)),
            6 => Self::Nobody(rng.u32(..)),
            _ => Self::Other(rng.u16(..NAMES)),
        }
    }

    fn query(self, id: u16) -> Vec<u8> {
        let (name, kind) = match self {
            Self::Addresses(service) => (format!("{}.ecs.internal.", cluster::name(service)), RecordType::A),
            Self::NoAddresses(service) => (format!("{}.ecs.internal.", cluster::name(service)), RecordType::AAAA),
            Self::Nobody(number) => (format!("nobody-{number}.ecs.internal."), RecordType::A),
            Self::Other(number) => (format!("{}.", upstream::name(number)), RecordType::A),
        };
        let mut message = Message::new(id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(Query::query(Name::from_ascii(name).expect("a name"), kind));
        message.to_vec().expect("a query")
    }

    /// Holds the reply against what is known to be true.
    fn judge(self, cluster: &Cluster, reply: &[u8], then: Instant) -> Outcome {
        let Ok(message) = Message::from_vec(reply) else { return Outcome::Wrong("it cannot be read".to_owned()) };
        let code = message.metadata.response_code;
        if matches!(code, ResponseCode::ServFail | ResponseCode::Refused) {
            let options = message.edns.as_ref().map(Edns::options);
            return Outcome::Refused(format!("{self:?}: {code} with {options:?}"));
        }
        let addresses: Vec<Ipv4Addr> = message
            .answers
            .iter()
            .filter_map(|record| if let RData::A(address) = &record.data { Some(address.0) } else { None })
            .collect();
        let wrong = match self {
            Self::Addresses(service) if code == ResponseCode::NoError => cluster.fault(service, &addresses, then),
            Self::NoAddresses(_) if code == ResponseCode::NoError && message.answers.is_empty() => None,
            Self::Nobody(_) if code == ResponseCode::NXDomain => None,
            Self::Other(number) if code == ResponseCode::NoError && addresses == [upstream::address(number)] => None,
            _ => Some(format!("{code} with {addresses:?}")),
        };
        wrong.map_or(Outcome::Right, |wrong| Outcome::Wrong(format!("{self:?}: {wrong}")))
    }
}

/// Asks one question over a socket of its own, and says what became of it.
pub fn ask(to: SocketAddr, cluster: &Cluster, rng: &mut Rng) -> (Kind, Outcome) {
    let (asked, tcp, id) = (Asked::any(rng), rng.u8(0..20) == 0, rng.u16(..));
    let kind = match asked {
        Asked::Other(_) => Kind::Forwarded,
        _ if tcp => Kind::ZoneOverTcp,
        _ => Kind::Zone,
    };
    let query = asked.query(id);
    let then = Instant::now();
    let reply = if tcp { over_tcp(to, &query) } else { over_udp(to, &query) };
    match reply {
        Ok(reply) if reply[..2] != id.to_be_bytes() => (kind, Outcome::Wrong("another's reply".to_owned())),
        Ok(reply) => (kind, asked.judge(cluster, &reply, then)),
        Err(_) => (kind, Outcome::Lost),
    }
}

fn over_udp(to: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(to)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.send(query)?;
    let mut reply = vec![0; 4096];
    let length = socket.recv(&mut reply)?;
    reply.truncate(length);
    if length < 12 { Err(ErrorKind::InvalidData.into()) } else { Ok(reply) }
}

fn over_tcp(to: SocketAddr, query: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let length = u16::try_from(query.len()).expect("not long").to_be_bytes();
    stream.write_all(&[&length[..], query].concat())?;
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut reply = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut reply)?;
    if reply.len() < 12 { Err(ErrorKind::InvalidData.into()) } else { Ok(reply) }
}
