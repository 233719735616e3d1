use super::*;

struct Nobody;

#[async_trait::async_trait]
impl HostResolver for Nobody {
    async fn addresses(&self, name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        panic!("{name} was resolved")
    }
}

async fn ask(answer: fn(&str) -> (u16, &'static str)) -> HostIdentity {
    let server = crate::aws::replay::serve(answer).await;
    let builder = imds::Client::builder().endpoint(format!("http://{server}")).unwrap();
    HostIdentity::ask(&client(builder, Arc::new(Nobody))).await
}

#[tokio::test]
async fn instance_metadata_tells_where_we_are() {
    let identity = ask(|line| match line {
        "put /latest/api/token http/1.1" => (200, "token"),
        "get /latest/meta-data/placement/region http/1.1" => (200, "eu-central-1"),
        "get /latest/meta-data/placement/availability-zone http/1.1" => (200, "eu-central-1a\n"),
        "get /latest/meta-data/instance-id http/1.1" => (200, "i-0123"),
        _ => (404, ""),
    });
    let identity = identity.await;
    assert_eq!(identity.region.as_deref(), Some("eu-central-1"));
    assert_eq!(identity.availability_zone.as_deref(), Some("eu-central-1a"));
    assert_eq!(identity.instance_id, Some(Ec2InstanceId("i-0123".into())));
}

#[tokio::test]
async fn what_instance_metadata_does_not_know_stays_unknown() {
    let partly = ask(|line| match line {
        "put /latest/api/token http/1.1" => (200, "token"),
        "get /latest/meta-data/placement/region http/1.1" => (200, "eu-central-1"),
        _ => (404, "<html>"),
    });
    assert_eq!(partly.await, HostIdentity { region: Some("eu-central-1".to_owned()), ..HostIdentity::default() });
    assert_eq!(ask(|_| (403, "")).await, HostIdentity::default());
}
