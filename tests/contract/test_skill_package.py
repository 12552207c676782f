"""The skill's manifest and package are complete for `ask deploy`, in every locale with a model."""

import json
from pathlib import Path
from typing import Any

import pytest
from ask_sdk_core.serialize import DefaultSerializer

from sagebuild.client.utterances import list_locales, resolve
from tests.alexa import ROOT, SKILL_ID
from tools.generate_interaction_models import MODELS
from tools.skill_package import build_manifest, write_package

FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:sagebuild-dev-alexaSkill"
LOCALES = sorted(list_locales())
MANIFEST: dict[str, Any] = json.loads((ROOT / "skill" / "skill.json").read_text(encoding="utf-8"))["manifest"]
PUBLISHED: dict[str, dict[str, Any]] = MANIFEST["publishingInformation"]["locales"]


def test_amazons_manifest_classes_keep_the_whole_manifest() -> None:
    serializer = DefaultSerializer()
    text = (ROOT / "skill" / "skill.json").read_text(encoding="utf-8")
    kind = "ask_smapi_model.v1.skill.manifest.skill_manifest_envelope.SkillManifestEnvelope"
    assert serializer.serialize(serializer.deserialize(text, kind)) == json.loads(text)


def test_the_manifest_has_the_fields_that_amazons_classes_do_not_require() -> None:
    assert MANIFEST.keys() == {
        "manifestVersion",
        "publishingInformation",
        "apis",
        "permissions",
        "privacyAndCompliance",
    }
    assert MANIFEST["manifestVersion"] == "1.0"
    # A skill for the developer's own account has no distribution mode, no icons and no privacy policy page, as
    # docs/alexa.md says. Amazon has removed the private distribution of skills:
    # https://developer.amazon.com/docs/alexa/ask-overviews/deprecated-features.html
    assert MANIFEST["publishingInformation"].keys() == {
        *("locales", "category", "testingInstructions", "isAvailableWorldwide", "distributionCountries"),
    }
    said = MANIFEST["publishingInformation"]["testingInstructions"]
    assert "own account and is not meant for the store" in said
    assert "This skill is for your own account" in (ROOT / "docs" / "alexa.md").read_text(encoding="utf-8")
    assert MANIFEST["apis"]["custom"].keys() == {"endpoint", "interfaces"}
    assert all(isinstance(said, bool) for said in MANIFEST["privacyAndCompliance"].values())
    assert MANIFEST["privacyAndCompliance"].keys() == {
        *("allowsPurchases", "usesPersonalInfo", "isChildDirected", "isExportCompliant", "containsAds"),
    }


def test_every_locale_with_a_model_is_published() -> None:
    assert sorted(PUBLISHED) == LOCALES


@pytest.mark.parametrize("locale", LOCALES)
def test_a_locales_store_texts_are_within_the_limits(locale: str) -> None:
    """https://developer.amazon.com/docs/smapi/skill-manifest.html."""
    shown = PUBLISHED[locale]
    assert shown.keys() == {"name", "summary", "description", "examplePhrases", "keywords"}
    assert 2 <= len(shown["name"]) <= 50
    assert 0 < len(shown["summary"]) <= 160
    assert 0 < len(shown["description"]) <= 4000
    assert len(shown["examplePhrases"]) == 3
    assert 0 < len(shown["keywords"]) <= 30


@pytest.mark.parametrize("locale", LOCALES)
def test_the_skill_understands_every_example_phrase(locale: str) -> None:
    name = json.loads((MODELS / "custom" / f"{list_locales()[locale]}.json").read_text(encoding="utf-8"))
    invocation_name = name["interactionModel"]["languageModel"]["invocationName"]
    for phrase in PUBLISHED[locale]["examplePhrases"]:
        assert phrase.startswith(("Alexa, ", "アレクサ、"))
        assert invocation_name.replace(" ", "") in phrase.lower().replace(" ", "")
    opened, *asked = (resolve(phrase, locale).intent for phrase in PUBLISHED[locale]["examplePhrases"])
    assert opened == "LaunchRequest"
    assert set(asked) == {"StartBuildIntent", "CheckStatusIntent"}


def test_the_package_has_the_files_of_ask_deploy(tmp_path: Path) -> None:
    write_package(FUNCTION, SKILL_ID, tmp_path)
    write_package(FUNCTION, SKILL_ID, tmp_path)
    states = json.loads((tmp_path / ".ask" / "ask-states.json").read_text(encoding="utf-8"))
    assert states["profiles"]["default"]["skillId"] == SKILL_ID
    resources = json.loads((tmp_path / "ask-resources.json").read_text(encoding="utf-8"))
    contents = tmp_path / resources["profiles"]["default"]["skillMetadata"]["src"]
    manifest = json.loads((contents / "skill.json").read_text(encoding="utf-8"))
    assert manifest == build_manifest(FUNCTION)
    assert manifest["manifest"]["apis"]["custom"]["endpoint"]["uri"] == FUNCTION
    models = {path.stem: path.read_text() for path in (contents / "interactionModels" / "custom").glob("*.json")}
    assert models == {
        locale: (MODELS / "custom" / f"{language}.json").read_text() for locale, language in list_locales().items()
    }
