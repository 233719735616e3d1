//! ECS names as DNS labels.
//!
//! An ECS name has up to 255 of `A-Za-z0-9_-`; a label has up to 63 octets and no case. A name therefore has one or
//! more *forms*, and where forms of different names meet, the more exact one wins.

use sha2::{Digest, Sha256};

use crate::dns::name::MAX_LABEL;

/// How true a label is to the name that it stands for; an earlier one always beats a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// Not an ECS name at all: records of the zone itself.
    Fixed,
    /// A task's id where a service's name could stand too.
    TaskId,
    /// The name in lower case.
    Exact,
    /// With `-` for `_`, because URI parsers refuse `_`; or without a leading `_`, which is grammar in the DNS.
    Twin,
    /// Cut to 54 octets, with a hash of the whole name.
    Shortened,
    /// `_<service>._tcp.<cluster>`, which holds only where no default service has the cluster's label.
    ClusterShort,
}

impl Form {
    /// All forms, best first, in the order of the variants.
    pub const ALL: [Self; 6] =
        [Self::Fixed, Self::TaskId, Self::Exact, Self::Twin, Self::Shortened, Self::ClusterShort];
}

/// The labels of one ECS name, best first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forms(Vec<(Form, String)>);

impl Forms {
    /// All labels of `name`.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let lower = name.to_ascii_lowercase();
        let bare = lower.trim_start_matches('_');
        let (mut form, label) = if bare.len() > MAX_LABEL || bare.is_empty() {
            (Form::Shortened, shortened(bare, name, MAX_LABEL))
        } else {
            (Form::Exact, bare.to_owned())
        };
        if form == Form::Exact && bare.len() < lower.len() {
            form = Form::Twin;
        }
        let mut forms = vec![(form, label)];
        let twin = forms[0].1.replace('_', "-");
        if twin != forms[0].1 {
            forms.push((form.max(Form::Twin), twin));
        }
        Self(forms)
    }

    /// Its labels with how true they are, best first.
    pub fn iter(&self) -> impl Iterator<Item = (Form, &str)> {
        self.0.iter().map(|(form, label)| (*form, label.as_str()))
    }

    /// The best label: the one that is written into records.
    #[must_use]
    pub fn best(&self) -> &str {
        self.0.first().map_or("", |(_, label)| label.as_str())
    }
}

/// The head of `lower`, `-`, and 8 hex digits of SHA-256 of the whole name as ECS spells it: `room` octets at most, of
/// which there must be 9.
#[must_use]
pub fn shortened(lower: &str, whole: &str, room: usize) -> String {
    let digest = Sha256::digest(whole.as_bytes());
    let hash: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let head: String = lower.chars().take(room - 9).collect();
    if head.is_empty() { hash } else { format!("{head}-{hash}") }
}

/// A port's or service's label with `_` in front, as in the owner names of SRV records; shortened where that makes it
/// longer than a label may be.
#[must_use]
pub fn underscored(label: &str) -> String {
    let label = label.trim_start_matches('_').to_ascii_lowercase();
    if label.len() < MAX_LABEL { format!("_{label}") } else { format!("_{}", shortened(&label, &label, MAX_LABEL - 1)) }
}

/// Whether `label` may stand in a name that comes from a docker label: letters, digits, `-` and `_`.
#[must_use]
pub fn is_plain(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forms(name: &str) -> Vec<(Form, String)> {
        Forms::of(name).iter().map(|(form, label)| (form, label.to_owned())).collect()
    }

    #[test]
    fn case_underscores_and_length() {
        assert_eq!(forms("TwitchApp"), [(Form::Exact, "twitchapp".into())]);
        assert_eq!(forms("my_App"), [(Form::Exact, "my_app".into()), (Form::Twin, "my-app".into())]);
        assert_eq!(forms("_web"), [(Form::Twin, "web".into())]);
        let long = "a".repeat(63);
        assert_eq!(forms(&long), [(Form::Exact, long.clone())]);
    }

    #[test]
    fn a_long_name_is_cut_and_hashed() {
        let name = format!("Service_{}", "x".repeat(80));
        let forms = forms(&name);
        assert_eq!(forms.len(), 2);
        assert!(forms.iter().all(|(form, label)| *form == Form::Shortened && label.len() == 63));
        assert!(forms[0].1.starts_with("service_xxx") && forms[1].1.starts_with("service-xxx"));
        assert_ne!(Forms::of(&name.to_uppercase()).best(), forms[0].1, "the hash is of the name as it is spelt");
    }

    #[test]
    fn a_name_of_underscores_still_has_a_label() {
        let forms = forms("___");
        assert_eq!(forms.len(), 1);
        assert_eq!((forms[0].0, forms[0].1.len()), (Form::Shortened, 8));
    }

    #[test]
    fn srv_labels_stay_within_63_octets() {
        assert_eq!(underscored("HTTP"), "_http");
        assert_eq!(underscored(&"p".repeat(62)).len(), 63);
        for length in [63, 64, 200] {
            assert_eq!(underscored(&"p".repeat(length)).len(), 63);
        }
    }
}
