//! The file's text → [`Spec`], telling every unknown key and every value of the wrong type.
//!
//! serde stops at the first fault, so each key is tried on its own, and what does not fit is left out.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::fault::Origin;
use super::file::Domain;
use super::{Fault, Spec, keys};

/// What was in the file.
#[derive(Debug, Default)]
pub struct Reading {
    /// The keys that fit, and defaults for the others.
    pub spec: Spec,
    /// What did not fit.
    pub faults: Vec<Fault>,
    /// The line of every key and list element, from 1.
    pub lines: BTreeMap<String, usize>,
}

/// Reads a file's text.
#[must_use]
pub fn read(text: &str) -> Reading {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<_> = errors.iter().map(|error| not_toml(text, error)).collect();
    let lines = lines(text, document.get_ref());
    let table = match text.parse::<Table>() {
        // Whatever else could be said of a broken file may be a consequence of the break.
        _ if !faults.is_empty() => return Reading { spec: Spec::default(), faults, lines },
        Err(error) => return Reading { spec: Spec::default(), faults: vec![not_toml(text, &error)], lines },
        Ok(table) => table,
    };
    let mut good = Table::new();
    let mut domains = BTreeMap::new();
    for (section, value) in table {
        match value {
            Value::Table(inner) if section == keys::RECORDS => {
                let (fits, found) = records_of(inner);
                good.insert(section, Value::Table(fits));
                faults.extend(found);
            }
            Value::Table(mut inner) if keys::keys_of(&section).next().is_some() => {
                if section == "forward" {
                    faults.extend(take_domains(&mut inner, &mut domains));
                }
                let (fits, found) = section_of(&section, inner);
                good.insert(section, Value::Table(fits));
                faults.extend(found);
            }
            other => faults.push(no_section(&section, &other)),
        }
    }
    let mut spec: Spec = good.try_into().unwrap_or_else(|error: toml::de::Error| {
        faults.push(not_toml(text, &error));
        Spec::default()
    });
    spec.forward.domains = domains;
    Reading { spec, faults, lines }
}

/// Takes the tables out of `[forward]`: each is a domain with servers of its own.
fn take_domains(forward: &mut Table, domains: &mut BTreeMap<String, Domain>) -> Vec<Fault> {
    let tables: Vec<String> =
        forward.iter().filter(|(_, value)| value.is_table()).map(|(name, _)| name.clone()).collect();
    let mut faults = Vec::new();
    for name in tables {
        let Some(table) = forward.remove(&name) else { continue };
        match table.try_into() {
            Ok(domain) => drop(domains.insert(name, domain)),
            Err(error) => {
                let fault = Fault::new(format!("forward.{name}"), error.message().to_owned());
                faults.push(fault.fix("give it upstreams and, if you like, policy, as in [forward]"));
            }
        }
    }
    faults
}

/// Splits the keys of a section into those that fit and a fault for each of the others.
fn section_of(section: &str, inner: Table) -> (Table, Vec<Fault>) {
    let mut fits = Table::new();
    let mut faults = Vec::new();
    for (key, value) in inner {
        let name = format!("{section}.{key}");
        if keys::find(&name).is_none_or(|known| known.name != name) {
            let known: Vec<_> = keys::keys_of(section).collect();
            let fix = format!("the keys of [{section}] are {}", known.join(", "));
            faults.push(Fault::new(name, "there is no such key").fix(fix));
        } else if takes(section, &key, &value) {
            fits.insert(key, value);
        } else if let Some((mended, found)) = wrong_elements(section, &key, &value) {
            fits.insert(key, mended);
            faults.extend(found);
        } else {
            faults.push(Fault::new(name, unfit(&value)));
        }
    }
    (fits, faults)
}

/// Splits the names of `[records]` into those with texts and a fault for each of the others.
fn records_of(inner: Table) -> (Table, Vec<Fault>) {
    let mut fits = Table::new();
    let mut faults = Vec::new();
    for (name, value) in inner {
        let key = format!("{}.{name}", keys::RECORDS);
        if takes(keys::RECORDS, &name, &value) {
            fits.insert(name, value);
        } else if value.is_table() {
            let fix = format!("put the whole name in quotes: \"{name}.…\" = …");
            faults.push(Fault::new(key, "to TOML the dots of a name begin tables").fix(fix));
        } else {
            faults.push(Fault::new(key, unfit(&value)));
        }
    }
    (fits, faults)
}

/// Whether `Spec` takes this value for this key.
fn takes(section: &str, key: &str, value: &Value) -> bool {
    let inner = Table::from_iter([(key.to_owned(), value.clone())]);
    Table::from_iter([(section.to_owned(), Value::Table(inner))]).try_into::<Spec>().is_ok()
}

/// For a list in which only some elements are of the wrong type: a fault for each of those, and the list with their
/// text in their place, so that the others can still be judged.
fn wrong_elements(section: &str, key: &str, value: &Value) -> Option<(Value, Vec<Fault>)> {
    let mut mended = value.as_array().filter(|_| takes(section, key, &Value::Array(Vec::new())))?.clone();
    let mut faults = Vec::new();
    for (at, element) in mended.iter_mut().enumerate() {
        if !takes(section, key, &Value::Array(vec![element.clone()])) {
            faults.push(Fault::new(format!("{section}.{key}[{at}]"), unfit(element)));
            *element = Value::String(element.to_string());
        }
    }
    Some((Value::Array(mended), faults))
}

fn unfit(value: &Value) -> String {
    let article = if matches!(value, Value::Integer(_) | Value::Array(_)) { "an" } else { "a" };
    format!("{article} {} does not fit here", value.type_str())
}

fn no_section(name: &str, value: &Value) -> Fault {
    let sections: Vec<_> = keys::sections().into_iter().chain([keys::RECORDS]).collect();
    let list = || sections.iter().map(|section| format!("[{section}]")).collect::<Vec<_>>().join(" ");
    if sections.contains(&name) {
        return Fault::new(name, unfit(value)).fix(format!("begin a section with [{name}]"));
    }
    let homes: Vec<_> = sections.iter().filter(|section| keys::keys_of(section).any(|key| key == name)).collect();
    match homes.first() {
        Some(section) => Fault::new(name, "it is in no section").fix(format!("put it under [{section}]")),
        None => Fault::new(name, "there is no such section").fix(format!("the sections are {}", list())),
    }
}

fn not_toml(text: &str, error: &toml::de::Error) -> Fault {
    let origin = error.span().map(|span| Origin::Line(line_at(text, span.start)));
    let what = format!("not TOML: {}", error.message());
    Fault { key: String::new(), origin, what, fix: "see https://toml.io for the syntax".to_owned() }
}

fn line_at(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

/// The lines of sections, keys and list elements.
fn lines(text: &str, document: &DeTable<'_>) -> BTreeMap<String, usize> {
    let mut lines = BTreeMap::new();
    let mut note = |name: String, start: usize| lines.insert(name, line_at(text, start));
    for (section, value) in document {
        note(section.get_ref().to_string(), section.span().start);
        for (key, value) in value.get_ref().as_table().into_iter().flatten() {
            let name = format!("{}.{}", section.get_ref(), key.get_ref());
            note(name.clone(), key.span().start);
            for (at, element) in elements(value).enumerate() {
                note(format!("{name}[{at}]"), element.span().start);
            }
        }
    }
    lines
}

fn elements<'a, 'i>(value: &'a Spanned<DeValue<'i>>) -> impl Iterator<Item = &'a Spanned<DeValue<'i>>> {
    value.get_ref().as_array().into_iter().flatten()
}
