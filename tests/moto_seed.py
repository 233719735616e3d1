"""Builds the seed's world on an empty moto server and prints, as JSON, what it made.

    tests/.venv/bin/python tests/moto_seed.py http://127.0.0.1:PORT

The world: the cluster `prod` with two container instances in a VPC 10.5.0.0/16, and four services of two tasks each.

    TwitchApp     bridge, fixed host port 8080      classic load balancer
    GoodreadsApp  bridge, dynamic host port         ALB with an instance target group; also a classic load balancer
    PortalApp     awsvpc                            ALB with an ip target group
    calc          awsvpc, port 7070 named `calc`    none

moto is not ECS. Services start no tasks, so the tasks are started here under the names that ECS would give them. Left
alone, a task moves on towards STOPPED each time that it is described, so its life is set to move by hand only.
Starting an awsvpc task fails unless its VPC has DNS host names and it is given a security group. Task addresses are
chosen by moto and do not lie in the subnet; bridge tasks get no network bindings and no task has a version.
"""

import json
import sys
import urllib.request

import boto3

REGION = "us-east-1"
ACCOUNT = "123456789012"
CLUSTER = "prod"


def hold_tasks(endpoint):
    """Lets tasks change their status only when they are stopped."""
    wish = {"model_name": "ecs::task", "transition": {"progression": "manual", "times": 1_000_000_000}}
    request = urllib.request.Request(
        endpoint + "/moto-api/state-manager/set-transition",
        data=json.dumps(wish).encode(),
        headers={"Content-Type": "application/json"},
        method="POST",
    )
    urllib.request.urlopen(request, timeout=30).close()


class Seed:
    """The clients, and what was made so far."""

    def __init__(self, endpoint):
        session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        self.ec2, self.ecs, self.elb, self.elbv2, self.iam = (
            session.client(name, endpoint_url=endpoint) for name in ("ec2", "ecs", "elb", "elbv2", "iam")
        )
        self.world = {"endpoint": endpoint, "region": REGION, "cluster": CLUSTER, "services": {}}

    def network(self):
        self.vpc = self.ec2.create_vpc(CidrBlock="10.5.0.0/16")["Vpc"]["VpcId"]
        for attribute in ("EnableDnsSupport", "EnableDnsHostnames"):
            self.ec2.modify_vpc_attribute(VpcId=self.vpc, **{attribute: {"Value": True}})
        self.subnets = []
        for zone, block in (("a", "10.5.10.0/24"), ("b", "10.5.15.0/24")):
            made = self.ec2.create_subnet(VpcId=self.vpc, CidrBlock=block, AvailabilityZone=REGION + zone)
            self.subnets.append(made["Subnet"]["SubnetId"])
        group = self.ec2.create_security_group(VpcId=self.vpc, GroupName="ecs", Description="tasks and instances")
        self.security_group = group["GroupId"]

    def cluster(self):
        """The cluster, and one container instance in each subnet."""
        self.ecs.create_cluster(clusterName=CLUSTER)
        image = self.ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        self.world["instances"] = []
        for subnet in self.subnets:
            launched = self.ec2.run_instances(
                ImageId=image,
                InstanceType="t3.medium",
                MinCount=1,
                MaxCount=1,
                SubnetId=subnet,
                SecurityGroupIds=[self.security_group],
            )["Instances"][0]
            document = {
                "accountId": ACCOUNT,
                "instanceId": launched["InstanceId"],
                "privateIp": launched["PrivateIpAddress"],
                "region": REGION,
            }
            registered = self.ecs.register_container_instance(
                cluster=CLUSTER, instanceIdentityDocument=json.dumps(document)
            )["containerInstance"]
            self.world["instances"].append(
                {
                    "instanceId": launched["InstanceId"],
                    "privateIp": launched["PrivateIpAddress"],
                    "availabilityZone": launched["Placement"]["AvailabilityZone"],
                    "containerInstanceArn": registered["containerInstanceArn"],
                }
            )

    def classic_load_balancer(self, name, instance_port):
        """Returns its DNS name."""
        listener = {"Protocol": "TCP", "LoadBalancerPort": 80, "InstancePort": instance_port}
        made = self.elb.create_load_balancer(
            LoadBalancerName=name,
            Scheme="internal",
            Subnets=self.subnets,
            SecurityGroups=[self.security_group],
            Listeners=[listener],
        )
        return made["DNSName"]

    def target_group(self, name, target_type, port):
        """An ALB with a target group behind it; returns the group's ARN and the ALB's DNS name."""
        balancer = self.elbv2.create_load_balancer(
            Name=name + "-alb", Scheme="internal", Subnets=self.subnets, SecurityGroups=[self.security_group]
        )["LoadBalancers"][0]
        group = self.elbv2.create_target_group(
            Name=name + "-tg", Protocol="HTTP", Port=port, VpcId=self.vpc, TargetType=target_type
        )["TargetGroups"][0]["TargetGroupArn"]
        self.elbv2.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"],
            Protocol="HTTP",
            Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )
        return group, balancer["DNSName"]

    def service(self, name, mode, port, declares=(), dns_names=()):
        """A service and its two tasks. `declares` is its loadBalancers without the container."""
        definition = self.ecs.register_task_definition(
            family=name,
            networkMode=mode,
            containerDefinitions=[
                {"name": name, "image": "example/" + name.lower(), "memory": 64, "essential": True, "portMappings": [port]}
            ],
        )["taskDefinition"]["taskDefinitionArn"]
        network = {}
        if mode == "awsvpc":
            placed = {"subnets": self.subnets, "securityGroups": [self.security_group]}
            network = {"networkConfiguration": {"awsvpcConfiguration": placed}}
        target = {"containerName": name, "containerPort": port["containerPort"]}
        made = self.ecs.create_service(
            cluster=CLUSTER,
            serviceName=name,
            taskDefinition=definition,
            desiredCount=2,
            launchType="EC2",
            loadBalancers=[{**one, **target} for one in declares],
            **network,
        )["service"]
        started = self.ecs.run_task(
            cluster=CLUSTER,
            taskDefinition=definition,
            count=2,
            launchType="EC2",
            group="service:" + name,
            startedBy=made["deployments"][0]["id"],
            **network,
        )
        if started["failures"]:
            sys.exit(f"moto does not start the tasks of {name}: {started['failures']}")
        self.world["services"][name] = {
            "arn": made["serviceArn"],
            "taskDefinitionArn": definition,
            "loadBalancers": list(dns_names),
            "tasks": [self.task(task) for task in started["tasks"]],
        }

    @staticmethod
    def task(task):
        details = [detail for attachment in task["attachments"] for detail in attachment["details"]]
        addresses = [detail["value"] for detail in details if detail["name"] == "privateIPv4Address"]
        return {
            "arn": task["taskArn"],
            "containerInstanceArn": task["containerInstanceArn"],
            "eniAddress": addresses[0] if addresses else None,
        }

    def services(self):
        self.iam.create_role(RoleName="ecsServiceRole", AssumeRolePolicyDocument="{}")
        twitch = self.classic_load_balancer("TwitchApp", 8080)
        goodreads = self.classic_load_balancer("GoodreadsApp", 9090)
        by_instance, goodreads_alb = self.target_group("GoodreadsApp", "instance", 9090)
        by_address, portal_alb = self.target_group("PortalApp", "ip", 8080)
        tcp = {"protocol": "tcp"}

        fixed = {**tcp, "containerPort": 80, "hostPort": 8080}
        self.service("TwitchApp", "bridge", fixed, [{"loadBalancerName": "TwitchApp"}], [twitch])
        dynamic = {**tcp, "containerPort": 80, "hostPort": 0}
        self.service("GoodreadsApp", "bridge", dynamic, [{"targetGroupArn": by_instance}], [goodreads_alb])
        self.world["services"]["GoodreadsApp"]["classicLoadBalancer"] = goodreads
        own = {**tcp, "containerPort": 8080}
        self.service("PortalApp", "awsvpc", own, [{"targetGroupArn": by_address}], [portal_alb])
        self.service("calc", "awsvpc", {**tcp, "name": "calc", "containerPort": 7070})


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: moto_seed.py http://127.0.0.1:PORT")
    endpoint = sys.argv[1].rstrip("/")
    hold_tasks(endpoint)
    seed = Seed(endpoint)
    seed.network()
    seed.cluster()
    seed.services()
    json.dump(seed.world, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
