"""What the user has already: a bucket with data, a topic, a key and more, which a stack uses and leaves."""

import json
from typing import Any

from tests.e2e.stack import DeployedStack
from tests.engine import Engine

BUCKET = "my-lake"
TRAINING = f"s3://{BUCKET}/iris/train/"
RESULTS = f"s3://{BUCKET}/iris/results/"
SOURCE = f"s3://{BUCKET}/iris/source.tar.gz"
REPOSITORY = "house-prices"
KEY = "alias/my-lake"
TOPIC = "arn:aws:sns:us-east-1:123456789012:features-ready"
_POLICY = "arn:aws:iam::123456789012:policy/read-my-lake"
# The deploy parameters that name them, without the key's.
_PARAMETERS = (
    f"readBuckets=s3://{BUCKET}/iris/",
    f"writeBuckets={RESULTS}",
    f"trainingPolicies={_POLICY}",
    f"triggerTopic={TOPIC}",
    f"codecommitRepository={REPOSITORY}",
)


def create(engine: Engine) -> tuple[str, ...]:
    """Create them, before there is a stack; return the deploy parameters that name them."""
    kms = engine.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName=KEY, TargetKeyId=key)
    engine.client("s3").create_bucket(Bucket=BUCKET)
    engine.client("sns").create_topic(Name=TOPIC.rpartition(":")[2])
    engine.client("codecommit").create_repository(repositoryName=REPOSITORY)
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/iris/train/*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [read]})
    engine.client("iam").create_policy(PolicyName=_POLICY.rpartition("/")[2], PolicyDocument=document)
    return (*_PARAMETERS, f"kmsKeys={key}")


def fill(stack: DeployedStack) -> None:
    """Copy the stack's data and script into the bucket, which reports its events to the launch topic from then on."""
    s3 = stack.client("s3")
    for place, key, copy in (
        ("DataBucket", "train/digits.csv", "iris/train/digits.csv"),
        ("CodeBucket", "source.tar.gz", "iris/source.tar.gz"),
    ):
        s3.copy_object(CopySource={"Bucket": stack.outputs[place], "Key": key}, Bucket=BUCKET, Key=copy)
    topic = {
        "TopicArn": stack.outputs["LaunchTopicArn"],
        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "iris/train/"}]}},
    }
    s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration={"TopicConfigurations": [topic]})


def replace_data(stack: DeployedStack) -> dict[str, Any]:
    """Delete an object and create another one; return the record of the build that this starts."""
    s3, number = stack.client("s3"), stack.last_number()
    s3.delete_object(Bucket=BUCKET, Key="iris/train/digits.csv")
    s3.put_object(Bucket=BUCKET, Key="iris/train/more digits.csv", Body=b"1,2")
    return stack.finish(number + 1)


def describe(engine: Engine) -> dict[str, Any]:
    """Everything that a stack must leave as it is."""
    s3, sns = engine.client("s3"), engine.client("sns")
    objects = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    configured = s3.get_bucket_notification_configuration(Bucket=BUCKET)
    return {
        "objects": {each["Key"]: each["ETag"] for each in objects},
        "notifications": configured.get("TopicConfigurations"),
        "topic": sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"],
        "repository": engine.client("codecommit").get_repository(repositoryName=REPOSITORY)["repositoryMetadata"],
        "key": engine.client("kms").describe_key(KeyId=KEY)["KeyMetadata"],
        "policy": engine.client("iam").get_policy(PolicyArn=_POLICY)["Policy"]["PolicyId"],
    }


def list_subscriptions(engine: Engine) -> list[str]:
    """The endpoints to which the topic sends."""
    found = engine.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    return [each["Endpoint"] for each in found]
