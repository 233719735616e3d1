//! Server cookies that other servers with the same secret make and take as well (RFC 9018): SipHash-2-4 over the
//! client's cookie, version, reserved octets, time, and address.
//!
//! Whoever shows one has received a reply of ours at its address within the last hour, so it is no forged sender.

use std::fmt;
use std::hash::Hasher;
use std::net::IpAddr;

use siphasher::sip::SipHasher24;

use crate::dns::cookie::{CLIENT_LEN, SERVER_LEN};
use crate::dns::{Cookie, ReplyCookie};

/// The only version there is (RFC 9018 4.1).
const VERSION: u8 = 1;
/// How old a cookie may be, how far ahead of our clock, and from what age on it is replaced, in seconds (RFC 9018 4.3).
const MAX_AGE: i32 = 3600;
const MAX_AHEAD: i32 = 300;
const RENEW_AGE: i32 = 1800;

/// A server secret. Shows nothing of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret([u8; 16]);

impl Secret {
    /// The secret of these bytes, which must be random.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 32 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let digits: Vec<u8> = text.bytes().map(digit).collect::<Option<_>>()?;
        let digits: [u8; 32] = digits.try_into().ok()?;
        let (pairs, _) = digits.as_chunks::<2>();
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(pairs).for_each(|(byte, [high, low])| *byte = high << 4 | low);
        Some(Self(bytes))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The secret that cookies are made with, and others that are still, or already, taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secrets {
    /// Makes cookies.
    pub current: Secret,
    /// Is taken as well: the one before, or the one that comes next (RFC 9018 5).
    pub other: Option<Secret>,
}

/// What the cookies of a query are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// The client has no server cookie yet.
    New,
    /// The server cookie is ours.
    Valid,
    /// It is not, or no longer.
    Bad,
}

impl Secrets {
    /// Judges the cookies of a query from `client` at `now`, seconds since 1970 modulo 2³², and says what to send back:
    /// the same server cookie while it is fresh, else a new one.
    #[must_use]
    pub fn judge(&self, cookie: Cookie<'_>, client: IpAddr, now: u32) -> (Worth, ReplyCookie) {
        let (worth, keep) = match <&[u8; SERVER_LEN]>::try_from(cookie.server) {
            Ok(server) => self.verify(cookie.client, server, client, now),
            Err(_) if cookie.server.is_empty() => (Worth::New, None),
            Err(_) => (Worth::Bad, None),
        };
        let server = keep.unwrap_or_else(|| make(self.current, cookie.client, [VERSION, 0, 0, 0], now, client));
        (worth, ReplyCookie { client: *cookie.client, server })
    }

    /// Whether a server cookie is one of ours, and itself if it need not be replaced.
    fn verify(
        &self,
        by: &[u8; CLIENT_LEN],
        server: &[u8; SERVER_LEN],
        client: IpAddr,
        now: u32,
    ) -> (Worth, Option<[u8; SERVER_LEN]>) {
        let [version, r1, r2, r3, t1, t2, t3, t4, ..] = *server;
        let time = u32::from_be_bytes([t1, t2, t3, t4]);
        // Serial number arithmetic (RFC 1982): the difference is what counts.
        let age = now.wrapping_sub(time).cast_signed();
        if version != VERSION || !(-MAX_AHEAD..=MAX_AGE).contains(&age) {
            return (Worth::Bad, None);
        }
        let is_of = |secret: Secret| make(secret, by, [version, r1, r2, r3], time, client) == *server;
        if is_of(self.current) {
            return (Worth::Valid, (age <= RENEW_AGE && [r1, r2, r3] == [0; 3]).then_some(*server));
        }
        (if self.other.is_some_and(is_of) { Worth::Valid } else { Worth::Bad }, None)
    }
}

/// The server cookie for a client (RFC 9018 4.4).
fn make(secret: Secret, by: &[u8; CLIENT_LEN], head: [u8; 4], time: u32, client: IpAddr) -> [u8; SERVER_LEN] {
    let mut hasher = SipHasher24::new_with_key(&secret.0);
    hasher.write(by);
    hasher.write(&head);
    hasher.write(&time.to_be_bytes());
    match client {
        IpAddr::V4(v4) => hasher.write(&v4.octets()),
        IpAddr::V6(v6) => hasher.write(&v6.octets()),
    }
    let mut cookie = [0; SERVER_LEN];
    let parts = head.into_iter().chain(time.to_be_bytes()).chain(hasher.finish().to_le_bytes());
    cookie.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
    cookie
}

#[cfg(test)]
mod tests;
