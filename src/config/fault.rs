//! What is wrong with a configuration, told so that it can be put right.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{args, keys, redact};

/// Where a value was set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// This line of the file, from 1.
    Line(usize),
    /// A flag or an environment variable.
    Override,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The key, `dns.listen[1]`; empty if the file as a whole is meant.
    pub key: String,
    /// Where the value comes from; `None` if it is not known.
    pub origin: Option<Origin>,
    /// What is wrong.
    pub what: String,
    /// What to do about it.
    pub fix: String,
}

impl Fault {
    /// A fault of the value of `key`, to be put right by a value as the table of keys describes it.
    #[must_use]
    pub fn new(key: impl Into<String>, what: impl Into<String>) -> Self {
        let key = key.into();
        let of_records = key.strip_prefix(keys::RECORDS).is_some_and(|rest| rest.starts_with('.'));
        let expects = keys::find(&key).map(|known| known.expects).or(of_records.then_some(keys::RECORD_EXPECTS));
        let fix = expects.map_or_else(|| "remove it".to_owned(), |expects| format!("give {expects}"));
        Self { key, origin: None, what: redact::secrets(&what.into()), fix }
    }

    /// The same fault with another way out.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(Origin::Line(line)) = self.origin {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        write!(f, "{}; {}", self.what, self.fix)?;
        match self.origin {
            Some(Origin::Override) => write!(f, " (set by {})", args::names(keys::base(&self.key))),
            _ => Ok(()),
        }
    }
}

/// Everything that is wrong, with the file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// The file; `None` if there was none.
    pub file: Option<PathBuf>,
    /// The faults: those of the file by line, then the others.
    pub faults: Vec<Fault>,
}

impl Faults {
    /// Puts the faults in order and gives each the origin of its key.
    #[must_use]
    pub fn new(file: Option<&Path>, mut faults: Vec<Fault>, origins: &BTreeMap<String, Origin>) -> Self {
        for fault in &mut faults {
            let known = || origins.get(&fault.key).or_else(|| origins.get(keys::base(&fault.key))).copied();
            fault.origin = fault.origin.or_else(known);
        }
        faults.sort_by_key(|fault| match fault.origin {
            Some(Origin::Line(line)) => line,
            Some(Origin::Override) | None => usize::MAX,
        });
        Self { file: file.map(Path::to_owned), faults }
    }

    /// The file cannot be read.
    #[must_use]
    pub fn unreadable(file: &Path, error: &std::io::Error) -> Self {
        let what = format!("cannot be read: {error}");
        let fix = "name a file that exists and that this user may read".to_owned();
        let fault = Fault { key: String::new(), origin: None, what, fix };
        Self { file: Some(file.to_owned()), faults: vec![fault] }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, fault) in self.faults.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            // A flag or variable is not in the file.
            match &self.file {
                Some(file) if fault.origin != Some(Origin::Override) => write!(f, "{}: {fault}", file.display())?,
                _ => write!(f, "{fault}")?,
            }
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
