"""The names that all servers answer, and the questions that are asked of them."""

import hashlib
import json
import random
import socket
import struct

ARN = "arn:aws:ecs:us-east-1:123456789012:"
TASKS = 3  # of each service
LINES = 20_000  # of a file of questions
DRAWN_FROM = 1000  # names outside of our zone, and names of load balancers
TYPES = {"A": 1, "PTR": 12, "AAAA": 28, "SRV": 33}


def service(number):
    return f"svc-{number:04d}"


def address(number, task):
    index = number * TASKS + task
    return f"10.{index >> 16}.{index >> 8 & 255}.{index & 255}"


def inventory(services):
    """What `[ecs] source = "fixture"` reads: `services` services of three tasks, and a thousand behind load balancers.

    The load balancers are the names of example.com, which must be forwarded.
    """
    cluster = ARN + "cluster/prod"
    found = dict(services=[], tasks=[], task_definitions=[], load_balancers=[])

    def add(name, tasks, **more):
        definition = ARN + f"task-definition/{name}:1"
        ports = [dict(name="http", container_port=8080)]
        found["task_definitions"].append(
            dict(arn=definition, network_mode="awsvpc", containers=[dict(name="app", port_mappings=ports)]))
        found["services"].append(
            dict(arn=ARN + f"service/prod/{name}", name=name, cluster=cluster, status="ACTIVE", desired_count=len(tasks),
                 task_definition=definition, **more))
        for ip in tasks:
            task = hashlib.md5(ip.encode()).hexdigest()
            found["tasks"].append(
                dict(arn=ARN + f"task/prod/{task}", cluster=cluster, group=f"service:{name}", task_definition=definition,
                     last_status="RUNNING", desired_status="RUNNING", containers=[dict(name="app")], ipv4=[ip]))

    for number in range(services):
        add(service(number), [address(number, task) for task in range(TASKS)])
    for number in range(DRAWN_FROM):
        balancer = f"lb-{number:04d}"
        add(balancer, [], load_balancers=[dict(load_balancer_name=balancer)])
        found["load_balancers"].append(dict(id=balancer, dns_name=f"h-{number:04d}.example.com", scheme="internal"))
    return json.dumps(dict(format="ecs-resolver inventory 1", clusters=[dict(arn=cluster, name="prod")], **found))


def outside():
    """The zone example.com, which a server of the outside world has."""
    lines = ["$ORIGIN example.com.", "$TTL 86400", "@ SOA ns admin 1 3600 600 86400 86400", "@ NS ns", "ns A 10.255.0.1"]
    for number in range(DRAWN_FROM):
        host = f"h-{number:04d}"
        lines += [f"{host} A 10.254.{number >> 8}.{number & 255}", f"{host} A 10.253.{number >> 8}.{number & 255}"]
        lines.append(f"_http._tcp.{host} SRV 1 1 80 {host}")
    return "\n".join(lines) + "\n"


def one(kind, number, services):
    """A question of a kind, `NAME TYPE`, about the name with this number."""
    inside = service(number % services) + ".ecs.internal"
    forwarded = f"h-{number % DRAWN_FROM:04d}.example.com"
    return {
        "A": f"{inside} A",
        "NODATA": f"{inside} AAAA",
        "SRV": f"_http._tcp.{inside} SRV",
        "NXDOMAIN": f"no-{inside} A",
        "PTR": ".".join(reversed(address(number % services, number % TASKS).split("."))) + ".in-addr.arpa PTR",
        "flat CNAME": f"lb-{number % DRAWN_FROM:04d}.ecs.internal A",
        "forwarded A": f"{forwarded} A",
        "forwarded NODATA": f"{forwarded} AAAA",
        "forwarded SRV": f"_http._tcp.{forwarded} SRV",
        "forwarded NXDOMAIN": f"no-{forwarded} A",
    }[kind]


MIX = [("A", 0.80), ("SRV", 0.10), ("NODATA", 0.05), ("NXDOMAIN", 0.05)]


def questions(kind, services):
    """Lines to draw from. Besides the kinds of answers there are two mixes, `local` and `cached`; `A of ten` asks for
    the same ten names, however many there are."""
    draw = random.Random(7)
    prefix = {"cached": "forwarded "}.get(kind, "")

    def line():
        number = draw.randrange(1 << 20)
        if kind in ("local", "cached"):
            mixed = draw.choices([name for name, _ in MIX], [share for _, share in MIX])[0]
            return one(prefix + mixed, number, services)
        return one("A", number % 10, services) if kind == "A of ten" else one(kind, number, services)

    return [line() for _ in range(LINES)]


def ask(port, line, patience=1.0):
    """The answer to a line of questions: response code, numbers of records, and size; `None` if there is none."""
    name, kind = line.split(" ")
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    query = struct.pack("!6H", 7, 0x0100, 1, 0, 0, 1) + labels + struct.pack("!xHH", TYPES[kind], 1)
    query += struct.pack("!xHHIH", 41, 1232, 0, 0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(patience)
        try:
            client.connect(("127.0.0.1", port))
            client.send(query)
            reply = client.recv(4096)
        except OSError:
            return None
    _, flags, _, answers, authorities, additional = struct.unpack("!6H", reply[:12])
    return f"{flags & 15}/{answers}/{authorities}/{additional}/{len(reply)}"


def warm(port, lines):
    """Asks each question twice, so that every cache has its answer."""
    for line in sorted(set(lines)) * 2:
        ask(port, line)
