//! What we do not read cannot fail a call: the containers of DescribeTasks are cut to the members that we use before
//! the SDK reads them, because it refuses a whole answer for one member of another type. moto writes `cpu` and
//! `memory` as numbers, where ECS has strings; that is all that keeps the SDK from reading it.

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::connector_metadata::ConnectorMetadata;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::{RuntimeComponents, RuntimeComponentsBuilder};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::config_bag::ConfigBag;
use serde_json::Value;

/// Members of a container that `convert.rs` reads.
const READ: &[&str] = &["name", "healthStatus", "networkBindings", "networkInterfaces"];

/// The HTTP client that all clients share, as ECS uses it.
#[derive(Debug)]
pub(super) struct WithoutUnread(pub(super) SharedHttpClient);

impl HttpClient for WithoutUnread {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Connector(self.0.http_connector(settings, components)))
    }

    fn validate_base_client_config(
        &self,
        components: &RuntimeComponentsBuilder,
        config: &ConfigBag,
    ) -> Result<(), BoxError> {
        self.0.validate_base_client_config(components, config)
    }

    fn validate_final_config(&self, components: &RuntimeComponents, config: &ConfigBag) -> Result<(), BoxError> {
        self.0.validate_final_config(components, config)
    }

    fn connector_metadata(&self) -> Option<ConnectorMetadata> {
        self.0.connector_metadata()
    }
}

#[derive(Debug)]
struct Connector(SharedHttpConnector);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        if !target.ends_with(".DescribeTasks") {
            return self.0.call(request);
        }
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let mut response = answer.await?;
            let body = ByteStream::new(response.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            if let Some(cut) = without_unread(&body) {
                // The SDK compares the two.
                response.headers_mut().insert("content-length", cut.len().to_string());
                *response.body_mut() = SdkBody::from(cut);
            } else {
                *response.body_mut() = SdkBody::from(body);
            }
            Ok(response)
        })
    }
}

/// The answer without the unread members; `None` if it is no description of tasks, which the SDK shall say itself.
fn without_unread(body: &[u8]) -> Option<String> {
    let mut answer: Value = serde_json::from_slice(body).ok()?;
    for task in answer.get_mut("tasks")?.as_array_mut()? {
        for container in task.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(members) = container {
                members.retain(|name, _| READ.contains(&name.as_str()));
            }
        }
    }
    Some(answer.to_string())
}
