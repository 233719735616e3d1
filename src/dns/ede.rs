//! Extended DNS errors (RFC 8914): why an answer is what it is, for whoever runs `dig`.

/// An extended error: info code and a short text. Sent only to clients that use EDNS.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Ede {
    code: u16,
    text: Box<str>,
}

impl Ede {
    /// 0: the text says it all.
    pub const OTHER: u16 = 0;
    /// 3: the answer is older than it should be.
    pub const STALE_ANSWER: u16 = 3;
    /// 14: we have not read the state of ECS yet.
    pub const NOT_READY: u16 = 14;
    /// 15: the operator of this resolver blocks the name.
    pub const BLOCKED: u16 = 15;
    /// 17: the answer was withheld because of what it says.
    pub const FILTERED: u16 = 17;
    /// 18: the client may not ask here.
    pub const PROHIBITED: u16 = 18;
    /// 19: that the name does not exist is older than it should be.
    pub const STALE_NXDOMAIN: u16 = 19;
    /// 20: the query wants no recursion and the name is not in our zones.
    pub const NOT_AUTHORITATIVE: u16 = 20;
    /// 22: no upstream answered.
    pub const NO_REACHABLE_AUTHORITY: u16 = 22;
    /// 23: the network failed, or the limit of questions under way is reached.
    pub const NETWORK_ERROR: u16 = 23;

    /// Longest text that is kept, in bytes: it must never be what truncates a UDP reply.
    const MAX_TEXT: usize = 160;

    /// An extended error with this info code; a longer text is cut at a character boundary.
    #[must_use]
    pub fn new(code: u16, text: &str) -> Self {
        let mut end = text.len().min(Self::MAX_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        Self { code, text: text[..end].into() }
    }

    /// Reads what follows the option's length (RFC 8914 2): the info code and a text. Bytes that are no UTF-8 are
    /// replaced.
    #[must_use]
    pub fn from_option(data: &[u8]) -> Option<Self> {
        let (code, text) = data.split_first_chunk::<2>()?;
        let text = String::from_utf8_lossy(text);
        Some(Self::new(u16::from_be_bytes(*code), text.trim_end_matches('\0')))
    }

    /// The info code.
    #[must_use]
    pub fn code(&self) -> u16 {
        self.code
    }

    /// The extra text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Length of the whole EDNS option in bytes.
    #[must_use]
    pub fn option_len(&self) -> usize {
        6 + self.text.len()
    }

    /// Appends the EDNS option (code 15, RFC 8914 2).
    pub fn write(&self, out: &mut Vec<u8>) {
        let length = u16::try_from(2 + self.text.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&15u16.to_be_bytes());
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(&self.code.to_be_bytes());
        out.extend_from_slice(self.text.as_bytes());
    }
}
