//! Names as Route 53 writes them: every octet but letters, digits, `-`, `_` and the dots between labels as three octal
//! digits, so that the wildcard is `\052.ecs.internal.`.

use std::fmt::Write;

use crate::dns::DomainName;
use crate::dns::presentation::{self, Escapes};

/// Reads a name, final dot optional. `None` if it is none.
#[must_use]
pub fn parse(text: &str) -> Option<DomainName> {
    presentation::name(text, Escapes::Octal)
}

/// Writes a name as the API does.
#[must_use]
pub fn text(name: &DomainName) -> String {
    let mut text = String::new();
    for label in name.labels() {
        for &byte in label {
            match byte {
                b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => text.push(char::from(byte)),
                // Writing into a String does not fail.
                _ => drop(write!(text, "\\{byte:03o}")),
            }
        }
        text.push('.');
    }
    if text.is_empty() { ".".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_wildcard_and_odd_octets_are_octal() {
        let name = parse("\\052.Ecs.internal.").unwrap();
        assert_eq!(name.labels().next(), Some(&b"*"[..]));
        assert_eq!(text(&name), "\\052.ecs.internal.");
        assert_eq!(parse("*.ecs.internal"), Some(name));
        let odd = parse("a\\056b\\040c\\377.x").unwrap();
        assert_eq!(odd.labels().next(), Some(&b"a.b c\xff"[..]));
        assert_eq!(text(&DomainName::root()), ".");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(labels in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 0..8)) {
            let name = DomainName::join(&labels, &DomainName::root()).unwrap();
            prop_assert_eq!(parse(&text(&name)), Some(name));
        }
    }
}
