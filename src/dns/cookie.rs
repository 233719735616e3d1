//! The COOKIE option (RFC 7873 4), of a query and of a reply. What a server cookie is made of does not matter here.

/// Code of the option.
const OPTION: u16 = 10;
/// Length of a client cookie in bytes.
pub const CLIENT_LEN: usize = 8;
/// Length of our server cookies in bytes (RFC 9018 4).
pub const SERVER_LEN: usize = 16;

/// The cookies that a query came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cookie<'q> {
    /// The client's own, which a reply must repeat.
    pub client: &'q [u8; CLIENT_LEN],
    /// What the client has of us, or believes to: 8–32 bytes, or none at all.
    pub server: &'q [u8],
}

impl<'q> Cookie<'q> {
    /// Whether an option of this code is one.
    #[must_use]
    pub fn is(code: [u8; 2]) -> bool {
        code == OPTION.to_be_bytes()
    }

    /// Reads what follows the option's length; `None` if it is too short or too long (RFC 7873 5.2.2).
    #[must_use]
    pub fn from_option(data: &'q [u8]) -> Option<Self> {
        let (client, server) = data.split_first_chunk::<CLIENT_LEN>()?;
        matches!(server.len(), 0 | 8..=32).then_some(Self { client, server })
    }
}

/// The cookies of a reply: the client's own, and the server cookie that it is to send with its next query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplyCookie {
    /// As in the query.
    pub client: [u8; CLIENT_LEN],
    /// Made by us.
    pub server: [u8; SERVER_LEN],
}

impl ReplyCookie {
    /// Length of the whole EDNS option in bytes.
    pub const OPTION_LEN: usize = 4 + CLIENT_LEN + SERVER_LEN;

    /// Appends the EDNS option.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&OPTION.to_be_bytes());
        out.extend_from_slice(&[0, (CLIENT_LEN + SERVER_LEN) as u8]);
        out.extend_from_slice(&self.client);
        out.extend_from_slice(&self.server);
    }
}
