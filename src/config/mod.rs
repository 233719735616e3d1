//! The configuration: a file, environment variables and flags become one checked [`Config`], or a list of everything
//! that is wrong with them.
//!
//! `file` is the shape of the file, `read` parses it without stopping at the first fault, `args` are the flags and
//! environment variables over it, `environment` is what else is found there, `check` judges the values, `records` reads
//! the names that the configuration itself answers, `settings` is what the rest of the program sees, `difference` is what
//! another configuration would change, `redact` keeps secrets out of what is shown. Nothing here acts on a setting.

pub mod args;
pub mod check;
pub mod demo;
pub mod difference;
pub mod environment;
pub mod fault;
pub mod file;
pub mod host;
pub mod keys;
pub mod read;
pub mod records;
pub mod redact;
pub mod settings;
pub mod show;
pub mod values;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

pub use args::Overrides;
pub use demo::{DemoSettings, World};
use environment::Variables;
pub use fault::{Fault, Faults, Origin};
pub use file::Spec;
pub use settings::Config;

/// Where the file is looked for when none is named. It may be absent; then the defaults hold.
pub const DEFAULT_PATH: &str = "/etc/ecs-resolver/ecs-resolver.toml";

/// A checked configuration and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// The file that was read; `None` if there was none.
    pub file: Option<PathBuf>,
    /// Where each key that is not a default was set.
    pub origins: BTreeMap<String, Origin>,
    /// What an operator should know although it is no fault, as `key: text`.
    pub notices: Vec<String>,
}

impl Loaded {
    /// The same, if what it names outside of itself has no faults.
    ///
    /// # Errors
    /// `found`, each with its place.
    pub fn unless(self, found: Vec<Fault>) -> Result<Self, Faults> {
        if found.is_empty() { Ok(self) } else { Err(Faults::new(self.file.as_deref(), found, &self.origins)) }
    }
}

/// Reads the file at `path`, or at [`DEFAULT_PATH`] if there is one, puts `overrides` over it and checks the whole.
///
/// # Errors
/// Every fault at once; also when `path` is named and cannot be read.
pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Faults> {
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    match std::fs::read_to_string(file) {
        Ok(text) => judge(&text, Some(file), overrides, &environment::of_process()),
        Err(error) if path.is_none() && error.kind() == ErrorKind::NotFound => {
            judge("", None, overrides, &environment::of_process())
        }
        Err(error) => Err(Faults::unreadable(file, &error)),
    }
}

/// [`load`] of a text that was read from `file`, where no environment variable is set.
///
/// # Errors
/// Every fault at once.
pub fn load_text(text: &str, file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Faults> {
    judge(text, file, overrides, &Variables::new())
}

fn judge(text: &str, file: Option<&Path>, overrides: &Overrides, variables: &Variables) -> Result<Loaded, Faults> {
    let reading = read::read(text);
    let mut faults = reading.faults;
    let origins = origins(&reading.lines, overrides, variables);
    let (missing, idle) = fixture(&reading.spec, overrides);
    faults.extend(missing);
    let checked = check::check(reading.spec, overrides).map_err(|found| {
        // What is said of a value that could not even be read is only a consequence.
        let news = |fault: &Fault| !faults.iter().any(|f| f.key == fault.key || f.key == keys::base(&fault.key));
        let news: Vec<_> = found.into_iter().filter(news).collect();
        faults.extend(news);
    });
    match checked {
        Ok(config) if faults.is_empty() => {
            let notices = check::notices(&config).into_iter().chain(idle);
            let notices = notices.chain(environment::notices(variables)).collect();
            Ok(Loaded { config, file: file.map(Path::to_owned), origins, notices })
        }
        _ => Err(Faults::new(file, faults, &origins)),
    }
}

/// Where every key that is set was set: a line of the file, or what overrides it.
fn origins(lines: &BTreeMap<String, usize>, overrides: &Overrides, variables: &Variables) -> BTreeMap<String, Origin> {
    let mut origins: BTreeMap<_, _> = lines.iter().map(|(key, line)| (key.clone(), Origin::Line(*line))).collect();
    for (key, texts) in overrides.given() {
        // Elements of a list in the file no longer count once the list is overridden.
        origins.retain(|known, _| keys::base(known) != key);
        origins.insert(key.to_owned(), environment::origin(variables, key, texts));
    }
    origins
}

/// A fixture that is not there can never be served; better told now than by a daemon that answers nothing. And one that
/// is named for another source is not read.
fn fixture(spec: &Spec, overrides: &Overrides) -> (Option<Fault>, Option<String>) {
    let mut spec = spec.clone();
    // What is wrong with the overrides is `check`'s to say.
    let _ = overrides.apply(&mut spec);
    let source = spec.ecs.source;
    match spec.ecs.fixture.filter(|file| !file.is_empty()) {
        Some(file) if source != "fixture" => {
            (None, Some(format!("ecs.fixture: {file} is not read, since ecs.source is \"{source}\"")))
        }
        Some(file) if !Path::new(&file).is_file() => {
            (Some(Fault::new("ecs.fixture", format!("there is no file {file}"))), None)
        }
        _ => (None, None),
    }
}

#[cfg(test)]
mod tests;
