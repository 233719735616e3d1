//! "AWS API Call via CloudTrail": somebody has created, changed or deleted a service.
//!
//! The answer names the service best. It is left out when it is large (more than 100 KB); the request then says which
//! service, by name or ARN, and which cluster, by name, ARN or not at all, which is the cluster `default`.

use serde::Deserialize;

use super::envelope::Envelope;
use super::{Detail, EventError, Ignored, ServiceHint, detail as read_detail, read};
use crate::ecs::{ArnError, ClusterArn, ServiceArn};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Call {
    event_source: String,
    event_name: String,
    /// Only failed calls have one.
    error_code: Option<String>,
    /// As `error_code`.
    error_message: Option<String>,
    #[serde(default, deserialize_with = "read::optional")]
    request_parameters: Option<Request>,
    #[serde(default, deserialize_with = "read::optional")]
    response_elements: Option<Response>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    /// Name or ARN.
    cluster: Option<String>,
    /// Name or ARN: of UpdateService and DeleteService.
    service: Option<String>,
    /// Of CreateService.
    service_name: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Response {
    service: Answered,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answered {
    #[serde(default, deserialize_with = "read::optional")]
    service_arn: Option<ServiceArn>,
    #[serde(default, deserialize_with = "read::optional")]
    cluster_arn: Option<ClusterArn>,
}

pub(super) fn detail(envelope: &Envelope<'_>) -> Result<Detail, EventError> {
    let call: Call = read_detail(envelope)?;
    let failed = call.error_code.is_some() || call.error_message.is_some();
    let followed = call.event_source == "ecs.amazonaws.com"
        && matches!(call.event_name.as_str(), "CreateService" | "UpdateService" | "DeleteService");
    if failed || !followed {
        return Ok(Detail::Ignored(Ignored::Call));
    }
    call.hint(envelope).map(Detail::Service)
}

impl Call {
    fn hint(self, envelope: &Envelope<'_>) -> Result<ServiceHint, EventError> {
        let wrong = |error: ArnError| EventError::detail(&envelope.detail_type, &error);
        let answered = self.response_elements.map(|response| response.service).unwrap_or_default();
        let request = self.request_parameters.unwrap_or_default();
        let asked = request.service.or(request.service_name).unwrap_or_default();
        let service = answered.service_arn.or_else(|| ServiceArn::parse(&asked).ok());
        let cluster = match answered.cluster_arn.or_else(|| service.as_ref()?.cluster()) {
            Some(cluster) => cluster,
            None => cluster(envelope, request.cluster.as_deref().unwrap_or("default")).map_err(wrong)?,
        };
        let service = service.map_or_else(|| ServiceArn::of(&cluster, &asked), Ok).map_err(wrong)?;
        Ok(ServiceHint { cluster, service })
    }
}

/// The cluster that a request names by its ARN or, in the event's own region and account, by its name.
fn cluster(envelope: &Envelope<'_>, asked: &str) -> Result<ClusterArn, ArnError> {
    ClusterArn::parse(asked).or_else(|_| ClusterArn::of(&envelope.region, &envelope.account, asked))
}
