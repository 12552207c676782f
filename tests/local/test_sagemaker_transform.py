"""Transform jobs in local/ send the records of S3 objects to the model's server, and store its answers."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local.sagemaker.pipes import wrap_record
from local.sagemaker.transform_paths import PathError, RecordPath
from tests.engine import Engine
from tests.local.sagemaker_world import SERVE_DEFAULTS, TRANSFORM_LOGS, Transformer, pack, wait_until

# It answers each line of CSV, each list of JSON, and each binary request.
SERVE = """
import json, os, sys, time

def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    strategy = os.environ.get("SAGEMAKER_BATCH_STRATEGY")
    # In one piece, because requests are answered in threads.
    sys.stdout.write(f"request of {len(body)} {os.environ['SAGEMAKER_BATCH']} {strategy}\\n")
    sys.stdout.flush()
    if content_type == "application/x-recordio":
        return repr(bytes(body)), "text/plain"
    if content_type != "text/csv":
        rows = [json.loads(line) for line in body.splitlines()]
        answers = [{"label": sum(row["features"] if isinstance(row, dict) else row)} for row in rows]
        return "\\n".join(json.dumps(answer) for answer in answers), accept
    if "slow" in body:
        time.sleep(600)
    rows = [[float(value) for value in line.split(",")] for line in body.split("\\n")]
    return "\\n".join(f"{sum(row)},{len(row)}" for row in rows), "text/csv"
"""


@pytest.fixture(scope="module")
def world(engine: Engine) -> Transformer:
    return Transformer(engine)


@pytest.fixture(scope="module")
def model(world: Transformer) -> str:
    return world.model(SERVE)


def test_every_object_of_a_prefix_has_an_output(world: Transformer) -> None:
    line = world.model(SERVE_DEFAULTS)  # y = 1 + 2 a + 3 b
    world.put("in/one.csv", "0,0\n1,1\n")
    world.put("in/deep/two.csv", "2,0\n0,2")
    name = world.transform(line, f"s3://{world.bucket}/in/")
    job = world.finish(name)
    assert job["TransformJobStatus"] == "Completed", job.get("FailureReason")
    results = {key: [round(float(one)) for one in value.split()] for key, value in world.read_results(name).items()}
    assert results == {"one.csv.out": [1, 6], "deep/two.csv.out": [5, 7]}
    assert job["CreationTime"] < job["TransformStartTime"] < job["TransformEndTime"]
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None"}
    streams = world.list_streams(TRANSFORM_LOGS, logStreamNamePrefix=name)
    assert [stream.endswith("/data-log") for stream in sorted(streams)] == [False, True]
    line_of_log = "[sagemaker logs]: MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"
    assert any(line.endswith(line_of_log) for line in world.read_logs(TRANSFORM_LOGS, name))


@pytest.mark.parametrize(("strategy", "requests"), [("SingleRecord", ["3", "4", "3"]), ("MultiRecord", ["12"])])
def test_the_batch_strategy_decides_the_size_of_requests(
    world: Transformer, model: str, strategy: str, requests: list[str]
) -> None:
    uri = world.put("sizes/rows.csv", "1,2\n30,4\n5,6\n")
    name = world.transform(model, uri, BatchStrategy=strategy, MaxConcurrentTransforms=3, MaxPayloadInMB=2)
    assert world.finish(name)["TransformJobStatus"] == "Completed"
    assert world.read_results(name) == {"rows.csv.out": b"3.0,2\n34.0,2\n11.0,2\n"}
    shown = "SINGLE_RECORD" if strategy == "SingleRecord" else "MULTI_RECORD"
    seen = [line for line in world.read_logs(TRANSFORM_LOGS, name) if line.startswith("request of")]
    assert sorted(seen) == sorted(f"request of {size} true {shown}" for size in requests)


def test_requests_stay_below_the_payload_limit(world: Transformer, model: str) -> None:
    row = ",".join(["1"] * 300_000)  # 0.6 MB
    uri = world.put("large/rows.csv", f"{row}\n{row}\n{row}")
    name = world.transform(model, uri, MaxPayloadInMB=1)
    assert world.finish(name)["TransformJobStatus"] == "Completed"
    assert world.read_results(name)["rows.csv.out"] == b"300000.0,300000\n" * 3
    assert len([line for line in world.read_logs(TRANSFORM_LOGS, name) if line.startswith("request of")]) == 3
    name = world.transform(model, uri, MaxPayloadInMB=1, TransformInput={"SplitType": "None"})
    assert world.finish(name)["FailureReason"] == "ClientError: See job logs for more information"
    assert any("larger than MaxPayloadInMB" in line for line in world.read_logs(TRANSFORM_LOGS, name))


@pytest.mark.parametrize(
    ("processing", "result"),
    [
        ({"InputFilter": "$[1:]"}, "3.0,2\n7.0,2\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input"}, '"a,b",1,2,3.0,2\nc,3,4,7.0,2\n'),
        ({"InputFilter": "$[-2:]", "JoinSource": "Input", "OutputFilter": "$[0,-2]"}, '"a,b",3.0\nc,7.0\n'),
        ({"InputFilter": "$[1:2]", "OutputFilter": "$[0]"}, "1.0\n3.0\n"),
    ],
)
def test_filters_select_columns_and_the_join_appends_the_answer(
    world: Transformer, model: str, processing: dict[str, str], result: str
) -> None:
    uri = world.put("columns/rows.csv", '"a,b",1,2\nc,3,4\n')
    name = world.transform(model, uri, DataProcessing=processing)
    assert world.finish(name)["TransformJobStatus"] == "Completed", world.read_logs(TRANSFORM_LOGS, name)
    assert world.read_results(name)["rows.csv.out"].decode() == result


def test_json_lines_are_joined_under_the_key_of_sagemaker(world: Transformer, model: str) -> None:
    uri = world.put("lines/rows.jsonl", '{"id":7,"features":[1,2]}\n{"id":8,"features":[3,4]}\n')
    lines = {"TransformInput": {"ContentType": "application/jsonlines"}}
    output = {"TransformOutput": {"Accept": "application/jsonlines"}}
    chosen = {"JoinSource": "Input", "OutputFilter": "$['id','SageMakerOutput']"}
    name = world.transform(model, uri, DataProcessing=chosen, **lines, **output)
    world.finish(name)
    written = world.read_results(name)["rows.jsonl.out"].decode().splitlines()
    assert written == ['{"id":7,"SageMakerOutput":{"label":3}}', '{"id":8,"SageMakerOutput":{"label":7}}']
    features = {"InputFilter": "$.features", "JoinSource": "Input"}
    name = world.transform(model, uri, DataProcessing=features, BatchStrategy="SingleRecord", **lines, **output)
    world.finish(name)
    first = json.loads(world.read_results(name)["rows.jsonl.out"].splitlines()[0])
    assert first == {"id": 7, "features": [1, 2], "SageMakerOutput": {"label": 3}}


def test_a_manifest_compression_and_recordio_are_read(world: Transformer, model: str) -> None:
    world.put("packed/a/rows.csv.gz", gzip.compress(b"1,2\n"))
    manifest = world.put("packed.manifest", json.dumps([{"prefix": f"s3://{world.bucket}/packed/"}, "a/rows.csv.gz"]))
    name = world.transform(model, manifest, S3DataType="ManifestFile", TransformInput={"CompressionType": "Gzip"})
    world.finish(name)
    assert world.read_results(name) == {"a/rows.csv.gz.out": b"3.0,2\n"}
    uri = world.put("records.rec", wrap_record(b"one") + wrap_record(b"three"))
    binary = {"ContentType": "application/x-recordio", "SplitType": "RecordIO"}
    for strategy, result in {
        "SingleRecord": "b'one'\nb'three'\n",
        "MultiRecord": f"{wrap_record(b'one') + wrap_record(b'three')!r}\n",
    }.items():
        name = world.transform(model, uri, BatchStrategy=strategy, TransformInput=binary)
        world.finish(name)
        assert world.read_results(name)["records.rec.out"].decode() == result


def test_a_failed_object_fails_the_job_and_the_others_are_stored(world: Transformer, model: str) -> None:
    world.put("mixed/bad.csv", "1,2\nx,3\n")
    world.put("mixed/good.csv", "1,2")
    name = world.transform(model, f"s3://{world.bucket}/mixed", ModelClientConfig={"InvocationsMaxRetries": 1})
    job = world.finish(name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert world.read_results(name) == {"good.csv.out": b"3.0,2\n"}
    lines = world.read_logs(TRANSFORM_LOGS, name)
    assert len([line for line in lines if line.startswith("request of 7")]) == 2, "one retry"
    assert any(line.endswith(f"{world.bucket}/mixed/bad.csv: AlgorithmError: 500") for line in lines)
    assert any("could not convert string to float: 'x'" in line and "[sagemaker logs]" in line for line in lines)


def test_an_object_that_is_empty_damaged_or_missing_concerns_no_other(world: Transformer, model: str) -> None:
    world.put("odd/empty.csv.gz", gzip.compress(b""))
    world.put("odd/damaged.csv.gz", gzip.compress(b"1,2\n")[:-9])
    world.put("odd/plain.csv.gz", "1,2\n")
    world.put("odd/good.csv.gz", gzip.compress(b"1,2\r\n"))
    names = ["empty.csv.gz", "damaged.csv.gz", "plain.csv.gz", "missing.csv.gz", "good.csv.gz"]
    manifest = world.put("odd.manifest", json.dumps([{"prefix": f"s3://{world.bucket}/odd/"}, *names]))
    name = world.transform(model, manifest, S3DataType="ManifestFile", TransformInput={"CompressionType": "Gzip"})
    assert world.finish(name)["FailureReason"] == "ClientError: See job logs for more information"
    assert world.read_results(name) == {"empty.csv.gz.out": b"", "good.csv.gz.out": b"3.0,2\n"}
    lines = [line.partition("[sagemaker logs]: ")[2] for line in world.read_logs(TRANSFORM_LOGS, name)]
    for failed in ("damaged", "plain"):
        assert f"{world.bucket}/odd/{failed}.csv.gz: the object is not a gzip file" in lines
    assert any(line.startswith(f"{world.bucket}/odd/missing.csv.gz: ") for line in lines)


@pytest.mark.parametrize(
    "content", ["", "{}", '[{"other": "s3://b/"}]', '{"prefix": "s3://b/"}\n{"source-ref": "s3://b/k"}']
)
def test_a_manifest_of_another_form_fails_the_job(world: Transformer, model: str, content: str) -> None:
    uri = world.put("wrong.manifest", content)
    reason = world.finish(world.transform(model, uri, S3DataType="ManifestFile"))["FailureReason"]
    assert (
        reason == f"ClientError: Data download failed: {uri} is not a manifest (a JSON list that begins with a prefix)"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"TransformOutput": {"Accept": "application/json"}}, "mismatched MediaType"),
        ({"DataProcessing": {"OutputFilter": "$[9]"}}, "the path $[9] is not in the record"),
        ({"DataProcessing": {"InputFilter": "$.name"}}, "the path $.name is not in the record"),
    ],
)
def test_the_data_log_says_why_records_cannot_be_processed(
    world: Transformer, changes: dict[str, Any], message: str
) -> None:
    script = SERVE.replace('len(row)}" for row in rows), "text/csv"', 'len(row)}" for row in rows), accept')
    uri = world.put("wrong/rows.csv", "1,2")
    name = world.transform(world.model(script), uri, **{"DataProcessing": {"JoinSource": "Input"}} | changes)
    assert world.finish(name)["FailureReason"] == "ClientError: See job logs for more information"
    assert any(message in line for line in world.read_logs(TRANSFORM_LOGS, name))
    assert world.read_results(name) == {}


def test_a_stopped_job_stores_nothing(world: Transformer, model: str, engine: Engine) -> None:
    world.put("stop/a.csv", "1,2")
    world.put("stop/b.csv", "slow")
    name = world.transform(model, f"s3://{world.bucket}/stop")
    seen = "request of 4 true None"
    wait_until(lambda: world.read_logs(TRANSFORM_LOGS, name), lambda lines: seen in lines)
    world.sagemaker.stop_transform_job(TransformJobName=name)
    job = world.finish(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert "FailureReason" not in job
    assert world.read_results(name) == {}
    assert not (engine.data / "sagemaker" / "us-east-1" / "transform" / name).exists()
    with pytest.raises(ClientError, match="is in status Stopped"):
        world.sagemaker.stop_transform_job(TransformJobName=name)


def test_a_job_that_is_stopped_while_it_unpacks_its_model_starts_no_process(world: Transformer, engine: Engine) -> None:
    files: dict[str, str | bytes] = {f"part-{number}": "" for number in range(5_000)}
    model = world.model(SERVE, ModelDataUrl=world.put("many/model.tar.gz", pack(files)))
    name = world.transform(model, world.put("rows.csv", "1,2"))
    folder = engine.data / "sagemaker" / "us-east-1" / "transform" / name
    wait_until(lambda: folder / "server" / "primary" / "model" / "part-0", Path.exists)
    world.sagemaker.stop_transform_job(TransformJobName=name)
    job = world.finish(name)
    assert (job["TransformJobStatus"], job.get("FailureReason")) == ("Stopped", None)
    assert not folder.exists()
    assert world.list_streams(TRANSFORM_LOGS, logStreamNamePrefix=name) == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ModelName": "no-such-model"}, 'Could not find model "arn:aws:sagemaker'),
        ({"S3DataType": "AugmentedManifestFile"}, "S3Prefix or ManifestFile, not AugmentedManifestFile"),
        ({"TransformInput": {"SplitType": "TFRecord"}}, "does not support the SplitType TFRecord"),
        ({"MaxPayloadInMB": 0}, "does not support MaxPayloadInMB 0"),
        ({"MaxPayloadInMB": 50, "MaxConcurrentTransforms": 3}, "must not exceed 100; it is 150"),
        ({"DataProcessing": {"OutputFilter": "$[0:2,5:]"}}, "Invalid JsonPath"),
        ({"DataProcessing": {"InputFilter": "$..id"}}, "Descendants is not supported"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformInput": {"SplitType": "None"}}, "SplitType Line"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformInput": {"ContentType": "text/plain"}}, "ContentType"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {"Accept": "image/png"}}, "Accept text/csv"),
        ({"DataProcessing": {"JoinSource": "Input"}, "TransformOutput": {"AssembleWith": "None"}}, "AssembleWith Line"),
        ({"S3DataType": "Converse"}, "S3Prefix or ManifestFile, not Converse"),
        ({"TransformOutput": {"S3OutputPath": "https://bucket/x"}}, "only s3:// in S3OutputPath"),
        ({"MaxPayloadInMB": 200}, "must not exceed 100; it is 200"),
        ({"ExperimentConfig": {"TrialName": "a"}}, "does not support ExperimentConfig"),
        ({"DataProcessing": {"OutputFilter": "$[::2]"}}, "Slice is not supported"),
        ({"DataCaptureConfig": {"DestinationS3Uri": "s3://b/x"}}, "does not support DataCaptureConfig"),
    ],
)
def test_an_invalid_or_unsupported_request_is_refused(
    world: Transformer, model: str, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError, match=message.replace("[", r"\[")) as caught:
        world.transform(model, f"s3://{world.bucket}/x", **changes)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_a_job_without_input_or_with_a_broken_model_fails(world: Transformer, model: str) -> None:
    job = world.finish(world.transform(model, f"s3://{world.bucket}/nothing-here"))
    assert job["FailureReason"].startswith("ClientError: Data download failed: No S3 objects found under")
    broken = world.model("def model_fn(model_dir):\n    raise ValueError('no weights')\n")
    name = world.transform(broken, world.put("rows.csv", "1"))
    assert "did not pass the ping health check" in world.finish(name)["FailureReason"]
    assert any("no weights" in line for line in world.read_logs(TRANSFORM_LOGS, name))


def test_jobs_can_be_listed_and_tagged(world: Transformer, model: str) -> None:
    uri = world.put("rows.csv", "1,2")
    name = world.transform(model, uri, Tags=[{"Key": "team", "Value": "a"}])
    with pytest.raises(ClientError, match="must be unique") as caught:
        world.transform(model, uri, TransformJobName=name)
    assert caught.value.response["Error"]["Code"] == "ResourceInUse"
    job = world.finish(name)
    listed = world.sagemaker.list_transform_jobs(NameContains=name)["TransformJobSummaries"]
    assert [(one["TransformJobName"], one["TransformJobStatus"]) for one in listed] == [(name, "Completed")]
    tags = world.sagemaker.list_tags(ResourceArn=job["TransformJobArn"])["Tags"]
    assert tags == [{"Key": "team", "Value": "a"}]
    for call in (world.sagemaker.describe_transform_job, world.sagemaker.stop_transform_job):
        with pytest.raises(ClientError, match="Could not find requested job"):
            call(TransformJobName="no-such-job")


@pytest.mark.parametrize(
    ("path", "selected"),
    [
        ("$", {"a": [1, 2, 3], "b": {"c": 4, "d": 5}}),
        ("$.a", [1, 2, 3]),
        ("$['b']['c']", 4),
        ("$.b.['c','d']", {"c": 4, "d": 5}),
        ("$.a[0,-1]", [1, 3]),
        ("$.a[1:]", [2, 3]),
        ("$.a[:-1]", [1, 2]),
        ("$.b.*", [4, 5]),
    ],
)
def test_paths_select_as_aws_documents_them(path: str, selected: Any) -> None:
    assert RecordPath(path).select({"a": [1, 2, 3], "b": {"c": 4, "d": 5}}) == selected


@pytest.mark.parametrize("path", ["$.a[5]", "$.a[0,5]", "$.x", "$['a','x']"])
def test_a_missing_name_or_index_is_an_error(path: str) -> None:
    with pytest.raises(PathError, match="is not in the record"):
        RecordPath(path).select({"a": [1, 2, 3]})


@pytest.mark.parametrize("path", ["", "a", "$.a[?(@.b)]", "$.a[0:2:2]", "$.a[", "$..b"])
def test_other_paths_are_invalid(path: str) -> None:
    with pytest.raises(PathError, match="Invalid JsonPath"):
        RecordPath(path)
