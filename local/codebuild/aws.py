"""The ``aws`` command of builds: this machine's AWS CLI if any, and the commands that builds here need."""

import argparse
import base64
import os
import shutil
import sys
from collections.abc import Callable, Sequence

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main(path: str, arguments: list[str]) -> int:
    """Run one command; return the exit code."""
    name, program = tuple(arguments[:2]), shutil.which("aws", path=path)
    if program and name != _PASSWORD:
        os.execv(program, [program, *arguments])
    command = _COMMANDS.get(name)
    if not command:
        known = ", ".join(" ".join(("aws", *each)) for each in _COMMANDS)
        print(f"ERROR: without the AWS CLI, builds can use only {known}", file=sys.stderr)
        return 1
    try:
        command(arguments[2:])
    except (BotoCoreError, ClientError, OSError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return 1
    return 0


def _print_password(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="aws ecr get-login-password", allow_abbrev=False)
    parser.add_argument("--region")
    region = parser.parse_args(arguments).region
    token = boto3.client("ecr", region_name=region).get_authorization_token()["authorizationData"][0]
    print(base64.b64decode(token["authorizationToken"]).decode().partition(":")[2])


def _upload_file(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="aws s3 cp", allow_abbrev=False, description="Upload one file, or a stream.")
    parser.add_argument("--quiet", action="store_true")
    parser.add_argument("--expected-size", type=int)
    parser.add_argument("--sse", choices=["aws:kms"])
    parser.add_argument("--sse-kms-key-id")
    parser.add_argument("file")
    parser.add_argument("uri")
    given = parser.parse_args(arguments)
    bucket, _, key = given.uri.removeprefix("s3://").partition("/")
    encryption = {"ServerSideEncryption": given.sse, "SSEKMSKeyId": given.sse_kms_key_id} if given.sse else {}
    if given.file == "-":
        boto3.client("s3").upload_fileobj(sys.stdin.buffer, bucket, key, ExtraArgs=encryption)
    else:
        boto3.client("s3").upload_file(given.file, bucket, key, ExtraArgs=encryption)


def _print_secret(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="aws secretsmanager get-secret-value", allow_abbrev=False)
    parser.add_argument("--secret-id", required=True)
    parser.add_argument("--query", choices=["SecretString"], required=True)
    parser.add_argument("--output", choices=["text"], required=True)
    secret = parser.parse_args(arguments).secret_id
    print(boto3.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"])


_PASSWORD = ("ecr", "get-login-password")
_COMMANDS: dict[tuple[str, ...], Callable[[Sequence[str]], None]] = {
    _PASSWORD: _print_password,
    ("s3", "cp"): _upload_file,
    ("secretsmanager", "get-secret-value"): _print_secret,
}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
