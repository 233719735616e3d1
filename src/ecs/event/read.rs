//! How fields are read: what may be missing may also be nonsense, and no list is longer than AWS's longest.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// Longest list that is read. The longest that ECS makes are the port bindings of a container: some hundreds.
pub(super) const MAX_ENTRIES: usize = 1000;

/// A value that an event can do without: `None` where it is null or not of this type. Use with `default`.
pub(super) fn optional<'de, D: Deserializer<'de>, T: DeserializeOwned>(from: D) -> Result<Option<T>, D::Error> {
    let raw = <&RawValue>::deserialize(from)?;
    Ok(serde_json::from_str(raw.get()).ok())
}

/// A list of at most [`MAX_ENTRIES`]; null is an empty one. Use with `default`.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    from.deserialize_option(Entries(PhantomData))
}

struct Entries<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a list of at most {MAX_ENTRIES}")
    }

    fn visit_none<E: Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_unit<E: Error>(self) -> Result<Vec<T>, E> {
        Ok(Vec::new())
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Vec<T>, D::Error> {
        from.deserialize_seq(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Vec<T>, A::Error> {
        let mut read = Vec::new();
        while let Some(entry) = entries.next_element()? {
            if read.len() == MAX_ENTRIES {
                return Err(A::Error::invalid_length(MAX_ENTRIES + 1, &self));
            }
            read.push(entry);
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    struct Read {
        #[serde(default, deserialize_with = "optional")]
        port: Option<u16>,
        #[serde(default, deserialize_with = "list")]
        list: Vec<u8>,
    }

    fn read(text: &str) -> Result<Read, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_can_be_done_without_is_nonsense_at_will() {
        assert_eq!(read(r#"{"port":80}"#).unwrap().port, Some(80));
        for nothing in ["{}", r#"{"port":null}"#, r#"{"port":70000}"#, r#"{"port":-1}"#, r#"{"port":{"a":["80"]}}"#] {
            assert_eq!(read(nothing).unwrap().port, None, "{nothing}");
        }
    }

    #[test]
    fn lists_have_an_end() {
        assert_eq!(read("{}").unwrap().list, Vec::<u8>::new());
        assert_eq!(read(r#"{"list":null}"#).unwrap().list, Vec::<u8>::new());
        assert_eq!(read(r#"{"list":[1,2]}"#).unwrap().list, [1, 2]);
        let of = |length| format!(r#"{{"list":[{}]}}"#, vec!["1"; length].join(","));
        assert_eq!(read(&of(MAX_ENTRIES)).unwrap().list.len(), MAX_ENTRIES);
        let error = read(&of(MAX_ENTRIES + 1)).unwrap_err();
        assert!(error.starts_with("invalid length 1001, expected a list of at most 1000"), "{error}");
        assert!(read(r#"{"list":{}}"#).is_err());
    }
}
