//! Cached answers as they are kept over a restart: a line that says of when and of whose they are, then each as the
//! reply of an upstream that would bring it anew. So it is judged as one when it is read.
//!
//! Behind the line, which is JSON, every answer has 4 octets with its age in seconds, 1 with how much it was asked for,
//! 2 with the length of the message, and the message. All numbers are big-endian.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::query::{self, CLASS_IN};
use super::{Caps, Entry, Key, wire};
use crate::dns::{HEADER_LEN, RecordType, TCP_LIMIT};
use crate::ecs::Timestamp;

/// What stands before each message, in bytes.
const PREFIX: usize = 7;

/// Of when the answers are, and what they depend on besides the questions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// When they were written, by the wall clock.
    pub at: Timestamp,
    /// Whose they are.
    pub terms: Terms,
}

/// Whose answers they are, and on which terms they were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The upstreams of each domain, in order.
    pub upstreams: BTreeMap<String, Vec<String>>,
    /// Domains below which private addresses were believed, in order; `None`: everywhere.
    pub private: Option<Vec<String>>,
}

impl Terms {
    /// What of these terms is another than `ours`, in words.
    #[must_use]
    pub fn difference(&self, ours: &Self) -> Option<String> {
        for (domain, servers) in self.upstreams.iter().filter(|(domain, _)| !ours.upstreams.contains_key(*domain)) {
            return Some(format!("it has answers for {domain} of {}, who are not asked any more", servers.join(" ")));
        }
        for (domain, wanted) in &ours.upstreams {
            let asked = self.upstreams.get(domain).map_or_else(|| "others".to_owned(), |servers| servers.join(" "));
            if asked != wanted.join(" ") {
                return Some(format!(
                    "its answers for {domain} are of {asked}, and now {} are asked",
                    wanted.join(" ")
                ));
            }
        }
        (self.private != ours.private).then(|| "forward.rebind_protection is another now".to_owned())
    }
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedAnswer<'f> {
    /// Seconds since it came.
    pub age: u32,
    /// How much it was asked for.
    pub warmth: u8,
    /// The message.
    pub message: &'f [u8],
}

impl SavedAnswer<'_> {
    /// The entry as it is `elapsed` after it was saved, if the message passes as the reply to a query of ours.
    #[must_use]
    pub fn restore(&self, elapsed: Duration, caps: Caps, now: Instant) -> Option<(Key, Entry)> {
        let key = key_of(self.message)?;
        let age = Duration::from_secs(self.age.into()).checked_add(elapsed)?;
        let mut entry = Entry::accept(&key, self.message, caps, now).ok()?;
        entry.stored_at = now.checked_sub(age)?;
        Some((key, entry))
    }
}

/// What the message answers; `None` unless it is a whole response with a question as we ask it.
fn key_of(message: &[u8]) -> Option<Key> {
    let header = message.first_chunk::<HEADER_LEN>()?;
    // A response to a standard query, not truncated, with one question.
    if header[2] & 0xfa != 0x80 || header[4..6] != [0, 1] {
        return None;
    }
    let (name, end) = wire::name_at(message, HEADER_LEN)?;
    let (kind, class) = (wire::read_u16(message, end)?, wire::read_u16(message, end + 2)?);
    let additional = wire::sections(message, end + 4)?.additional;
    let opt = additional.iter().find(|record| record.kind == u16::from(RecordType::OPT))?;
    let key = Key {
        name,
        qtype: RecordType::from(kind),
        dnssec_ok: opt.ttl & 0x8000 != 0,
        checking_disabled: header[3] & 0x10 != 0,
    };
    (class == CLASS_IN && message.get(HEADER_LEN..end + 4)? == query::question(&key)).then_some(key)
}

/// Writes the first line.
///
/// # Errors
/// Those of `out`.
pub fn write_head(out: &mut dyn Write, head: &Head) -> io::Result<()> {
    serde_json::to_writer(&mut *out, head)?;
    out.write_all(b"\n")
}

/// Writes one answer, the entry for `key`; one that no message could bring anew is left out.
///
/// # Errors
/// Those of `out`.
pub fn write_answer(out: &mut dyn Write, key: &Key, entry: &Entry, warmth: u8, now: Instant) -> io::Result<()> {
    let message = entry.message(key);
    let Ok(length) = u16::try_from(message.len()) else { return Ok(()) };
    out.write_all(&entry.age(now).to_be_bytes())?;
    out.write_all(&[warmth])?;
    out.write_all(&length.to_be_bytes())?;
    out.write_all(&message)
}

/// The bytes that [`write_answer`] writes, at most.
#[must_use]
pub fn answer_len(entry: &Entry) -> usize {
    PREFIX + (entry.wire.len() + entry.ede.as_ref().map_or(0, |ede| ede.option_len()) + OPT_LEN).min(TCP_LIMIT)
}

/// Of an OPT record without options.
const OPT_LEN: usize = 11;

/// The first line, and the answers.
///
/// # Errors
/// What is wrong with the first line.
pub fn read(content: &[u8]) -> Result<(Head, Answers<'_>), String> {
    let end = content.iter().position(|byte| *byte == b'\n').ok_or("it has no first line")?;
    let (line, rest) = content.split_at(end);
    let head = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    Ok((head, Answers { rest: rest.get(1..).unwrap_or_default() }))
}

/// The answers of a file, in its order, up to the first that is cut off.
#[derive(Debug, Clone)]
pub struct Answers<'f> {
    rest: &'f [u8],
}

impl<'f> Iterator for Answers<'f> {
    type Item = SavedAnswer<'f>;

    fn next(&mut self) -> Option<Self::Item> {
        let ([a, b, c, d, warmth, high, low], rest) = self.rest.split_first_chunk::<PREFIX>()?;
        let (message, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low])))?;
        self.rest = rest;
        Some(SavedAnswer { age: u32::from_be_bytes([*a, *b, *c, *d]), warmth: *warmth, message })
    }
}

#[cfg(test)]
mod tests;
