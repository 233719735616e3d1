//! The commands of the scripts.

use std::collections::{BTreeMap, BTreeSet};

use ecs_resolver::dns::{DomainName, Parsed, Question, RecordType, ReplyContext, reply};
use ecs_resolver::ecs::*;
use ecs_resolver::inventory::{Change, Inventory, Outcome, Resource, ResourceId, Subject, reduce};
use ecs_resolver::resolve::{Resolution, resolve};
use ecs_resolver::zone::{Fallback, Settings, ZoneWriter, text};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::Name;
use hickory_proto::rr::rdata::opt::EdnsCode;

/// Inventory and zone of one script, and the words of its line.
pub struct World {
    inventory: Inventory,
    writer: ZoneWriter,
    second: i64,
}

impl Default for World {
    fn default() -> Self {
        Self::with(settings(&Words::of("settings default=prod")))
    }
}

/// `verb positional… key=value… FLAG…`
struct Words<'l> {
    positional: Vec<&'l str>,
    keyed: BTreeMap<&'l str, Vec<&'l str>>,
}

impl<'l> Words<'l> {
    fn of(line: &'l str) -> Self {
        let mut words = Self { positional: Vec::new(), keyed: BTreeMap::new() };
        for word in line.split_whitespace() {
            match word.split_once('=') {
                Some((key, value)) => words.keyed.entry(key).or_default().push(value),
                None => words.positional.push(word),
            }
        }
        words
    }

    fn at(&self, index: usize) -> &'l str {
        self.positional.get(index).unwrap_or_else(|| panic!("word {index} is missing in {:?}", self.positional))
    }

    fn get(&self, key: &str) -> Option<&'l str> {
        self.keyed.get(key).and_then(|values| values.first().copied())
    }

    fn all(&self, key: &str) -> impl Iterator<Item = &'l str> {
        self.keyed.get(key).into_iter().flatten().copied()
    }

    fn parse<T: std::str::FromStr>(&self, key: &str) -> Option<T> {
        self.get(key).map(|value| value.parse().unwrap_or_else(|_| panic!("{key}={value} cannot be read")))
    }
}

fn settings(words: &Words<'_>) -> Settings {
    Settings {
        origin: DomainName::from_text("ecs.internal").unwrap(),
        default_clusters: words
            .get("default")
            .into_iter()
            .flat_map(|list| list.split(','))
            .map(str::to_owned)
            .collect(),
        all_clusters: words.positional.contains(&"all"),
        ttl: words.parse("ttl").unwrap_or(5),
        negative_ttl: 5,
        fail_open: words.get("fail_open") != Some("no"),
        fallback: if words.get("fallback") == Some("yes") { Fallback::Resolver } else { Fallback::Off },
        prefer_route53: words.positional.contains(&"prefer"),
        records: Vec::new(),
        name_servers: vec!["127.0.0.1".parse().unwrap()],
        source: "script",
    }
}

fn arn<T>(kind: &str, path: &str, parse: fn(&str) -> Result<T, ArnError>) -> T {
    parse(&format!("arn:aws:ecs:us-east-1:123456789012:{kind}/{path}")).unwrap()
}

fn cluster(path: &str) -> ClusterArn {
    arn("cluster", path.split('/').next().unwrap(), ClusterArn::parse)
}

fn definition(id: &str) -> TaskDefinitionArn {
    arn("task-definition", id, TaskDefinitionArn::parse)
}

impl World {
    fn with(settings: Settings) -> Self {
        let inventory = Inventory::default();
        let writer = ZoneWriter::new(settings, &inventory, 1);
        Self { inventory, writer, second: 1_700_000_000 }
    }

    /// Runs a command and returns what is seen.
    pub fn run(&mut self, line: &str) -> String {
        let words = Words::of(line);
        self.second += 1;
        match words.at(0) {
            "settings" => {
                *self = Self::with(settings(&words));
                String::new()
            }
            "zone" => text::master_file(self.writer.zone()).trim_end().to_owned(),
            "dig" => format!("{} {}: {}", words.at(1), words.at(2), self.dig(words.at(1), words.at(2))),
            "sync" => self.apply(Change::Synced { cluster: cluster(words.at(1)) }),
            "gone" => {
                let id = ResourceId::Task(arn("task", words.at(1), TaskArn::parse));
                let at = self.time(&words);
                self.apply(Change::Delete { id, at })
            }
            _ => {
                let (resource, at) = (resource(&words), self.time(&words));
                self.apply(Change::Apply { resource, at })
            }
        }
    }

    /// Seconds since the start of the script if `at=` says so, else a second after the command before.
    fn time(&self, words: &Words<'_>) -> Timestamp {
        let second = words.parse::<i64>("at").map_or(self.second, |at| 1_700_000_000 + at);
        Timestamp::from_second(second).unwrap()
    }

    fn apply(&mut self, change: Change) -> String {
        let (inventory, outcome) = reduce(std::mem::take(&mut self.inventory), change);
        self.inventory = inventory;
        match outcome {
            Outcome::Changed(subjects) => self.update(&subjects),
            Outcome::Unchanged => "unchanged".to_owned(),
            Outcome::Stale => "stale".to_owned(),
        }
    }

    fn update(&mut self, subjects: &BTreeSet<Subject>) -> String {
        let diff = self.writer.update(&self.inventory, subjects);
        let contested: String =
            diff.contested.iter().map(|(winner, loser)| format!(", {winner} before {loser}")).collect();
        format!("serial {}, {} names{contested}", self.writer.zone().soa.serial(), diff.changed.len())
    }

    fn dig(&self, kind: &str, name: &str) -> String {
        let kind: RecordType = kind.parse().unwrap();
        let mut query = Message::new(1, MessageType::Query, OpCode::Query);
        query.metadata.recursion_desired = true;
        query.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
        query.set_edns(Edns::new());
        let bytes = query.to_vec().unwrap();
        let Parsed::Plain(question) = Question::parse(&bytes) else { return "not a plain question".to_owned() };
        let zone = self.writer.zone();
        let decision = resolve(zone, &question, 0);
        let (head, body) = match (decision.end, decision.chain.end()) {
            (Resolution::Reply(body), _) => (String::new(), body),
            (Resolution::Forward, Some(target)) => (format!("chase {target}, after\n"), &zone.fixed.unfinished),
            (Resolution::Fallback { otherwise }, _) => ("fallback, otherwise\n".to_owned(), otherwise),
            (Resolution::Forward, None) => return "forward".to_owned(),
            (other, _) => return format!("{other:?}"),
        };
        let mut out = Vec::new();
        let context = ReplyContext { soa: &zone.soa, spin: 0, limit: question.limit(true), ede: None, cookie: None };
        reply::write_behind(&mut out, &question, (decision.chain.cnames(), body), None, &context);
        head + &describe(&Message::from_vec(&out).unwrap())
    }
}

/// A reply as dig shows it, but shorter.
fn describe(reply: &Message) -> String {
    let mut lines = vec![format!("{:?}", reply.metadata.response_code).to_uppercase()];
    lines.extend(
        reply
            .answers
            .iter()
            .map(|record| format!("{} {} {} {}", record.name, record.ttl, record.data.record_type(), record.data)),
    );
    lines.extend(reply.authorities.iter().map(|record| format!("; authority {} {}", record.name, record.ttl)));
    lines.extend(reply.additionals.iter().map(|record| format!("; glue {} {}", record.name, record.data)));
    let options = reply.edns.as_ref().map(Edns::options);
    if let Some(option) = options.and_then(|options| options.get(EdnsCode::from(15))) {
        let bytes = Vec::<u8>::try_from(option).unwrap();
        lines.push(format!("; EDE {}: {}", bytes[1], String::from_utf8_lossy(&bytes[2..])));
    }
    lines.join("\n")
}

fn resource(words: &Words<'_>) -> Resource {
    match words.at(0) {
        "cluster" => Resource::Cluster(Cluster { arn: cluster(words.at(1)), name: words.at(1).to_owned() }),
        "definition" => Resource::TaskDefinition(task_definition(words)),
        "service" => Resource::Service(service(words)),
        "task" => Resource::Task(task(words)),
        "instance" => Resource::ContainerInstance(ContainerInstance {
            arn: arn("container-instance", words.at(1), ContainerInstanceArn::parse),
            cluster: cluster(words.at(1)),
            ec2_instance_id: Ec2InstanceId(words.get("ec2").unwrap().into()),
            status: ContainerInstanceStatus::from_api(words.get("status").unwrap_or("ACTIVE")),
            version: words.parse("version"),
        }),
        "ec2" => Resource::Ec2Instance(Ec2Instance {
            id: Ec2InstanceId(words.at(1).into()),
            state: Ec2State::from_api(words.get("state").unwrap_or("running")),
            private_ipv4: words.parse("ip"),
            ipv6: words.parse("ipv6"),
            availability_zone: Some("us-east-1a".to_owned()),
        }),
        "balancer" => Resource::LoadBalancer(LoadBalancer {
            id: LoadBalancerId(words.at(1).into()),
            dns_name: words.get("dns").unwrap().to_owned(),
            scheme: if words.positional.contains(&"public") { Scheme::InternetFacing } else { Scheme::Internal },
        }),
        "group" => Resource::TargetGroup(TargetGroup {
            arn: TargetGroupArn(words.at(1).into()),
            load_balancers: words.all("balancer").map(|id| LoadBalancerId(id.into())).collect(),
        }),
        other => panic!("no command {other}"),
    }
}

/// `definition web:1 mode=awsvpc port=http:8080 check=essential label=KEY:VALUE`; one container `main`, and a side-car
/// `proxy` that is not essential if `check=side`.
fn task_definition(words: &Words<'_>) -> TaskDefinition {
    let port_mappings = words.all("port").map(|port| {
        let (port, protocol) = port.split_once('/').unwrap_or((port, "tcp"));
        let (name, numbers) = port.split_once(':').unwrap_or(("", port));
        let (container, host) = numbers.split_once('>').unwrap_or((numbers, ""));
        PortMapping {
            name: (!name.is_empty()).then(|| name.to_owned()),
            container_port: container.parse().unwrap(),
            host_port: host.parse().ok(),
            protocol: Protocol::from_api(protocol),
        }
    });
    let labels = words.all("label").filter_map(|label| label.split_once(':'));
    let container = |name: &str, essential, health_check| ContainerDefinition {
        name: name.to_owned(),
        essential,
        health_check,
        port_mappings: Vec::new(),
        docker_labels: BTreeMap::new(),
    };
    let mut main = container("main", true, words.get("check") == Some("essential"));
    main.port_mappings = port_mappings.collect();
    main.docker_labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    TaskDefinition {
        arn: definition(words.at(1)),
        network_mode: NetworkMode::from_api(words.get("mode").unwrap_or("awsvpc")),
        containers: vec![main, container("proxy", false, words.get("check") == Some("side"))],
    }
}

fn service(words: &Words<'_>) -> Service {
    let classic = words.all("classic").map(|name| LoadBalancerRef::LoadBalancerName(LoadBalancerId(name.into())));
    let groups = words.all("group").map(|arn| LoadBalancerRef::TargetGroup(TargetGroupArn(arn.into())));
    let of_set = words.all("set").map(|arn| LoadBalancerRef::TargetGroup(TargetGroupArn(arn.into())));
    Service {
        arn: arn("service", words.at(1), ServiceArn::parse),
        name: words.at(1).split_once('/').unwrap().1.to_owned(),
        cluster: cluster(words.at(1)),
        status: ServiceStatus::from_api(words.get("status").unwrap_or("ACTIVE")),
        desired_count: words.parse("desired").unwrap_or(1),
        task_definition: words.get("definition").map(definition),
        load_balancers: classic.chain(groups).collect(),
        task_sets: of_set
            .map(|group| TaskSet { id: "set".to_owned(), status: "PRIMARY".to_owned(), load_balancers: vec![group] })
            .collect(),
        created_at: words.parse("created"),
    }
}

/// `task prod/web t1 RUNNING ip=… version=…`; `task prod t1 …` is a standalone one.
fn task(words: &Words<'_>) -> Task {
    let (place, id) = (words.at(1), words.at(2));
    let status = words.positional.get(3).copied().unwrap_or("RUNNING");
    let bindings = words.all("bind").map(|ports| {
        let (container, host) = ports.split_once(':').unwrap();
        NetworkBinding {
            container_port: container.parse().unwrap(),
            host_port: host.parse().unwrap(),
            protocol: Protocol::Tcp,
        }
    });
    let bindings: Vec<_> = bindings.collect();
    let cluster_name = place.split('/').next().unwrap();
    let container = |name: &str, health: Option<&str>| Container {
        name: name.to_owned(),
        health: health.map(Health::from_api),
        network_bindings: if name == "main" { bindings.clone() } else { Vec::new() },
    };
    Task {
        arn: arn("task", &format!("{cluster_name}/{id}"), TaskArn::parse),
        cluster: cluster(place),
        group: place.split_once('/').map(|(_, service)| format!("service:{service}")),
        task_definition: definition(words.get("definition").unwrap_or("web:1")),
        container_instance: words
            .get("instance")
            .map(|id| arn("container-instance", &format!("{cluster_name}/{id}"), ContainerInstanceArn::parse)),
        availability_zone: Some("us-east-1a".to_owned()),
        last_status: TaskStatus::from_api(status),
        desired_status: TaskStatus::from_api(words.get("desired").unwrap_or("RUNNING")),
        version: words.parse("version"),
        containers: vec![container("main", words.get("health")), container("proxy", words.get("side"))],
        ipv4: words.all("ip").map(|ip| ip.parse().unwrap()).collect(),
        ipv6: words.all("ipv6").map(|ip| ip.parse().unwrap()).collect(),
        created_at: None,
        started_at: None,
    }
}
