"""Assembles the Alexa skill for `ask deploy`: manifest, interaction models, and the deployed function: `make skill`.

python -m tools.skill_package --stage dev
"""

import argparse
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import boto3

from tools.generate_interaction_models import MODELS, list_languages, read_language

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / ".skill"
OUTPUT = "AlexaSkillFunctionArn"


def find_skill(stack: str) -> tuple[str, str]:
    """Find the ARN of a deployed stack's skill function, and the skill id of that deployment."""
    described = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    arn = next(output["OutputValue"] for output in described["Outputs"] if output["OutputKey"] == OUTPUT)
    configuration = boto3.client("lambda").get_function_configuration(FunctionName=arn)
    return arn, configuration["Environment"]["Variables"].get("SKILL_ID", "")


def build_manifest(function_arn: str) -> dict[str, Any]:
    """Build the manifest with this function as the skill's endpoint."""
    document: dict[str, Any] = json.loads((ROOT / "skill" / "skill.json").read_text(encoding="utf-8"))
    document["manifest"]["apis"]["custom"]["endpoint"]["uri"] = function_arn
    return document


def copy_models(folder: Path) -> None:
    """Copy each language's interaction model to every locale of the language, as `ask deploy` wants it."""
    folder.mkdir(parents=True)
    for language in list_languages():
        for locale in read_language(language)["locales"]:
            shutil.copy(MODELS / "custom" / f"{language}.json", folder / f"{locale}.json")


def write_package(function_arn: str, skill_id: str, package: Path = PACKAGE) -> None:
    """Write the files that `ask deploy` reads, for the skill with this id."""
    contents = package / "skill-package"
    shutil.rmtree(contents, ignore_errors=True)
    copy_models(contents / "interactionModels" / "custom")
    _write(contents / "skill.json", build_manifest(function_arn))
    profile: dict[str, Any] = {"skillMetadata": {"src": "./skill-package"}}
    _write(package / "ask-resources.json", {"askcliResourcesVersion": "2020-03-31", "profiles": {"default": profile}})
    states = {"askcliStatesVersion": "2020-03-31", "profiles": {"default": {"skillId": skill_id}}}
    (package / ".ask").mkdir(exist_ok=True)
    _write(package / ".ask" / "ask-states.json", states)


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Assembles the Alexa skill for ask deploy.")
    parser.add_argument("--stage", default="dev")
    stack = f"sagebuild-{parser.parse_args(arguments).stage}"
    function_arn, skill_id = find_skill(stack)
    if not skill_id:
        sys.exit(f"{stack} was deployed without a skill id; docs/alexa.md says how to get one.")
    write_package(function_arn, skill_id)
    print(f"{PACKAGE.relative_to(ROOT)}/ contains the skill for {function_arn}.\nNext: cd {PACKAGE.name} && ask deploy")


if __name__ == "__main__":
    main(sys.argv[1:])
