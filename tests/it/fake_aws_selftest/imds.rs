//! The metadata service, through the client of aws-config and raw.

use std::time::Duration;

use aws_config::imds::Client;
use hyper::Request;

use super::raw;
use crate::fake_aws::{FakeAws, Fault, Op};

/// Long enough that a busy machine does not make the client ask twice.
const PATIENCE: Duration = Duration::from_mins(1);

fn client(fake: &FakeAws) -> Client {
    let client = Client::builder().endpoint(fake.endpoint_url()).expect("a valid endpoint");
    client.max_attempts(2).connect_timeout(PATIENCE).read_timeout(PATIENCE).build()
}

#[tokio::test]
async fn the_sdk_gets_a_token_and_then_the_facts() {
    let fake = FakeAws::start();
    let host = fake.world().add_host("prod", 'b');
    fake.world().metadata_of = Some(host.instance_id.clone());
    let client = client(&fake);
    for (path, value) in [
        ("placement/region", "us-east-1".to_owned()),
        ("placement/availability-zone", "us-east-1b".to_owned()),
        ("instance-id", host.instance_id.clone()),
        ("local-ipv4", host.private_ip.to_string()),
    ] {
        let found = client.get(format!("/latest/meta-data/{path}")).await.unwrap();
        assert_eq!(found.as_ref(), value);
    }
    let document = client.get("/latest/dynamic/instance-identity/document").await.unwrap();
    let document: serde_json::Value = serde_json::from_str(document.as_ref()).unwrap();
    assert_eq!(document["accountId"], "123456789012");
    assert_eq!(document["instanceId"], host.instance_id.as_str());
    assert_eq!((fake.count(Op::ImdsToken), fake.count(Op::ImdsGet)), (1, 5), "one token serves all");
    assert!(client.get("/latest/meta-data/nothing").await.is_err());
}

#[tokio::test]
async fn without_token_nothing_is_told() {
    let fake = FakeAws::start();
    let id = fake.world().add_host("prod", 'a').instance_id;
    fake.world().metadata_of = Some(id);
    let get = || Request::get("/latest/meta-data/instance-id").header("host", "fake");
    assert_eq!(raw(&fake, get().body(String::new()).unwrap()).await.0, 401);
    let wrong = get().header("x-aws-ec2-metadata-token", "guess").body(String::new()).unwrap();
    assert_eq!(raw(&fake, wrong).await.0, 401);

    let put = || Request::put("/latest/api/token").header("host", "fake").header("content-length", 0);
    let ttl = "x-aws-ec2-metadata-token-ttl-seconds";
    assert_eq!(raw(&fake, put().body(String::new()).unwrap()).await.0, 400, "no lifetime");
    assert_eq!(raw(&fake, put().header(ttl, 21_601).body(String::new()).unwrap()).await.0, 400);
    let forwarded = put().header(ttl, 60).header("x-forwarded-for", "192.0.2.1").body(String::new()).unwrap();
    assert_eq!(raw(&fake, forwarded).await.0, 403);
    assert_eq!(raw(&fake, put().header(ttl, 60).body(String::new()).unwrap()).await.0, 200);
    let read = Request::get("/latest/api/token").header("host", "fake").body(String::new()).unwrap();
    assert_eq!(raw(&fake, read).await.0, 405);
}

#[tokio::test]
async fn it_may_be_absent_or_broken() {
    let fake = FakeAws::start();
    assert!(client(&fake).get("/latest/meta-data/instance-id").await.is_err(), "no instance, no metadata");
    fake.knobs().fail_all(Fault::Drop);
    assert!(client(&fake).get("/latest/meta-data/instance-id").await.is_err());
    assert!(fake.calls().iter().any(|call| call.op == Op::ImdsToken && call.status == 0));
}
