//! The form of a file: a first line that says what follows, and what follows.
//!
//! `ecs-resolver <kind> <format> <bytes that follow> <their SHA-256>`. What follows begins with a line for people: which
//! version wrote it, and when.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::Refusal;
use crate::ecs::Timestamp;

/// The newest format that this version writes and reads.
const FORMAT: u32 = 1;
/// What every file begins with.
const MAGIC: &str = "ecs-resolver ";
/// Digits of a SHA-256.
const CHECKSUM: usize = 64;
/// A first line has no more bytes than this, whatever its kind and format.
const LONGEST_LINE: usize = 160;

/// What a file keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// What ECS says is running.
    Inventory,
    /// Answers of upstreams.
    Cache,
}

impl Kind {
    /// The word for it, in files and metrics.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Inventory => "inventory",
            Self::Cache => "cache",
        }
    }
}

/// The line for people.
pub(super) fn written(now: Timestamp) -> String {
    format!("written by ecs-resolver {} at {now}\n", env!("CARGO_PKG_VERSION"))
}

/// The first line, for so many bytes of this checksum. Its length depends on the kind only, so that it can be written
/// before they are known.
pub(super) fn first_line(kind: Kind, length: u64, checksum: &str) -> String {
    format!("{MAGIC}{} {FORMAT} {length:020} {checksum:0>CHECKSUM$}\n", kind.label())
}

/// A checksum as it is written.
pub(super) fn checksum(of: Sha256) -> String {
    of.finalize().iter().fold(String::with_capacity(CHECKSUM), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What `file` holds of this kind, behind the line for people.
///
/// # Errors
/// Unless it is whole, and of a format that we read.
pub(super) fn open(kind: Kind, file: &[u8]) -> Result<&[u8], Refusal> {
    let (length, sum, rest) = head(kind, file)?;
    let found = rest.len() as u64;
    if found != length {
        return Err(Refusal::Torn { expected: length, found });
    }
    if checksum(Sha256::new_with_prefix(rest)) != sum {
        return Err(Refusal::Damaged);
    }
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or(Refusal::Strange)?;
    rest.get(end + 1..).ok_or(Refusal::Strange)
}

/// Length and checksum of what follows, and what does follow.
fn head(kind: Kind, file: &[u8]) -> Result<(u64, &str, &[u8]), Refusal> {
    let magic = [MAGIC.as_bytes(), kind.label().as_bytes(), b" "].concat();
    if !file.starts_with(&magic) {
        // What is too short to tell was cut off.
        let torn = magic.starts_with(file);
        return Err(if torn { torn_head(file) } else { Refusal::Strange });
    }
    let end = file.iter().take(LONGEST_LINE).position(|byte| *byte == b'\n');
    let line = end.and_then(|end| std::str::from_utf8(file.get(magic.len()..end)?).ok());
    let mut words = line.unwrap_or_default().split(' ');
    let format = words.next().and_then(|word| word.parse().ok());
    match (format, line) {
        (Some(format), Some(_)) if format > FORMAT => return Err(Refusal::Newer { format }),
        (Some(FORMAT), Some(_)) => {}
        (_, None) if file.len() < LONGEST_LINE => return Err(torn_head(file)),
        _ => return Err(Refusal::Strange),
    }
    let length = words.next().and_then(|word| word.parse().ok()).ok_or(Refusal::Damaged)?;
    let sum = words.next().filter(|word| word.len() == CHECKSUM).ok_or(Refusal::Damaged)?;
    let rest = end.and_then(|end| file.get(end + 1..)).unwrap_or_default();
    Ok((length, sum, rest))
}

/// Not even the first line is whole.
fn torn_head(file: &[u8]) -> Refusal {
    Refusal::Torn { expected: LONGEST_LINE as u64, found: file.len() as u64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(payload: &str) -> Vec<u8> {
        let rest = written(Timestamp::UNIX_EPOCH) + payload;
        let sum = checksum(Sha256::new_with_prefix(&rest));
        (first_line(Kind::Inventory, rest.len() as u64, &sum) + &rest).into_bytes()
    }

    #[test]
    fn what_is_whole_is_opened() {
        let file = sealed("{}\n\n");
        assert_eq!(open(Kind::Inventory, &file).unwrap(), b"{}\n\n");
        assert!(matches!(open(Kind::Cache, &file), Err(Refusal::Strange)));
        assert!(file.starts_with(b"ecs-resolver inventory 1 000000000000000"));
        assert!(LONGEST_LINE > first_line(Kind::Inventory, u64::MAX, "").len());
    }

    #[test]
    fn a_file_that_is_cut_anywhere_is_torn() {
        let file = sealed("what is known");
        for end in 0..file.len() {
            let refused = open(Kind::Inventory, &file[..end]).unwrap_err();
            assert_eq!(refused.label(), "torn", "cut at {end}: {refused}");
        }
        let longer = [&file[..], b"x"].concat();
        assert_eq!(open(Kind::Inventory, &longer).unwrap_err().label(), "torn");
    }

    #[test]
    fn a_file_with_any_byte_changed_is_refused() {
        let file = sealed("what is known");
        for at in 0..file.len() {
            for flip in [1, 0x10, 0x80, 0xff] {
                let mut changed = file.clone();
                changed[at] ^= flip;
                assert!(open(Kind::Inventory, &changed).is_err(), "byte {at} changed by {flip:#x}");
            }
        }
    }

    #[test]
    fn a_later_format_is_called_so() {
        let file = String::from_utf8(sealed("{}")).unwrap();
        let later = file.replacen("inventory 1 ", "inventory 2 ", 1);
        assert!(matches!(open(Kind::Inventory, later.as_bytes()), Err(Refusal::Newer { format: 2 })));
        assert!(matches!(open(Kind::Inventory, b"{\"clusters\":[]}"), Err(Refusal::Strange)));
    }
}
