"""The project file is read strictly, and each problem names its line."""

from pathlib import Path

import pytest

from sagebuild.errors import ProjectFileError
from sagebuild.project.file import FILE, Definition, read_project

TEXT = """# A comment
parameters:
  framework: SCIKIT
  frameworkversion: "1.9-0"
  hyperparameters: {rate: 1e-3, region: no, account: 012345678901, big: 0x10, ratio: .5}
source: src
data:
  training: data/train.csv
  validation:
    path: data/validation/
    script: make_data.py
deploy:
  vpcAccess: true
"""
WRONG: dict[str, tuple[str, int, str]] = {
    "broken": ("parameters: {", 1, "not valid YAML"),
    "an alias": ("parameters: &a {}\ndata: *a", 1, "anchors and aliases are not supported"),
    "a tag": ("parameters:\n  a: !!python/name:os.system x", 2, "is not supported"),
    "a repeated name": ("parameters: {}\nparameters: {}", 2, "the name 'parameters' appears twice"),
    "several documents": ("parameters: {}\n---\nparameters: {}", 2, "not valid YAML"),
    "a list": ("- parameters", 1, "must be an object with parameters, source, data, resources, deploy"),
    "nothing": ("", 1, "must be an object"),
    "no parameters": ("source: src", 1, "parameters is missing; The parameter document"),
    "parameters that are text": ("parameters: parameters.json", 1, "it must be an object"),
    "a misspelt name": ("parameters: {}\nsources: src", 2, "sources is unknown; did you mean 'source'?"),
    "a parameter outside": ("parameters: {}\nspot: true", 2, "A parameter of the build, such as spot, belongs below"),
    "a place outside": ("parameters: {}\nsource: ../src", 2, 'source is "../src"; it must be a relative path'),
    "an absolute place": ("parameters: {}\ndata: {train: /tmp}", 2, "data.train.path is"),
    "data without a path": ("parameters: {}\ndata:\n  train: {script: a.py}", 3, "data.train.path is missing"),
    "a misspelt deploy parameter": ("parameters: {}\ndeploy: {vpcAcces: true}", 2, "did you mean 'vpcAccess'?"),
    "a huge number": (f"parameters:\n  spot: -{'9' * 5000}", 2, "a whole number of more than 64 bits is not supported"),
    "text that is not Unicode": ('parameters:\n  a: "\\ud800"', 2, "an unpaired surrogate is not valid text"),
    "a name that is not Unicode": ('parameters: {}\n"\\udfff": 1', 2, "an unpaired surrogate is not valid text"),
    "an archive twice": ("source: src\nparameters:\n  trainsourcefile: a.tar.gz", 3, "whose archive becomes"),
}


def read(folder: Path, text: str) -> Definition:
    (folder / FILE).write_text(text, encoding="utf-8")
    return read_project(folder)


def test_values_have_the_types_of_yaml_1_2_and_known_lines(tmp_path: Path) -> None:
    project = read(tmp_path, TEXT)
    values = {"rate": 0.001, "region": "no", "account": "012345678901", "big": "0x10", "ratio": 0.5}
    assert project.content.parameters["hyperparameters"] == values
    assert project.content.data["training"].path == "data/train.csv"
    assert project.content.data["validation"].script == "make_data.py"
    assert project.content.deploy == {"vpcAccess": "true"}
    assert project.find_line("parameters", "frameworkversion") == 4
    assert project.find_line("data", "validation", "absent") == 9
    assert project.name == tmp_path.name


def test_json_is_a_project_file_too(tmp_path: Path) -> None:
    assert read(tmp_path, '\ufeff{"parameters": {"framework": "SCIKIT"}}').content.source is None


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, name: str) -> None:
    text, line, sentence = WRONG[name]
    with pytest.raises(ProjectFileError) as error:
        read(tmp_path, text)
    assert f"{FILE}:{line}: " in str(error.value)
    assert sentence in str(error.value)


def test_a_folder_without_a_project_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="create one with 'sagebuild init'"):
        read_project(tmp_path)
    (tmp_path / FILE).write_bytes(b"\xff\xfe\x00a")
    with pytest.raises(ProjectFileError, match="cannot be read"):
        read_project(tmp_path)


def test_a_huge_or_deep_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ProjectFileError, match="more than 256 KB"):
        read(tmp_path, "#" * 300_000)
    with pytest.raises(ProjectFileError, match="nested too deeply"):
        read(tmp_path, "[" * 5000)


@pytest.mark.parametrize("place", ["", "deploy:\n  "])
def test_of_many_unknown_names_twenty_are_named(tmp_path: Path, place: str) -> None:
    text = ("\n  " if place else "\n").join(f"name{number}: 1" for number in range(50))
    with pytest.raises(ProjectFileError) as refused:
        read(tmp_path, f"parameters: {{}}\n{place}{text}\n")
    assert len(refused.value.problems) == 21
    assert str(refused.value).splitlines()[-1] == "sagebuild.yaml: There are 30 more problems."
