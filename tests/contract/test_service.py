"""serverless.yml and resources/ agree with the code: handlers, settings, clients and permissions."""

import ast
import importlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from sagebuild.settings import Optional, Required, Seconds, Settings
from tests.engine import ROOT
from tools.lambda_package import NOT_PACKED

LAMBDA_FOLDERS = ("handlers", "sagebuild", "skill")
LEFT_OUT = set(NOT_PACKED)  # of the functions' archives
RESOURCES = sorted((ROOT / "resources").glob("*.yml"))
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: what Lambda sets itself.
SET_BY_LAMBDA = {"AWS_REGION"}
READ_BY_BOTOCORE = {"AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"}

SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))
FUNCTIONS: dict[str, dict[str, Any]] = SERVICE["functions"]
PROVIDED = set(SERVICE["provider"]["environment"])

each_function = pytest.mark.parametrize("name", FUNCTIONS)


# An expression through which code reads a setting: service.settings, settings, Settings(os.environ).
READS_SETTINGS = re.compile(r"(^|\.)settings$|^Settings\(")


class Read(NamedTuple):
    """The environment variables that some code reads: those it needs, and those that it can do without."""

    needed: set[str]
    optional: set[str]


class Module(NamedTuple):
    """What a module defines at its top, and what it imports anywhere: local name -> dotted name."""

    definitions: dict[str, ast.stmt]
    imports: dict[str, str]


@cache
def code() -> dict[str, Module]:
    """The modules that Lambda gets, by dotted name."""
    paths = [path for folder in LAMBDA_FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return {_dotted(path): _read(path) for path in paths if not LEFT_OUT & set(path.parents)}


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _read(path: Path) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    definitions: dict[str, ast.stmt] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            definitions[node.name] = node
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            definitions |= {target.id: node for target in targets if isinstance(target, ast.Name)}
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    return Module(
        definitions, {one.asname or one.name: f"{node.module}.{one.name}" for node in froms for one in node.names}
    )


def resolve(module: str, name: str) -> tuple[str, str] | None:
    """Where a name that a module uses is defined, if that is in our code; a module itself has the name ""."""
    if name in code()[module].definitions:
        return module, name
    dotted = code()[module].imports.get(name, "")
    if dotted in code():
        return dotted, ""
    source, _, original = dotted.rpartition(".")
    return resolve(source, original) if source in code() else None


def references(module: str, node: ast.AST) -> Iterator[tuple[str, str]]:
    """The definitions in our code that a piece of it refers to."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and (found := resolve(module, inner.id)) and found[1]:
            yield found
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
            found = resolve(module, inner.value.id)
            if found and not found[1] and (member := resolve(found[0], inner.attr)):
                yield member
        # A package that imports all its modules may come to any definition in them.
        if isinstance(inner, ast.Call) and ast.unparse(inner.func) == "import_module":
            below = [where for where in code() if where.startswith(f"{module}.")]
            yield from ((where, name) for where in below for name in code()[where].definitions)


def reach(module: str) -> set[tuple[str, str]]:
    """All definitions that the code of a module can come to."""
    ahead, reached = {(module, name) for name in code()[module].definitions}, set[tuple[str, str]]()
    while ahead:
        reached |= ahead
        ahead = {one for where, name in ahead for one in _references_of(where, name)} - reached
    return reached


@cache
def _references_of(module: str, definition: str) -> set[tuple[str, str]]:
    return set(references(module, code()[module].definitions[definition]))


def settings_of(module: str) -> Read:
    """The environment variables that the code of a module can come to read."""
    found = [_settings_in(where, name) for where, name in reach(module)]
    return Read({one for each in found for one in each.needed}, {one for each in found for one in each.optional})


@cache
def _settings_in(module: str, definition: str) -> Read:
    needed, optional = set[str](), set[str]()
    for node in ast.walk(code()[module].definitions[definition]):
        if isinstance(node, ast.Attribute) and READS_SETTINGS.search(ast.unparse(node.value)):
            sort_settings({node.attr}, needed, optional)
        if not isinstance(node, ast.Call | ast.Subscript):
            continue
        read = ast.unparse(node.func if isinstance(node, ast.Call) else node.value)
        arguments = node.args if isinstance(node, ast.Call) else [node.slice]
        if read == "getattr" and READS_SETTINGS.search(ast.unparse(arguments[0])):
            sort_settings(_read_names(module, definition, arguments[1]), needed, optional)
        elif read in ("os.environ", "os.environ.get", "os.getenv"):
            has_default = len(arguments) > 1 and ast.unparse(arguments[1]) != "''"
            (optional if has_default else needed).update(_read_names(module, definition, arguments[0]))
    return Read(needed, optional)


def sort_settings(names: set[str], needed: set[str], optional: set[str]) -> None:
    """Add the variables of these attributes of `Settings` to what is needed or what is optional."""
    for name in names & vars(Settings).keys():
        kinds = {Required: needed, Optional: optional, Seconds: optional}
        if type(vars(Settings)[name]) in kinds:
            kinds[type(vars(Settings)[name])].add(name.upper())


def _read_names(module: str, definition: str, argument: ast.expr) -> set[str]:
    """The variable that is read; where it is one of several, all the texts of the constants that are at hand there."""
    if isinstance(argument, ast.Constant):
        return {str(argument.value)}
    constants = code()[module].definitions
    at_hand = {name for where, name in references(module, constants[definition]) if where == module}
    values = [constants[name] for name in at_hand if isinstance(constants[name], ast.Assign | ast.AnnAssign)]
    texts = [node.value for value in values for node in ast.walk(value) if isinstance(node, ast.Constant)]
    return {text for text in texts if isinstance(text, str) and re.fullmatch(r"[A-Z_]+|[a-z_]+", text)}


def clients() -> set[str]:
    """The AWS services for which the code creates clients."""
    nodes = [node for module in code().values() for one in module.definitions.values() for node in ast.walk(one)]
    calls = [node for node in nodes if isinstance(node, ast.Call) and re.search(r"client$", ast.unparse(node.func))]
    return {str(call.args[0].value) for call in calls if call.args and isinstance(call.args[0], ast.Constant)}


@each_function
def test_the_handler_exists(name: str) -> None:
    module, _, function = FUNCTIONS[name]["handler"].rpartition(".")
    assert callable(getattr(importlib.import_module(module.replace("/", ".")), function))


@each_function
def test_a_function_says_what_it_is_and_what_it_takes(name: str) -> None:
    assert FUNCTIONS[name].keys() >= {"description", "role", "timeout", "memorySize"}


def test_functions_share_a_role_only_as_the_documentation_explains() -> None:
    roles: dict[str, set[str]] = {}
    for name, function in FUNCTIONS.items():
        roles.setdefault(function["role"]["Fn::Sub"].removeprefix("${").removesuffix(".Arn}"), set()).add(name)
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+Role)` \| functions? ([^|]+) \|", page, re.MULTILINE)
    assert roles == {role: set(re.findall(r"`(\w+)`", functions)) for role, functions in rows}
    assert "iam" not in SERVICE["provider"]


def template_resources() -> dict[str, dict[str, Any]]:
    """The resources of all files in resources/, by logical id."""
    return {
        name: resource
        for path in RESOURCES
        for name, resource in yaml.safe_load(path.read_text(encoding="utf-8"))["Resources"].items()
    }


def test_the_number_of_roles_functions_and_rules_is_fixed() -> None:
    """Nothing in the template repeats: pipelines are items of the builds table, not resources of the stack."""
    resources = template_resources()
    kinds = Counter(resource["Type"].removeprefix("AWS::") for resource in resources.values())
    optional = Counter(one["Type"].removeprefix("AWS::") for one in resources.values() if "Condition" in one)
    sources = Counter(
        source for function in FUNCTIONS.values() for each in function.get("events", []) for source in each
    )
    assert (kinds["IAM::Role"], optional["IAM::Role"]) == (
        20,
        7,
    )  # for GitHub, the notebook instance, the builds' table, the webhook, three for promotions
    assert len(FUNCTIONS) == 18
    # One for each trigger, three for promotions, two for chats.
    assert (kinds["Events::Rule"], optional["Events::Rule"]) == (10, 9)
    assert sources == {"eventBridge": 3, "schedule": 1, "sqs": 1, "stream": 1}  # of which four are rules
    assert kinds["StepFunctions::StateMachine"] == kinds["DynamoDB::Table"] == 1
    assert not [name for name in resources if name.startswith("Fn::")]  # a loop, such as Fn::ForEach
    text = "".join(path.read_text(encoding="utf-8") for path in (*RESOURCES, ROOT / "serverless.yml"))
    assert "AWS::LanguageExtensions" not in text
    assert "pipelines:" not in text


def test_the_documentation_lists_what_a_stack_uses_of_each_quota() -> None:
    kinds = Counter(
        one["Type"].removeprefix("AWS::") for one in template_resources().values() if "Condition" not in one
    )
    always = [function for function in FUNCTIONS.values() if "condition" not in function]
    events = [event for function in always for event in function.get("events", [])]
    rules = [event for event in events if event.keys() & {"eventBridge", "schedule"}]
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[?([\w ]+)[^|]*\|[^|]*\| (\d+)[^|]*\| \d+[^|]*\|$", page, re.MULTILINE)
    assert {name.strip(): int(count) for name, count in rows} == {
        "IAM roles": kinds["IAM::Role"],
        "Lambda functions": len(always),
        "EventBridge rules": kinds["Events::Rule"] + len(rules),
        "rules with wildcards": 0,
        "state machines": kinds["StepFunctions::StateMachine"],
        "CloudWatch log groups": len(always) + kinds["Logs::LogGroup"],
        "DynamoDB tables": kinds["DynamoDB::Table"],
        "SNS topics": kinds["SNS::Topic"],
        "SQS queues": kinds["SQS::Queue"],
        "SSM parameters": kinds["SSM::Parameter"],
        "S3 buckets": kinds["S3::Bucket"],
        "SageMaker endpoints": 0,
        "SageMaker model package groups": 0,  # seedParameters creates the default pipeline's
    }


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: the inline policies of a role together.
MAX_ROLE_POLICY = 10_240  # characters without white space


def test_the_policies_of_a_role_fit_iam() -> None:
    for name, resource in template_resources().items():
        if resource["Type"] == "AWS::IAM::Role":
            policies = json.dumps([each["PolicyDocument"] for each in resource["Properties"]["Policies"]])
            # Intrinsic functions and their parameters are longer than most of the texts that they become.
            assert len(re.sub(r"\s", "", policies)) < MAX_ROLE_POLICY, name


@each_function
def test_a_function_has_the_settings_that_it_reads_and_no_others(name: str) -> None:
    own = set(FUNCTIONS[name].get("environment", {}))
    settings = settings_of(FUNCTIONS[name]["handler"].rpartition(".")[0].replace("/", "."))
    assert settings.needed - own - PROVIDED - SET_BY_LAMBDA == set()
    assert own - settings.needed - settings.optional - READ_BY_BOTOCORE == set()


def test_what_all_functions_are_given_is_read() -> None:
    read = {setting for module in code() for settings in settings_of(module) for setting in settings}
    assert PROVIDED - read - READ_BY_BOTOCORE == set()


def test_the_reach_of_a_function_ends_where_its_calls_end() -> None:
    plan, seed = settings_of("handlers.plan_build"), settings_of("handlers.seed_parameters")
    assert plan.needed >= {"BUILDS_TABLE", "CODE_BUCKET", "FRAMEWORK", "STACK_NAME", "TRAINING_ROLE_ARN"}
    assert plan.optional >= {"CALL_TIMEOUT_SECONDS", "PREPROCESS_STATE_MACHINE", "TRAINING_CONFIG_FUNCTION"}
    assert seed.optional == {"CALL_TIMEOUT_SECONDS"}
    assert seed.needed == {"PARAMETERS_NAME", "STACK_NAME", "STACK_ID", "AWS_REGION"}
    assert settings_of("skill.app").needed >= {"STATE_MACHINE_ARN"}
    assert {"SKILL_ID"} <= settings_of("skill.app").optional & FUNCTIONS["alexaSkill"]["environment"].keys()
    assert settings_of("handlers.remove_leftovers").needed >= {"DATA_BUCKET", "CODE_BUCKET", "MODEL_BUCKET"}


def test_the_layer_describes_the_services_that_are_called() -> None:
    assert set(SERVICE["custom"]["pythonLayer"]["awsServices"]) == clients()


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: path.name)
def test_every_star_is_justified_beside_it(path: Path) -> None:
    stars = [line for line in path.read_text(encoding="utf-8").splitlines() if re.search(r"""(["'])\*\1""", line)]
    assert [line for line in stars if "# " not in line] == []


def values_of(key: str, tree: Any) -> Iterator[Any]:
    """Yield the values of a key, wherever in a YAML file, but not in statements that deny something."""
    if isinstance(tree, dict) and tree.get("Effect") != "Deny":
        for name, value in tree.items():
            if name == key:
                yield from value if isinstance(value, list) else [value]
            yield from values_of(key, value)
    elif isinstance(tree, list):
        for value in tree:
            yield from values_of(key, value)


@pytest.mark.parametrize("path", RESOURCES, ids=lambda path: path.name)
def test_permissions_are_named_one_by_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    resources = yaml.safe_load(text)
    assert [action for action in values_of("Action", resources) if "*" in action] == []
    assert list(values_of("NotAction", resources)) == list(values_of("NotResource", resources)) == []
    given = {"TrainingRole": "TrainingPolicies", "HostingRole": "HostingPolicies"}  # deploy parameters
    for name, resource in resources["Resources"].items():
        if policies := resource.get("Properties", {}).get("ManagedPolicyArns"):
            assert policies["Fn::If"][1:] == [
                {"Fn::Split": [",", {"Ref": given[name]}]},
                {"Ref": "AWS::NoValue"},
            ]
    assert ":policy/" not in text


def test_each_rule_for_model_packages_names_the_account_of_the_event() -> None:
    # With promoteFromAccount, the bus has approvals of another account, also of groups with the names of one's own.
    rules = [
        each["Properties"]["EventPattern"] for each in template_resources().values() if "EventPattern" in str(each)
    ]
    events = [
        each["eventBridge"] for one in FUNCTIONS.values() for each in one.get("events", []) if "eventBridge" in each
    ]
    patterns = [*rules, *(each["pattern"] for each in events)]
    about_packages = [each for each in patterns if each.get("source") == ["aws.sagemaker"]]
    assert len(about_packages) == 3
    assert [each for each in about_packages if not each.get("account")] == []


# SageMaker creates these: the account's for trainings and notebook instances, and the endpoints', which the removal
# deletes.
CREATES_LOG_GROUPS = {"TrainingRole", "HostingRole", "NotebookRole"}


def test_no_role_can_create_a_log_group_again_after_its_removal() -> None:
    roles = {name: each for name, each in template_resources().items() if each["Type"] == "AWS::IAM::Role"}
    assert {name for name, role in roles.items() if "logs:CreateLogGroup" in json.dumps(role)} == CREATES_LOG_GROUPS


def test_parts_of_uploads_that_broke_off_are_deleted() -> None:
    buckets = [each["Properties"] for each in template_resources().values() if each["Type"] == "AWS::S3::Bucket"]
    rules = [bucket["LifecycleConfiguration"]["Rules"] for bucket in buckets]
    assert all(rule["AbortIncompleteMultipartUpload"] and rule["Status"] == "Enabled" for (rule,) in rules)


def test_every_bucket_refuses_requests_without_tls() -> None:
    resources = template_resources()
    buckets = {name for name, each in resources.items() if each["Type"] == "AWS::S3::Bucket"}
    policies = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::S3::BucketPolicy"]
    assert {policy["Bucket"]["Ref"] for policy in policies} == buckets
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        bucket = policy["Bucket"]["Ref"]
        assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        assert statement["Resource"] == [{"Fn::GetAtt": [bucket, "Arn"]}, {"Fn::Sub": f"${{{bucket}.Arn}}/*"}]


def test_the_removal_has_the_network_permissions_that_sagemaker_needs_until_then() -> None:
    leftovers = template_resources()["Leftovers"]
    needed = json.dumps(leftovers["Properties"]["NeededUntilThen"])
    assert {"TrainingRole", "HostingRole"} <= set(leftovers["DependsOn"])
    assert all(f'{{"Ref": "{policy}"}}' in needed for policy in ("VpcAccessPolicy", "WatchInterfacesPolicy"))
