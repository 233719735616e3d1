//! Messages in a stream of bytes, each with its length in front (RFC 1035 4.2.2, RFC 7766 8).

use super::HEADER_LEN;

/// Bytes of the length.
const PREFIX: usize = 2;
/// Bytes that are made room for at first: some forty questions.
const FIRST: usize = 2048;
/// Memory, in bytes, that is given back once nothing is left in it.
const LARGE: usize = 16 * 1024;

/// A message that is too short for its header. There is no telling where the next one begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message of {0} bytes has no room for a header")]
pub struct TooShort(pub usize);

/// What has arrived and has not been taken yet. Its memory follows what has arrived, not the lengths that are announced:
/// a message and a half at most, as long as all whole messages are taken before more is read.
#[derive(Debug, Default)]
pub struct Framing {
    bytes: Vec<u8>,
    /// How many of the bytes have been taken.
    taken: usize,
}

impl Framing {
    /// Where to append what arrives next; there is spare room.
    pub fn room(&mut self) -> &mut Vec<u8> {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > LARGE {
            self.bytes = Vec::new();
        }
        if self.bytes.len() == self.bytes.capacity() {
            self.bytes.reserve(self.bytes.len().max(FIRST));
        }
        &mut self.bytes
    }

    /// Takes the next message, without its length; `None` until it is there as a whole.
    ///
    /// # Errors
    /// When it cannot be a message. Nothing after it can be trusted.
    pub fn take(&mut self) -> Result<Option<&[u8]>, TooShort> {
        let rest = self.bytes.get(self.taken..).unwrap_or_default();
        let Some((prefix, rest)) = rest.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes(*prefix));
        if length < HEADER_LEN {
            return Err(TooShort(length));
        }
        let message = rest.get(..length);
        if message.is_some() {
            self.taken += PREFIX + length;
        }
        Ok(message)
    }

    /// Whether anything has arrived that was not taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken >= self.bytes.len()
    }

    /// Forgets what has arrived.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Appends `message` and its length; `false`, and nothing is appended, if it is longer than a message can be.
#[must_use]
pub fn append(message: &[u8], to: &mut Vec<u8>) -> bool {
    let Ok(length) = u16::try_from(message.len()) else { return false };
    to.extend_from_slice(&length.to_be_bytes());
    to.extend_from_slice(message);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn framed(messages: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for message in messages {
            assert!(append(message, &mut bytes));
        }
        bytes
    }

    #[test]
    fn what_is_no_message_ends_it() {
        let mut framing = Framing::default();
        framing.room().extend(framed(&[vec![7; 12], vec![7; 11], vec![7; 12]]));
        assert_eq!(framing.take(), Ok(Some(&[7; 12][..])));
        assert_eq!(framing.take(), Err(TooShort(11)));
        assert_eq!(framing.take(), Err(TooShort(11)));
        framing.clear();
        assert!(framing.is_empty() && framing.take() == Ok(None));
    }

    #[test]
    fn memory_follows_what_has_arrived() {
        let mut framing = Framing::default();
        framing.room().extend([0xff, 0xff, 1]);
        assert!(framing.take() == Ok(None) && !framing.is_empty());
        assert!(framing.room().capacity() <= FIRST);
        for _ in 0..65_534 {
            framing.room().push(1);
            assert!(framing.bytes.capacity() <= FIRST.max(2 * framing.bytes.len()));
        }
        assert_eq!(framing.take().unwrap().unwrap().len(), 65_535);
        assert!(framing.is_empty() && framing.room().capacity() <= FIRST);
    }

    #[test]
    fn a_message_is_at_most_what_its_length_can_say() {
        let mut bytes = Vec::new();
        assert!(!append(&[0; 65_536], &mut bytes) && bytes.is_empty());
        assert!(append(&[0; 65_535], &mut bytes) && bytes.len() == 65_537);
    }

    proptest! {
        #[test]
        fn messages_come_out_as_they_went_in(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 12..300), 0..20),
            cuts in prop::collection::vec(1usize..400, 1..40),
        ) {
            let bytes = framed(&messages);
            let (mut framing, mut seen, mut rest) = (Framing::default(), Vec::new(), bytes.as_slice());
            for cut in cuts.iter().cycle() {
                let (now, later) = rest.split_at((*cut).min(rest.len()));
                framing.room().extend_from_slice(now);
                while let Some(message) = framing.take().unwrap() {
                    seen.push(message.to_vec());
                }
                rest = later;
                if rest.is_empty() { break; }
            }
            prop_assert!(framing.is_empty());
            prop_assert_eq!(seen, messages);
        }
    }
}
