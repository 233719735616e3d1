//! The configuration: a file, environment variables and flags become one checked [`Config`], or a list of everything
//! that is wrong with them.
//!
//! `file` is the shape of the file, `read` parses it without stopping at the first fault, `args` are the flags and
//! environment variables over it, `check` judges the values, `records` reads the names that the configuration itself answers, `settings` is what the rest of the program sees, `difference` is what another configuration would change,
//! `redact` keeps secrets out of what is shown. Nothing
//! here acts on a setting.

pub mod args;
pub mod check;
pub mod demo;
pub mod difference;
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

/// Reads the file at `path`, or at [`DEFAULT_PATH`] if there is one, puts `overrides` over it and checks the whole.
///
/// # Errors
/// Every fault at once; also when `path` is named and cannot be read.
pub fn load(path: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Faults> {
    let file = path.unwrap_or(Path::new(DEFAULT_PATH));
    match std::fs::read_to_string(file) {
        Ok(text) => load_text(&text, Some(file), overrides),
        Err(error) if path.is_none() && error.kind() == ErrorKind::NotFound => load_text("", None, overrides),
        Err(error) => Err(Faults::unreadable(file, &error)),
    }
}

/// [`load`] of a text that was read from `file`.
///
/// # Errors
/// Every fault at once.
pub fn load_text(text: &str, file: Option<&Path>, overrides: &Overrides) -> Result<Loaded, Faults> {
    let reading = read::read(text);
    let mut faults = reading.faults;
    let origins = origins(&reading.lines, overrides);
    faults.extend(missing_fixture(&reading.spec, overrides));
    let checked = check::check(reading.spec, overrides).map_err(|found| {
        // What is said of a value that could not even be read is only a consequence.
        let news = |fault: &Fault| !faults.iter().any(|f| f.key == fault.key || f.key == keys::base(&fault.key));
        let news: Vec<_> = found.into_iter().filter(news).collect();
        faults.extend(news);
    });
    match checked {
        Ok(config) if faults.is_empty() => {
            let notices = check::notices(&config);
            Ok(Loaded { config, file: file.map(Path::to_owned), origins, notices })
        }
        _ => Err(Faults::new(file, faults, &origins)),
    }
}

/// Where every key that is set was set: a line of the file, or what overrides it.
fn origins(lines: &BTreeMap<String, usize>, overrides: &Overrides) -> BTreeMap<String, Origin> {
    let mut origins: BTreeMap<_, _> = lines.iter().map(|(key, line)| (key.clone(), Origin::Line(*line))).collect();
    for (key, _) in overrides.given() {
        // Elements of a list in the file no longer count once the list is overridden.
        origins.retain(|known, _| keys::base(known) != key);
        origins.insert(key.to_owned(), Origin::Override);
    }
    origins
}

/// A fixture that is not there can never be served; better told now than by a daemon that answers nothing.
fn missing_fixture(spec: &Spec, overrides: &Overrides) -> Option<Fault> {
    let mut spec = spec.clone();
    // What is wrong with the overrides is `check`'s to say.
    let _ = overrides.apply(&mut spec);
    let file = spec.ecs.fixture.filter(|file| spec.ecs.source == "fixture" && !file.is_empty())?;
    (!Path::new(&file).is_file()).then(|| Fault::new("ecs.fixture", format!("there is no file {file}")))
}

#[cfg(test)]
mod tests;
