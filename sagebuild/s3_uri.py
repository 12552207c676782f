"""Splits S3 URIs."""


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of ``s3://bucket/key``; the key keeps ``#``, ``?`` and a leading slash.

    A URL parser is the wrong tool: it would cut the key at the first ``#`` or ``?``, which S3 allows in keys.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
    """
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
