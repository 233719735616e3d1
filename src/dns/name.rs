//! Domain names as keys: lower-cased, uncompressed wire form.
//!
//! hickory's `Name` is what records are built from; this is what they are found by. The wire form is compared and
//! hashed as it is, a parent is a suffix of it, and no label needs to be allocated.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::Name;

/// Longest name in wire form, in bytes (RFC 1035 2.3.4).
pub const MAX_NAME: usize = 255;
/// Longest label in bytes.
pub const MAX_LABEL: usize = 63;

/// A lower-cased name in wire form (RFC 1035 3.1), with its final zero byte. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainName(Arc<[u8]>);

impl DomainName {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self(Arc::new([0]))
    }

    /// `labels` from the left, in front of `suffix`. `None` if a label is empty or longer than 63 octets, or the
    /// name longer than 255.
    #[must_use]
    pub fn join<L: AsRef<[u8]>>(labels: impl IntoIterator<Item = L>, suffix: &Self) -> Option<Self> {
        // Names are made by the hundred thousand: each is allocated once, at its length.
        let mut wire = [0; MAX_NAME];
        let mut end = 0;
        for label in labels {
            let label = label.as_ref();
            let size = u8::try_from(label.len()).ok().filter(|size| (1..=MAX_LABEL as u8).contains(size))?;
            let (head, rest) = wire.get_mut(end..)?.split_first_mut()?;
            *head = size;
            rest.get_mut(..label.len())?.copy_from_slice(label);
            end += 1 + label.len();
        }
        // No length of a label is a letter.
        wire.get_mut(..end)?.make_ascii_lowercase();
        wire.get_mut(end..end + suffix.0.len())?.copy_from_slice(&suffix.0);
        wire.get(..end + suffix.0.len()).map(|wire| Self(wire.into()))
    }

    /// Reads a name in presentation form (`www.example.com`, final dot optional, `\.` and `\DDD` escapes).
    /// `None` if it is not a name.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Name::from_ascii(text).ok().and_then(|name| Self::from_name(&name))
    }

    /// hickory's name as a key.
    #[must_use]
    pub fn from_name(name: &Name) -> Option<Self> {
        let labels: Vec<&[u8]> = name.iter().collect();
        Self::join(&labels, &Self::root())
    }

    /// A name that is already in lower-cased wire form, e.g. the one a question was parsed into. `None` if it is not
    /// well formed.
    #[must_use]
    pub fn from_wire(wire: &[u8]) -> Option<Self> {
        let end = labels(wire).try_fold(0usize, |at, label| at.checked_add(label.len() + 1))?;
        let whole = wire.len() <= MAX_NAME && end + 1 == wire.len() && wire.last() == Some(&0);
        let mut wire: SmallVec<[u8; MAX_NAME + 1]> = whole.then(|| wire.into())?;
        wire.make_ascii_lowercase();
        Some(Self(wire.as_slice().into()))
    }

    /// The wire form.
    #[must_use]
    pub fn as_wire(&self) -> &[u8] {
        &self.0
    }

    /// Its labels from the left, without the root.
    pub fn labels(&self) -> impl Iterator<Item = &[u8]> {
        labels(&self.0)
    }

    /// hickory's form, fully qualified.
    #[must_use]
    pub fn to_name(&self) -> Name {
        let mut name = Name::from_labels(self.labels()).unwrap_or_else(|_| Name::root());
        name.set_fqdn(true);
        name
    }

    /// The name without its first label; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        parent(&self.0).map(|wire| Self(wire.into()))
    }
}

impl Borrow<[u8]> for DomainName {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_name().to_ascii())
    }
}

impl fmt::Debug for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Labels of a name in wire form, from the left; stops at the root or where the bytes end.
pub fn labels(mut wire: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&size, rest) = wire.split_first()?;
        if size == 0 || usize::from(size) > rest.len() {
            return None;
        }
        let (label, rest) = rest.split_at(usize::from(size));
        wire = rest;
        Some(label)
    })
}

/// The name without its first label; `None` for the root or bytes that are no name.
#[must_use]
pub fn parent(wire: &[u8]) -> Option<&[u8]> {
    match wire.first() {
        None | Some(0) => None,
        Some(&size) => wire.get(usize::from(size) + 1..),
    }
}

/// Whether `name` is `zone` or below it (both lower-cased wire form).
#[must_use]
pub fn is_within(name: &[u8], zone: &[u8]) -> bool {
    let mut at = Some(name);
    while let Some(here) = at {
        if here.len() <= zone.len() {
            return here == zone;
        }
        at = parent(here);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_cased_and_know_their_zone() {
        let zone = DomainName::from_text("ECS.internal").unwrap();
        let name = DomainName::join(["TwitchApp"], &zone).unwrap();
        assert_eq!(name.to_string(), "twitchapp.ecs.internal.");
        assert_eq!(name.parent().as_ref(), Some(&zone));
        assert!(is_within(name.as_wire(), zone.as_wire()) && is_within(zone.as_wire(), zone.as_wire()));
        let other = DomainName::from_text("xecs.internal").unwrap();
        assert!(!is_within(other.as_wire(), zone.as_wire()));
        assert_eq!(DomainName::from_wire(name.as_wire()), Some(name));
    }

    #[test]
    fn what_is_too_long_is_no_name() {
        let root = DomainName::root();
        assert_eq!(DomainName::join(["a".repeat(64)], &root), None);
        assert_eq!(DomainName::join([""], &root), None);
        let four = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(63)];
        assert_eq!(DomainName::join(&four, &root), None);
        assert_eq!(DomainName::from_wire(&[3, b'a', b'b']), None);
        assert_eq!(DomainName::from_wire(&[]), None);
    }
}
