//! A reply put together as a body of its own: what the encoder is held against, which writes the same from its parts.

use super::{Body, BodyBuilder, Owner};

impl Body {
    /// These CNAMEs in a row, then `end`, which is what the last of them points to, its answers rotated by `spin`.
    pub(crate) fn behind(cnames: &[&Self], end: &Self, spin: u32) -> Self {
        let mut body = BodyBuilder::new(false);
        (body.rcode, body.soa) = (end.rcode(), end.wants_soa());
        if let Some(rare) = &end.head().rare {
            (body.rare.foreign_soa, body.rare.ede) = (rare.foreign_soa.clone(), rare.ede.clone());
        }
        let owner_of = |index: usize| index.checked_sub(1).and_then(|of| u16::try_from(of).ok());
        for (index, cname) in cnames.iter().enumerate() {
            body.answers.push_raw(cname.answers().get(0));
            body.rare.owners.push(owner_of(index).map_or(Owner::Asked, Owner::TargetOf));
        }
        let (base, total) = (body.answers.len(), end.answers().len());
        let first = if end.rotates() { (spin as usize).checked_rem(total).unwrap_or_default() } else { 0 };
        let shifted = |index: u16| u16::try_from((usize::from(index) + total - first) % total.max(1) + base);
        let owners = end.owners();
        for index in (first..total).chain(0..first) {
            body.answers.push_raw(end.answers().get(index));
            body.rare.owners.push(match owners.get(index) {
                None | Some(Owner::Asked) => owner_of(base).map_or(Owner::Asked, Owner::TargetOf),
                Some(Owner::TargetOf(of)) => Owner::TargetOf(shifted(*of).unwrap_or_default()),
                Some(Owner::Name(name)) => Owner::Name(name.clone()),
            });
        }
        for record in end.glue().iter() {
            let Some(([high, low], record)) = record.split_first_chunk::<2>() else { continue };
            let of = shifted(u16::from_be_bytes([*high, *low])).unwrap_or_default();
            body.glue.push(of.to_be_bytes(), record);
        }
        body.build()
    }

    /// The same, not of our own authority.
    pub(crate) fn of_others(self) -> Self {
        let mut body = BodyBuilder::from(self);
        body.authoritative = false;
        body.build()
    }
}
