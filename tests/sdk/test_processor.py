"""The request of a job with a script is the one that the SDK's FrameworkProcessor sends, but for the command."""

from typing import Any

import pytest

from tests.unit.test_processing import jobs

ROLE = "arn:aws:iam::123456789012:role/training"


class _Sent(Exception):  # noqa: N818 - not a failure
    """The request that the SDK would send."""


def send_with_the_sdk(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The request of the SDK for the job "split" of the document, with the archive in S3."""
    import boto3
    from sagemaker.core import s3
    from sagemaker.core.helper.session_helper import Session
    from sagemaker.core.processing import FrameworkProcessor, ProcessingInput, ProcessingOutput
    from sagemaker.core.shapes import ProcessingS3Input, ProcessingS3Output

    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "eu-west-1"}
    session = Session(boto3.Session(**keys), default_bucket="code-bucket")  # type: ignore[arg-type]
    monkeypatch.setattr(session, "_default_bucket", "code-bucket", raising=False)
    monkeypatch.setattr(session, "expand_role", lambda role: role)

    def upload(*_arguments: Any, desired_s3_uri: str, **_more: Any) -> str:
        return desired_s3_uri

    def intercept(request: dict[str, Any], _create: Any, _name: str) -> None:
        raise _Sent(request)

    monkeypatch.setattr(s3.S3Uploader, "upload_string_as_file_body", upload)
    monkeypatch.setattr(session, "_intercept_create_request", intercept, raising=False)
    processor = FrameworkProcessor(
        image_uri="image:1",
        role=ROLE,
        instance_count=1,
        instance_type="ml.m5.large",
        max_runtime_in_seconds=3600,
        sagemaker_session=session,
        env={"SEED": "1"},
    )
    ours = jobs()["split"]
    outputs = [
        ProcessingOutput(
            output_name=each["OutputName"],
            s3_output=ProcessingS3Output(
                s3_uri=each["S3Output"]["S3Uri"],
                local_path=each["S3Output"]["LocalPath"],
                s3_upload_mode=each["S3Output"]["S3UploadMode"],
            ),
        )
        for each in ours["ProcessingOutputConfig"]["Outputs"]
    ]
    raw = ours["ProcessingInputs"][0]["S3Input"]
    data = ProcessingInput(
        input_name="raw",
        s3_input=ProcessingS3Input(
            s3_uri=raw["S3Uri"],
            local_path=raw["LocalPath"],
            s3_data_type=raw["S3DataType"],
            s3_input_mode=raw["S3InputMode"],
            s3_data_distribution_type=raw["S3DataDistributionType"],
        ),
    )
    with pytest.raises(_Sent) as sent:
        processor.run(
            code="split.py",
            source_dir="s3://code-bucket/source.tar.gz",
            inputs=[data],
            outputs=outputs,
            arguments=["--fraction", "0.2"],
            job_name=ours["ProcessingJobName"],
            wait=False,
        )
    request: dict[str, Any] = sent.value.args[0]
    return request


def test_the_request_is_the_sdk_s(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = send_with_the_sdk(monkeypatch), jobs()["split"]
    for member in ("ProcessingJobName", "ProcessingResources", "StoppingCondition", "Environment"):
        assert ours[member] == theirs[member]
    assert ours["ProcessingOutputConfig"]["Outputs"] == theirs["ProcessingOutputConfig"]["Outputs"]
    assert ours["AppSpecification"]["ContainerArguments"] == theirs["AppSpecification"]["ContainerArguments"]
    assert ours["AppSpecification"]["ImageUri"] == theirs["AppSpecification"]["ImageUri"]


def test_the_code_lies_where_the_sdk_puts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = {each["InputName"]: each["S3Input"] for each in send_with_the_sdk(monkeypatch)["ProcessingInputs"]}
    ours = {each["InputName"]: each["S3Input"] for each in jobs()["split"]["ProcessingInputs"]}
    assert ours["raw"] == theirs["raw"]
    # The SDK names the archive's folder, and with it everything else in that folder.
    assert ours["code"] | {"S3Uri": theirs["code"]["S3Uri"]} == theirs["code"]
    assert ours["code"]["S3Uri"] == f"{theirs['code']['S3Uri']}source.tar.gz"
    # Its own two scripts, which the command of the request replaces.
    assert theirs.keys() - ours.keys() == {"entrypoint", "aux"}
