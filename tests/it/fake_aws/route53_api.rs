//! Route 53: REST paths and XML documents in, XML documents out.

use aws_smithy_xml::decode::{Document, ScopedDecoder, XmlDecodeError, try_data};
use axum::http::Method;

use super::error::AwsError;
use super::hosting::{Action, Alias, Change, Content, HostedZone, Hosting, RecordSet};
use super::knobs::Manner;
use super::op::Op;
use super::query::{Element, Params, el, text};

/// The prefix of every path.
const VERSION: &str = "/2013-04-01/";
/// Most record sets of a page.
const PAGE: usize = 300;
/// Elements of a routing policy and of a health check, in the order of the schema.
const POLICY: [&str; 5] = ["Weight", "Region", "Failover", "MultiValueAnswer", "HealthCheckId"];

/// The operation behind a path.
pub fn operation(method: &Method, path: &str) -> Option<Op> {
    let parts: Vec<_> = path.strip_prefix(VERSION)?.trim_end_matches('/').split('/').collect();
    match (method.as_str(), parts.as_slice()) {
        ("GET", ["hostedzone", _]) => Some(Op::GetHostedZone),
        ("GET", ["hostedzonesbyname"]) => Some(Op::ListHostedZonesByName),
        ("GET", ["hostedzone", _, "rrset"]) => Some(Op::ListResourceRecordSets),
        ("POST", ["hostedzone", _, "rrset"]) => Some(Op::ChangeResourceRecordSets),
        ("GET", ["change", _]) => Some(Op::GetChange),
        _ => None,
    }
}

/// Answers a request.
pub fn answer(
    op: Op,
    path: &str,
    params: &Params,
    body: &[u8],
    hosting: &mut Hosting,
    manner: Manner,
) -> Result<String, AwsError> {
    let id = path.strip_prefix(VERSION).and_then(|rest| rest.split('/').nth(1)).unwrap_or_default();
    let (name, parts) = match op {
        Op::GetHostedZone => ("GetHostedZoneResponse", vec![zone_element(find(hosting, id)?), vpcs()]),
        Op::ListHostedZonesByName => ("ListHostedZonesByNameResponse", by_name(params, hosting)),
        Op::ListResourceRecordSets => {
            ("ListResourceRecordSetsResponse", list(find(hosting, id)?, params, manner.page_size(PAGE)))
        }
        Op::ChangeResourceRecordSets => ("ChangeResourceRecordSetsResponse", vec![change(id, body, hosting)?]),
        _ => {
            let pending = hosting.ask_change(id).ok_or_else(|| AwsError {
                status: 404,
                code: "NoSuchChange",
                message: format!("Could not find resource with ID: {id}"),
            })?;
            ("GetChangeResponse", vec![change_info(id, pending)])
        }
    };
    Ok(el(name, parts).document(super::query::namespace(op.api())))
}

fn find<'h>(hosting: &'h Hosting, id: &str) -> Result<&'h HostedZone, AwsError> {
    let message = || format!("No hosted zone found with ID: {id}");
    hosting.zones.get(id).ok_or_else(|| AwsError { status: 404, code: "NoSuchHostedZone", message: message() })
}

fn zone_element(zone: &HostedZone) -> Element {
    let mut parts = vec![
        text("Id", format!("/hostedzone/{}", zone.id)),
        text("Name", &zone.name),
        text("CallerReference", "made by a test"),
        el("Config", vec![text("PrivateZone", zone.private)]),
        text("ResourceRecordSetCount", zone.sets.len()),
    ];
    if let Some(service) = &zone.linked_service {
        let linked = vec![text("ServicePrincipal", service), text("Description", "kept by another service")];
        parts.push(el("LinkedService", linked));
    }
    el("HostedZone", parts)
}

fn vpcs() -> Element {
    el("VPCs", vec![el("VPC", vec![text("VPCRegion", "us-east-1"), text("VPCId", "vpc-0a1b2c3d4e5f60001")])])
}

/// All zones in the order of their names, from the one that is asked for.
fn by_name(params: &Params, hosting: &Hosting) -> Vec<Element> {
    let from = params.get("dnsname").map(super::hosting::canonical).unwrap_or_default();
    let reversed = |name: &str| name.trim_end_matches('.').split('.').rev().map(str::to_owned).collect::<Vec<_>>();
    let mut zones: Vec<_> = hosting.zones.values().filter(|zone| reversed(&zone.name) >= reversed(&from)).collect();
    zones.sort_by_key(|zone| (reversed(&zone.name), zone.id.clone()));
    vec![
        el("HostedZones", zones.into_iter().map(zone_element).collect()),
        text("DNSName", from),
        text("IsTruncated", false),
        text("MaxItems", 100),
    ]
}

fn list(zone: &HostedZone, params: &Params, size: usize) -> Vec<Element> {
    let mut sets: Vec<_> = zone.sets.iter().collect();
    sets.sort_by_key(|set| set.order());
    let from = params.get("name").map(|name| {
        let of = |key| params.get(key).unwrap_or_default();
        super::hosting::position(name, of("type"), of("identifier"))
    });
    let mut page: Vec<_> =
        sets.into_iter().filter(|set| from.as_ref().is_none_or(|from| set.order() >= *from)).collect();
    let asked = params.get("maxitems").and_then(|most| most.parse().ok()).unwrap_or(PAGE).min(size);
    let next = page.get(asked).copied();
    page.truncate(asked);
    let mut parts = vec![
        el("ResourceRecordSets", page.into_iter().map(set_element).collect()),
        text("IsTruncated", next.is_some()),
        text("MaxItems", asked),
    ];
    if let Some(next) = next {
        parts.extend([text("NextRecordName", &next.name), text("NextRecordType", &next.kind)]);
        parts.extend(next.set_identifier.as_ref().map(|id| text("NextRecordIdentifier", id)));
    }
    parts
}

fn set_element(set: &RecordSet) -> Element {
    let mut parts = vec![text("Name", &set.name), text("Type", &set.kind)];
    parts.extend(set.set_identifier.as_ref().map(|id| text("SetIdentifier", id)));
    parts.extend(set.policy.iter().map(|(name, value)| text(name, value)));
    match &set.content {
        Content::Values(ttl, values) => {
            let records = values.iter().map(|value| el("ResourceRecord", vec![text("Value", value)])).collect();
            parts.extend([text("TTL", ttl), el("ResourceRecords", records)]);
        }
        Content::Alias(alias) => parts.push(el(
            "AliasTarget",
            vec![
                text("HostedZoneId", &alias.zone),
                text("DNSName", &alias.name),
                text("EvaluateTargetHealth", alias.evaluates_health),
            ],
        )),
    }
    el("ResourceRecordSet", parts)
}

fn change(id: &str, body: &[u8], hosting: &mut Hosting) -> Result<Element, AwsError> {
    find(hosting, id)?;
    if hosting.prior_requests > 0 {
        hosting.prior_requests -= 1;
        let message = "The request was rejected because Route 53 was still processing a prior request.";
        return Err(AwsError::bad_request("PriorRequestNotComplete", message));
    }
    let invalid = |error: XmlDecodeError| AwsError::bad_request("InvalidInput", error.to_string());
    let changes = parse(body).map_err(invalid)?;
    let batch = hosting.zone(id).change(&changes);
    batch.map_err(|wrong| AwsError::bad_request("InvalidChangeBatch", wrong.join("\n")))?;
    let change = hosting.begin_change();
    Ok(change_info(&change, hosting.pending > 0))
}

fn change_info(id: &str, pending: bool) -> Element {
    let status = if pending { "PENDING" } else { "INSYNC" };
    let id = format!("/change/{id}");
    el("ChangeInfo", vec![text("Id", id), text("Status", status), text("SubmittedAt", "2026-01-01T00:00:00Z")])
}

/// The changes of a request's document.
fn parse(body: &[u8]) -> Result<Vec<Change>, XmlDecodeError> {
    let mut document = Document::try_from(body)?;
    let mut root = document.root_element()?;
    let mut changes = Vec::new();
    while let Some(mut batch) = root.next_tag() {
        while let Some(mut list) = batch.next_tag() {
            if list.start_el().matches("Changes") {
                while let Some(mut change) = list.next_tag() {
                    changes.push(parse_change(&mut change)?);
                }
            }
        }
    }
    Ok(changes)
}

fn parse_change(change: &mut ScopedDecoder<'_, '_>) -> Result<Change, XmlDecodeError> {
    let (mut action, mut set) = (None, None);
    while let Some(mut tag) = change.next_tag() {
        match tag.start_el().local() {
            "Action" => {
                action = match try_data(&mut tag)?.as_ref() {
                    "CREATE" => Some(Action::Create),
                    "DELETE" => Some(Action::Delete),
                    "UPSERT" => Some(Action::Upsert),
                    _ => None,
                };
            }
            "ResourceRecordSet" => set = Some(parse_set(&mut tag)?),
            _ => {}
        }
    }
    let missing = || XmlDecodeError::custom("a change needs an action and a record set");
    Ok(Change { action: action.ok_or_else(missing)?, set: set.ok_or_else(missing)? })
}

fn parse_set(element: &mut ScopedDecoder<'_, '_>) -> Result<RecordSet, XmlDecodeError> {
    let mut set = RecordSet::simple("", "", 0, &[]);
    let (mut ttl, mut values, mut alias) = (0, Vec::new(), None);
    while let Some(mut tag) = element.next_tag() {
        let name = tag.start_el().local().to_owned();
        match name.as_str() {
            "Name" => set.name = super::hosting::canonical(&try_data(&mut tag)?),
            "Type" => set.kind = try_data(&mut tag)?.into_owned(),
            "SetIdentifier" => set.set_identifier = Some(try_data(&mut tag)?.into_owned()),
            "TTL" => ttl = try_data(&mut tag)?.parse().map_err(|_| XmlDecodeError::custom("TTL is no number"))?,
            "ResourceRecords" => {
                while let Some(mut record) = tag.next_tag() {
                    while let Some(mut value) = record.next_tag() {
                        values.push(try_data(&mut value)?.into_owned());
                    }
                }
            }
            "AliasTarget" => alias = Some(parse_alias(&mut tag)?),
            other => {
                if let Some(known) = POLICY.into_iter().find(|known| *known == other) {
                    set.policy.push((known, try_data(&mut tag)?.into_owned()));
                }
            }
        }
    }
    set.policy.sort_by_key(|(name, _)| POLICY.iter().position(|known| known == name));
    set.content = alias.map_or(Content::Values(ttl, values), Content::Alias);
    Ok(set)
}

fn parse_alias(element: &mut ScopedDecoder<'_, '_>) -> Result<Alias, XmlDecodeError> {
    let mut alias = Alias { zone: String::new(), name: String::new(), evaluates_health: false };
    while let Some(mut tag) = element.next_tag() {
        match tag.start_el().local() {
            "HostedZoneId" => alias.zone = try_data(&mut tag)?.into_owned(),
            "DNSName" => alias.name = super::hosting::canonical(&try_data(&mut tag)?),
            "EvaluateTargetHealth" => alias.evaluates_health = try_data(&mut tag)? == "true",
            _ => {}
        }
    }
    Ok(alias)
}
