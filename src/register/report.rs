//! A plan for people and for tools.

use serde_json::{Value, json};

use super::desired::Desired;
use super::plan::{Left, Plan};
use super::record::values;
use crate::inventory::ServiceKey;
use crate::route53::{Action, RecordChange};

/// Longest value in the table, in characters.
const MAX_VALUE: usize = 60;

/// The plan as a table of changes, and a line for everything that is not done. `complete`: all that it rests on was read.
#[must_use]
pub fn table(plan: &Plan, desired: &Desired, complete: bool) -> String {
    let head = ["ACTION", "NAME", "TYPE", "TTL", "VALUE", "WHY"].map(str::to_owned);
    let rows: Vec<[String; 6]> = plan
        .groups
        .iter()
        .flat_map(|group| group.changes.iter().map(|change| row(change, group.purpose.label(), &group.service)))
        .collect();
    let mut out = String::new();
    if rows.is_empty() && complete {
        out.push_str("Nothing to change.\n");
    } else if !rows.is_empty() {
        let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
        let widths: [usize; 5] = std::array::from_fn(width);
        for [action, name, kind, ttl, value, why] in &rows {
            let [a, n, k, t, v] = widths;
            out.push_str(&format!("{action:a$}  {name:n$}  {kind:k$}  {ttl:>t$}  {value:v$}  {why}\n"));
        }
    }
    for note in notes(plan, desired) {
        out.push_str(&note);
        out.push('\n');
    }
    if !complete {
        out.push_str("This plan is not complete: not all could be read, and there may be more to change.\n");
    }
    out
}

/// Everything that is not done, a line each.
#[must_use]
pub fn notes(plan: &Plan, desired: &Desired) -> Vec<String> {
    let left = |what: &'static str| {
        move |left: &Left| format!("{what}: {} (service {}): {}", left.name, left.service.name, left.why)
    };
    let of = |what: &'static str| move |(key, why): (&ServiceKey, &String)| format!("{what}: {}: {why}", service(key));
    let refused = plan.refused.map(|refusal| {
        format!(
            "Refused: {} of {} names would go, and more than {} at once may not: --allow-mass-delete lets them",
            refusal.deletes, refusal.owned, refusal.limit
        )
    });
    let unanswered = plan
        .questions
        .iter()
        .map(|key| format!("Kept: the names of {}: ECS does not say whether it is gone", service(key)));
    let conflicts = plan.conflicts.iter().map(left("Conflict"));
    conflicts
        .chain(unanswered)
        .chain(plan.kept.iter().map(left("Kept")))
        .chain(desired.held.iter().map(of("Held")))
        .chain(desired.unregistered.iter().map(of("Not registered")))
        .chain(refused)
        .collect()
}

/// The plan as JSON. `complete`: all that it rests on was read.
#[must_use]
pub fn json(plan: &Plan, desired: &Desired, complete: bool) -> Value {
    let change = |change: &RecordChange| {
        let (ttl, values) = values(&change.set).unwrap_or_default();
        json!({
            "action": action(change.action),
            "name": change.set.name.to_string(),
            "type": change.set.kind.to_string(),
            "ttl": ttl,
            "set_identifier": change.set.set_identifier,
            "values": values,
        })
    };
    let groups = plan.groups.iter().map(|group| {
        json!({
            "name": group.name.to_string(),
            "cluster": group.service.cluster.as_str(),
            "service": &*group.service.name,
            "purpose": group.purpose.label(),
            "changes": group.changes.iter().map(change).collect::<Vec<_>>(),
        })
    });
    let left = |left: &Left| json!({ "name": left.name.to_string(), "service": &*left.service.name, "why": left.why });
    let services = |map: &std::collections::BTreeMap<ServiceKey, String>| {
        map.iter().map(|(key, why)| json!({ "service": &*key.name, "why": why })).collect::<Vec<_>>()
    };
    json!({
        "groups": groups.collect::<Vec<_>>(),
        "conflicts": plan.conflicts.iter().map(left).collect::<Vec<_>>(),
        "kept": plan.kept.iter().map(left).collect::<Vec<_>>(),
        "held": services(&desired.held),
        "not_registered": services(&desired.unregistered),
        "refused": plan.refused.map(|it| json!({ "deletes": it.deletes, "owned": it.owned, "limit": it.limit })),
        "owned": plan.owned,
        "complete": complete,
    })
}

/// One change in a line, for logs.
#[must_use]
pub fn line(change: &RecordChange) -> String {
    let (_, values) = values(&change.set).unwrap_or_default();
    format!("{} {} {} {}", action(change.action), change.set.name, change.set.kind, values.join(" "))
}

fn row(change: &RecordChange, purpose: &str, key: &ServiceKey) -> [String; 6] {
    let (ttl, values) = values(&change.set).unwrap_or_default();
    let mut value = values.join(" ");
    if value.chars().count() > MAX_VALUE {
        value = value.chars().take(MAX_VALUE - 1).chain(['…']).collect();
    }
    let why = format!("{purpose} {}", key.name);
    [
        action(change.action).to_owned(),
        change.set.name.to_string(),
        change.set.kind.to_string(),
        ttl.to_string(),
        value,
        why,
    ]
}

fn service(key: &ServiceKey) -> String {
    format!("service {} of {}", key.name, key.cluster.id())
}

fn action(action: Action) -> &'static str {
    match action {
        Action::Create => "CREATE",
        Action::Delete => "DELETE",
        Action::Upsert => "UPSERT",
    }
}
