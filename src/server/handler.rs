//! Answers to what is not a plain question of class IN: other opcodes, EDNS versions, classes, zone transfers, ANY.
//!
//! The only place that knows hickory-server. Its decoder sees nothing that has not passed
//! [`precheck`](crate::dns::precheck()), and no question about data comes here.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use hickory_net::NetError;
use hickory_net::runtime::{Time, TokioTime};
use hickory_net::xfer::Protocol;
use hickory_proto::op::{Edns, Header, HeaderCounts, Metadata, OpCode, ResponseCode};
use hickory_proto::rr::rdata::HINFO;
use hickory_proto::rr::rdata::opt::{EdnsCode, EdnsOption};
use hickory_proto::rr::{DNSClass, RData, Record, RecordType};
use hickory_proto::serialize::binary::BinEncoder;
use hickory_server::server::{Request, RequestHandler, ResponseHandler, ResponseInfo};
use hickory_server::zone_handler::{MessageResponse, MessageResponseBuilder};

use crate::dns::precheck::error_header;
use crate::dns::{Cookie, HEADER_LEN, Rcode, ReplyCookie, UDP_EDNS_LIMIT, UDP_PLAIN_LIMIT};

/// TTL of the answer to ANY in seconds, as RFC 8482 has it in its example.
const ANY_TTL: u32 = 3789;
/// Length of the answer to ANY but for the labels of its two names: header, question, record, the OPT and cookies that may
/// follow, and the root, which hickory does not count.
const ANY_FIXED: usize = HEADER_LEN + 4 + 19 + 11 + 28 + 2;

/// Makes the cookies of a reply from those of the query.
pub(super) type Bake<'a> = dyn Fn(Cookie<'_>) -> Option<ReplyCookie> + Send + Sync + 'a;

/// Writes the reply to `message` into `out` and gives its (extended) response code. Cookies are `bake`'s.
pub(super) async fn answer(message: &[u8], peer: SocketAddr, tcp: bool, bake: &Bake<'_>, out: &mut Vec<u8>) -> u16 {
    out.clear();
    let header = message.first_chunk::<HEADER_LEN>().copied();
    let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
    let Ok(request) = Request::from_bytes(message.to_vec(), peer, protocol) else {
        return header.map_or(0, |header| malformed(&header, out));
    };
    let limit = if tcp { u16::MAX } else { request.max_payload().clamp(UDP_PLAIN_LIMIT as u16, UDP_EDNS_LIMIT as u16) };
    let capture = Capture { bytes: Arc::default(), limit };
    let unusual = Unusual { cookie: cookie(&request, bake), limit };
    let info = unusual.handle_request::<_, TokioTime>(&request, capture.clone()).await;
    out.append(&mut capture.bytes.lock().unwrap_or_else(PoisonError::into_inner));
    info.response_code.into()
}

/// A header alone, for what hickory cannot decode. The body of another opcode may have any form.
fn malformed(header: &[u8; HEADER_LEN], out: &mut Vec<u8>) -> u16 {
    let rcode = if header[2] & 0x78 == 0 { Rcode::FormErr } else { Rcode::NotImp };
    out.extend_from_slice(&error_header(header, rcode));
    rcode.code().into()
}

/// Keeps the encoded reply, for whoever has the socket.
#[derive(Debug, Clone)]
struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    limit: u16,
}

#[async_trait::async_trait]
impl ResponseHandler for Capture {
    async fn send_response<'a>(
        &mut self,
        response: MessageResponse<
            '_,
            'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
            impl Iterator<Item = &'a Record> + Send + 'a,
        >,
    ) -> Result<ResponseInfo, NetError> {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut encoder = BinEncoder::new(&mut bytes);
        encoder.set_max_size(self.limit);
        Ok(response.destructive_emit(&mut encoder)?)
    }
}

/// The cookies of the reply, if the request has any that are well formed (RFC 7873 5.2).
fn cookie(request: &Request, bake: &Bake<'_>) -> Option<ReplyCookie> {
    match request.edns.as_ref()?.option(EdnsCode::Cookie)? {
        EdnsOption::Unknown(_, data) => bake(Cookie::from_option(data)?),
        _ => None,
    }
}

/// The handler of what is unusual.
#[derive(Debug)]
struct Unusual {
    cookie: Option<ReplyCookie>,
    /// Most bytes of a reply.
    limit: u16,
}

#[async_trait::async_trait]
impl RequestHandler for Unusual {
    async fn handle_request<R: ResponseHandler, T: Time>(&self, request: &Request, mut reply: R) -> ResponseInfo {
        let mut metadata = Metadata::response_from_request(&request.metadata);
        metadata.recursion_available = true;
        metadata.response_code = response_code(request);
        let edns = request.edns.as_ref().map(|asked| {
            let mut edns = Edns::new();
            edns.set_max_payload(UDP_EDNS_LIMIT as u16).set_dnssec_ok(asked.flags().dnssec_ok);
            edns.set_rcode_high(metadata.response_code.high());
            if let Some(ReplyCookie { client, server }) = &self.cookie {
                let data = [client.as_slice(), server].concat();
                edns.options_mut().insert(EdnsOption::Unknown(EdnsCode::Cookie.into(), data));
            }
            edns
        });
        let minimal = any_answer(request).filter(|_| metadata.response_code == ResponseCode::NoError);
        // hickory leaves a piece of what does not fit in the reply.
        let fits = |record: &Record| ANY_FIXED + 2 * record.name.len() <= usize::from(self.limit);
        metadata.truncation = minimal.as_ref().is_some_and(|record| !fits(record));
        let minimal = minimal.filter(fits);
        let builder = MessageResponseBuilder::new(&request.queries, edns.as_ref());
        let fallback = Header { metadata, counts: HeaderCounts::default() };
        let sent = reply.send_response(builder.build(metadata, minimal.iter(), [], [], [])).await;
        sent.unwrap_or_else(|_| fallback.into())
    }
}

/// What to say to a request. NOERROR stands for ANY, the only one of them that has an answer.
fn response_code(request: &Request) -> ResponseCode {
    let Some(query) = request.queries.queries().first() else {
        return ResponseCode::FormErr;
    };
    let transfer = matches!(query.query_type(), RecordType::AXFR | RecordType::IXFR);
    let extra = !request.answers.is_empty()
        || !request.authorities.is_empty()
        || !request.additionals.is_empty()
        || request.signature.is_some();
    if request.metadata.op_code != OpCode::Query {
        ResponseCode::NotImp
    } else if request.version() > 0 {
        ResponseCode::BADVERS
    } else if transfer {
        // Before the look at further records: IXFR has an SOA in AUTHORITY (RFC 1995).
        ResponseCode::Refused
    } else if extra {
        ResponseCode::FormErr
    } else if query.query_class() != DNSClass::IN {
        ResponseCode::Refused
    } else {
        match query.query_type() {
            RecordType::ANY => ResponseCode::NoError,
            // MAILB and MAILA are obsolete (RFC 1035 3.2.3).
            RecordType::Unknown(253 | 254) => ResponseCode::NotImp,
            _ => ResponseCode::FormErr,
        }
    }
}

/// HINFO in place of everything that the name has (RFC 8482 4.2), whether the name exists or not.
fn any_answer(request: &Request) -> Option<Record> {
    let name = request.queries.queries().first()?.original().name().clone();
    Some(Record::from_rdata(name, ANY_TTL, RData::HINFO(HINFO::new("RFC8482".to_owned(), String::new()))))
}
