//! The presentation format of master files (RFC 1035 5.1): record data from text to wire form, and what hickory writes
//! otherwise than a master file needs it.
//!
//! hickory's own reader of this format takes `\065` for something else than the octet 65 and knows neither SPF nor octal
//! escapes, so each type is read here by a table of its fields. SVCB and HTTPS have a little language of their own
//! (RFC 9460 2.1), which is left to hickory. Names are always whole, with or without their final dot.

mod token;

use std::fmt::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};

use super::{DomainName, RData, RecordType};
use token::Token;

/// Type SPF (RFC 7208 3.1: no longer used, still found), which hickory has no word for.
const SPF: u16 = 99;

/// What three digits behind a backslash are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Escapes {
    /// Decimal, as in master files.
    Decimal,
    /// Octal, as Route 53 has it.
    Octal,
}

/// A part of the data of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Ipv4,
    Ipv6,
    Name,
    U8,
    U16,
    U32,
    /// A character-string.
    Text,
    /// One or more character-strings, to the end.
    Texts,
    /// A text to the end, without its length.
    Octets,
    /// Hexadecimal digits to the end, spaces between them allowed.
    Hex,
}

/// The type that is written like this; `None` if it is not known.
#[must_use]
pub fn record_type(text: &str) -> Option<RecordType> {
    if text == "SPF" {
        return Some(RecordType::Unknown(SPF));
    }
    RecordType::from_str(text).ok()
}

/// How a type is written.
#[must_use]
pub fn type_name(kind: RecordType) -> String {
    match kind {
        RecordType::Unknown(SPF) => "SPF".to_owned(),
        RecordType::Unknown(code) => format!("TYPE{code}"),
        known => known.to_string(),
    }
}

/// The data of a record as a master file has it. hickory writes the strings of a TXT record as one; here they are apart and
/// quoted.
#[must_use]
pub fn data(data: &RData) -> String {
    match data {
        RData::TXT(txt) => txt.txt_data.iter().map(|string| quoted(string)).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// A character-string between quotes, with what is special in it, or not printable ASCII, escaped.
fn quoted(string: &[u8]) -> String {
    let inner = string.iter().fold(String::new(), |mut inner, &byte| {
        // Writing into a String does not fail.
        let _ = match byte {
            b'"' | b'\\' => write!(inner, "\\{}", char::from(byte)),
            b' '..=b'~' => write!(inner, "{}", char::from(byte)),
            _ => write!(inner, "\\{byte:03}"),
        };
        inner
    });
    format!("\"{inner}\"")
}

/// The name that is written like this; `None` if it is none.
#[must_use]
pub fn name(text: &str, escapes: Escapes) -> Option<DomainName> {
    DomainName::from_wire(&token::name(text, escapes)?)
}

/// Reads the data of a record into wire form, names uncompressed and in the case that they are written in.
///
/// # Errors
/// What is wrong with it, as the end of a sentence.
pub fn rdata(kind: RecordType, text: &str, escapes: Escapes) -> Result<Vec<u8>, String> {
    if matches!(kind, RecordType::SVCB | RecordType::HTTPS) {
        return service_binding(kind, text);
    }
    let fields =
        fields(kind).ok_or_else(|| format!("records of type {} cannot be written as text", type_name(kind)))?;
    let mut tokens = token::split(text)?.into_iter().peekable();
    let mut wire = Vec::new();
    for field in fields {
        let first = tokens.next().ok_or_else(|| format!("{} is missing", describe(*field)))?;
        write(&mut wire, *field, &first, escapes)?;
        let goes_on = matches!(field, Field::Texts | Field::Hex);
        while let Some(more) = tokens.next_if(|_| goes_on) {
            write(&mut wire, *field, &more, escapes)?;
        }
    }
    match tokens.next() {
        Some(extra) => Err(format!("`{}` is too much", extra.raw)),
        None if u16::try_from(wire.len()).is_err() => Err("it is longer than a record can be".to_owned()),
        None => Ok(wire),
    }
}

fn fields(kind: RecordType) -> Option<&'static [Field]> {
    use Field::{Hex, Ipv4, Ipv6, Name, Octets, Text, Texts, U8, U16, U32};
    Some(match kind {
        RecordType::A => &[Ipv4],
        RecordType::AAAA => &[Ipv6],
        RecordType::CNAME | RecordType::NS | RecordType::PTR => &[Name],
        RecordType::MX => &[U16, Name],
        RecordType::SRV => &[U16, U16, U16, Name],
        RecordType::SOA => &[Name, Name, U32, U32, U32, U32, U32],
        RecordType::TXT | RecordType::Unknown(SPF) => &[Texts],
        RecordType::CAA => &[U8, Text, Octets],
        RecordType::NAPTR => &[U16, U16, Text, Text, Text, Name],
        RecordType::TLSA => &[U8, U8, U8, Hex],
        RecordType::SSHFP => &[U8, U8, Hex],
        RecordType::DS => &[U16, U8, U8, Hex],
        _ => return None,
    })
}

fn describe(field: Field) -> &'static str {
    match field {
        Field::Ipv4 => "an IPv4 address",
        Field::Ipv6 => "an IPv6 address",
        Field::Name => "a domain name",
        Field::U8 => "a number up to 255",
        Field::U16 => "a number up to 65535",
        Field::U32 => "a number up to 4294967295",
        Field::Text | Field::Texts => "a text of at most 255 octets",
        Field::Octets => "a text",
        Field::Hex => "a value in hexadecimal digits",
    }
}

fn write(wire: &mut Vec<u8>, field: Field, token: &Token<'_>, escapes: Escapes) -> Result<(), String> {
    let raw = token.raw;
    let octets = match field {
        Field::Ipv4 => raw.parse::<Ipv4Addr>().ok().map(|ip| ip.octets().to_vec()),
        Field::Ipv6 => raw.parse::<Ipv6Addr>().ok().map(|ip| ip.octets().to_vec()),
        Field::U8 => raw.parse::<u8>().ok().map(|number| vec![number]),
        Field::U16 => raw.parse::<u16>().ok().map(|number| number.to_be_bytes().to_vec()),
        Field::U32 => raw.parse::<u32>().ok().map(|number| number.to_be_bytes().to_vec()),
        Field::Name => token::name(raw, escapes),
        Field::Octets => token::unescape(raw, escapes),
        Field::Hex => hex(raw),
        Field::Text | Field::Texts => token::unescape(raw, escapes).and_then(|text| {
            let length = u8::try_from(text.len()).ok()?;
            Some([&[length], text.as_slice()].concat())
        }),
    };
    wire.extend(octets.ok_or_else(|| format!("`{raw}` is not {}", describe(field)))?);
    Ok(())
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

fn service_binding(kind: RecordType, text: &str) -> Result<Vec<u8>, String> {
    let unfit = || {
        format!("`{text}` is not the data of {} record", if kind == RecordType::SVCB { "an SVCB" } else { "an HTTPS" })
    };
    let mut data = RData::try_from_str(kind, text).map_err(|_| unfit())?;
    // In text they may come in any order; on the wire they may not (RFC 9460 2.2).
    match &mut data {
        RData::SVCB(svcb) => svcb.svc_params.sort_by_key(|(key, _)| u16::from(*key)),
        RData::HTTPS(https) => https.0.svc_params.sort_by_key(|(key, _)| u16::from(*key)),
        _ => return Err(unfit()),
    }
    let mut wire = Vec::new();
    let mut encoder = BinEncoder::new(&mut wire);
    encoder.set_name_encoding(NameEncoding::Uncompressed);
    data.emit(&mut encoder).map_err(|_| unfit())?;
    Ok(wire)
}

#[cfg(test)]
mod tests;
