"""S3 URIs are split into bucket and key, whatever characters the key has."""

import pytest

from sagebuild.s3_uri import split_s3_uri


@pytest.mark.parametrize(
    ("uri", "bucket", "key"),
    [
        ("s3://data/train/rows.csv", "data", "train/rows.csv"),
        ("s3://data/train/", "data", "train/"),
        ("s3://data/", "data", ""),
        ("s3://data", "data", ""),
        ("s3://data/run#3/what?.csv", "data", "run#3/what?.csv"),
        ("s3://data//rows.csv", "data", "/rows.csv"),
        ("s3://data/100%/a b.csv", "data", "100%/a b.csv"),
    ],
)
def test_the_key_is_everything_behind_the_bucket(uri: str, bucket: str, key: str) -> None:
    assert split_s3_uri(uri) == (bucket, key)
