"""CodeBuild in local/ runs builds, and builds images that train and serve."""

import json
import subprocess
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from local.hub import COMMIT, FILES
from tests.engine import Engine, running_engine
from tests.local.builds import Builder, Json, failure, make_repository, pack_zip, write_buildspec
from tests.local.sagemaker_world import Host, Processor, Trainer, wait_until
from tests.roles import OPEN_QUEUE

PHASES = [
    "SUBMITTED",
    "QUEUED",
    "PROVISIONING",
    "DOWNLOAD_SOURCE",
    "INSTALL",
    "PRE_BUILD",
    "BUILD",
    "POST_BUILD",
    "UPLOAD_ARTIFACTS",
]
TRAIN = """
import os, pathlib
base = pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
(base / "model" / "made-by").write_text(os.environ["MAKER"] + pathlib.Path("beside.txt").read_text())
"""
SERVE = """#!/usr/bin/env python3
import http.server, os, pathlib
made_by = (pathlib.Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "model" / "made-by").read_bytes()
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(made_by)))
        self.end_headers()
        self.wfile.write(made_by)
    do_GET = do_POST = answer
http.server.HTTPServer(("", int(os.environ["SAGEMAKER_BIND_TO_PORT"])), Handler).serve_forever()
"""
IMAGE = {
    "Dockerfile": "FROM python:3.13-slim\nRUN pip install something\nWORKDIR /opt/program\nCOPY . .\nENV MAKER=me\n"
    'ENV PATH=/opt/program/bin:$PATH\nENTRYPOINT ["python", "train.py"]\n',
    "train.py": TRAIN,
    "beside.txt": " and a file",
}


@pytest.fixture(scope="module")
def builder(engine: Engine) -> Builder:
    return Builder(engine)


def test_a_build_runs_its_phases_in_order(builder: Builder) -> None:
    spec = write_buildspec(
        install="GREETING=hello\nmkdir sub && cd sub",
        build='echo "$GREETING $COLOUR $CODEBUILD_BUILD_SUCCEEDING"\nbasename "$PWD"',
        post_build="aws ecr get-login-password | wc -c",
    )
    build = builder.run(spec, environmentVariablesOverride=[{"name": "COLOUR", "value": "blue"}])
    assert (build["buildStatus"], build["currentPhase"]) == ("SUCCEEDED", "COMPLETED")
    assert [phase["phaseType"] for phase in build["phases"]] == [*PHASES, "FINALIZING", "COMPLETED"]
    assert {phase.get("phaseStatus") for phase in build["phases"][:-1]} == {"SUCCEEDED"}
    lines = builder.lines(build)
    assert "hello blue 1" in lines
    assert "sub" in lines
    assert "[Container] Entering phase BUILD" in lines


def test_a_build_reports_variables_and_writes_files_and_reads_secrets(engine: Engine, builder: Builder) -> None:
    s3, secrets = engine.client("s3"), engine.client("secretsmanager")
    s3.create_bucket(Bucket="written")
    secrets.create_secret(Name="token", SecretString="t0ken")
    spec = write_buildspec(
        build="export FOUND='one two' OTHER=3\nprintf made > made\naws s3 cp --quiet made s3://written/a/made",
        post_build="aws secretsmanager get-secret-value --secret-id token --query SecretString --output text | wc -c",
    )
    build = builder.run(f"env: {{exported-variables: [FOUND, ABSENT]}}\n{spec}")
    assert build["buildStatus"] == "SUCCEEDED", builder.lines(build)
    assert build["exportedEnvironmentVariables"] == [{"name": "FOUND", "value": "one two"}]
    assert s3.get_object(Bucket="written", Key="a/made")["Body"].read() == b"made"
    assert any(line.strip() == "6" for line in builder.lines(build))


def test_a_build_copies_a_model_from_the_stand_in_for_the_hub(engine: Engine, builder: Builder) -> None:
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="copied")
    copy = f"curl -sSf -H 'Authorization: Bearer x' $HF_ENDPOINT/a/b/resolve/{COMMIT}/config.json"
    lines = [
        f"{copy} | aws s3 cp --quiet --expected-size 19 - s3://copied/model/config.json",
        "curl -sS $HF_ENDPOINT/api/models/a/b/revision/main -o answer -w '%{http_code}\\n'; cat answer",
    ]
    build = builder.run(write_buildspec(build="\n".join(lines)))
    assert build["buildStatus"] == "SUCCEEDED", builder.lines(build)
    assert s3.get_object(Bucket="copied", Key="model/config.json")["Body"].read() == FILES["config.json"]
    assert [line for line in builder.lines(build) if line in ("401", "The stand-in for the hub needs a token.")] == [
        "401",
        "The stand-in for the hub needs a token.",
    ]


def test_a_failed_build_command_fails_the_build_after_post_build(builder: Builder) -> None:
    spec = write_buildspec(build="false\necho never", post_build='echo "succeeding: $CODEBUILD_BUILD_SUCCEEDING"')
    build = builder.run(spec)
    assert build["buildStatus"] == "FAILED"
    message = "COMMAND_EXECUTION_ERROR: Error while executing command: false. Reason: exit status 1"
    assert failure(build) == ("BUILD", message)
    lines = builder.lines(build)
    assert "never" not in lines
    assert "succeeding: 0" in lines


def test_a_failure_before_the_build_phase_ends_the_build(builder: Builder) -> None:
    build = builder.run(write_buildspec(pre_build="exit 7", build="echo never"))
    assert failure(build)[0] == "PRE_BUILD"
    assert "BUILD" not in [phase["phaseType"] for phase in build["phases"]]
    assert "never" not in builder.lines(build)


def test_a_build_is_stopped(builder: Builder, tmp_path: Path) -> None:
    build = builder.start(write_buildspec(build=f"touch {tmp_path}/runs; sleep 600; touch {tmp_path}/went-on"))
    wait_until(lambda: (tmp_path / "runs").exists(), bool)
    assert builder.describe(build)["buildStatus"] == "IN_PROGRESS"
    builder.codebuild.stop_build(id=build)
    ended = builder.finish(build)
    assert (ended["buildStatus"], ended["buildComplete"]) == ("STOPPED", True)
    assert "STOPPED" in {phase.get("phaseStatus") for phase in ended["phases"]}
    assert not (tmp_path / "went-on").exists()


def test_builds_are_listed_newest_first_and_a_token_starts_only_one(builder: Builder) -> None:
    first = builder.start(idempotencyToken="once")
    assert builder.start(idempotencyToken="once") == first
    second = builder.start()
    with pytest.raises(ClientError, match="idempotency token"):
        builder.start(idempotencyToken="once", sourceVersion="other")
    ids = builder.codebuild.list_builds_for_project(projectName=builder.project)["ids"]
    assert ids[:2] == [second, first]
    found = builder.codebuild.batch_get_builds(ids=[first, f"{builder.project}:none"])
    assert [build["id"] for build in found["builds"]] == [first]
    assert found["buildsNotFound"] == [f"{builder.project}:none"]


def test_the_end_of_a_build_publishes_an_event(builder: Builder, engine: Engine) -> None:
    events, sqs = engine.client("events"), engine.client("sqs")
    url = sqs.create_queue(QueueName=builder.project, Attributes=OPEN_QUEUE)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = {"source": ["aws.codebuild"], "detail": {"build-status": ["SUCCEEDED"]}}
    events.put_rule(Name=builder.project, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=builder.project, Targets=[{"Id": "queue", "Arn": arn}])
    build = builder.run()
    received = {}
    while build["arn"] not in received:  # the rule also matches the end of an earlier test's build
        (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
        event = json.loads(message["Body"])
        received[event["detail"]["build-id"]] = event["detail-type"]
    assert received[build["arn"]] == "CodeBuild Build State Change"


def test_a_source_can_be_a_zip_or_a_folder_in_s3(builder: Builder) -> None:
    files = {"run.sh": "#!/bin/sh\necho it runs\n", "buildspec.yml": write_buildspec(build="./run.sh")}
    archive = builder.put("source.zip", pack_zip(files, executable=True)).removeprefix("s3://")
    source = {"sourceTypeOverride": "S3", "buildspecOverride": "buildspec.yml"}
    build = builder.run(sourceLocationOverride=archive, **source)
    assert "it runs" in builder.lines(build)
    builder.put("folder/buildspec.yml", write_buildspec(build="cat sub/note"))
    builder.put("folder/sub/note", "of the folder\n")
    build = builder.run(sourceLocationOverride=f"{builder.bucket}/folder/", **source)
    assert "of the folder" in builder.lines(build)


def test_a_source_can_be_a_git_repository(builder: Builder, tmp_path: Path) -> None:
    def run(command: list[str]) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    location, commit = make_repository(tmp_path, run)
    source = {"sourceTypeOverride": "GITHUB", "sourceLocationOverride": location}
    show = write_buildspec(build="cat file.txt")
    assert "on main" in builder.lines(builder.run(show, **source))
    build = builder.run(show, sourceVersion="other", **source)
    assert "on other" in builder.lines(build)
    assert build["resolvedSourceVersion"] == commit
    phase, reason = failure(builder.run(show, sourceVersion="absent", **source))
    assert phase == "DOWNLOAD_SOURCE"
    assert "git checkout failed" in reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sourceTypeOverride": "S3", "sourceLocationOverride": "{bucket}/absent.zip"}, "NoSuchKey"),
        ({"sourceTypeOverride": "S3", "sourceLocationOverride": "{bucket}/absent/"}, "there are no objects at"),
        ({"sourceTypeOverride": "S3", "sourceLocationOverride": "{bucket}/text.tar.gz"}, "is not a zip archive"),
        ({"sourceTypeOverride": "CODECOMMIT", "sourceLocationOverride": "x"}, "no sources of type CODECOMMIT"),
        ({"buildspecOverride": "absent.yml"}, "YAML_FILE_ERROR: the source has no file absent.yml"),
        ({"buildspecOverride": "version: 0.1\n"}, "version: 0.2"),
        ({"buildspecOverride": "version: 0.2\nbatch: {}\n"}, "does not support batch"),
        ({"buildspecOverride": "version: 0.2\nphases: {build: {commands: [], finally: []}}\n"}, "support finally"),
    ],
)
def test_an_invalid_source_fails_the_build_with_the_reason(
    builder: Builder, changes: dict[str, str], reason: str
) -> None:
    builder.put("text.tar.gz", "no archive")
    build = builder.run(**{name: value.replace("{bucket}", builder.bucket) for name, value in changes.items()})
    phase, message = failure(build)
    assert (build["buildStatus"], phase) == ("FAILED", "DOWNLOAD_SOURCE")
    assert reason in message


def test_projects_are_updated_deleted_and_validated(builder: Builder) -> None:
    other = Builder.describe_project(builder, name=f"{builder.project}-other", timeoutInMinutes=30)
    builder.codebuild.create_project(**other)
    with pytest.raises(ClientError, match="already exists"):
        builder.codebuild.create_project(**other)
    changed = builder.codebuild.update_project(name=other["name"], description="new")["project"]
    assert (changed["description"], changed["timeoutInMinutes"]) == ("new", 30)
    builder.codebuild.delete_project(name=other["name"])
    with pytest.raises(ClientError, match="cannot be found"):
        builder.codebuild.start_build(projectName=other["name"])
    with pytest.raises(ClientError, match="does not support concurrentBuildLimit"):
        builder.codebuild.create_project(**other, concurrentBuildLimit=1)
    with pytest.raises(ClientError, match="does not support imageOverride"):
        builder.start(imageOverride="aws/codebuild/standard:7.0")


def test_an_image_is_pushed_and_trains_and_serves(builder: Builder, engine: Engine) -> None:
    build = builder.make_image(IMAGE, "train")
    assert build["buildStatus"] == "SUCCEEDED", builder.lines(build)
    assert any("RUN WAS SKIPPED" in line for line in builder.lines(build))
    digest = builder.digest("train")
    assert any(digest in line for line in builder.lines(build))
    model = train(Trainer(engine), f"{builder.repository}@{digest}")

    # Without ENTRYPOINT, the program must be on the image's PATH.
    dockerfile = IMAGE["Dockerfile"].replace('ENTRYPOINT ["python", "train.py"]', "COPY serve bin/serve")
    assert builder.make_image({"Dockerfile": dockerfile, "serve": SERVE}, "serve")["buildStatus"] == "SUCCEEDED"
    host = Host(engine)
    name = host.bucket
    container = {"Image": f"{builder.repository}:serve", "ModelDataUrl": model}
    host.sagemaker.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=host.role)
    endpoint = host.begin(host.configure(AllTraffic=name))
    assert host.settle(endpoint)["EndpointStatus"] == "InService"
    assert host.invoke(endpoint, b"anything") == b"me and a file"
    host.sagemaker.delete_endpoint(EndpointName=endpoint)


PROCESS = """
import sys
import beside
open("/opt/ml/output/message", "w").write(f"{sys.argv[1:]} {beside.place()}")
"""


def test_an_image_processes_with_its_own_or_the_jobs_command(builder: Builder, engine: Engine) -> None:
    lines = ["FROM python:3.13-slim", "WORKDIR /opt/program", "COPY . .", 'ENTRYPOINT ["python3", "work.py"]']
    files = {
        "Dockerfile": "\n".join([*lines, 'CMD ["by", "default"]']),
        "work.py": PROCESS,
        "beside.py": "import os\ndef place():\n    return os.path.isdir('/opt/ml/processing')\n",
    }
    assert builder.make_image(files, "process")["buildStatus"] == "SUCCEEDED"
    processor = Processor(engine)
    given = {
        "['by', 'default'] True": {},
        "['--n', '3'] True": {"ContainerArguments": ["--n", "3"]},
        "['own'] True": {"ContainerEntrypoint": ["python", "/opt/program/work.py", "own"]},
    }
    for message, app in given.items():
        request = processor.request("")
        request["AppSpecification"] = {"ImageUri": f"{builder.repository}:process"} | app
        processor.sagemaker.create_processing_job(**request)
        job = processor.finish(request["ProcessingJobName"])
        assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == ("Completed", message), job


def train(trainer: Trainer, image: str) -> str:
    """Train with an image; return the S3 address of the model."""
    job = trainer.finish(trainer.start({}, AlgorithmSpecification=describe_image(image)))
    assert job["TrainingJobStatus"] == "Completed", job
    return str(job["ModelArtifacts"]["S3ModelArtifacts"])


def describe_image(image: str) -> Json:
    return {"TrainingImage": image, "TrainingInputMode": "File"}


def test_the_same_files_give_the_same_image_digest(builder: Builder) -> None:
    builder.make_image(IMAGE, "one")
    builder.make_image(IMAGE, "two")
    assert builder.digest("one") == builder.digest("two")


@pytest.mark.parametrize(
    ("image", "reason"),
    [("{repository}:absent", "not among the images"), ("{repository}:empty", "has no program no-such")],
)
def test_a_training_with_an_unusable_image_fails_with_the_reason(
    builder: Builder, engine: Engine, image: str, reason: str
) -> None:
    # Without ENTRYPOINT, a "train" of this environment could run, such as that of SageMaker's toolkit.
    builder.make_image({"Dockerfile": 'FROM scratch\nENTRYPOINT ["no-such"]\n'}, "empty")
    trainer = Trainer(engine)
    specification = describe_image(image.format(repository=builder.repository))
    job = trainer.finish(trainer.start({}, AlgorithmSpecification=specification))
    assert job["TrainingJobStatus"] == "Failed"
    assert reason in job["FailureReason"]


@pytest.mark.parametrize(
    ("commands", "error"),
    [
        ("docker run image", "ERROR: local/ has no docker run"),
        ("docker push $REPOSITORY:none", "An image does not exist locally with the tag"),
        ("docker build --tag $REPOSITORY:x .\ndocker push $REPOSITORY:x", "no basic auth credentials"),
        ("mkdir empty; docker build --tag x empty", "failed to read dockerfile"),
    ],
)
def test_unsupported_docker_commands_fail_with_the_reason(builder: Builder, commands: str, error: str) -> None:
    location = builder.put("image.zip", pack_zip(IMAGE)).removeprefix("s3://")
    source = {"sourceTypeOverride": "S3", "sourceLocationOverride": location}
    build = builder.run(write_buildspec(build=f"PATH=${{PATH%%:*}}:/usr/bin:/bin\n{commands}"), **source)
    assert build["buildStatus"] == "FAILED"
    assert any(error in line for line in builder.lines(build)), builder.lines(build)


DOCKER = """#!/bin/sh
echo "$@" >> {log}
case "$1" in
    image) echo sha256:0123 ;;
    run) for option; do case "$option" in --volume=*) volume=${{option#--volume=}} ;; esac; done
         [ ! -d "${{volume%%:*}}/model" ] || echo made > "${{volume%%:*}}/model/made" ;;
esac
"""


def test_docker_is_used_if_it_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script in place of Docker records its arguments, because the tests run without Docker."""
    log, program = tmp_path / "log", tmp_path / "bin" / "docker"
    program.parent.mkdir()
    program.write_text(DOCKER.format(log=log))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    with running_engine(tmp_path / "data") as engine:
        builder = Builder(engine)
        build = builder.make_image(IMAGE, "real")
        assert build["buildStatus"] == "SUCCEEDED", builder.lines(build)
        train(Trainer(engine), f"{builder.repository}:real")
        processor = Processor(engine)
        app = {"ImageUri": f"{builder.repository}:real", "ContainerArguments": ["/opt/ml/processing/code"]}
        assert processor.finish(processor.start("", AppSpecification=app))["ProcessingJobStatus"] == "Completed"
        build = builder.run(write_buildspec(build="aws s3 ls"))
        assert any("builds can use only aws ecr get-login-password" in line for line in builder.lines(build))
    asked = log.read_text().splitlines()
    assert f"build --tag {builder.repository}:real ." in asked
    run, process = [line for line in asked if line.startswith("run ")]
    assert "--entrypoint=python3 --volume=" in process
    assert process.endswith(":/opt/ml sha256:0123 /opt/ml/processing/code/work.py /opt/ml/processing/code")
    assert "--env=TRAINING_JOB_NAME" in run
    assert run.endswith(":/opt/ml sha256:0123 train")
    name = next(word for word in run.split() if word.startswith("--name=")).removeprefix("--name=")
    assert f"rm --force {name}" in asked
