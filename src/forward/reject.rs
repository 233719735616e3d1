//! Why bytes that came from an upstream were not taken. Each reason has a counter.

macro_rules! rejects {
    ($($(#[$doc:meta])* $variant:ident = $label:literal),* $(,)?) => {
        /// Why bytes that came from an upstream's address were not taken as the answer.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reject { $($(#[$doc])* $variant),* }

        impl Reject {
            /// All of them, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in metrics.
            #[must_use]
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),* }
            }
        }
    };
}

rejects! {
    /// Shorter than a header.
    Short = "short",
    /// A datagram longer than any that we ask for.
    Oversized = "oversized",
    /// Not the id of our query: forged, or late.
    WrongId = "wrong_id",
    /// A query, or another opcode.
    NotAResponse = "not_a_response",
    /// Not our question, or none.
    WrongQuestion = "wrong_question",
    /// Our question, but not the letters as we sent them.
    WrongCase = "wrong_case",
    /// Records that cannot be walked.
    Unreadable = "unreadable",
    /// A chain of CNAMEs that loops or does not end.
    CnameLoop = "cname_loop",
    /// Records of names that were not asked about.
    Unrelated = "unrelated",
    /// A referral: the upstream does not recurse.
    Referral = "referral",
}

/// How often each has happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rejects([u32; Reject::ALL.len()]);

impl Rejects {
    /// Counts one.
    pub(super) fn count(&mut self, reject: Reject) {
        if let Some(count) = self.0.get_mut(reject as usize) {
            *count += 1;
        }
    }

    /// The numbers, in the order of [`Reject::ALL`].
    pub fn counts(&self) -> impl Iterator<Item = u32> {
        self.0.into_iter()
    }

    /// How often this one has happened.
    #[must_use]
    pub fn of(&self, reject: Reject) -> u32 {
        self.0.get(reject as usize).copied().unwrap_or_default()
    }

    /// How many there were of all kinds.
    #[must_use]
    pub fn sum(&self) -> u32 {
        self.0.iter().sum()
    }
}
