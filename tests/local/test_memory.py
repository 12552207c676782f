"""What the engine keeps after work that has ended: no threads, processes or deleted objects, and no parsed history."""

import json
import subprocess
import sys
from pathlib import Path

from tests.engine import ROOT

ROUNDS = 5
# Runs an engine in its own process, which counts what it keeps before and after some rounds of work.
_PROGRAM = """
import gc, json, os, sys, threading
from collections import Counter
from contextlib import suppress
from pathlib import Path
from local import processes, server
from local.config import Config
from tests.engine import Engine
from tests.local.functions import name, queue, receive
from tests.local.sagemaker_world import Trainer
from tests.local.state_machines import Machines
from tests.local.test_streams import make_table

WATCHED = {"ContainerProcess", "FakeKey", "Message", "Output", "Popen", "ShardIterator", "Table", "Thread", "Timer"}
WATCHED |= {"Environment", "LogEvent"}
settings = server.start(Config(port=0, data=Path(sys.argv[1]), time_scale=20))
engine = Engine(settings.endpoint_url, settings.data, None, settings.access_key, settings.access_key)
machines, trainer, (table, stream), (url, _) = Machines.of(engine), Trainer(engine), make_table(engine), queue(engine)
dynamodb, streams, s3 = (engine.client(service) for service in ("dynamodb", "dynamodbstreams", "s3"))
machine = machines.create({"Wait": {"Type": "Wait", "Seconds": 1, "End": True}})
topic = engine.client("sns").create_topic(Name=name("topic"))["TopicArn"]
item = {"id": {"S": "a"}}
failing = {"Put": {"TableName": table, "Item": item, "ConditionExpression": "attribute_not_exists(id)"}}
(shard,) = streams.describe_stream(StreamArn=stream)["StreamDescription"]["Shards"]
position = {"StreamArn": stream, "ShardId": shard["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
dynamodb.put_item(TableName=table, Item=item)
source = "import os; print('learned'); open(os.path.join(os.environ['SM_MODEL_DIR'], 'model'), 'w').close()"

def work():
    assert machines.finish(machines.start(machine))["status"] == "SUCCEEDED"
    with suppress(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=[failing])
    streams.get_records(ShardIterator=streams.get_shard_iterator(**position)["ShardIterator"])
    engine.client("sns").publish(TopicArn=topic, Message="hello")
    engine.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    receive(engine, url)
    assert trainer.finish(trainer.start(source))["TrainingJobStatus"] == "Completed"
    s3.delete_objects(
        Bucket=trainer.bucket,
        Delete={"Objects": [{"Key": each["Key"]} for each in s3.list_objects_v2(Bucket=trainer.bucket)["Contents"]]},
    )

def count():
    gc.unfreeze()
    gc.collect()
    kinds = Counter(type(each).__name__ for each in gc.get_objects())
    topics = [each for each in gc.get_objects() if type(each).__name__ == "Topic"]
    kept = {kind: kinds[kind] for kind in WATCHED}
    return kept | {
        "published messages": sum(len(topic.sent_notifications) for topic in topics),
        "running threads": threading.active_count(),
        "open files": len(os.listdir("/proc/self/fd")),
        "processes": len(processes._running),
    }

for _ in range(2):
    work()
before = count()
unknown = WATCHED - {each.__name__ for each in gc.get_objects() if isinstance(each, type)}
assert not unknown, f"no such classes: {unknown}"
for _ in range(int(sys.argv[2])):
    work()
print(json.dumps({kind: number - before[kind] for kind, number in count().items()}), flush=True)
server.stop()
os._exit(0)
"""


def test_ended_work_leaves_no_threads_files_processes_or_deleted_objects(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path), str(ROUNDS)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    grown = json.loads(ended.stdout.splitlines()[-1])
    # Pools of threads and connections may still grow a little, but nothing grows with each round.
    assert {kind: number for kind, number in grown.items() if number >= ROUNDS} == {}, grown


def test_the_description_of_a_service_is_kept_once_unless_something_changes_it() -> None:
    program = """
from botocore.loaders import create_loader
from local import shortcuts
shortcuts.install()
one, two = create_loader(), create_loader()
for service in ("sagemaker", "s3", "sqs"):
    print(one.load_service_model(service, "service-2") is two.load_service_model(service, "service-2"))
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["True", "False", "False"]


def test_a_packed_value_is_kept_for_a_copy_and_a_failed_one_leaves_nothing(tmp_path: Path) -> None:
    program = """
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from sys import argv
from local import config
from local.database import Packed
config.use(config.Config(port=0, data=Path(argv[1])))
with suppress(Exception):
    Packed(lambda: None)  # pickle refuses it
one = Packed("one")
copied = deepcopy(one)
del one
Packed("two"), Packed("three")
print(copied.read())
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("one\n", "")


def test_packed_values_are_in_the_data_folder_in_a_file_without_a_name(tmp_path: Path) -> None:
    program = """
import os
from pathlib import Path
from sys import argv
from local import config
from local.database import Packed
config.use(config.Config(port=0, data=Path(argv[1])))
kept = [Packed(os.urandom(100_000)) for _ in range(40)]
links = [Path(f"/proc/self/fd/{number}") for number in range(3, 20)]
print(sum(link.is_symlink() and link.readlink().parent == Path(argv[1]) for link in links), os.listdir(argv[1]))
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "1 []\n"
