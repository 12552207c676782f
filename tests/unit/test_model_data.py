"""The members of a container that name the data of its model."""

import pytest

from sagebuild.requests.model_data import build_model_data, is_archive, read_model_data


@pytest.mark.parametrize(
    ("artifacts", "member"), [("s3://a/b/", "ModelDataSource"), ("s3://a/b.tar.gz", "ModelDataUrl"), ("", "")]
)
def test_a_container_has_one_source_or_none(artifacts: str, member: str) -> None:
    data = build_model_data(artifacts)
    assert "".join(data) == member
    assert read_model_data(data | {"Image": "own:1"}) == artifacts
    assert is_archive(artifacts) == (member == "ModelDataUrl")
