"""Who may import whom: one direction of imports through the house, and no heavy library in a Lambda."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import pytest
import yaml

from tests.engine import ROOT

# Each of our folders, and which others it may import. local/ is an AWS: it knows nothing of us, nor we of it.
MAY_IMPORT: dict[str, set[str]] = {
    "sagebuild": set(),
    "handlers": {"sagebuild"},
    "skill": {"sagebuild"},
    "notebooks": {"sagebuild"},
    "demo": {"sagebuild"},
    "pipelines": set(),
    "local": set(),
    "tools": {"sagebuild", "skill", "demo"},
    "tests": {"sagebuild", "handlers", "skill", "demo", "local", "tools"},
    "bench": {"tests", "tools"},
}
# The libraries that Lambda's layer is for. The sagemaker SDK and moto are none of them.
LIBRARIES = {
    "sagebuild": {"aws_lambda_powertools", "boto3", "botocore", "dateutil", "jsonata", "pydantic", "pydantic_core"},
    "handlers": {"aws_lambda_powertools"},
    "skill": {"ask_sdk_core", "ask_sdk_model"},
}
# Parts of sagebuild that run on a person's machine alone; no function's archive holds them, and nothing but their own
# door leads to them.
CLIENT_LIBRARIES = {
    "sagebuild.assistants": {"botocore", "mcp", "pydantic", "pydantic_core", "typing_extensions"},
    "sagebuild.page": {"botocore", "jinja2", "markupsafe", "starlette", "uvicorn"},
    "sagebuild.cli": {"botocore", "rich", "typer"},
    "sagebuild.client": {"boto3", "botocore", "IPython", "jsonata", "numpy", "pandas", "regex", "rich"},
    "sagebuild.deployment": {"boto3", "botocore"},
    # Its stand-ins provide the modules that only containers have.
    "sagebuild.container": {
        *(
            "numpy",
            "sagemaker_containers",
            "sagemaker_xgboost_container",
            "scipy",
            "tensorflow",
            "torch",
            "transformers",
        ),
        "xgboost",
    },
    "sagebuild.project": {"boto3", "botocore", "pydantic", "pydantic_core", "yaml"},
}
# Both local/ and sagebuild start these programs; they import nothing of either.
SHARED = "sagebuild.container"
CLIENT_DOORS = {"sagebuild.__init__", "sagebuild.__main__"}
CLIENT_USERS = {"demo", "notebooks", "tests", "tools"}
# The rooms of sagebuild, each of which imports only from those before it.
ROOMS = (
    "child_process", "container", "errors", "s3_uri", "cold_start", "deadline", "tar_archives", "framework_facts",
    "instance_facts", "llm_engines", "partitions", "settings", "stack_outputs", "service", "units", "log_keys",
    "redaction", "bucket_access", "names", "custom_resource", "parameters", "builds", "launch", "images",
    "requests", "running", "cost", "notifications", "events", "promotion", "steps", "plan", "finish", "changes",
    "voice", "view", "client", "project", "deployment", "assistants", "page", "cli",
)  # fmt: skip
# Stubs, under "if TYPE_CHECKING": Lambda never sees them.
STUBS = "mypy_boto3_"
# Modules that Lambda calls; no module imports them.
ENTRY_POINTS = {"skill.app"}


class Import(NamedTuple):
    """A module that is imported, with what is taken from it, and whether for types alone."""

    module: str
    for_types: bool


@cache
def modules() -> dict[str, ast.Module]:
    """The syntax tree of each Python file of ours, by dotted name."""
    trees = {}
    for folder in sorted(path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")):
        if folder.name == "node_modules":
            continue
        for path in sorted(folder.rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            trees[name] = ast.parse(path.read_text(encoding="utf-8"), str(path))
    return trees


def imports_of(name: str, tree: ast.Module) -> Iterator[Import]:
    """Everything that a module imports, wherever in it; ``from a import b`` is a.b, as b may be a module."""
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for branch in node.body
        for inner in ast.walk(branch)
    }
    for node in ast.walk(tree):
        for module in _names_of(name, node):
            yield Import(module, id(node) in for_types)


def _names_of(name: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = name.split(".")[: -node.level] if node.level else []
        source = [*above, *([node.module] if node.module else [])]
        yield from (".".join([*source, alias.name]) for alias in node.names)
    elif isinstance(node, ast.Call) and _last_name(node.func) in ("__import__", "import_module"):
        yield from (str(one.value) for one in node.args[:1] if isinstance(one, ast.Constant))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def find_faults(name: str, tree: ast.Module) -> Iterator[str]:
    """A sentence for each import that breaks a rule."""
    folder = name.partition(".")[0]
    may_use_client = _client_part(name) or name in CLIENT_DOORS or folder in CLIENT_USERS
    for module, for_types in imports_of(name, tree):
        top = module.partition(".")[0]
        is_entry = folder == "handlers" or any(f"{module}.".startswith(f"{entry}.") for entry in ENTRY_POINTS)
        if folder == "local" and f"{module}.".startswith(f"{SHARED}."):
            continue
        if top == folder and is_entry:
            yield f"{name} imports the entry point {module}"
        elif _client_part(module) and not may_use_client:
            yield f"{name} imports {module}, which Lambda does not get"
        elif top in MAY_IMPORT:
            if top != folder and top not in MAY_IMPORT[folder]:
                yield f"{name} imports {module}; of ours, {folder} may import {sorted(MAY_IMPORT[folder])}"
        elif not (_is_at_hand(name, top) or (for_types and top.startswith(STUBS))):
            yield f"{name} imports {top}, which is not there where it runs"


def find_upward_imports(name: str, tree: ast.Module) -> Iterator[str]:
    """A sentence for each import of a module of sagebuild from a room that comes after its own."""
    if not name.startswith("sagebuild.") or name in CLIENT_DOORS:
        return
    room = name.split(".")[1]
    for module, _ in imports_of(name, tree):
        other = module.split(".")[1] if module.startswith("sagebuild.") else room
        if ROOMS.index(other) > ROOMS.index(room):
            yield f"{name} imports {module}; {other} comes after {room} in ROOMS"


def find_circle(trees: Mapping[str, ast.Module]) -> list[str]:
    """Return the modules of an import circle, or an empty list; imports inside functions count."""
    graph = {
        name: {_find_module(module, trees) for module, _ in imports_of(name, tree)} for name, tree in trees.items()
    }
    # Importing a module also imports its package; only what the package itself imports counts.
    graph = {
        name: {one for one in others if one and not f"{name}.".startswith(f"{one}.")} for name, others in graph.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def _find_module(imported: str, trees: Mapping[str, ast.Module]) -> str | None:
    """Return the module of ours that ``a.b.c`` names, which may be a.b if c is a name in it."""
    while imported and imported not in trees:
        imported = imported.rpartition(".")[0]
    return imported or None


def _is_at_hand(name: str, top: str) -> bool:
    """Whether a library is there where the module runs; what never runs in Lambda may use any."""
    folder, part = name.partition(".")[0], _client_part(name)
    if folder not in LIBRARIES:
        return True
    return top in sys.stdlib_module_names | (CLIENT_LIBRARIES[part] if part else LIBRARIES[folder])


def _client_part(name: str) -> str | None:
    return next((part for part in CLIENT_LIBRARIES if f"{name}.".startswith(f"{part}.")), None)


def test_imports_go_one_way() -> None:
    faults = [fault for name, tree in modules().items() for fault in find_faults(name, tree)]
    assert faults == []


def test_rooms_are_entered_in_one_direction() -> None:
    assert [fault for name, tree in modules().items() for fault in find_upward_imports(name, tree)] == []


def test_an_upward_import_is_found() -> None:
    tree = ast.parse("from sagebuild.plan.build import plan_build")
    assert list(find_upward_imports("sagebuild.launch.start", tree))
    assert not list(find_upward_imports("sagebuild.finish.sweep", tree))


@pytest.mark.parametrize("folder", ["local", "sagebuild", "skill"])
def test_no_modules_import_each_other_in_a_circle(folder: str) -> None:
    trees = {name.removesuffix(".__init__"): tree for name, tree in modules().items() if name.startswith(f"{folder}.")}
    assert find_circle(trees) == []


def test_a_circle_is_found() -> None:
    sources = {
        "a.one": "import a.two",
        "a.two": "def run():\n    from a.three import f",
        "a.three": "from a import one",
    }
    assert set(find_circle({name: ast.parse(source) for name, source in sources.items()})) == set(sources)


def test_every_folder_has_its_rule() -> None:
    folders = {name.partition(".")[0] for name in modules()}
    assert folders - MAY_IMPORT.keys() == set()
    assert folders > {"sagebuild", "handlers", "skill", "local", "demo", "tests"}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sagebuild.plan.build", "import handlers.plan_build"),
        ("sagebuild.plan.build", "def plan():\n    from skill import speech"),
        ("sagebuild.plan.build", "from local import config"),
        ("sagebuild.plan.build", "from importlib import import_module\nimport_module('local.config')"),
        ("sagebuild.plan.build", "if TYPE_CHECKING:\n    from handlers import plan_build"),
        ("sagebuild.plan.build", "import sagemaker"),
        ("sagebuild.plan.build", "from moto import mock_aws"),
        ("sagebuild.plan.build", "import mypy_boto3_s3"),
        ("sagebuild.plan.build", "import requests"),
        ("handlers.plan_build", "from handlers import finish_build"),
        ("handlers.plan_build", "from . import finish_build"),
        ("handlers.plan_build", "from skill.app import handler"),
        ("handlers.plan_build", "import sagemaker.core"),
        ("skill.builds", "from skill.app import handler"),
        ("skill.builds", "from handlers import plan_build"),
        ("skill.intents.help", "from ..app import handler"),
        ("notebooks.digits", "from local import server"),
        ("demo.display", "from handlers import plan_build"),
        ("demo.display", "import local.server"),
        ("local.server", "from sagebuild.names import VARIANT"),
        ("local.server", "from sagebuild.containers import VARIANT"),
        ("sagebuild.plan.build", "from sagebuild.container import TRAIN"),
        ("tools.generate_images", "from local import config"),
        ("sagebuild.plan.build", "from sagebuild.client import logs"),
        ("sagebuild.plan.build", "from rich.console import Console"),
        ("sagebuild.client.logs", "import typer"),
        ("sagebuild.client.logs", "from mcp import Client"),
        ("sagebuild.voice.status", "from sagebuild.assistants.reading import Reading"),
        ("sagebuild.cli.builds", "import sagemaker"),
        ("handlers.plan_build", "from sagebuild.cli.app import app"),
    ],
)
def test_a_wrong_import_is_found(name: str, source: str) -> None:
    assert list(find_faults(name, ast.parse(source)))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("sagebuild.plan.build", "if TYPE_CHECKING:\n    from mypy_boto3_s3 import S3Client"),
        ("sagebuild.plan.build", "from sagebuild import requests\nimport json"),
        ("handlers.plan_build", "from sagebuild.plan.build import plan_build"),
        ("skill.app", "from skill.intents import INTENTS"),
        ("tests.e2e.test_build", "from local import validation"),
        ("tools.generate_images", "import sagemaker"),
        ("local.sagemaker.images", "from sagebuild.container import TRAIN"),
        ("sagebuild.__init__", "from sagebuild.client import connect"),
        ("sagebuild.cli.builds", "import typer\nfrom sagebuild.client.build import Build"),
    ],
)
def test_a_right_import_is_let_through(name: str, source: str) -> None:
    assert list(find_faults(name, ast.parse(source))) == []


def test_lambda_does_not_get_what_runs_on_a_persons_machine() -> None:
    patterns = yaml.safe_load((ROOT / "serverless.yml").read_text(encoding="utf-8"))["package"]["patterns"]
    left_out = {f"!{part.replace('.', '/')}/**" for part in CLIENT_LIBRARIES} | {"!sagebuild/__main__.py"}
    assert left_out <= set(patterns)


@pytest.mark.parametrize("library", ["mcp", "starlette"])
def test_the_command_line_loads_a_server_only_to_run_it(library: str) -> None:
    code = f"import sagebuild.cli.app, sys; print({library!r} in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"


# planBuild checks a document, seedParameters writes one, promoteBuild and publishEvents check what they send, and
# removeLeftovers runs once.
WITH_MODELS = {"plan_build", "seed_parameters", "promote_build", "publish_events", "remove_leftovers"}
FUNCTIONS = {path.stem for path in (ROOT / "handlers").glob("[!_]*.py")}


@pytest.mark.parametrize("function", sorted(FUNCTIONS - WITH_MODELS))
def test_a_function_loads_no_models_unless_its_event_needs_them(function: str) -> None:
    libraries = {"boto3", "pydantic", "aws_lambda_powertools.metrics"}
    code = f"import handlers.{function}, sys; print(sorted({libraries} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    ("intent", "module"), [("ListRunningIntent", "list_running"), ("AMAZON.YesIntent", "confirmation")]
)
def test_the_skill_imports_an_intent_when_it_is_spoken(intent: str, module: str) -> None:
    code = f"""
import sys
from skill.app import find_intent
before = {{name for name in sys.modules if name.startswith("skill.intents.")}}
assert find_intent("{intent}").name == "{intent}"
print(sorted(before), sorted({{name for name in sys.modules if name.startswith("skill.intents.")}} - before))
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == f"['skill.intents.session'] ['skill.intents.{module}']\n"


def test_importing_the_package_loads_no_library() -> None:
    libraries = {"boto3", "mcp", "pydantic", "rich", "typer", "numpy"}
    code = f"import sagebuild, sys; print(sorted({libraries} & set(sys.modules)))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ended.stdout == "[]\n"
