"""An ECS of one cluster `prod`, for benches of the whole daemon: the real SDK reads it over HTTP.

Services `svc-0000`, `svc-0001`, … with running awsvpc tasks of one container, as `ecs-resolver demo --services` has them. Task
definitions are shared, since a resolver reads only a few of them a second.
"""

import hashlib
import http.server
import json
import socket
import threading

ARN = "arn:aws:ecs:us-east-1:123456789012:"
CREATED = 1_704_067_200.123


def service_name(number):
    return f"svc-{number:04d}"


class Cluster:
    """What the calls of a resolver are answered with."""

    def __init__(self, services, tasks, definitions=100):
        self.definitions = min(definitions, services)
        self.services = [f"{ARN}service/prod/{service_name(number)}" for number in range(services)]
        self.tasks = {}
        for number in range(services):
            for index in range(tasks):
                task = hashlib.md5(f"{number}/{index}".encode()).hexdigest()
                self.tasks[f"{ARN}task/prod/{task}"] = number, len(self.tasks)

    def definition(self, service):
        return f"{ARN}task-definition/family-{service % self.definitions}:1"

    def answer(self, call, asked):
        if call == "DescribeClusters":
            return {"clusters": [{"clusterArn": f"{ARN}cluster/prod", "clusterName": "prod", "status": "ACTIVE"}]}
        if call == "ListServices":
            return page("serviceArns", self.services, asked)
        if call == "ListTasks":
            return page("taskArns", list(self.tasks), asked)
        if call == "ListContainerInstances":
            return page("containerInstanceArns", [], asked)
        if call == "DescribeServices":
            return {"services": [self.service(arn) for arn in asked["services"]]}
        if call == "DescribeTasks":
            return {"tasks": [self.task(arn) for arn in asked["tasks"]]}
        if call == "DescribeTaskDefinition":
            return {"taskDefinition": definition(asked["taskDefinition"])}
        raise KeyError(call)

    def service(self, arn):
        name = arn.rsplit("/", 1)[1]
        return {
            "serviceArn": arn, "serviceName": name, "clusterArn": f"{ARN}cluster/prod", "status": "ACTIVE",
            "desiredCount": len(self.tasks) // len(self.services), "createdAt": CREATED,
            "taskDefinition": self.definition(int(name[4:])),
        }

    def task(self, arn):
        service, number = self.tasks[arn]
        address = f"10.{number // 254 // 256}.{number // 254 % 256}.{number % 254 + 1}"
        interface = {"attachmentId": f"eni-{number}", "privateIpv4Address": address}
        return {
            "taskArn": arn, "clusterArn": f"{ARN}cluster/prod", "group": f"service:{service_name(service)}",
            "taskDefinitionArn": self.definition(service), "lastStatus": "RUNNING", "desiredStatus": "RUNNING",
            "availabilityZone": f"us-east-1{'abc'[number % 3]}", "version": 1, "createdAt": CREATED, "startedAt": CREATED,
            "containers": [{"name": "app", "lastStatus": "RUNNING", "networkInterfaces": [interface]}],
        }


def definition(arn):
    port = {"name": "http", "containerPort": 8080, "protocol": "tcp"}
    container = {"name": "app", "essential": True, "portMappings": [port]}
    return {"taskDefinitionArn": arn, "networkMode": "awsvpc", "containerDefinitions": [container]}


def page(key, items, asked):
    first, most = int(asked.get("nextToken") or 0), asked.get("maxResults", 100)
    more = {"nextToken": str(first + most)} if first + most < len(items) else {}
    return {key: items[first : first + most], **more}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster = None

    def do_POST(self):
        call = self.headers["X-Amz-Target"].rsplit(".", 1)[1]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps(self.cluster.answer(call, asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class FakeEcs:
    """Serves a cluster on a port of its own until it is closed."""

    def __init__(self, cluster):
        handler = type("ClusterHandler", (Handler,), {"cluster": cluster})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def environment(endpoint):
    """What a daemon has in its environment: credentials, a region, and nothing of this host's."""
    return {
        "AWS_ENDPOINT_URL": endpoint, "AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDTEST",
        "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
    }


def query(name):
    """An A query."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return b"\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" + labels + b"\x00\x00\x01\x00\x01"


def addresses(port, name, patience=1.0):
    """How many answers 127.0.0.1:port gives; `None` if there is no reply, or nobody to give one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as channel:
        channel.settimeout(patience)
        try:
            channel.connect(("127.0.0.1", port))
            channel.send(query(name))
            reply = channel.recv(4096)
        except OSError:
            return None
    return int.from_bytes(reply[6:8], "big") if reply[3] & 15 == 0 else None
