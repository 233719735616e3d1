//! Our variables in the environment: which of them set a key, and which mean nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::{Origin, args, keys};

/// Heeded for `log.level`, as by many programs.
pub const RUST_LOG: &str = "RUST_LOG";
/// Begins our own.
const PREFIX: &str = "ECS_RESOLVER_";
/// Names the file.
const FILE: &str = "ECS_RESOLVER_CONFIG";
/// Begins what only our tests heed.
const OF_TESTS: &str = "ECS_RESOLVER_TEST_";

/// Variables with their values.
pub type Variables = BTreeMap<String, String>;

/// Those of this process that are ours.
#[must_use]
pub fn of_process() -> Variables {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    let all = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    all.filter(|(name, _)| name.starts_with(PREFIX) || name == RUST_LOG).collect()
}

/// What gave `key` these texts, which are over the file: a variable that says the same, else a flag.
pub(super) fn origin(variables: &Variables, key: &str, texts: &[String]) -> Origin {
    let says = |name: &str| variables.get(name).is_some_and(|value| *value == texts.join(","));
    if says(&args::variable(key)) {
        return Origin::Variable;
    }
    if key == "log.level" && says(RUST_LOG) { Origin::RustLog } else { Origin::Flag }
}

/// What an operator should know of variables that look like ours and are not, as `name: text`.
pub(super) fn notices(variables: &Variables) -> impl Iterator<Item = String> {
    let known: BTreeSet<String> = keys::KEYS.iter().map(|key| args::variable(key.name)).collect();
    let strange = variables.keys().filter(move |name| {
        name.starts_with(PREFIX) && !name.starts_with(OF_TESTS) && *name != FILE && !known.contains(*name)
    });
    strange.map(|name| {
        format!("{name}: there is no such variable, and it changes nothing; `ecs-resolver check --help` lists all")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_flag_is_told_from_a_variable() {
        let set = variables(&[("ECS_RESOLVER_DNS_LISTEN", "127.0.0.1,::1"), ("RUST_LOG", "debug")]);
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(origin(&set, "dns.listen", &texts(&["127.0.0.1", "::1"])), Origin::Variable);
        assert_eq!(origin(&set, "dns.listen", &texts(&["127.0.0.1"])), Origin::Flag);
        assert_eq!(origin(&set, "log.level", &texts(&["debug"])), Origin::RustLog);
        assert_eq!(origin(&set, "log.format", &texts(&["debug"])), Origin::Flag);
    }

    #[test]
    fn what_is_misspelt_is_told() {
        let set = variables(&[
            ("ECS_RESOLVER_CONFIG", "x"),
            ("ECS_RESOLVER_DNS_TTL", "3"),
            ("ECS_RESOLVER_DNS_TTLL", "3"),
            ("ECS_RESOLVER_TEST_VENV", "/x"),
            ("RUST_LOG", "info"),
        ]);
        let told: Vec<_> = notices(&set).collect();
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].starts_with("ECS_RESOLVER_DNS_TTLL: there is no such variable"), "{told:?}");
    }
}
