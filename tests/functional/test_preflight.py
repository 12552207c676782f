"""Preflight reports all problems of a build at once, before anything costs money, and notes what it cannot examine."""

import gzip
import io
import json
import re
import tarfile
import tracemalloc
import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from sagebuild.builds.lock import PipelineState, change_state, delete_state, read_state
from sagebuild.builds.records import Trigger, read_build
from sagebuild.cost.prices import date_prices
from sagebuild.cost.spent import NEVER_COUNTED
from sagebuild.errors import ParameterError, PreflightError
from sagebuild.finish.build import finish_build
from sagebuild.finish.ending import Ending
from sagebuild.launch.start import launch_build
from sagebuild.names import name_endpoint, name_resource
from sagebuild.parameters.store import write_document
from sagebuild.plan.build import plan_build
from sagebuild.plan.codebuild_quotas import IMAGE_QUOTA, SOURCE_QUOTA
from sagebuild.plan.quotas import QuotasUnknown, find_short_quotas
from sagebuild.plan.uses import read_others, record_running
from tests.functional.conftest import REGION, STACK, FakeQuotas, Stack
from tests.ready_pipelines import FOLDER, ReadyPipeline

RIGHT = {"framework": "SCIKIT", "trainentrypoint": "train.py", "trainsourcefile": "source.tar.gz"}
BYOD = {"framework": "BYOD", "TrainingImage": "training:1", "InferenceImage": "inference:1"}
REGISTRY = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
TRAINING, ENDPOINT = "ml.m5.large for training job usage", "ml.t2.medium for endpoint usage"


def pack(*names: str, mode: str = "w:gz", **scripts: str) -> bytes:
    """An archive of empty files, and of the scripts with these names and texts."""
    files = dict.fromkeys(names, "") | {f"{name}.py": text for name, text in scripts.items()}
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode=mode) as tar:  # type: ignore[call-overload]
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return archive.getvalue()


def upload(bucket: str, key: str, body: bytes) -> None:
    boto3.client("s3", region_name=REGION).put_object(Bucket=f"{STACK}-{bucket}", Key=key, Body=body)


@pytest.fixture
def ready(stack: Stack) -> Stack:
    """A stack with data, a script and enough quota, whose first build is about to be planned."""
    upload("data", "train/rows.csv", b"1,2")
    upload("code", "source.tar.gz", pack("./train.py", "serving/serve.py"))
    stack.settings["VPC_ACCESS"] = "false"
    give_quotas(stack, {TRAINING: 4, ENDPOINT: 4})
    launch_build(stack.service, Trigger("voice"))
    return stack


def give_quotas(stack: Stack, quotas: dict[str, float]) -> FakeQuotas:
    fake = FakeQuotas(quotas)
    stack.service.__dict__["quotas"] = fake
    return fake


def write(stack: Stack, document: dict[str, Any]) -> None:
    stack.service.ssm.put_parameter(
        Name=f"/{STACK}/parameters", Value=json.dumps(document), Type="String", Overwrite=True
    )


def plan(stack: Stack, document: dict[str, Any]) -> Any:
    write(stack, document)
    return plan_build(stack.service, read_build(stack.service, 1))


def find_problems(stack: Stack, **changes: Any) -> list[str]:
    with pytest.raises(PreflightError) as error:
        plan(stack, RIGHT | changes)
    return str(error.value).splitlines()


def test_a_build_that_can_work_is_planned(ready: Stack) -> None:
    planned = plan(ready, RIGHT)
    assert planned["training"]["HyperParameters"]["sagemaker_program"] == '"train.py"'
    assert planned["scaling"]["wanted"] is planned["scaling"]["release"] is planned["preprocess"]["wanted"] is False
    assert planned["scaling"]["update"] == {}
    assert read_build(ready.service, 1).notes == []


def test_all_problems_are_reported_at_once(ready: Stack) -> None:
    problems = find_problems(
        ready,
        frameworkversion="0.1-0",
        traininstancetype="ml.m5.7xlarge",
        channels={"one": {"path": "nowhere/"}, "two": {"uri": "s3://no-such-bucket-anywhere/"}},
        trainentrypoint="learn.py",
        hostsourcefile="serving.tar.gz",
        subnets=["subnet-1"],
        securitygroups=["sg-1"],
    )
    expected = [
        r"SCIKIT has no training image of version 0\.1-0; available: .*",
        r"SCIKIT has no inference image of version 0\.1-0; available: .*",
        r"CreateTrainingJob: ResourceConfig.InstanceType is \"ml.m5.7xlarge\"; it must be one of AWS's 2\d\d values, "
        r"such as ml.m5.\w*large, .*",
        r"channels.two.uri is s3://no-such-bucket-anywhere/, which TrainingRole may not read; deploy the service with "
        r"--param=\"readBuckets=s3://no-such-bucket-anywhere/\", or use a bucket of the stack.",
        r"The channel 'one' has no objects at s3://sagebuild-test-data/nowhere/; upload .*",
        r"The channel 'two' has no objects at s3://no-such-bucket-anywhere/; upload .*",
        r"trainsourcefile names s3://.*/source.tar.gz, which does not contain learn.py; it contains "
        r"serving/serve.py, tr.*",
        r"hostsourcefile names s3://.*/serving.tar.gz, which does not exist; upload the source archive there.",
        r"subnets is given, but the stack's roles are not allowed to use a VPC; deploy .*vpcAccess=true.*",
    ]
    assert len(problems) == len(expected), problems
    for pattern, problem in zip(expected, problems, strict=True):
        assert re.fullmatch(pattern, problem)
    assert read_build(ready.service, 1).status != "running"


@pytest.mark.parametrize(("changes", "problem"), [
    ({"trainentrypoint": None}, "trainentrypoint is not set; framework SCIKIT trains with your script; "
     "set it to the script's path in the archive, such as train.py."),
    ({"trainsourcefile": None}, "trainsourcefile is not set; pack the script into an archive, upload it to the code "
     "bucket (sagebuild-test-code), and set trainsourcefile to its key, such as source.tar.gz."),
    ({"hostentrypoint": "serve.py"}, "trainsourcefile names s3://sagebuild-test-code/source.tar.gz, which does not "
     "contain serve.py; it contains serving/serve.py, train.py."),
    ({"trainsourcefile": "text.tar.gz"}, "trainsourcefile names s3://sagebuild-test-code/text.tar.gz, which is not a "
     "tar archive compressed with gzip."),
    ({"trainsourcefile": "plain.tar.gz"}, "trainsourcefile names s3://sagebuild-test-code/plain.tar.gz, which is not a "
     "tar archive compressed with gzip."),
    ({"trainsourcefile": "empty.tar.gz"}, "trainsourcefile names s3://sagebuild-test-code/empty.tar.gz, which does not "
     "contain train.py; it contains no Python script."),
])  # fmt: skip
def test_scripts_are_looked_for_in_their_archives(ready: Stack, changes: dict[str, Any], problem: str) -> None:
    upload("code", "text.tar.gz", b"no archive at all")
    upload("code", "plain.tar.gz", pack("train.py", mode="w"))
    upload("code", "empty.tar.gz", pack("README.md"))
    assert find_problems(ready, **changes) == [problem]


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"framework": "TENSORFLOW", "tensorflowversion": "2.14"}, None),
        ({"framework": "HUGGINGFACE", "pyversion": "py311", "trainsourcefile": "gone.tar.gz"}, None),
        (
            {"framework": "TENSORFLOW", "tensorflowversion": "2.14", "hostentrypoint": "inference.py"},
            "hostsourcefile is not set; pack the script into an archive, ",
        ),
        ({"framework": "PYTORCH", "trainsourcefile": "source.tar.gz"}, "hostentrypoint is not set; framework PYTORCH "),
    ],
)
def test_a_server_without_a_script_needs_none_for_an_existing_model(
    ready: Stack, document: dict[str, Any], problem: str | None
) -> None:
    upload("model", "mine/model.tar.gz", b"a model")
    given = {"skiptrain": True, "ModelArtifacts": "s3://sagebuild-test-model/mine/model.tar.gz"}
    given |= {"hostinstancetype": "ml.t2.medium"}
    if problem is None:
        planned = plan(ready, given | document)
        assert planned["training"] is None
        assert "source" not in planned["packing"]
        assert "SAGEMAKER_PROGRAM" not in planned["model"]["PrimaryContainer"]["Environment"]
    else:
        with pytest.raises(PreflightError) as error:
            plan(ready, given | document)
        assert str(error.value).startswith(problem)


def test_a_script_that_expects_other_channels_and_arguments_is_noted(ready: Stack) -> None:
    script = (
        "import argparse, os\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--train', default=os.environ.get('SM_CHANNEL_TRAIN'))\n"
        "parser.add_argument('--trees', required=True)\n"
        "parser.parse_args()\n"
        "def model_fn(folder): ...\n"
    )
    upload("code", "source.tar.gz", pack(train=script))
    plan(ready, RIGHT | {"hyperparameters": {"depth": 3}})
    assert read_build(ready.service, 1).notes == [
        "train.py reads SM_CHANNEL_TRAIN, and the training has no channel train (its channels: training); name the "
        "channel so in channels, or read another variable.",
        "train.py requires the argument --trees, which hyperparameters does not have.",
        "train.py refuses the argument --depth, which the training passes; add the argument to the script, or leave "
        "out the hyperparameter.",
    ]


def test_a_serving_script_without_model_fn_is_found_before_the_training(ready: Stack) -> None:
    upload("code", "source.tar.gz", pack(train="print('learned')", serve="from train import *"))
    (problem,) = find_problems(ready)
    assert problem.startswith("train.py defines no function model_fn, which the container of SCIKIT needs to load the")
    assert plan(ready, RIGHT | {"hostentrypoint": "serve.py"})["mode"] == "train"


def test_a_model_that_is_not_deployed_needs_no_model_fn(ready: Stack) -> None:
    upload("code", "source.tar.gz", pack(train="print('learned')"))
    assert plan(ready, RIGHT | {"deployEndpoint": False})["deploy"] is False


def test_the_marker_of_a_folder_is_no_data(ready: Stack) -> None:
    upload("data", "empty/", b"")
    (problem,) = find_problems(ready, channels={"training": {"path": "empty/"}})
    assert problem.startswith("The channel 'training' has no objects at s3://sagebuild-test-data/empty/;")
    upload("data", "empty/rows.csv", b"")  # an empty file may be the script's own business
    assert plan(ready, RIGHT | {"channels": {"training": {"path": "empty/"}}})["mode"] == "train"


def test_a_model_is_one_object_and_no_beginning_of_a_key(ready: Stack) -> None:
    upload("model", "mine/model.tar.gz.old", b"a model")
    (problem,) = find_problems(ready, ModelArtifacts="s3://sagebuild-test-model/mine/model.tar.gz")
    assert problem.startswith("There is no trained model at s3://sagebuild-test-model/mine/model.tar.gz;")


def test_a_model_may_be_a_folder_of_files(ready: Stack) -> None:
    given = {"ModelArtifacts": "s3://sagebuild-test-model/llama/"}
    upload("model", "llama", b"no file in the folder")
    (problem,) = find_problems(ready, **given)
    assert problem.startswith("There is no trained model at s3://sagebuild-test-model/llama/;")
    upload("model", "llama/weights.bin", b"1")
    assert plan(ready, RIGHT | given)["artifacts"] == "s3://sagebuild-test-model/llama/"
    (problem,) = find_problems(ready, networkisolation=True, **given)
    assert problem == (
        "The model is the folder s3://sagebuild-test-model/llama/; the serving script must be in the archive of a "
        "model. Pack the folder as a model.tar.gz, and give its address in ModelArtifacts."
    )


@pytest.fixture
def set_sizes(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, float], str]:
    """Make the model, an archive or a folder of several files, as large as this; return its address."""

    def set_sizes(count: int, size: float) -> str:
        names = ["model.tar.gz"] if count == 1 else [f"folder/{index}" for index in range(count)]
        upload("model", names[0], b"1")
        files = [{"uri": f"s3://sagebuild-test-model/{name}", "etag": "1", "bytes": int(size)} for name in names]
        monkeypatch.setattr("sagebuild.plan.storage.list_files", lambda *_: iter(files))
        return f"s3://sagebuild-test-model/{'model.tar.gz' if count == 1 else 'folder/'}"

    return set_sizes


@pytest.mark.parametrize(
    ("count", "size", "given", "reason"),
    [
        (
            *(1, 90e9, {"networkisolation": True}),
            "has 90 GB in 1 file. Pack Model needs at least 17 minutes to copy it with the serving script, and has 14. "
            "Make it smaller, or serve it with an image of your own (framework BYOD), to which no script is added.",
        ),
        (
            *(1600, 1e9, {}),
            "has 1,600 GB in 1,600 files. Pack Model needs at least 17 minutes to copy it, and has 14. "
            "Make it smaller, or pack its files into fewer ones.",
        ),
    ],
    ids=["archive with a script", "folder"],
)
def test_a_model_that_pack_model_cannot_copy_in_its_time_is_refused(
    ready: Stack, set_sizes: Callable[[int, float], str], count: int, size: float, given: dict[str, Any], reason: str
) -> None:
    uri = set_sizes(count, size)
    assert find_problems(ready, ModelArtifacts=uri, **given) == [f"The model at {uri} {reason}"]


@pytest.mark.parametrize(("count", "size"), [(1, 90e9), (600, 1e9)], ids=["archive without a script", "folder"])
def test_a_model_that_s3_can_copy_in_time_is_planned(
    ready: Stack, set_sizes: Callable[[int, float], str], count: int, size: float
) -> None:
    uri = set_sizes(count, size)
    assert plan(ready, RIGHT | {"ModelArtifacts": uri})["artifacts"] == uri


def test_the_ready_pipeline_of_a_language_model_is_planned(ready: Stack) -> None:
    planned = plan(ready, ReadyPipeline(FOLDER / "llm-endpoint").document)
    assert (planned["mode"], planned["artifacts"], planned["training"]) == ("none", "", None)
    assert planned["model"]["PrimaryContainer"]["Environment"]["SM_VLLM_MODEL"] == "Qwen/Qwen3-0.6B"
    (variant,) = planned["endpointConfig"]["ProductionVariants"]
    assert variant["InferenceAmiVersion"] == "al2023-ami-sagemaker-inference-gpu-4-1"
    assert planned["register"]["wanted"]
    assert planned["smokeTest"]["sample"]["latency"] == 5000


def test_an_image_may_bring_its_model(ready: Stack) -> None:
    own = {"framework": "BYOD", "InferenceImage": "ghcr.io/own:1", "build": {"Training": False, "Inference": False}}
    planned = plan(ready, own | {"bringsmodel": True, "hostinstancetype": "ml.m5.large"})
    assert (planned["mode"], planned["artifacts"], planned["training"]) == ("none", "", None)
    assert planned["register"]["wanted"]
    assert read_build(ready.service, 1).notes == ["Nothing was trained: the container brings its model."]
    with pytest.raises(ParameterError, match="bringsmodel is for framework BYOD; the container of SCIKIT needs a mod"):
        plan(ready, RIGHT | {"bringsmodel": True})


def test_an_encrypted_document_is_refused_by_its_name(ready: Stack) -> None:
    ready.service.ssm.put_parameter(Name=f"/{STACK}/parameters", Value=json.dumps(RIGHT), Type="SecureString")
    with pytest.raises(ParameterError, match=f"The SSM parameter /{STACK}/parameters is a SecureString"):
        plan_build(ready.service, read_build(ready.service, 1))


def test_a_training_without_channels_reads_no_data(ready: Stack) -> None:
    assert "InputDataConfig" not in plan(ready, RIGHT | {"channels": {}})["training"]


def test_a_note_reports_an_archive_that_is_too_large_to_examine(ready: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagebuild.plan.archives.LARGEST_ARCHIVE_MB", 0)
    plan(ready, RIGHT | {"trainentrypoint": "learn.py"})
    (note,) = read_build(ready.service, 1).notes
    assert note == "s3://sagebuild-test-code/source.tar.gz was not examined: it is larger than 0 MB."


def gzip_tar(*members: tuple[str, bytes, bytes]) -> bytes:
    """An archive of members, each with a name, a type and content, whose headers are not checked."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        for name, kind, data in members:
            member = tarfile.TarInfo(name)
            member.type, member.size = kind, len(data)
            tar.addfile(member, io.BytesIO(data))
    return gzip.compress(content.getvalue(), 1)


def long_header(size: int) -> bytes:
    """A small archive whose first member has a name of this many bytes."""
    member = tarfile.TarInfo("././@LongLink")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, size
    packer = zlib.compressobj(9, wbits=31)
    blocks = [packer.compress(member.tobuf()), *(packer.compress(bytes(2**20)) for _ in range(size // 2**20))]
    return b"".join([*blocks, packer.compress(pack("train.py", mode="w")), packer.flush()])


def claim_size(size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    """An archive that ends before the content of its member, whose size this is."""
    member = tarfile.TarInfo("train.py")
    member.size, member.type = size, kind
    return gzip.compress(member.tobuf())


# Functions make the archives, so that a process that collects the tests and does not run them need not.
@pytest.mark.parametrize(
    "make",
    [
        lambda: b"",
        lambda: b"\x1f\x8b\x08",
        lambda: gzip.compress(b""),
        lambda: gzip.compress(b"x" * 600),
        lambda: pack("train.py")[:40],
        lambda: long_header(300 * 2**20),
        lambda: gzip_tar(*[("x", tarfile.GNUTYPE_LONGNAME, b"y\0") for _ in range(3000)]),
        lambda: gzip_tar(("x", tarfile.XHDTYPE, b"25 GNU.sparse.map=1,x,3,4\n"), ("train.py", tarfile.REGTYPE, b"")),
    ],
    ids=["nothing", "3 bytes", "empty", "no tar", "cut off", "long name", "many headers", "odd sparse map"],
)
def test_a_broken_archive_is_a_problem_at_once(ready: Stack, make: Callable[[], bytes]) -> None:
    upload("code", "odd.tar.gz", make())
    tracemalloc.start()
    (problem,) = find_problems(ready, trainsourcefile="odd.tar.gz")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problem.endswith("odd.tar.gz, which is not a tar archive compressed with gzip.")
    assert most < 50 * 2**20


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: gzip_tar(*[("train.py", tarfile.REGTYPE, b"")] * 10_001), "it has more than 10000 members"),
        (lambda: gzip_tar(*[("train.py", tarfile.REGTYPE, bytes(101 * 2**20))] * 2), "it unpacks to more than 200 MB"),
        (lambda: claim_size(2**33), "a member is longer than the archive"),
        (lambda: claim_size(2**33, tarfile.GNUTYPE_SPARSE), "a member is longer than the archive"),
        (lambda: b"".join([gzip.compress(b"", 1)] * 500_000), "reading it took more than 15 s"),
    ],
    ids=["members", "size", "false size", "false size of a sparse file", "time"],
)
def test_an_archive_that_takes_too_much_is_noted(
    ready: Stack, make: Callable[[], bytes], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "took" in reason:
        monkeypatch.setattr("sagebuild.plan.archives.LONGEST_SECONDS", 0.2)
        reason = reason.replace("15", "0")
    upload("code", "odd.tar.gz", make())
    plan(ready, RIGHT | {"trainsourcefile": "odd.tar.gz"})
    assert read_build(ready.service, 1).notes[-1].endswith(f"odd.tar.gz was not examined: {reason}.")


def test_a_gzip_file_of_several_parts_is_read(ready: Stack) -> None:
    tar = pack("train.py", mode="w")
    upload("code", "parts.tar.gz", gzip.compress(tar[:100]) + gzip.compress(tar[100:]) + bytes(512))
    plan(ready, RIGHT | {"trainsourcefile": "parts.tar.gz"})
    assert read_build(ready.service, 1).notes == []


@pytest.mark.parametrize("key", ["a#b.tar.gz", "a?b.tar.gz", "/a.tar.gz"])
def test_a_key_that_the_containers_cut_off_is_refused(ready: Stack, key: str) -> None:
    upload("code", key, pack("train.py"))
    (problem,) = find_problems(ready, trainsourcefile=f"s3://{STACK}-code/{key}")
    assert problem.endswith("which the containers cut off; give it another key.")


def test_names_in_an_archive_are_escaped_and_shortened(ready: Stack) -> None:
    upload("code", "odd.tar.gz", pack("a\n\x1b[31m.py", f"{'b' * 200}.py"))
    (problem,) = find_problems(ready, trainsourcefile="odd.tar.gz")
    assert problem.isprintable()
    assert f"it contains a\\n\\x1b[31m.py, {'b' * 57}..." in problem


def test_own_images_must_exist_in_this_account_and_region(ready: Stack) -> None:
    ready.service.ecr.create_repository(repositoryName="mine")
    images = {"TrainingImage": f"{REGISTRY}/mine:7", "InferenceImage": f"{REGISTRY}/other@sha256:{'a' * 64}"}
    with pytest.raises(PreflightError) as error:
        plan(ready, BYOD | images)
    assert str(error.value).splitlines() == [
        f"TrainingImage is {REGISTRY}/mine:7, and there is no such image; push it, or correct the address.",
        f"InferenceImage is {REGISTRY}/other@sha256:{'a' * 64}, and there is no such repository; push it, or correct "
        "the address.",
    ]
    elsewhere = {"TrainingImage": f"999999999999.dkr.ecr.{REGION}.amazonaws.com/a:1", "InferenceImage": "b:1"}
    assert plan(ready, BYOD | elsewhere)


def test_instances_beyond_the_quota_are_reported(ready: Stack) -> None:
    give_quotas(ready, {"other": 1, TRAINING: 0, ENDPOINT: 1})
    assert find_problems(ready, hostinstancecount=2) == [
        f"The account's quota '{TRAINING}' is 0, as in many new accounts, and the build needs 1; request an increase "
        "in the Service Quotas console, or choose another instance type or count.",
        f"The account's quota '{ENDPOINT}' is 1, and the build needs 2; request an increase in the Service Quotas "
        "console, or choose another instance type or count.",
    ]


COPY = {"framework": "SCIKIT", "trainentrypoint": "train.py", "git_config": {"repo": "https://example.com/a.git"}}
HUB = {"framework": "LLM", "engine": "VLLM", "hubmodel": "a/b", "hostinstancetype": "ml.g5.xlarge"}
SECRET = {"hubsecret": f"arn:aws:secretsmanager:{REGION}:123456789012:secret:{STACK}/hub-a1b2c3"}


@pytest.mark.parametrize(("document", "quota", "missing"), [
    ({"framework": "BYOD", "sourcelocation": "source.zip"}, IMAGE_QUOTA, "no image can be built"),
    (COPY, SOURCE_QUOTA, "no source can be copied from git"),
    (HUB | SECRET, SOURCE_QUOTA, "no gated model can be copied from the hub"),
], ids=["image", "git", "hub"])  # fmt: skip
def test_a_build_that_codebuild_may_not_run_is_refused(
    ready: Stack, document: dict[str, Any], quota: str, missing: str
) -> None:
    def find() -> list[str]:
        try:
            plan(ready, document)
        except PreflightError as error:
            return [line for line in str(error).splitlines() if "CodeBuild" in line]
        return []

    quotas = give_quotas(ready, {quota: 0, TRAINING: 4, ENDPOINT: 4})
    assert find() == [
        f"The account's CodeBuild quota '{quota}' is 0, as in some new accounts, so {missing}; request an increase in "
        "the Service Quotas console."
    ]
    quotas.quotas[quota] = 1
    assert find() == []


def test_a_build_that_uses_no_codebuild_needs_none_of_its_quotas(ready: Stack) -> None:
    give_quotas(ready, {IMAGE_QUOTA: 0, SOURCE_QUOTA: 0, TRAINING: 4, "ml.g5.xlarge for endpoint usage": 1})
    assert plan(ready, RIGHT)
    assert plan(ready, HUB), "the container itself loads a model that is not gated"


def test_an_update_needs_instances_beside_those_that_serve(ready: Stack) -> None:
    give_quotas(ready, {TRAINING: 1, ENDPOINT: 2})
    plan_first(ready)
    serve(ready, 2)
    launch_build(ready.service, Trigger("voice"))
    with pytest.raises(PreflightError) as error:
        plan_build(ready.service, read_build(ready.service, 2))
    assert str(error.value) == (
        f"The account's quota '{ENDPOINT}' is 2, and the build needs 1 in addition to the 2 that serve until the "
        "update is complete; request an increase in the Service Quotas console, or choose another instance type or "
        "count."
    )
    for changes in ({"deployEndpoint": False}, {"hostinstancetype": "ml.m5.large"}):
        write(ready, RIGHT | changes)
        assert plan_build(ready.service, read_build(ready.service, 2))


def test_a_region_without_the_default_type_gets_a_cheap_one_and_a_note(ready: Stack) -> None:
    ready.settings["AWS_REGION"] = "eu-north-1"
    unnamed = {name: value for name, value in RIGHT.items() if not name.endswith("instancetype")}
    planned = plan(ready, unnamed)
    assert planned["endpointConfig"]["ProductionVariants"][0]["InstanceType"] == "ml.c5.large"
    assert planned["training"]["ResourceConfig"]["InstanceType"] == "ml.m5.large"
    note = "hostinstancetype is ml.c5.large, because SageMaker does not offer the default ml.t2.medium in eu-north-1."
    assert note in read_build(ready.service, 1).notes


def test_a_type_that_the_region_does_not_offer_is_refused_before_the_training(ready: Stack) -> None:
    ready.settings["AWS_REGION"] = "mx-central-1"
    with pytest.raises(PreflightError) as error:
        plan(ready, BYOD | {"hostinstancetype": "ml.t2.medium", "traininstancetype": "ml.m5.large"})
    assert str(error.value).splitlines() == [
        "traininstancetype is ml.m5.large, which SageMaker does not offer in mx-central-1 (price table of 2026-05-20); "
        "choose one that it offers, such as ml.c7i.large or ml.m6i.large, or update the table: make prices.",
        "hostinstancetype is ml.t2.medium, which SageMaker does not offer in mx-central-1 (price table of 2026-05-20); "
        "choose one that it offers, such as ml.c6i.large or ml.c7i.large, or update the table: make prices.",
    ]
    groups = [{"name": "a", "type": "ml.c5.xlarge", "count": 1}, {"name": "b", "type": "ml.m6i.large", "count": 1}]
    with pytest.raises(
        PreflightError, match=r"^traininstancetype is ml\.c5\.xlarge, which SageMaker does not offer in "
    ):
        plan(ready, BYOD | {"instancegroups": groups, "serverless": {"memory": 2, "concurrency": 1}})


def test_spot_trainings_and_warm_pools_have_quotas_of_their_own(ready: Stack) -> None:
    give_quotas(ready, {TRAINING: 0, "ml.m5.large for spot training job usage": 0})
    (problem,) = find_problems(ready, spot=True, spotmaxwait=5, serverless={"memory": 1, "concurrency": 1})
    assert "ml.m5.large for spot training job usage" in problem
    give_quotas(ready, {TRAINING: 1, "ml.m5.large for training warm pool usage": 0})
    (problem,) = find_problems(ready, keepalive=60)
    assert "warm pool" in problem


def test_enough_is_not_asked_for_again_and_too_little_is(stack: Stack) -> None:
    fake = give_quotas(stack, {TRAINING: 1, ENDPOINT: 1, "last": 1})
    for pipeline in ("", "fraud"):
        assert find_short_quotas(stack.service.for_pipeline(pipeline), {TRAINING: 1}) == {}
    assert fake.pages_read == 1
    assert find_short_quotas(stack.service, {TRAINING: 2}) == {TRAINING: 1}
    fake.quotas[TRAINING] = 2
    assert find_short_quotas(stack.service, {TRAINING: 2, "no quota of that name": 1}) == {}


def test_quotas_that_take_too_long_are_left(stack: Stack) -> None:
    give_quotas(stack, {TRAINING: 1, ENDPOINT: 1})
    times = iter([0.0, 100.0])
    with pytest.raises(QuotasUnknown, match="longer than 15 s"):
        find_short_quotas(stack.service, {ENDPOINT: 1}, clock=lambda: next(times))


def test_what_may_not_be_asked_is_a_note(ready: Stack) -> None:
    class Refusing(FakeQuotas):
        def paginate(self, **_request: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "ListServiceQuotas")

    ready.service.__dict__["quotas"] = Refusing({})
    plan(ready, RIGHT)
    assert read_build(ready.service, 1).notes == [
        "The service quotas were not examined: the account does not allow servicequotas:ListServiceQuotas."
    ]


def test_an_endpoint_with_instances_does_not_become_serverless(ready: Stack) -> None:
    sagemaker = ready.service.sagemaker
    sagemaker.create_model(ModelName="m", ExecutionRoleArn=ready.settings["HOSTING_ROLE_ARN"])
    variant: Any = {"VariantName": "AllTraffic", "ModelName": "m", "InstanceType": "ml.t2.medium"}
    sagemaker.create_endpoint_config(
        EndpointConfigName="live", ProductionVariants=[variant | {"InitialInstanceCount": 1}]
    )
    sagemaker.create_endpoint(EndpointName=STACK, EndpointConfigName="live")
    (problem,) = find_problems(ready, serverless={"memory": 1, "concurrency": 1})
    assert problem.startswith("serverless is given, but the endpoint sagebuild-test has instances,")


def test_what_a_build_may_cost_is_recorded_before_it_starts(ready: Stack) -> None:
    plan(ready, RIGHT)
    record = read_build(ready.service, 1)
    assert (record.cost_max, record.training_hourly_cost, record.endpoint_hourly_cost) == (0.512, 0.128, 0.06)
    assert (record.cost, record.cost_limit, record.prices_date) == (None, None, date_prices())
    assert record.cost_left_out[-1] == NEVER_COUNTED


def test_maxcost_shortens_the_training_and_is_noted(ready: Stack) -> None:
    planned = plan(ready, RIGHT | {"maxcost": "0.064"})
    assert planned["training"]["StoppingCondition"] == {"MaxRuntimeInSeconds": 1800}
    record = read_build(ready.service, 1)
    assert (record.cost_max, record.cost_limit) == (0.064, 0.064)
    assert record.notes == ["maxcost ($0.06) ends the training after 30 minutes, before trainmaxrun does."]


def test_a_maxcost_that_cannot_be_kept_is_refused_with_all_else(ready: Stack) -> None:
    first, second = find_problems(ready, maxcost=3, traininstancetype="ml.c5n.xlarge", trainentrypoint="learn.py")
    assert first.startswith("maxcost cannot be kept: the price of training on ml.c5n.xlarge in eu-west-1 is not known;")
    assert "does not contain learn.py" in second
    (problem,) = find_problems(ready, maxcost=0.01)
    assert problem.startswith("maxcost is 0.01, which pays for 281 seconds of the training at $0.13 an hour;")


def create_pipeline(stack: Stack, name: str) -> Stack:
    """A pipeline with a script, whose first build is about to be planned."""
    bound = replace(stack, service=stack.service.for_pipeline(name))
    bound.service.__dict__["quotas"] = stack.service.quotas
    state = read_state(bound.service)
    assert change_state(bound.service, state, replace(state, created_at="2026-01-01T00:00:00+00:00"))
    upload("data", f"{name}/train/rows.csv", b"1,2")
    upload("code", f"{name}/source.tar.gz", pack("./train.py", "serving/serve.py"))
    launch_build(bound.service, Trigger("voice"))
    return bound


def plan_first(stack: Stack, **changes: Any) -> None:
    write_document(stack.service, RIGHT | changes, overwrite=True)
    plan_build(stack.service, read_build(stack.service, 1))


def serve(stack: Stack, count: int) -> None:
    """A finished first build, whose endpoint has this number of instances."""
    service, name = stack.service, name_resource(stack.service, 1)
    variant: Any = {"VariantName": "AllTraffic", "ModelName": name, "InstanceType": "ml.t2.medium"}
    container: Any = {"Image": "image", "ModelDataUrl": "s3://b/k"}
    service.sagemaker.create_model(ModelName=name, ExecutionRoleArn="arn:aws:iam::1:role/r", PrimaryContainer=container)
    service.sagemaker.create_endpoint_config(
        EndpointConfigName=name, ProductionVariants=[variant | {"InitialInstanceCount": count}]
    )
    service.sagemaker.create_endpoint(EndpointName=name_endpoint(service), EndpointConfigName=name)
    finish_build(service, 1, Ending("SUCCEEDED"), lambda _: None)


def test_instances_of_other_pipelines_count_against_the_quota(ready: Stack) -> None:
    churn, fraud = create_pipeline(ready, "churn"), create_pipeline(ready, "fraud")
    give_quotas(ready, {TRAINING: 1, ENDPOINT: 4})
    plan_first(churn, hostinstancecount=2)
    serve(churn, 2)
    plan_first(ready)
    fraud.service.__dict__["quotas"] = ready.service.quotas
    write_document(fraud.service, RIGHT | {"hostinstancecount": 2}, overwrite=True)
    with pytest.raises(PreflightError) as error:
        plan_build(fraud.service, read_build(fraud.service, 1))
    advice = (
        "wait for their builds, request an increase in the Service Quotas console, or choose another instance type "
        "or count."
    )
    assert str(error.value).splitlines() == [
        f"The account's quota '{TRAINING}' is 1, and the build needs 1, while other pipelines use 1: default 1 (build "
        f"1); {advice}",
        f"The account's quota '{ENDPOINT}' is 4, and the build needs 2, while other pipelines use 3: default 1 (build "
        f"1), churn 2 (endpoint); {advice}",
    ]
    finish_build(ready.service, 1, Ending("FAILED", cause="a test"), lambda _: None)  # its endpoint does not exist
    plan_build(fraud.service, read_build(fraud.service, 1))


def test_a_removed_pipeline_uses_nothing(ready: Stack) -> None:
    churn = create_pipeline(ready, "churn")
    plan_first(churn)
    assert list(read_others(ready.service)) == [TRAINING, ENDPOINT]
    assert read_others(churn.service) == {}  # a pipeline's own instances are not those of another one
    delete_state(churn.service)
    assert read_others(ready.service) == {}


def test_the_uses_of_200_pipelines_are_read_by_two_calls(ready: Stack) -> None:
    calls: list[str] = []
    for index in range(200):
        bound = ready.service.for_pipeline(f"p{index}")
        assert change_state(bound, read_state(bound), PipelineState(last_number=1, running=1, pipeline=f"p{index}"))
        record_running(bound, 1, {TRAINING: 1})
    ready.service.dynamodb.meta.events.register("before-call", lambda model, **_: calls.append(model.name))
    assert len(read_others(ready.service)[TRAINING]) == 200
    assert calls == ["Query", "Query"]


def test_a_configuration_that_may_not_be_described_does_not_delay_the_finish(
    ready: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    churn = create_pipeline(ready, "churn")
    plan_first(churn)

    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": ""}}, "DescribeEndpointConfig")

    monkeypatch.setattr(churn.service.sagemaker, "describe_endpoint_config", refuse)
    serve(churn, 1)
    assert read_build(churn.service, 1).status == "succeeded"
    assert read_others(ready.service) == {}
