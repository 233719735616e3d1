use std::sync::Mutex;

use super::*;
use crate::aws::replay::{aws, config, serve};
use crate::source::ports::EcsApi;

/// Knows one address for every name, and which names it was asked for.
#[derive(Default)]
struct Loopback(Mutex<Vec<String>>);

#[async_trait]
impl HostResolver for Loopback {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        self.0.lock().unwrap().push(name.to_owned());
        Ok(vec![Ipv4Addr::LOCALHOST.into()])
    }
}

async fn asked_for(host: &str) -> Vec<String> {
    let server = serve(|_| (200, r#"{"clusterArns":["arn:aws:ecs:eu-central-1:1:cluster/prod"]}"#)).await;
    let resolver = Arc::new(Loopback::default());
    let sdk = config(http_client(resolver.clone())).endpoint_url(format!("http://{host}:{}", server.port()));
    let (aws, _) = aws(sdk).await;
    assert_eq!(aws.ecs.list_clusters().await.unwrap().len(), 1);
    resolver.0.lock().unwrap().clone()
}

#[tokio::test]
async fn a_name_is_asked_of_the_resolver() {
    assert_eq!(asked_for("ecs.example.internal").await, ["ecs.example.internal"]);
}

#[tokio::test]
async fn addresses_and_localhost_are_asked_of_nobody() {
    assert!(asked_for("127.0.0.1").await.is_empty());
    assert!(asked_for("localhost").await.is_empty());
}
