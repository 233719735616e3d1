//! Words of the presentation format, and what backslashes in them mean.

use super::Escapes;
use crate::dns::name::{MAX_LABEL, MAX_NAME};

/// A word, or what is between quotation marks; escapes are still in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'t> {
    pub(super) raw: &'t str,
}

/// Cuts a text at white space outside of quotation marks.
pub(super) fn split(text: &str) -> Result<Vec<Token<'_>>, String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (quoted, body) = match rest.strip_prefix('"') {
            Some(body) => (true, body),
            None => (false, rest),
        };
        let end = end_of(body, quoted);
        let (raw, after) = match end {
            Some(end) => body.split_at(end),
            None if quoted => return Err("a quotation mark is not closed".to_owned()),
            None => (body, ""),
        };
        tokens.push(Token { raw });
        rest = if quoted { after.get(1..).unwrap_or_default() } else { after }.trim_start();
    }
    Ok(tokens)
}

/// Where a word ends: at white space or a quotation mark, or within quotation marks at the next of these.
fn end_of(body: &str, quoted: bool) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in body.char_indices() {
        if escaped {
            escaped = false;
        } else if character == '\\' {
            escaped = true;
        } else if character == '"' || (!quoted && character.is_ascii_whitespace()) {
            return Some(at);
        }
    }
    None
}

/// The octets of a text; `None` if an escape is none.
pub(super) fn unescape(raw: &str, escapes: Escapes) -> Option<Vec<u8>> {
    let mut octets = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((octet, _, tail)) = next(rest, escapes)? {
        octets.push(octet);
        rest = tail;
    }
    Some(octets)
}

/// The wire form of a name, case kept; `None` if it is none.
pub(super) fn name(raw: &str, escapes: Escapes) -> Option<Vec<u8>> {
    if raw == "." {
        return Some(vec![0]);
    }
    let mut wire = Vec::with_capacity(raw.len() + 2);
    let mut label: Vec<u8> = Vec::new();
    let mut rest = raw.as_bytes();
    while let Some((octet, escaped, tail)) = next(rest, escapes)? {
        rest = tail;
        if octet == b'.' && !escaped {
            close(&mut wire, &mut label)?;
        } else {
            label.push(octet);
        }
    }
    if !label.is_empty() {
        close(&mut wire, &mut label)?;
    }
    wire.push(0);
    (wire.len() > 1 && wire.len() <= MAX_NAME).then_some(wire)
}

fn close(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Option<()> {
    let length = u8::try_from(label.len()).ok().filter(|length| (1..=MAX_LABEL as u8).contains(length))?;
    wire.push(length);
    wire.append(label);
    Some(())
}

/// The next octet, whether it was escaped, and what comes after it. The outer `None`: the escape is none; the inner
/// one: the end.
fn next(rest: &[u8], escapes: Escapes) -> Option<Option<(u8, bool, &[u8])>> {
    match rest {
        [] => Some(None),
        [b'\\', a, b, c, tail @ ..] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_digit() => {
            let base = if escapes == Escapes::Octal { 8 } else { 10 };
            let number = [a, b, c]
                .into_iter()
                .try_fold(0, |number, digit| char::from(*digit).to_digit(base).map(|digit| number * base + digit))?;
            Some(Some((u8::try_from(number).ok()?, true, tail)))
        }
        [b'\\', other, tail @ ..] if !other.is_ascii_digit() => Some(Some((*other, true, tail))),
        [b'\\', ..] => None,
        [octet, tail @ ..] => Some(Some((*octet, false, tail))),
    }
}
