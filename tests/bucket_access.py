"""What tools/bucket-access.cjs makes of deploy parameters and of the policies in resources/access.yml."""

import json
import subprocess
from functools import cache
from typing import Any

import yaml

from tests.engine import ROOT

# Runs the plugin as osls does, once for each line: variables, then the hook that reports problems.
_RUN = """
const Plugin = require('./tools/bucket-access.cjs');
const run = async ({ addresses, variables }) => {
  const plugin = new Plugin({ classes: { Error } });
  const resolveVariable = async (name) => variables[name] ?? null;
  const found = { problems: [] };
  for (const address of addresses) {
    const resolved = await plugin.configurationVariablesSources.bucketAccess.resolve({ address, resolveVariable });
    found[address] = resolved.value;
  }
  try {
    plugin.hooks['before:package:initialize']();
  } catch (error) {
    found.problems = error.message.split('\\n');
  }
  return JSON.stringify(found);
};
const lines = require('readline').createInterface({ input: process.stdin });
lines.on('line', async (line) => console.log(await run(JSON.parse(line))));
"""
VARIABLES = ("readStatements", "listStatements", "versionStatements", "writeStatements", "setting")


@cache
def _start_node() -> "subprocess.Popen[str]":
    """A process for all calls, because each start would take longer than hundreds of calls."""
    return subprocess.Popen(["node", "-e", _RUN], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@cache
def resolve(**parameters: str) -> dict[str, Any]:
    """The values of the plugin's variables for these deploy parameters, and the problems that it reports."""
    variables = {f"param:{name}": value for name, value in parameters.items()} | _read_policies()
    node = _start_node()
    assert node.stdin
    assert node.stdout
    print(json.dumps({"addresses": VARIABLES, "variables": variables}), file=node.stdin, flush=True)
    return json.loads(node.stdout.readline())  # type: ignore[no-any-return]


@cache
def _read_policies() -> dict[str, Any]:
    resources = yaml.safe_load((ROOT / "resources" / "access.yml").read_text(encoding="utf-8"))["Resources"]
    return {
        f"file(resources/access.yml):Resources.{name}.Properties.Policies": resource["Properties"].get("Policies")
        for name, resource in resources.items()
    }


def setting(stack: str, **parameters: str) -> str:
    """The setting BUCKET_ACCESS of a stack whose buckets are called after it."""
    text: str = resolve(**parameters)["setting"]["Fn::Sub"]
    for name in ("Data", "Code", "Model"):
        text = text.replace(f"${{{name}Bucket}}", f"{stack}-{name.lower()}")
    return text
