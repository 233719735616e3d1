//! The operation: endpoint, signature, form. Put together from the SDK's parts as its generated clients do it.

use aws_config::{Region, SdkConfig};
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::service_clock_skew::{ServiceClockSkewClassifier, ServiceClockSkewInterceptor};
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_sdk_ecs::config::endpoint::{DefaultResolver, Params, ResolveEndpoint};
use aws_smithy_query::QueryWriter;
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_types::SigningName;
use aws_types::region::SigningRegion;
use aws_types::service_config::ServiceConfigKey;

use super::response::{Page, parse_error, parse_page};
use crate::ecs::Ec2InstanceId;

/// The call: a query in, one page out.
pub(super) type DescribeInstances = Operation<Query, Page, ErrorMetadata>;

/// Instances per page; EC2 allows 5 to 1000.
const MAX_RESULTS: &str = "1000";

/// What is asked.
#[derive(Debug, Clone)]
pub(super) struct Query {
    /// Values of the `instance-id` filter, at most 200.
    pub(super) instances: Vec<Ec2InstanceId>,
    /// Where the page before ended.
    pub(super) next_token: Option<String>,
}

/// Makes the operation; `None` without a region.
pub(super) async fn describe_instances(sdk: &SdkConfig) -> Option<DescribeInstances> {
    let region = sdk.region()?;
    let endpoint = match configured_endpoint(sdk) {
        Some(url) => url,
        None => regional_endpoint(sdk, region).await?,
    };
    let mut builder = Operation::builder()
        .service_name("ec2")
        .operation_name("DescribeInstances")
        .endpoint_url(&endpoint)
        .standard_retry(&sdk.retry_config().cloned().unwrap_or_else(RetryConfig::adaptive))
        .timeout_config(sdk.timeout_config().cloned().unwrap_or_else(crate::aws::timeouts))
        .with_connection_poisoning()
        .interceptor(ServiceClockSkewInterceptor::new())
        .interceptor(UserAgentInterceptor::new())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(ServiceClockSkewClassifier::<ErrorMetadata>::new())
        .runtime_plugin(signing(sdk, region));
    if let Some(version) = sdk.behavior_version() {
        builder = builder.behavior_version(version);
    }
    if let Some(client) = sdk.http_client() {
        builder = builder.http_client(client);
    }
    Some(builder.serializer(|query: Query| request(&query)).deserializer(response).build())
}

/// Signature V4 with the credentials that all clients share.
fn signing(sdk: &SdkConfig, region: &Region) -> StaticRuntimePlugin {
    let mut layer = Layer::new("ec2:signing");
    layer.store_put(SigningRegion::from(region.clone()));
    layer.store_put(SigningName::from_static("ec2"));
    layer.store_put(SigV4OperationSigningConfig::default());
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(ApiMetadata::new("ec2", env!("CARGO_PKG_VERSION")));
    let mut components = RuntimeComponentsBuilder::new("ec2:signing")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_identity_cache(sdk.identity_cache())
        .with_sleep_impl(sdk.sleep_impl())
        .with_time_source(sdk.time_source());
    if let Some(credentials) = sdk.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

/// The endpoint that somebody set: in our settings, `AWS_ENDPOINT_URL_EC2` or the profile, `AWS_ENDPOINT_URL`; in
/// the order of the generated clients.
fn configured_endpoint(sdk: &SdkConfig) -> Option<String> {
    let general = || sdk.endpoint_url().map(str::to_owned);
    if sdk.get_origin("endpoint_url").is_client_config() {
        return general();
    }
    let key = ServiceConfigKey::builder().service_id("EC2").env("AWS_ENDPOINT_URL").profile("endpoint_url").build();
    let own = || sdk.service_config()?.load_config(key.ok()?);
    own().or_else(general)
}

/// AWS's endpoint, by the rules of ECS's, which are those of EC2 but for the service's name, and for GovCloud, where
/// the endpoints of EC2 are FIPS endpoints without saying so.
async fn regional_endpoint(sdk: &SdkConfig, region: &Region) -> Option<String> {
    let fips = sdk.use_fips().unwrap_or_default() && !region.as_ref().starts_with("us-gov-");
    let dual_stack = sdk.use_dual_stack().unwrap_or_default();
    let params = Params::builder().region(region.as_ref()).use_fips(fips).use_dual_stack(dual_stack).build().ok()?;
    let ecs = DefaultResolver::new().resolve_endpoint(&params).await;
    let ecs = ecs.inspect_err(|error| tracing::error!(%region, error = %error, "no endpoint of EC2 is known")).ok()?;
    let rest = ecs.url().strip_prefix("https://ecs")?;
    Some(format!("https://ec2{rest}"))
}

fn request(query: &Query) -> Result<HttpRequest, BoxError> {
    let form = form(query);
    let mut request = HttpRequest::new(SdkBody::empty());
    request.set_method("POST")?;
    request.set_uri("/")?;
    request.headers_mut().try_insert("content-type", "application/x-www-form-urlencoded")?;
    request.headers_mut().try_insert("content-length", form.len().to_string())?;
    *request.body_mut() = SdkBody::from(form);
    Ok(request)
}

fn form(query: &Query) -> String {
    let mut form = String::new();
    let mut writer = QueryWriter::new(&mut form, "DescribeInstances", "2016-11-15");
    let mut filter = writer.prefix("Filter.1");
    filter.prefix("Name").string("instance-id");
    let mut values = filter.prefix("Value").start_list(true, None);
    for id in &query.instances {
        values.entry().string(id.as_str());
    }
    values.finish();
    writer.prefix("MaxResults").string(MAX_RESULTS);
    if let Some(token) = &query.next_token {
        writer.prefix("NextToken").string(token);
    }
    writer.finish();
    form
}

fn response(response: &HttpResponse) -> Result<Page, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return parse_page(body).map_err(OrchestratorError::other);
    }
    Err(OrchestratorError::operation(parse_error(body)))
}
