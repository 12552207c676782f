"""The real state machine on an engine, with a planBuild of the tests' own: so a plan can be anything."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.engine import ROOT, Engine
from tests.local.builds import Builder, write_buildspec
from tests.local.functions import deploy, eventually, name
from tests.local.sagemaker_world import IMAGE, Host, pack, wait_until
from tests.local.state_machines import Machines

Json = dict[str, Any]
DEFINITION: Json = json.loads((ROOT / "statemachine.asl.json").read_text(encoding="utf-8"))

INSIDE = {name for state in DEFINITION["States"].values() for name in state.get("ItemProcessor", {}).get("States", {})}

# Answers each call with the next of the answers that lie ready for the number; the last one stays.
PLANNER = """
    import json, os, pathlib

    def handler(event, context):
        file = pathlib.Path(os.environ["PLANS"], f"{event['number']}.json")
        answer, *rest = json.loads(file.read_text())
        if rest:
            file.write_text(json.dumps(rest))
        if "raise" in answer:
            raise type(answer["raise"], (Exception,), {})(answer["message"])
        return answer
"""

# Copies nothing: returns the model with the trained archive's address, or fails for the source "bad".
PACKER = """
    def handler(event, context):
        assert event.keys() == {"number", "pipeline", "model", "artifacts", "packing"}
        if event["packing"].get("source") == "bad":
            raise type("PreflightError", (Exception,), {})("bad is not a tar.gz archive.")
        container = event["model"]["PrimaryContainer"] | {"ModelDataUrl": event["artifacts"]}
        return {"model": event["model"] | {"PrimaryContainer": container}, "artifacts": event["artifacts"]}
"""

# Reads nothing: raises the error of a changed file for the model "changed".
VERIFIER = """
    def handler(event, context):
        assert event.keys() == {"number", "pipeline", "models"}
        if "changed" in event["models"]:
            raise type("ModelChangedError", (Exception,), {})("The model of build 1 changed.")
"""

# Fails only for the sample "bad".
TASTER = """
    def handler(event, context):
        if event["body"] == "bad":
            raise type("SmokeTestError", (Exception,), {})("The smoke test failed: the status is 500.")
"""

# Registers nothing; checks that the event has the expected members.
REGISTRAR = """
    def handler(event, context):
        if "raise" in event:
            raise type(event["raise"], (Exception,), {})("The registry does not answer.")
        assert event["artifacts"].startswith("s3://")
        assert ":execution:" in event["execution"]
        assert event.keys() == {"wanted", "origin", "framework", "number", "pipeline", "model", "artifacts",
                                "execution"}
"""

# Returns the event, or raises its "error".
CHECKER = """
    def handler(event, context):
        if "error" in event:
            raise type(event["error"], (Exception,), {})("No build has the number 1.")
        return event
"""

# Publishes no request: answers at once, or never.
ASKER = """
    import json, boto3

    def handler(event, context):
        assert event["token"]
        if "error" in event:
            raise type(event["error"], (Exception,), {})("Build 1 has ended.")
        if "answer" in event:
            output = json.dumps(event["answer"])
            boto3.client("stepfunctions").send_task_success(taskToken=event["token"], output=output)
"""

SAVE = "import os; open(os.environ['SM_MODEL_DIR'] + '/model', 'w').close(); "
TRAIN = SAVE + "print('learned nothing')"
TRAIN_SCORED = SAVE + "import sys; print('score=' + sys.argv[-1])"
TRAIN_BADLY = "raise ValueError('the learning rate makes no sense')"
SERVE = "def model_fn(model_dir): return None"
SERVE_NEVER = "def model_fn(model_dir): raise RuntimeError('this model cannot be served')"
POLL_SECONDS = 10  # half a second of ours


@dataclass(frozen=True)
class Run:
    """An execution that has ended."""

    described: Json
    events: list[Json]

    @property
    def number(self) -> int:
        """The build's number."""
        return int(json.loads(self.described["input"])["number"])

    @property
    def entered(self) -> list[str]:
        """The names of the states, in the order in which they were entered; those inside of a Map are its own."""
        entered = (
            event["stateEnteredEventDetails"]["name"] for event in self.events if "stateEnteredEventDetails" in event
        )
        return [name for name in entered if name not in INSIDE]

    def count(self, event_type: str) -> int:
        """How many events are of a type such as TaskFailed."""
        return sum(event["type"] == event_type for event in self.events)


class Gate:
    """What a model waits for before it serves: an endpoint stays Creating or Updating until the gate is opened."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.script = (
            "import pathlib, time\n"
            "def model_fn(model_dir):\n"
            f"    while not pathlib.Path({str(file)!r}).exists(): time.sleep(0.05)\n"
        )

    def open(self) -> None:
        """Let the model serve."""
        self._file.touch()


class Stage(Host):
    """The state machine, its planBuild, and SageMaker to build in."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        super().__init__(engine)
        self._folder = folder
        self._numbers = itertools.count(1)
        self.machines = Machines.of(engine)
        self.autoscaling = engine.client("application-autoscaling")
        self.builder = Builder(engine)
        self._planner = deploy(engine, PLANNER, Environment={"Variables": {"PLANS": str(folder)}})
        self._packer = deploy(engine, PACKER)
        self._verifier = deploy(engine, VERIFIER)
        self._taster = deploy(engine, TASTER)
        self._checker = deploy(engine, CHECKER)
        self._registrar = deploy(engine, REGISTRAR)
        self._asker = deploy(engine, ASKER)
        self.cloudwatch = engine.client("cloudwatch")
        self._machine = self._create(DEFINITION)
        self.steady = self.configure(AllTraffic=self.model(SERVE))

    def _create(self, definition: Json) -> str:
        text = json.dumps(definition).replace("${PlanBuildFunctionArn}", self._planner)
        text = text.replace("${PackModelFunctionArn}", self._packer)
        text = text.replace("${VerifyModelFunctionArn}", self._verifier)
        text = text.replace("${RunSmokeTestFunctionArn}", self._taster)
        text = text.replace("${CheckQualityFunctionArn}", self._checker)
        text = text.replace("${RegisterModelFunctionArn}", self._registrar)
        text = text.replace("${RequestApprovalFunctionArn}", self._asker)
        created = self.machines.states.create_state_machine(
            name=name("build"), definition=text, roleArn=self.machines.role_arn
        )
        return str(created["stateMachineArn"])

    def gate(self) -> Gate:
        """A new gate, closed."""
        return Gate(self._folder / name("gate"))

    def endpoint(self, configuration: str | None = None) -> str:
        """An endpoint at rest, InService unless its configuration's model prevents that."""
        endpoint = self.begin(configuration or self.steady)
        self.settle(endpoint)
        return endpoint

    def plan(self, endpoint: str | None = None, train: str = TRAIN, serve: str = SERVE) -> Json:
        """A plan that trains and deploys in a moment.

        Parameters
        ----------
        endpoint
            The endpoint to deploy to; without one, one that is yet to be.
        train, serve
            The scripts.
        """
        own = name("own")
        source = self.put(f"{own}/source.tar.gz", pack({"train.py": train, "serve.py": serve}))
        variant = {"VariantName": "AllTraffic", "InstanceType": "ml.t2.medium", "InitialInstanceCount": 1}
        container = {"SAGEMAKER_PROGRAM": "serve.py", "SAGEMAKER_SUBMIT_DIRECTORY": source}
        return {
            "mode": "train",
            "deploy": True,
            "source": {"wanted": False},
            "images": {"wanted": False, "builds": []},
            "processing": {"wanted": False, "jobs": []},
            "evaluation": {"wanted": False, "jobs": []},
            "transform": {"wanted": False, "request": {}, "seconds": 0},
            "training": {
                "TrainingJobName": own,
                "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                "RoleArn": self.role,
                "HyperParameters": {"sagemaker_program": "train.py", "sagemaker_submit_directory": source},
                "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/builds"},
                "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10},
                "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
            },
            "model": {
                "ModelName": own,
                "ExecutionRoleArn": self.role,
                "PrimaryContainer": {"Image": IMAGE, "Environment": container},
            },
            "endpointConfig": {"EndpointConfigName": own, "ProductionVariants": [variant | {"ModelName": own}]},
            "endpoint": {"EndpointName": endpoint or name("endpoint"), "EndpointConfigName": own},
            "quality": {"wanted": False},
            "packing": {},
            "verify": {"models": [own]},
            "register": {"wanted": False},
            "approval": {"wanted": False},
            "tags": [{"Key": "sagebuild:build", "Value": own}],
            "preprocess": {"wanted": False},
            "scaling": {"wanted": False, "release": False, "update": {}},
            "component": {"wanted": False, "keepsInstances": False},
            "guardrails": {},
            "smokeTest": {"wanted": False},
            "postprocess": {"wanted": False},
            "pollSeconds": POLL_SECONDS,
            "maximumPolls": 1000,
        }

    def component(self, plan: Json, *, keeps: bool = False) -> Json:
        """A plan whose model an inference component serves, on instances that stay or not."""
        model, endpoint = plan["model"]["ModelName"], plan["endpoint"]["EndpointName"]
        named = {"InferenceComponentName": endpoint, "Specification": self.specify(model)}
        create = {"EndpointName": endpoint, "VariantName": "AllTraffic", "RuntimeConfig": {"CopyCount": 1}}
        planned = {"wanted": True, "keepsInstances": keeps, "name": endpoint, "model": model}
        config = self.configure_bare(plan["endpointConfig"]["EndpointConfigName"])
        return plan | {
            "endpointConfig": config,
            "component": planned | {"create": named | create, "update": named | {"RuntimeConfig": {"CopyCount": 1}}},
        }

    def specify(self, model: str) -> Json:
        """The specification of a component."""
        return {"ModelName": model, "ComputeResourceRequirements": {"MinMemoryRequiredInMb": 1024}}

    def configure_bare(self, own: str) -> Json:
        """The request for an endpoint configuration without a model."""
        managed = {"Status": "ENABLED", "MinInstanceCount": 0, "MaxInstanceCount": 2}
        variant = {"VariantName": "AllTraffic", "InstanceType": "ml.m5.large", "InitialInstanceCount": 1}
        variants = [variant | {"ManagedInstanceScaling": managed}]
        return {"EndpointConfigName": own, "ProductionVariants": variants, "ExecutionRoleArn": self.role}

    def hosted(self, model: str = "") -> str:
        """An endpoint for components, InService; with a model, its component serves it, or has failed."""
        request = self.configure_bare(name("bare"))
        self.sagemaker.create_endpoint_config(**request)
        endpoint = self.endpoint(request["EndpointConfigName"])
        if model:
            self.sagemaker.create_inference_component(
                InferenceComponentName=endpoint,
                EndpointName=endpoint,
                VariantName="AllTraffic",
                Specification=self.specify(model),
                RuntimeConfig={"CopyCount": 1},
            )
        return endpoint

    def describe_component(self, component: str) -> Json:
        """DescribeInferenceComponent."""
        answer: Json = self.sagemaker.describe_inference_component(InferenceComponentName=component)
        return answer

    def settle_component(self, component: str) -> Json:
        """DescribeInferenceComponent, at rest."""
        return wait_until(
            lambda: self.describe_component(component), lambda one: not one["InferenceComponentStatus"].endswith("ing")
        )

    def job(self, command: str, *inputs: tuple[str, str]) -> Json:
        """A processing job for a plan, which runs a shell command; it writes into the output "out".

        Parameters
        ----------
        inputs
            The name of each input, which is its folder, and its address.
        """
        own = name("step")
        place = {"S3Uri": f"s3://{self.bucket}/{own}/out", "LocalPath": "/opt/ml/processing/out"}
        output = {"OutputName": "out", "S3Output": place | {"S3UploadMode": "EndOfJob"}}
        sources = [
            {"S3Uri": uri, "LocalPath": f"/opt/ml/processing/{key}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
            for key, uri in inputs
        ]
        cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 10}
        request = {
            "ProcessingJobName": own,
            "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["/bin/sh", "-c", command]},
            "RoleArn": self.role,
            "ProcessingResources": {"ClusterConfig": cluster},
            "ProcessingOutputConfig": {"Outputs": [output]},
            "ProcessingInputs": [
                {"InputName": key, "S3Input": source} for (key, _), source in zip(inputs, sources, strict=True)
            ],
        }
        return {"request": request, "model": ""}

    def find_output(self, job: Json) -> str:
        """The address of a job's output."""
        return str(job["request"]["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"])

    def transform_plan(self, serve: str, rows: str) -> Json:
        """A plan that scores a file with the new model, and does not deploy."""
        plan, own = self.plan(serve=serve) | {"deploy": False}, name("transform")
        source = {"S3DataType": "S3Prefix", "S3Uri": self.put(f"{own}/in/rows.csv", rows)}
        given = {"DataSource": {"S3DataSource": source}, "ContentType": "text/csv", "SplitType": "Line"}
        request = {
            "TransformJobName": own,
            "ModelName": plan["model"]["ModelName"],
            "TransformInput": given,
            "TransformOutput": {"S3OutputPath": f"s3://{self.bucket}/{own}/out/", "AssembleWith": "Line"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "ModelClientConfig": {"InvocationsMaxRetries": 0},
        }
        return plan | {"transform": {"wanted": True, "request": request, "seconds": 3600}}

    def tuning_plan(self, train: str) -> Json:
        """A plan that tunes, with two trainings at a time."""
        plan = self.plan(train=train)
        training = plan.pop("training")
        metrics = [{"Name": "score", "Regex": "score=([0-9.]+)"}]
        algorithm = training["AlgorithmSpecification"] | {"MetricDefinitions": metrics}
        names = ("RoleArn", "OutputDataConfig", "ResourceConfig", "StoppingCondition")
        tuning = {
            "HyperParameterTuningJobName": training["TrainingJobName"],
            "HyperParameterTuningJobConfig": {
                "Strategy": "Grid",
                "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "score"},
                "ResourceLimits": {"MaxParallelTrainingJobs": 2},
                "ParameterRanges": {"CategoricalParameterRanges": [{"Name": "size", "Values": ["1", "2"]}]},
            },
            "TrainingJobDefinition": {name: training[name] for name in names}
            | {"StaticHyperParameters": training["HyperParameters"], "AlgorithmSpecification": algorithm},
        }
        return plan | {"mode": "tune", "tuning": tuning}

    def scaled(self, plan: Json, **changes: Any) -> Json:
        """A plan with scaling of its endpoint, and these changes of that."""
        variant = {
            "ServiceNamespace": "sagemaker",
            "ResourceId": f"endpoint/{plan['endpoint']['EndpointName']}/variant/AllTraffic",
            "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        }
        metric = {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"}
        tracking = {"TargetValue": 9, "PredefinedMetricSpecification": metric}
        policy = {"PolicyName": "own", "PolicyType": "TargetTrackingScaling"}
        scaling = {
            "wanted": True,
            "release": False,
            "variant": variant,
            "target": {"MinCapacity": 1, "MaxCapacity": 2},
            "policy": policy | {"TargetTrackingScalingPolicyConfiguration": tracking},
            "update": {"RetainAllVariantProperties": True},
            "wake": self.waking(plan, wanted=False),
        }
        return plan | {"scaling": scaling | changes}

    def waking(self, plan: Json, *, wanted: bool = True) -> Json:
        """The part of a plan that wakes an endpoint without instances."""
        endpoint = plan["endpoint"]["EndpointName"]
        step = {"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}
        steps = {"AdjustmentType": "ChangeInCapacity", "Cooldown": 300, "StepAdjustments": [step]}
        alarm = {
            "AlarmName": f"wake-{endpoint}",
            "Namespace": "AWS/SageMaker",
            "MetricName": "HasBacklogWithoutCapacity",
            "Dimensions": [{"Name": "EndpointName", "Value": endpoint}],
            "Statistic": "Average",
            "Period": 60,
            "EvaluationPeriods": 2,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        policy = {"PolicyName": "wake", "PolicyType": "StepScaling", "StepScalingPolicyConfiguration": steps}
        return {"wanted": wanted, "policy": policy, "alarm": alarm}

    def own_machine(self, *states: Json) -> Json:
        """The part of a plan that runs a state machine of these states."""
        machine = self.machines.create({f"State {number}": state for number, state in enumerate(states)})
        execution = {"StateMachineArn": machine, "Name": name("own"), "Input": {"given": "input"}}
        return {"wanted": True, "execution": execution}

    def plan_with_source(self, commands: str) -> Json:
        """A plan whose source these commands fetch."""
        request = {"ProjectName": self.builder.project, "BuildspecOverride": write_buildspec(build=commands)}
        return self.plan() | {"source": {"wanted": True, "request": request}}

    def plan_with_image(self, commands: str) -> Json:
        """A plan whose training image these commands build and push, as $REPOSITORY:$TAG."""
        plan, tag = self.plan(), name("tag")
        image = f"{self.builder.repository}:{tag}"
        plan["training"]["AlgorithmSpecification"]["TrainingImage"] = image
        request = {
            "ProjectName": self.builder.project,
            "BuildspecOverride": write_buildspec(build=commands),
            "EnvironmentVariablesOverride": [{"Name": "TAG", "Value": tag}, {"Name": "FOLDER", "Value": "image"}],
        }
        lookup = {"RepositoryName": self.builder.project, "ImageIds": [{"ImageTag": tag}]}
        builds = [{"tag": tag, "image": image, "request": request}]
        return plan | {"images": {"wanted": True, "builds": builds, "lookup": lookup}}

    def start(self, *answers: Json) -> str:
        """Start a build that planBuild answers so; the execution's ARN."""
        number = next(self._numbers)
        given = [answer | {"number": number, "pipeline": ""} for answer in answers]
        (self._folder / f"{number}.json").write_text(json.dumps(given))
        return self.machines.start(self._machine, {"number": number})

    def build(self, *answers: Json) -> Run:
        """A whole build."""
        return self.finish(self.start(*answers))

    def finish(self, execution: str) -> Run:
        """What became of an execution."""
        return Run(self.machines.finish(execution), self.machines.history(execution, maxResults=1000))

    def wait_for_state(self, execution: str, state: str, times: int = 1) -> None:
        """Wait until an execution has entered a state."""

        def has_entered() -> bool:
            events = self.machines.history(execution, maxResults=1000)
            return Run({}, events).entered.count(state) >= times

        eventually(has_entered)

    def run_from(self, state: str, variables: Json) -> Run:
        """The machine from one of its states on, with variables that the states before it would have left."""
        states = {each: DEFINITION["States"][each] for each in _reach(state)}
        given = variables | {"plan": {"pipeline": ""} | variables["plan"]}
        states["Given"] = {"Type": "Pass", "Assign": given, "Next": state}
        machine = self._create(DEFINITION | {"StartAt": "Given", "States": states})
        return self.finish(self.machines.start(machine))

    def choose(self, choice: str, cases: list[Json]) -> list[Run]:
        """A Choice of the machine with these variables, each time up to the state that it leads to."""
        given = {variable: f"{{% $states.input.{variable} %}}" for variable in cases[0]}
        states: Json = {"Given": {"Type": "Pass", "Assign": given, "Next": choice}}
        states |= {after: {"Type": "Succeed"} for before, after in transitions() if before == choice}
        states |= {kept: DEFINITION["States"][kept] for kept in (choice, "Build Failed")}
        machine = self._create(DEFINITION | {"StartAt": "Given", "States": states})
        return [self.finish(execution) for execution in [self.machines.start(machine, case) for case in cases]]


def _reach(state: str) -> set[str]:
    """The states that the machine can come to from one of them, that one included."""
    reached: set[str] = set()
    ahead = {state}
    while ahead:
        reached |= ahead
        ahead = {after for before, after in transitions() if before in ahead} - reached
    return reached


def transitions() -> Iterator[tuple[str, str]]:
    """From which state to which the machine can go."""
    for state, described in DEFINITION["States"].items():
        yield from ((state, described[key]) for key in ("Next", "Default") if key in described)
        for rule in [*described.get("Choices", []), *described.get("Catch", [])]:
            yield state, rule["Next"]


def without_repetition(entered: Sequence[str]) -> list[str]:
    """The states entered, where the machine's loops, of three states each, count once however often they went round."""
    kept: list[str] = []
    for state in entered:
        kept.append(state)
        if kept[-3:] == kept[-6:-3]:
            del kept[-3:]
    return kept
