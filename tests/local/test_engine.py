"""``python -m local``: options, start, stop, child processes, the engine's own pages and the call log."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from tests.engine import ROOT, Engine, running_engine
from tests.local.sagemaker_world import SERVE_OWN, TRAINING_LOGS, Host, Trainer, wait_until
from tests.processes import await_end, is_alive

# Starts a process that starts another, prints the process ids, and waits to be killed.
_PARENT = """
import sys, time
from pathlib import Path
from local import processes
from local.functions import forks
from sagebuild.container import opt_ml
child = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
with open(sys.argv[1], "wb") as output:
    folder = Path(sys.argv[1]).parent
    command = opt_ml.enter(folder, Path("/"), [sys.executable, "-c", child])
    process = processes.start(command, env={"PATH": "/bin"}, cwd=Path("/"), output=output)
    (folder / "sleeps.py").write_text("import time; time.sleep(60)")
    forked = forks.start(["sleeps"], env={}, cwd=folder, output=sys.stderr.fileno())
print(process.pid, forked.pid, processes._watchdog.pid, flush=True)
order = sys.stdin.readline()
if order == "stop\\n":
    processes.stop_all()
if order == "more\\n":
    process = processes.start(["sleep", "60"], env={"PATH": "/bin"}, cwd=Path("/"), output=sys.stderr.fileno())
    print(process.pid, flush=True)
time.sleep(60)
"""


def local(*options: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "local", *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_option_and_its_default() -> None:
    said = local("--help")
    assert said.returncode == 0
    for expected in (
        "--host",
        "--port",
        "(default: 4577)",
        "--data",
        "(default: .local)",
        "--region",
        "(default: us-east-1)",
        "--time-scale",
        "(default: 1)",
        "--log-calls",
        "--enforce-iam",
        "--allow-remote",
        "AWS_ENDPOINT_URL=http://127.0.0.1:4577",
        "not covered:",
    ):
        assert expected in said.stdout


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--host", "0.0.0.0"], "0.0.0.0 is not a loopback address"),
        (["--host", "nowhere.invalid"], "nowhere.invalid is not a loopback address"),
        (["--time-scale", "0"], "'0' is not a factor"),
        (["--time-scale", "-1"], "'-1' is not a factor"),
        (["--time-scale", "fast"], "'fast' is not a factor"),
        (["--region", "mars-1"], "'mars-1' is not a region"),
        (["--port", "70000"], "'70000' is not a port"),
    ],
)
def test_an_invalid_option_is_refused(options: list[str], sentence: str) -> None:
    said = local(*options)
    assert (said.returncode, said.stdout) == (2, "")
    assert sentence in said.stderr


def test_allow_remote_permits_other_addresses(tmp_path: Path) -> None:
    with running_engine(tmp_path, "--host", "0.0.0.0", "--allow-remote") as engine:
        assert engine.endpoint_url.startswith("http://0.0.0.0:")


def test_a_port_in_use_is_reported(engine: Engine, tmp_path: Path) -> None:
    port = engine.endpoint_url.rsplit(":", 1)[1]
    said = local("--port", port, "--data", str(tmp_path))
    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.startswith(f"local: cannot listen on port {port} of 127.0.0.1")
    assert said.stderr.count("\n") == 1


def test_a_data_folder_in_use_is_reported(engine: Engine) -> None:
    said = local("--port", "0", "--data", str(engine.data))
    assert (said.returncode, said.stdout) == (1, "")
    assert f"{engine.data} is in use by another engine (process {engine.process.pid}, " in said.stderr


def test_a_busy_port_and_a_busy_folder_are_answered_with_options_that_work(engine: Engine, tmp_path: Path) -> None:
    port = engine.endpoint_url.rpartition(":")[2]
    advised = local("--port", port, "--data", str(tmp_path)).stderr.split()[-2:]
    assert advised[0] == "--port"
    folder = local("--port", advised[1], "--data", str(engine.data)).stderr.split()[-2:]
    assert folder == ["--data", f"{engine.data}-{advised[1]}"]


def test_two_engines_run_side_by_side(engine: Engine, tmp_path: Path) -> None:
    """Each has its own resources, jobs, endpoints and logs under the same names."""
    script = "import os\nprint('asks', os.environ['WORD'], flush=True)"
    with running_engine(tmp_path) as other:
        hosts = [Host(engine), Host(other)]
        trainers = [Trainer(engine), Trainer(other)]
        for trainer, word in zip(trainers, ("one", "two"), strict=True):
            trainer.start(script, TrainingJobName="same-name", Environment={"WORD": word})
        for factor, host in enumerate(hosts, 1):
            config = host.configure(main=host.model(SERVE_OWN.replace('"factor": 3', f'"factor": {factor}')))
            host.sagemaker.create_endpoint(EndpointName="same-name", EndpointConfigName=config)
        for trainer in trainers:
            assert trainer.finish("same-name")["TrainingJobStatus"] == "Completed"
        lines = [trainer.read_logs(TRAINING_LOGS, "same-name/") for trainer in trainers]
        assert [[line for line in each if line.startswith("asks")] for each in lines] == [["asks one"], ["asks two"]]
        assert [host.settle("same-name")["EndpointStatus"] for host in hosts] == ["InService"] * 2
        assert [host.invoke_json("same-name", [1]) for host in hosts] == [{"prediction": [1]}, {"prediction": [2]}]
        hosts[0].sagemaker.delete_endpoint(EndpointName="same-name")
        wait_until(lambda: hosts[0].is_gone("same-name"), bool)
        assert hosts[1].invoke_json("same-name", [1]) == {"prediction": [2]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it(tmp_path: Path, number: signal.Signals) -> None:
    with running_engine(tmp_path, "--log-calls") as engine:
        engine.client("sns").create_topic(Name="topic")
        engine.process.send_signal(number)
        assert engine.process.wait(10) == 0


def test_a_killed_engine_releases_its_data_folder(tmp_path: Path) -> None:
    with running_engine(tmp_path) as engine:
        engine.process.kill()
        engine.process.wait(10)
    with running_engine(tmp_path):
        pass


@pytest.mark.parametrize("how", ["stop", "kill", "kill the watchdog, too"])
def test_no_process_outlives_the_engine(tmp_path: Path, how: str) -> None:
    output = tmp_path / "output"
    engine = subprocess.Popen(
        [sys.executable, "-c", _PARENT, str(output)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert engine.stdin
    assert engine.stdout
    try:
        pids = [int(pid) for pid in engine.stdout.readline().split()]
        while not output.read_text():
            time.sleep(0.02)
        pids.append(int(output.read_text()))
        assert all(map(is_alive, pids))
        if how == "stop":
            print("stop", file=engine.stdin, flush=True)
        else:
            if "watchdog" in how:
                os.kill(pids[2], signal.SIGKILL)
                assert await_end(pids[2:3]) == []
                print("more", file=engine.stdin, flush=True)
                pids.append(int(engine.stdout.readline()))
            engine.kill()
        assert await_end(pids) == []
    finally:
        engine.kill()
        engine.wait()


def test_the_health_page_shows_the_settings(engine: Engine) -> None:
    with urllib.request.urlopen(f"{engine.endpoint_url}/_local/health", timeout=10) as answer:
        health = json.load(answer)
    assert health.pop("opt_ml") in (True, False)  # as the machine allows
    assert health == {"status": "ok", "endpoint": engine.endpoint_url, "region": "us-east-1", "time_scale": 20.0}


def test_web_pages_are_refused(engine: Engine) -> None:
    request = urllib.request.Request(engine.endpoint_url, headers={"Origin": "http://somewhere.example"})
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(request, timeout=10)


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1.attacker.example", "localhost.example", "", "[::1"])
def test_a_name_that_is_not_this_machine_s_is_refused(engine: Engine, host: str) -> None:
    port = engine.endpoint_url.rpartition(":")[2]
    for path in ("/_local/health", "/?Action=CreateStack&StackName=x"):
        request = urllib.request.Request(f"{engine.endpoint_url}{path}", headers={"Host": f"{host}:{port}"})
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(request, timeout=10)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "bucket.localhost", "a.b.localhost"])
def test_loopback_names_and_s3_virtual_hosts_are_answered(engine: Engine, host: str) -> None:
    port = engine.endpoint_url.rpartition(":")[2]
    headers = {"Host": f"{host}:{port}"}
    request = urllib.request.Request(f"{engine.endpoint_url}/_local/health", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert json.load(answer)["status"] == "ok"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "named"),
    [
        (
            "sagemaker",
            "create_context",
            {"ContextName": "c", "Source": {"SourceUri": "s"}, "ContextType": "t"},
            "sagemaker:CreateContext",
        ),
        ("lambda", "list_code_signing_configs", {}, "lambda:ListCodeSigningConfigs"),
        # moto has it, and would report an execution that never runs.
        (
            "sagemaker",
            "start_pipeline_execution",
            {"PipelineName": "p", "ClientRequestToken": "a" * 32},
            "sagemaker:StartPipelineExecution",
        ),
    ],
)
def test_the_error_for_an_unserved_call_names_it(
    engine: Engine, service: str, operation: str, parameters: dict[str, object], named: str
) -> None:
    with pytest.raises(ClientError, match=f"local/ does not serve {named}") as raised:
        getattr(engine.client(service), operation)(**parameters)
    assert raised.value.response["Error"]["Code"] == "NotImplemented"


def test_log_calls_prints_one_line_per_call(tmp_path: Path) -> None:
    with running_engine(tmp_path, "--log-calls") as engine:
        engine.client("sns").create_topic(Name="topic")
        with pytest.raises(ClientError):
            engine.client("ssm").get_parameter(Name="/missing")
        engine.process.terminate()
        assert engine.process.stdout
        lines = [line.split() for line in engine.process.stdout.read().splitlines() if "owner" in line]
    arn = "arn:aws:{}:us-east-1:123456789012:{}"
    assert [line[1:-2] for line in lines] == [
        ["owner", "sns:CreateTopic", arn.format("sns", "topic"), "200"],
        ["owner", "ssm:GetParameter", arn.format("ssm", "parameter/missing"), "400", "ParameterNotFound"],
    ]
    assert all(line[-1] == "ms" and line[-2].isdecimal() for line in lines)
