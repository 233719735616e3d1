"""Asks the fake AWS everything that it serves and complains of what botocore's models do not know.

    tests/.venv/bin/python tests/model_check.py http://127.0.0.1:PORT CLUSTER TOPIC_ARN HOSTED_ZONE_ID

The SDKs ignore members that they do not know, so a misspelt or invented one would not show in any other test. Prints
the number of members that were looked at; exits 1 if one of them is in no model.
"""

import json
import sys
import xml.etree.ElementTree as ElementTree

import boto3
from botocore.config import Config

seen = 0
unknown = []


def walk_json(value, shape, path):
    global seen
    if shape.type_name == "structure":
        for key, member in value.items():
            seen += 1
            if key not in shape.members:
                unknown.append(f"{path}.{key}")
            else:
                walk_json(member, shape.members[key], f"{path}.{key}")
    elif shape.type_name == "list":
        for item in value:
            walk_json(item, shape.member, path + "[]")
    elif not fits(value, shape.type_name):
        unknown.append(f"{path}: {value!r} is no {shape.type_name}")


def fits(value, kind):
    wanted = {"string": str, "boolean": bool, "map": dict, "timestamp": (int, float), "double": (int, float)}
    return isinstance(value, wanted.get(kind, int))


def walk_xml(element, shape, path):
    global seen
    if shape.type_name == "structure":
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for child in element:
            name = local_name(child)
            seen += 1
            if name not in names:
                unknown.append(f"{path}.{name}")
            else:
                walk_xml(child, names[name], f"{path}.{name}")
    elif shape.type_name == "list":
        item = shape.member.serialization.get("name", "member")
        for child in element:
            if local_name(child) != item:
                unknown.append(f"{path}: a {local_name(child)} instead of {item}")
            walk_xml(child, shape.member, path + "[]")


def local_name(element):
    return element.tag.rpartition("}")[2]


def check(operation_model, response_dict, **_):
    shape, body = operation_model.output_shape, response_dict["body"]
    if shape is None:
        return
    protocol = operation_model.service_model.metadata["protocol"]
    if protocol == "json":
        walk_json(json.loads(body), shape, operation_model.name)
        return
    root = ElementTree.fromstring(body)
    if protocol == "ec2":
        envelope = root.find("{*}requestId")
        root.remove(envelope)
    elif protocol == "query":
        root = root.find("{*}" + shape.serialization["resultWrapper"])
    walk_xml(root, shape, operation_model.name)


def client(endpoint, name):
    session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1")
    made = session.client(name, endpoint_url=endpoint, config=Config(retries={"total_max_attempts": 1}))
    made.meta.events.register(f"before-parse.{name}.*", check)
    return made


def ask_ecs(ecs, cluster):
    ecs.list_clusters()
    ecs.describe_clusters(clusters=[cluster, "nope"])
    services = ecs.list_services(cluster=cluster)["serviceArns"]
    ecs.describe_services(cluster=cluster, services=[*services, "nope"], include=["TAGS"])
    tasks = [
        arn for status in ("RUNNING", "STOPPED") for arn in ecs.list_tasks(cluster=cluster, desiredStatus=status)["taskArns"]
    ]
    found = ecs.describe_tasks(cluster=cluster, tasks=[*tasks, "nope"], include=["TAGS"])["tasks"]
    for arn in sorted({task["taskDefinitionArn"] for task in found}):
        ecs.describe_task_definition(taskDefinition=arn)
    instances = ecs.list_container_instances(cluster=cluster, maxResults=1)["containerInstanceArns"]
    ecs.describe_container_instances(cluster=cluster, containerInstances=[*instances, "nope"])


def ask_queues(sqs, sns, topic):
    queue = sqs.create_queue(QueueName="model", Attributes={"VisibilityTimeout": "5"}, tags={"team": "a"})["QueueUrl"]
    sqs.get_queue_url(QueueName="model")
    sqs.list_queues(QueueNamePrefix="mod", MaxResults=1)
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]["QueueArn"]
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "0"})
    sqs.tag_queue(QueueUrl=queue, Tags={"owner": "b"})
    sqs.list_queue_tags(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody="a")
    for _ in range(2):
        found = sqs.receive_message(QueueUrl=queue, AttributeNames=["All"])["Messages"][0]["ReceiptHandle"]
    sqs.delete_message_batch(
        QueueUrl=queue, Entries=[{"Id": "a", "ReceiptHandle": found}, {"Id": "b", "ReceiptHandle": "nonsense"}]
    )
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=found)
    subscribed = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)["SubscriptionArn"]
    sns.list_subscriptions_by_topic(TopicArn=topic)
    sns.set_subscription_attributes(SubscriptionArn=subscribed, AttributeName="RawMessageDelivery", AttributeValue="true")
    sns.get_subscription_attributes(SubscriptionArn=subscribed)
    sns.publish(TopicArn=topic, Message="a")
    sns.unsubscribe(SubscriptionArn=subscribed)
    sqs.delete_queue(QueueUrl=queue)


def ask_zones(route53, zone):
    route53.list_hosted_zones_by_name(DNSName="ecs.internal")
    route53.get_hosted_zone(Id=zone)
    route53.list_resource_record_sets(HostedZoneId=zone, MaxItems="3")
    route53.list_resource_record_sets(HostedZoneId=zone)
    record = {"Name": "new.ecs.internal", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "10.0.0.9"}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    change = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)["ChangeInfo"]["Id"]
    route53.get_change(Id=change)


def main():
    endpoint, cluster, topic, zone = sys.argv[1:]
    ask_ecs(client(endpoint, "ecs"), cluster)
    ask_zones(client(endpoint, "route53"), zone)
    ec2 = client(endpoint, "ec2")
    ec2.describe_instances()
    ec2.describe_instances(MaxResults=5)
    client(endpoint, "elb").describe_load_balancers(PageSize=1)
    elbv2 = client(endpoint, "elbv2")
    elbv2.describe_load_balancers(PageSize=1)
    elbv2.describe_target_groups(PageSize=1)
    ask_queues(client(endpoint, "sqs"), client(endpoint, "sns"), topic)
    print(seen)
    if unknown:
        sys.exit("not in the model: " + ", ".join(unknown))


if __name__ == "__main__":
    main()
