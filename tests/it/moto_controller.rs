//! The reference architecture of 2016 from its first to its last step, on moto's server: three services with the
//! seed's own names behind classic load balancers, three CNAMEs in the private zone and in `dig`, and their end.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_ecs::types::{ContainerDefinition, LoadBalancer};
use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, HostedZoneConfig, ResourceRecord, ResourceRecordSet, RrType, Vpc, VpcRegion,
};
use ecs_resolver::source::ports::EventQueue;
use ecs_resolver::source::queue::ports::{QueueUrl, SnsApi, SqsApi, TopicArn};
use ecs_resolver::source::queue::{OwnQueue, Reader};

use crate::daemon::Daemon;
use crate::moto::Moto;

const SEED: [&str; 3] = ["TwitchApp", "GoodreadsApp", "PortalApp"];

/// The account, as its owner sees it.
struct Account {
    ecs: aws_sdk_ecs::Client,
    elb: aws_sdk_elasticloadbalancing::Client,
    route53: aws_sdk_route53::Client,
    zone: String,
}

impl Account {
    /// A cluster without services, and the private zone with one record that is not ours.
    async fn open(moto: &Moto) -> Self {
        let sdk = moto.sdk().await;
        let (ecs, route53) = (aws_sdk_ecs::Client::new(&sdk), aws_sdk_route53::Client::new(&sdk));
        ecs.create_cluster().cluster_name("prod").send().await.unwrap();
        let container = ContainerDefinition::builder().name("app").image("example/app").memory(64).build();
        ecs.register_task_definition().family("app").container_definitions(container).send().await.unwrap();
        let config = HostedZoneConfig::builder().private_zone(true).build();
        let vpc = Vpc::builder().vpc_region(VpcRegion::UsEast1).vpc_id("vpc-0a1b2c3d").build();
        let zone = route53.create_hosted_zone().name("ecs.internal").caller_reference("seed");
        let zone = zone.hosted_zone_config(config).vpc(vpc).send().await.unwrap();
        let zone = zone.hosted_zone().unwrap().id().to_owned();
        let account = Self { ecs, elb: aws_sdk_elasticloadbalancing::Client::new(&sdk), route53, zone };
        account.put("legacy.ecs.internal", RrType::A, "10.5.10.99").await;
        account
    }

    async fn put(&self, name: &str, kind: RrType, value: &str) {
        let value = ResourceRecord::builder().value(value).build().unwrap();
        let set = ResourceRecordSet::builder().name(name).r#type(kind).ttl(60).resource_records(value).build().unwrap();
        let change = Change::builder().action(ChangeAction::Create).resource_record_set(set).build().unwrap();
        let batch = ChangeBatch::builder().changes(change).build().unwrap();
        self.route53.change_resource_record_sets().hosted_zone_id(&self.zone).change_batch(batch).send().await.unwrap();
    }

    /// A service behind a classic load balancer of its name; returns the load balancer's DNS name.
    async fn create(&self, service: &str) -> String {
        let listener = aws_sdk_elasticloadbalancing::types::Listener::builder().protocol("TCP").load_balancer_port(80);
        let listener = listener.instance_port(8080).build().unwrap();
        let made = self.elb.create_load_balancer().load_balancer_name(service).availability_zones("us-east-1a");
        let made = made.listeners(listener).send().await.unwrap();
        let balancer = LoadBalancer::builder().load_balancer_name(service).container_name("app").container_port(80);
        let request = self.ecs.create_service().cluster("prod").service_name(service).task_definition("app");
        request.desired_count(2).load_balancers(balancer.build()).send().await.unwrap();
        made.dns_name().unwrap().to_owned()
    }

    async fn delete(&self, service: &str) {
        self.ecs.delete_service().cluster("prod").service(service).force(true).send().await.unwrap();
    }

    /// `name value` of the zone's CNAMEs and A records, sorted.
    async fn records(&self) -> Vec<String> {
        let listed = self.route53.list_resource_record_sets().hosted_zone_id(&self.zone).send().await.unwrap();
        let sets = listed.resource_record_sets().iter().filter(|set| matches!(set.r#type(), RrType::Cname | RrType::A));
        let mut lines: Vec<_> =
            sets.map(|set| format!("{} {}", set.name(), set.resource_records()[0].value())).collect();
        lines.sort();
        lines
    }

    /// Waits until the zone holds the foreign record and these.
    async fn wait(&self, controller: &Daemon, mut expected: Vec<String>) {
        expected.push("legacy.ecs.internal. 10.5.10.99".to_owned());
        expected.sort();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(120);
        loop {
            let records = self.records().await;
            if records == expected {
                return;
            }
            assert!(std::time::Instant::now() < deadline, "{records:?} never was {expected:?}\n{}", controller.log());
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_seeds_flow_from_the_first_to_the_last_step() {
    let moto = Moto::start();
    let account = Account::open(&moto).await;
    let endpoint = moto.endpoint_url();
    let environment = [
        ("AWS_ENDPOINT_URL", endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let flags = ["--config", "/dev/null", "--cluster", "prod", "--interval", "300ms"];
    let controller = Daemon::start_controller(&flags, &environment);
    let mut expected = Vec::new();
    for service in SEED {
        let target = account.create(service).await;
        expected.push(format!("{}.ecs.internal. {target}", service.to_lowercase()));
        account.wait(&controller, expected.clone()).await;
    }

    // What clients see of the zone: nothing is known of ECS here.
    let copy = ["run", "--config", "/dev/null", "--source", "off", "--fallback", "api", "--upstream", "127.0.0.1:1"];
    let agent = Daemon::start(&copy, &environment);
    for (service, record) in SEED.iter().zip(&expected) {
        let target = record.split(' ').nth(1).unwrap();
        let answer = || agent.short(&format!("CNAME {service}.ecs.internal")).concat().to_lowercase();
        agent.wait("dig shows it", || answer() == format!("{}.", target.to_lowercase()));
    }
    drop(agent);

    account.delete("TwitchApp").await;
    expected.remove(0);
    account.wait(&controller, expected.clone()).await;
    let agent = Daemon::start(&copy, &environment);
    agent.wait("the zone is read", || agent.short("legacy.ecs.internal") == ["10.5.10.99"]);
    assert_eq!(agent.ask("CNAME twitchapp.ecs.internal").status, "NXDOMAIN");
    assert_eq!(agent.short("CNAME PortalApp.ecs.internal").len(), 1);

    for service in ["GoodreadsApp", "PortalApp"] {
        account.delete(service).await;
    }
    account.wait(&controller, Vec::new()).await;
    let left = account.route53.list_resource_record_sets().hosted_zone_id(&account.zone).send().await.unwrap();
    let texts = left.resource_record_sets().iter().filter(|set| *set.r#type() == RrType::Txt);
    assert_eq!(texts.count(), 0, "no ownership record is left behind");
    assert!(controller.terminate().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn services_behind_application_load_balancers_are_registered_too() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let sdk = moto.sdk().await;
    let route53 = aws_sdk_route53::Client::new(&sdk);
    let config = HostedZoneConfig::builder().private_zone(true).build();
    let vpc = Vpc::builder().vpc_region(VpcRegion::UsEast1).vpc_id("vpc-0a1b2c3d").build();
    let zone = route53.create_hosted_zone().name("ecs.internal").caller_reference("alb").hosted_zone_config(config);
    let zone = zone.vpc(vpc).send().await.unwrap().hosted_zone().unwrap().id().to_owned();
    let mut command = crate::daemon::command(&["controller", "--config", "/dev/null", "--cluster", "prod", "--once"]);
    let environment = [
        ("AWS_ENDPOINT_URL", moto.endpoint_url()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
        ("AWS_REGION", "us-east-1".to_owned()),
    ];
    let output = command.envs(environment).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = route53.list_resource_record_sets().hosted_zone_id(zone).send().await.unwrap();
    for service in SEED {
        let name = format!("{}.ecs.internal.", service.to_lowercase());
        let mut sets = listed.resource_record_sets().iter();
        let set = sets.find(|set| set.name() == name && *set.r#type() == RrType::Cname).expect(service);
        let told = seeded["services"][service]["loadBalancers"][0].as_str().unwrap();
        assert_eq!(set.resource_records()[0].value(), told);
    }
}

/// moto does not share our misconceptions of lists of container instances, queues and subscriptions.
#[tokio::test(flavor = "multi_thread")]
async fn the_queue_of_a_host_that_is_gone_is_removed() {
    let moto = Moto::start();
    let seeded = moto.seed();
    let sdk = moto.sdk().await;
    let topic = aws_sdk_sns::Client::new(&sdk).create_topic().name("ecs-changes").send().await.unwrap();
    let topic = TopicArn(topic.topic_arn.unwrap());
    let (aws, _) = crate::queue::aws(&moto.endpoint_url()).await;
    let text = |index: usize, member: &str| seeded["instances"][index][member].as_str().unwrap().to_owned();
    let queues = [0, 1].map(|index| format!("ecs-resolver-prod-{}", text(index, "instanceId")));
    for index in [0, 1] {
        let (sqs, sns) = (Arc::new(aws.sqs.clone()), Arc::new(aws.sns.clone()));
        OwnQueue::new(sqs, sns, topic.clone(), Reader::new("prod", &text(index, "instanceId"), 1))
            .open()
            .await
            .unwrap();
    }
    let foreign = "ecs-resolver-prod-i-00000000000000fff";
    aws_sdk_sqs::Client::new(&sdk).create_queue().queue_name(foreign).send().await.unwrap();
    let endpoint = moto.endpoint_url();
    let flags =
        ["--config", "/dev/null", "--cluster", "prod", "--topic-arn", topic.as_str(), "--remove-queues-after", "2s"];
    let controller = Daemon::start_controller(&flags, &crate::aws_source::environment(&endpoint));
    let looked = || controller.metric("ecs_resolver_aws_requests_total{operation=\"sqs:ListQueues\",result=\"ok\"}");
    controller.wait("looks", || looked() >= Some(6.0));
    let ecs = aws_sdk_ecs::Client::new(&sdk);
    let gone = ecs
        .deregister_container_instance()
        .cluster("prod")
        .container_instance(text(1, "containerInstanceArn"))
        .force(true);
    gone.send().await.unwrap();
    controller.wait_metric("ecs_resolver_queues_removed_total{result=\"removed\"}", 1.0);
    let left = aws.sqs.list_queues("ecs-resolver-prod-i-").await.unwrap();
    let left: BTreeSet<_> = left.iter().map(QueueUrl::name).collect();
    assert_eq!(left, BTreeSet::from([foreign, queues[0].as_str()]));
    let subscribed = aws.sns.subscriptions(&topic).await.unwrap();
    let is_subscribed = |queue: &str| subscribed.keys().any(|arn| arn.as_str().ends_with(queue));
    assert!(is_subscribed(&queues[0]) && !is_subscribed(&queues[1]), "{subscribed:?}");
}
