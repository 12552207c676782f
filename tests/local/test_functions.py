"""Lambda in local/ runs uploaded code as AWS does."""

import base64
import io
import json
import time
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.loaders import Loader

from tests.engine import Engine
from tests.local.functions import Recorder, archive, deploy, eventually, name, queue, receive
from tests.roles import create_role

ECHO = """
    import os, time
    started_at = time.time()
    def handler(event, context):
        return {"event": event, "pid": os.getpid(), "arn": context.invoked_function_arn, "id": context.aws_request_id,
                "version": context.function_version, "left": context.get_remaining_time_in_millis()}
"""


def invoke(engine: Engine, function: str, event: Any = None, **settings: Any) -> Any:
    """Invoke a function; return its parsed payload."""
    return json.loads(call(engine, function, event, **settings)["Payload"].read())


def call(engine: Engine, function: str, event: Any = None, **settings: Any) -> dict[str, Any]:
    """Invoke a function; return the whole answer."""
    arguments = {"FunctionName": function, "Payload": json.dumps(event or {})} | settings
    return engine.client("lambda").invoke(**arguments)  # type: ignore[no-any-return]


def test_a_function_needs_a_handler_and_a_statement_an_id_of_its_own(engine: Engine) -> None:
    functions, code = engine.client("lambda"), {"ZipFile": archive({"index.py": "def handler(event, context): ..."})}
    given = {"FunctionName": name("function"), "Role": create_role(engine, "lambda"), "Code": code}
    for part in ({"Runtime": "python3.13"}, {"Handler": "index.handler"}):
        with pytest.raises(ClientError, match="Runtime and Handler are mandatory"):
            functions.create_function(**given, **part)
    arn = functions.create_function(**given, Runtime="python3.13", Handler="index.handler")["FunctionArn"]
    permission = {"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "s3.amazonaws.com"}
    functions.add_permission(FunctionName=arn, **permission)
    with pytest.raises(ClientError, match=r"ResourceConflictException.*The statement id \(s\) provided already exists"):
        functions.add_permission(FunctionName=arn, **permission)


def test_a_warm_process_is_reused(engine: Engine) -> None:
    arn = deploy(engine, ECHO)
    first, second = invoke(engine, arn, {"a": 1}), invoke(engine, arn)
    assert first["event"] == {"a": 1}
    assert first["arn"] == arn
    assert first["version"] == "$LATEST"
    assert 2000 < first["left"] <= 3000
    assert first["pid"] == second["pid"]
    assert first["id"] != second["id"]


def test_a_warm_invocation_is_faster_than_a_cold_one(engine: Engine) -> None:
    arn = deploy(engine, ECHO)

    def seconds() -> float:
        started_at = time.perf_counter()
        invoke(engine, arn)
        return time.perf_counter() - started_at

    cold, *warm = [seconds() for _ in range(21)]
    assert min(warm) < cold


def test_an_archive_from_s3_with_a_handler_in_a_folder_runs(engine: Engine) -> None:
    bucket = name("bucket")
    engine.client("s3").create_bucket(Bucket=bucket)
    files = {
        "handlers/plan_build.py": "import shared\ndef handler(e, c): return shared.ANSWER",
        "shared.py": "ANSWER = 42",
    }
    engine.client("s3").put_object(Bucket=bucket, Key="code.zip", Body=archive(files))
    arn = deploy(engine, "", Code={"S3Bucket": bucket, "S3Key": "code.zip"}, Handler="handlers/plan_build.handler")
    assert invoke(engine, arn) == 42


def test_updates_of_code_and_configuration_take_effect(engine: Engine) -> None:
    arn = deploy(engine, "import os\ndef handler(e, c): return ['old', os.environ.get('STAGE')]")
    assert invoke(engine, arn) == ["old", None]
    new = archive({"index.py": "import os\ndef handler(e, c): return ['new', os.environ.get('STAGE')]"})
    engine.client("lambda").update_function_code(FunctionName=arn, ZipFile=new)
    assert invoke(engine, arn) == ["new", None]
    engine.client("lambda").update_function_configuration(FunctionName=arn, Environment={"Variables": {"STAGE": "1"}})
    assert invoke(engine, arn) == ["new", "1"]


def test_versions_and_aliases_run_their_own_code(engine: Engine) -> None:
    arn = deploy(engine, "def handler(e, c): return [1, c.function_version, c.invoked_function_arn]")
    client = engine.client("lambda")
    client.publish_version(FunctionName=arn)
    client.create_alias(FunctionName=arn, Name="live", FunctionVersion="1")
    newer = "def handler(e, c): return [2, c.function_version, c.invoked_function_arn]"
    client.update_function_code(FunctionName=arn, ZipFile=archive({"index.py": newer}))
    assert invoke(engine, arn) == [2, "$LATEST", arn]
    assert invoke(engine, arn, Qualifier="1") == [1, "1", f"{arn}:1"]
    assert invoke(engine, arn, Qualifier="live") == [1, "1", f"{arn}:live"]
    assert invoke(engine, f"{arn}:live") == [1, "1", f"{arn}:live"]
    assert call(engine, arn, Qualifier="live")["ExecutedVersion"] == "1"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call(engine, arn, Qualifier="gone")


def test_a_function_has_no_access_to_variables_and_packages_of_this_machine(engine: Engine) -> None:
    source = """
        import importlib.util, os, sys, tempfile
        def is_there(module):
            try:
                return importlib.util.find_spec(module) is not None
            except ModuleNotFoundError:  # its package is missing
                return False
        def handler(event, context):
            found = [m for m in ("local.server", "sagebuild.service", "handlers.plan_build") if is_there(m)]
            return {"found": found, "env": dict(os.environ), "cwd": os.getcwd(), "path": sys.path,
                    "tmp": tempfile.gettempdir(), "boto3": bool(importlib.util.find_spec("boto3"))}
    """
    seen = invoke(engine, deploy(engine, source, Environment={"Variables": {"MINE": "yes"}}))
    assert seen["found"] == []
    assert seen["boto3"]
    environment = seen["env"]
    assert environment["MINE"] == "yes"
    assert environment["AWS_ENDPOINT_URL"] == engine.endpoint_url
    assert environment["LAMBDA_TASK_ROOT"] == seen["cwd"] == seen["path"][0]
    assert environment["_X_AMZN_TRACE_ID"].startswith("Root=1-")
    assert not {"HOME", "USER", "PWD", "VIRTUAL_ENV"} & set(environment)
    assert str(engine.data) in seen["tmp"]


def test_a_function_prefers_its_own_copy_of_a_library(engine: Engine) -> None:
    code = {
        "index.py": "import jmespath\ndef handler(e, c): return jmespath.MINE",
        "jmespath.py": "MINE = 'from the archive'",
    }
    assert invoke(engine, deploy(engine, "", Code={"ZipFile": archive(code)})) == "from the archive"


def test_variables_that_python_reads_at_its_start_take_effect(engine: Engine) -> None:
    source = "import sys\ndef handler(e, c): return sys.flags.optimize"
    assert invoke(engine, deploy(engine, source, Environment={"Variables": {"PYTHONOPTIMIZE": "2"}})) == 2
    assert invoke(engine, deploy(engine, source)) == 0


def test_a_function_starts_with_the_libraries_already_imported(engine: Engine) -> None:
    source = "import sys\nimported = 'boto3' in sys.modules\ndef handler(e, c): return imported"
    assert invoke(engine, deploy(engine, source))


def test_a_function_calls_aws_in_its_own_role(engine: Engine) -> None:
    source = "import boto3\ndef handler(e, c): return boto3.client('sts').get_caller_identity()['Arn']"
    own = create_role(engine, "lambda")
    seen = invoke(engine, deploy(engine, source, Role=own, Timeout=20))
    assert f":assumed-role/{own.split('/')[-1]}/" in seen


def test_an_exception_has_the_format_of_lambda(engine: Engine) -> None:
    arn = deploy(engine, "def handler(e, c):\n    print('about to fail')\n    raise ValueError('no such thing')")
    answer = call(engine, arn, LogType="Tail")
    error = json.loads(answer["Payload"].read())
    assert answer["StatusCode"] == 200
    assert answer["FunctionError"] == "Unhandled"
    assert {"errorMessage": "no such thing", "errorType": "ValueError"}.items() <= error.items()
    assert "index.py" in error["stackTrace"][0]
    assert error["requestId"]
    tail = base64.b64decode(answer["LogResult"]).decode()
    assert "about to fail" in tail
    assert "[ERROR] ValueError: no such thing\nTraceback" in tail
    assert f"END RequestId: {error['requestId']}" in tail


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (
            "import nothing_of_this_name",
            "Runtime.ImportModuleError",
            "Unable to import module 'index': No module",
        ),
        ("x = 1", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'index'"),
        ("def handler(e, c)\n  pass", "Runtime.UserCodeSyntaxError", "Syntax error in module 'index'"),
        ("import os\ndef handler(e, c): os._exit(3)", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
        ("import os\ndef handler(e, c): os.kill(os.getpid(), 9)", "Runtime.ExitError", "signal: killed"),
        ("def handler(e, c): return object()", "Runtime.MarshalError", "Unable to marshal response"),
        ("def handler(e, c): return 'x' * 7_000_000", "Function.ResponseSizeTooLarge", "exceeded maximum allowed"),
    ],
)
def test_runtime_errors_have_the_names_of_lambda(engine: Engine, source: str, kind: str, message: str) -> None:
    arn = deploy(engine, source)
    for _ in range(2):  # the second invocation fails alike
        answer = call(engine, arn)
        error = json.loads(answer["Payload"].read())
        assert answer["FunctionError"] == "Unhandled"
        assert error["errorType"] == kind
        assert message in error["errorMessage"]


def test_a_function_is_killed_at_its_timeout(engine: Engine) -> None:
    source = "import os, time\ndef handler(e, c):\n    if e: time.sleep(30)\n    return os.getpid()"
    arn = deploy(engine, source, Timeout=1)
    pid = invoke(engine, arn)
    error = invoke(engine, arn, {"sleep": True})
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Error: Task timed out after 1.00 seconds")
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    assert invoke(engine, arn) != pid


def test_reserved_concurrency_limits_concurrent_invocations(engine: Engine) -> None:
    arn = deploy(engine, "import os, time\ndef handler(e, c):\n    time.sleep(1)\n    return os.getpid()", Timeout=10)
    engine.client("lambda").put_function_concurrency(FunctionName=arn, ReservedConcurrentExecutions=2)
    client = boto3.client(
        "lambda",
        config=Config(retries={"total_max_attempts": 1}),
        region_name="us-east-1",
        endpoint_url=engine.endpoint_url,
        aws_access_key_id=engine.owner,
        aws_secret_access_key="local",
    )

    def run(_: int) -> Any:
        try:
            return json.loads(client.invoke(FunctionName=arn)["Payload"].read())
        except client.exceptions.TooManyRequestsException:
            return "throttled"

    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(run, range(3)))
    assert results.count("throttled") == 1
    assert len(set(results)) == 3


def test_an_event_is_tried_three_times_and_then_sent_to_the_destination(engine: Engine, tmp_path: Path) -> None:
    failures, failures_arn = queue(engine)
    dead, dead_arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path, fails=True, DeadLetterConfig={"TargetArn": dead_arn})
    engine.client("lambda").put_function_event_invoke_config(
        FunctionName=recorder.arn, DestinationConfig={"OnFailure": {"Destination": failures_arn}}
    )
    assert call(engine, recorder.arn, {"n": 1}, InvocationType="Event")["StatusCode"] == 202
    record = json.loads(receive(engine, failures)["Body"])
    assert recorder.events == [{"n": 1}] * 3
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["functionArn"] == f"{recorder.arn}:$LATEST"
    assert record["requestPayload"] == {"n": 1}
    assert record["responseContext"]["functionError"] == "Unhandled"
    assert record["responsePayload"]["errorMessage"] == "configured to fail"
    letter = receive(engine, dead)
    assert json.loads(letter["Body"]) == {"n": 1}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "configured to fail"


def test_an_event_without_retries_is_tried_once(engine: Engine, tmp_path: Path) -> None:
    dead, dead_arn = queue(engine)
    recorder = Recorder.deploy(engine, tmp_path, fails=True, DeadLetterConfig={"TargetArn": dead_arn})
    for attempts in (1, 0):  # the second call replaces the settings of the first
        engine.client("lambda").put_function_event_invoke_config(
            FunctionName=recorder.arn, MaximumRetryAttempts=attempts
        )
    call(engine, recorder.arn, {"n": 1}, InvocationType="Event")
    receive(engine, dead)
    assert len(recorder.events) == 1


def test_the_output_of_a_function_is_in_its_log_group(engine: Engine) -> None:
    arn = deploy(engine, "import logging\ndef handler(e, c):\n    print('one\\ntwo')\n    logging.warning('three')")
    request = call(engine, arn)["ResponseMetadata"]["RequestId"]
    logs = engine.client("logs")

    def messages() -> list[str] | None:
        try:
            events = logs.filter_log_events(logGroupName=f"/aws/lambda/{arn.split(':')[-1]}")["events"]
        except logs.exceptions.ResourceNotFoundException:
            return None
        lines = [event["message"] for event in events]
        return lines if any(line.startswith("REPORT") for line in lines) else None

    lines = eventually(messages)
    assert lines[0] == f"START RequestId: {request} Version: $LATEST"
    assert lines[1:3] == ["one", "two"]
    assert lines[3].startswith("[WARNING]")
    assert lines[3].endswith("three")
    assert lines[4] == f"END RequestId: {request}"
    assert "Init Duration" in lines[5]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"Runtime": "nodejs22.x"}, "local/ runs only Python functions, not nodejs22.x"),
        ({"Code": {"ZipFile": b"no archive"}}, "Could not unzip uploaded file"),
        ({"Code": {"S3Bucket": "no-such-bucket-here", "S3Key": "k"}}, "The specified bucket does not exist"),
        ({"Environment": {"Variables": {"AWS_REGION": "x"}}}, "reserved keys .* AWS_REGION"),
        ({"Environment": {"Variables": {"LONG": "x" * 5000}}}, "exceeded the 4KB limit. String measured"),
    ],
)
def test_an_unsupported_function_is_refused_with_the_reason(
    engine: Engine, settings: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason) as refused:
        deploy(engine, ECHO, **settings)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_invalid_payloads_are_refused(engine: Engine) -> None:
    arn = deploy(engine, ECHO)
    with pytest.raises(ClientError, match="InvalidRequestContentException"):
        call(engine, arn, Payload=b"{no json")
    with pytest.raises(ClientError, match="RequestTooLargeException"):
        call(engine, arn, Payload=json.dumps("x" * 6_300_000))
    assert call(engine, arn, InvocationType="DryRun")["StatusCode"] == 204


def test_deleting_a_function_ends_its_processes(engine: Engine) -> None:
    arn = deploy(engine, ECHO)
    pid = invoke(engine, arn)["pid"]
    engine.client("lambda").delete_function(FunctionName=arn)
    eventually(lambda: not Path(f"/proc/{pid}").exists())
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        call(engine, arn)


def test_lines_longer_than_a_log_event_are_split(engine: Engine) -> None:
    arn = deploy(engine, "def handler(e, c):\n    for letter in 'abc':\n        print(letter * 700_000)", Timeout=30)
    engine.client("lambda").invoke(FunctionName=arn)
    logs, group = engine.client("logs"), f"/aws/lambda/{arn.split(':')[-1]}"

    def read() -> str:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=group)
        return "".join(event["message"] for page in pages for event in page["events"])

    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"])
    eventually(lambda: "REPORT" in read())
    assert [letter for letter in "abc" if letter * 700_000 not in read()] == []


def test_the_last_lines_of_a_deleted_function_create_no_log_group(engine: Engine) -> None:
    arn = deploy(engine, ECHO)
    invoke(engine, arn)
    engine.client("lambda").delete_function(FunctionName=arn)
    time.sleep(0.5)  # longer than lines wait before they are sent
    group = f"/aws/lambda/{arn.rpartition(':')[2]}"
    assert engine.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"] == []


def test_an_executable_in_the_archive_stays_executable(engine: Engine) -> None:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as target:
        script = zipfile.ZipInfo("tool.sh")
        script.external_attr = 0o755 << 16
        target.writestr(script, "#!/bin/sh\necho done")
        run = "import subprocess\ndef handler(e, c): return subprocess.check_output('./tool.sh').decode()"
        target.writestr("index.py", run)
    assert invoke(engine, deploy(engine, "", Code={"ZipFile": content.getvalue()})) == "done\n"


def publish(engine: Engine, files: Mapping[str, str]) -> str:
    """Publish a layer with these files; return the ARN of its version."""
    content = {"ZipFile": archive(files)}
    published = engine.client("lambda").publish_layer_version(LayerName=name("layer"), Content=content)
    return str(published["LayerVersionArn"])


def test_a_function_imports_the_packages_of_its_layers(engine: Engine) -> None:
    first = publish(
        engine, {"python/ours.py": "ANSWER = 1", "python/lib/python3.13/site-packages/theirs.py": "OTHER = 2"}
    )
    second = publish(engine, {"python/ours.py": "ANSWER = 3"})
    source = "import ours, theirs\ndef handler(e, c): return [ours.ANSWER, theirs.OTHER]"
    arn = deploy(engine, source, Layers=[first, second])
    assert invoke(engine, arn) == [3, 2]
    engine.client("lambda").update_function_configuration(FunctionName=arn, Layers=[first])
    layer, _, version = first.rpartition(":")
    engine.client("lambda").delete_layer_version(LayerName=layer.rpartition(":")[2], VersionNumber=int(version))
    assert invoke(engine, arn) == [1, 2]


def test_the_engine_s_libraries_represent_those_of_a_layer(engine: Engine) -> None:
    layer = publish(engine, {"python/boto3/__init__.py": "raise ImportError('built for another platform')"})
    arn = deploy(engine, "import boto3\ndef handler(e, c): return boto3.__name__", Layers=[layer])
    assert invoke(engine, arn) == "boto3"


@pytest.mark.parametrize("place", ["python", "python/lib/python3.13/site-packages"])
def test_a_function_has_the_operations_that_its_layer_describes(engine: Engine, place: str) -> None:
    described = dict(Loader().load_service_model("sns", "service-2"))
    described["operations"] = {"Publish": described["operations"]["Publish"]}
    path = f"{place}/botocore/data/sns/2010-03-31/service-2.json"
    source = """
        import boto3
        def handler(event, context):
            sns = boto3.client("sns")
            return [hasattr(sns, name) for name in ("publish", "list_topics")]
    """
    assert invoke(engine, deploy(engine, source)) == [True, True]
    layer = publish(engine, {path: json.dumps(described)})
    assert invoke(engine, deploy(engine, source, Layers=[layer])) == [True, False]


def test_a_layer_that_is_no_archive_is_refused(engine: Engine) -> None:
    functions, layer = engine.client("lambda"), name("layer")
    with pytest.raises(ClientError, match="Could not unzip uploaded file"):
        functions.publish_layer_version(LayerName=layer, Content={"ZipFile": b"text"})
    assert functions.list_layer_versions(LayerName=layer)["LayerVersions"] == []
