//! The instance metadata service, version 2 only.

use axum::http::{HeaderMap, Method};
use serde_json::json;

use super::error::AwsError;
use super::world::World;

/// The only token there is. Real ones expire; no test waits for that.
const TOKEN: &str = "AQAEAFakeMetadataTokenOfTheFakeAws0123456789abcdefghijklmnop==";

/// The header with the token's lifetime in seconds, in request and answer.
pub const TTL_HEADER: &str = "x-aws-ec2-metadata-token-ttl-seconds";

fn status(status: u16, code: &'static str) -> AwsError {
    AwsError { status, code, message: format!("{status} - {code}") }
}

/// `PUT /latest/api/token`: the token and its lifetime. Forwarded requests are refused.
pub fn token(method: &Method, headers: &HeaderMap) -> Result<(String, u32), AwsError> {
    if method != Method::PUT {
        return Err(status(405, "Method Not Allowed"));
    }
    if headers.contains_key("x-forwarded-for") {
        return Err(status(403, "Forbidden"));
    }
    let lifetime = headers.get(TTL_HEADER).and_then(|value| value.to_str().ok()?.parse().ok());
    let lifetime = lifetime.filter(|seconds| (1..=21_600).contains(seconds));
    lifetime.map(|seconds| (TOKEN.to_owned(), seconds)).ok_or_else(|| status(400, "Bad Request"))
}

/// `GET /latest/…`, which needs the token.
pub fn get(path: &str, headers: &HeaderMap, world: &World) -> Result<String, AwsError> {
    let given = headers.get("x-aws-ec2-metadata-token").and_then(|value| value.to_str().ok());
    if given != Some(TOKEN) {
        return Err(status(401, "Unauthorized"));
    }
    value(path, world).ok_or_else(|| status(404, "Not Found"))
}

fn value(path: &str, world: &World) -> Option<String> {
    let instance = world.instances.get(world.metadata_of.as_ref()?)?;
    let address = instance.private_ip.map(|address| address.to_string());
    match path {
        "/latest/meta-data/placement/region" => Some(world.region.clone()),
        "/latest/meta-data/placement/availability-zone" => Some(instance.availability_zone.clone()),
        "/latest/meta-data/instance-id" => Some(instance.instance_id.clone()),
        "/latest/meta-data/local-ipv4" => address,
        "/latest/dynamic/instance-identity/document" => Some(
            json!({
                "accountId": world.account,
                "availabilityZone": instance.availability_zone,
                "instanceId": instance.instance_id,
                "privateIp": address,
                "region": world.region,
                "version": "2017-09-30",
            })
            .to_string(),
        ),
        _ => None,
    }
}
