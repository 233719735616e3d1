//! Why a file is not used.

use std::io;

/// Why a file is not used. None of this is fatal: the next save puts a good file in its place.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The operating system says why.
    #[error("it cannot be read ({0}); let this user read it, or name another file in snapshot.path")]
    Unreadable(io::Error),
    /// A folder, a pipe, a device, a link.
    #[error("it is no regular file; remove it, or name another file in snapshot.path")]
    NotAFile,
    /// It is longer than anything that was written.
    #[error("it has {size} bytes, and {most} are the most; remove it")]
    TooLarge {
        /// Its size.
        size: u64,
        /// The most that is read.
        most: u64,
    },
    /// Somebody else wrote it.
    #[error("it does not begin as a file of ours does; name another file in snapshot.path if it is needed")]
    Strange,
    /// A later version of this program wrote it.
    #[error("it has format {format}, of a later version of ecs-resolver; the next save replaces it")]
    Newer {
        /// Its format.
        format: u32,
    },
    /// It ends too early, or too late.
    #[error("it holds {found} bytes instead of {expected}: it was cut off, or written over; the next save replaces it")]
    Torn {
        /// What it should hold.
        expected: u64,
        /// What it holds.
        found: u64,
    },
    /// Its checksum is of something else.
    #[error("it is damaged: its checksum does not fit; look after the disk if this happens again")]
    Damaged,
    /// It is whole, but says something that we do not understand.
    #[error("it cannot be understood ({0}); the next save replaces it")]
    Unintelligible(String),
    /// It is of other clusters.
    #[error("{0}; the next save replaces it")]
    Foreign(String),
    /// It was written later than now.
    #[error(
        "it was written at {written}, and it is {now} by the clock of this host, which has gone back: nobody knows how old it is; the next save replaces it"
    )]
    Ahead {
        /// When it was written.
        written: String,
        /// The time now.
        now: String,
    },
    /// All of it was for a time that is over.
    #[error("{0}; the next save replaces it")]
    Spent(String),
    /// It is too old.
    #[error("{0}; raise snapshot.max_age if it is to be used nevertheless")]
    TooOld(String),
}

impl Refusal {
    /// The value of the `result` label in metrics.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NotAFile => "not_a_file",
            Self::TooLarge { .. } => "too_large",
            Self::Strange | Self::Unintelligible(_) => "strange",
            Self::Newer { .. } => "newer",
            Self::Torn { .. } => "torn",
            Self::Damaged => "damaged",
            Self::Foreign(_) => "foreign",
            Self::Ahead { .. } => "ahead",
            Self::TooOld(_) | Self::Spent(_) => "too_old",
        }
    }
}
