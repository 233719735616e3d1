//! The effective settings for people and for tools.

use serde_json::{Value, json};

use super::settings::Domain;
use super::{Loaded, Origin, args};
use super::{keys, redact};

/// The settings as JSON: sections and keys as in the file, under `config`, with the notices beside it.
#[must_use]
pub fn json(loaded: &Loaded) -> Value {
    redacted(json!({ "file": loaded.file, "config": loaded.config, "notices": loaded.notices }))
}

fn redacted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(redact::secrets(&text)),
        Value::Array(list) => list.into_iter().map(redacted).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, redacted(value))).collect(),
        other => other,
    }
}

/// The settings as a table of key, value, and where it was set.
#[must_use]
pub fn table(loaded: &Loaded) -> String {
    let settings = json!(loaded.config);
    let row = |key: &keys::Key| {
        let (section, name) = key.name.split_once('.').unwrap_or((key.name, ""));
        [key.name.to_owned(), value(&settings[section][name]), origin(loaded, key.name)]
    };
    let head = ["KEY", "VALUE", "SET BY"].map(str::to_owned);
    let domain = |domain: &Domain| {
        let name = domain.name.to_string();
        let key = format!("forward.{}", name.trim_end_matches('.'));
        let servers: Vec<_> = domain.upstreams.iter().map(ToString::to_string).collect();
        [key.clone(), servers.join(" "), origin(loaded, &key)]
    };
    let domains = loaded.config.forward.domains.iter().map(domain);
    let records = settings[keys::RECORDS].as_object().into_iter().flatten().map(|(name, texts)| {
        let key = format!("{}.{name}", keys::RECORDS);
        let origin = origin(loaded, &key);
        [key, value(texts), origin]
    });
    let rows = std::iter::once(head).chain(keys::KEYS.iter().map(row)).chain(domains).chain(records);
    let rows: Vec<_> = rows.collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let (keys, values) = (width(0), width(1));
    let lines = rows.iter().map(|[key, value, origin]| format!("{key:keys$}  {value:values$}  {origin}\n"));
    let notices = loaded.notices.iter().map(|notice| format!("\nNote: {notice}."));
    lines.chain(notices).collect::<String>().trim_end().to_owned() + "\n"
}

/// A value as people read it.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => redact::secrets(text),
        Value::Array(list) if list.is_empty() => "-".to_owned(),
        Value::Array(list) => list.iter().map(self::value).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn origin(loaded: &Loaded, key: &str) -> String {
    match loaded.origins.get(key) {
        None => "default".to_owned(),
        Some(Origin::Line(line)) => format!("line {line}"),
        Some(Origin::Override) => args::names(key),
    }
}
