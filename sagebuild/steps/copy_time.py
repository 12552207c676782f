"""What Pack Model can copy in the time that a function has."""

from __future__ import annotations

from collections.abc import Iterable

from sagebuild.deadline import RESERVE_SECONDS, Deadline
from sagebuild.errors import ModelTooLargeError

# One request copies at most 5 GB: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html. Many small parts
# at the same time are faster. boto3 makes them larger for a model with more than 10,000 parts.
PART_BYTES = 64 * 1024 * 1024
PARTS_AT_ONCE = 20
# AWS counts on 85 to 90 MB/s for each of several requests at the same time, and on 100 to 200 ms for a small one:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance-design-patterns.html and
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
_REQUEST_BYTES_PER_SECOND = 90e6
_REQUEST_SECONDS = 0.1
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: a function has 900 seconds.
_COPY_SECONDS = 900 - RESERVE_SECONDS
# Of weights, one core compresses 36 MB/s, by 7 %, and copies 900 MB/s without compression.
_COMPRESSED_BYTES = 2e9


def choose_level(size: int) -> int:
    """Return the level of gzip for an archive of this many bytes: the fastest one, or 0 for none."""
    return 1 if size <= _COMPRESSED_BYTES else 0


def explain_slow_copy(address: str, sizes: Iterable[int], *, packs: bool) -> str | None:
    """Return a sentence if a function has no time to copy a model; None if it may have.

    Parameters
    ----------
    address
        The S3 address of an archive, or of a folder.
    sizes
        The bytes of each file.
    packs
        Whether a serving script is added to the archive, which then passes through the function as one stream.
    """
    files = list(sizes)
    rate = _REQUEST_BYTES_PER_SECOND * (1 if packs else PARTS_AT_ONCE)
    needed = sum(files) / rate + _REQUEST_SECONDS * len(files)
    if needed <= _COPY_SECONDS:
        return None
    advice = "Make it smaller, or pack its files into fewer ones."
    if packs:
        advice = "Make it smaller, or serve it with an image of your own (framework BYOD), to which no script is added."
    count = f"{len(files):,} files" if len(files) > 1 else "1 file"
    return (
        f"The model at {address} has {sum(files) / 1e9:,.0f} GB in {count}. Pack Model needs at least "
        f"{needed / 60:.0f} minutes to copy it{' with the serving script' if packs else ''}, and has "
        f"{_COPY_SECONDS / 60:.0f}. {advice}"
    )


def refuse_late_copy(address: str, deadline: Deadline) -> None:
    """Raise ModelTooLargeError after the deadline."""
    if deadline.is_over:
        raise ModelTooLargeError(
            f"Pack Model did not copy {address} within {_COPY_SECONDS / 60:.0f} minutes. Start a build with this "
            "address in ModelArtifacts to try again without a training, or make the model smaller."
        )
