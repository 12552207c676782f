"""The ``aws`` command of builds: this machine's AWS CLI if any, and the one command that image builds need."""

import argparse
import base64
import os
import shutil
import sys

import boto3


def main(path: str, arguments: list[str]) -> int:
    """Run one command; return the exit code."""
    if arguments[:2] != ["ecr", "get-login-password"]:
        program = shutil.which("aws", path=path)
        if not program:
            print("ERROR: without the AWS CLI, builds can use only aws ecr get-login-password", file=sys.stderr)
            return 1
        os.execv(program, [program, *arguments])
    parser = argparse.ArgumentParser(prog="aws ecr get-login-password", allow_abbrev=False)
    parser.add_argument("--region")
    region = parser.parse_args(arguments[2:]).region
    token = boto3.client("ecr", region_name=region).get_authorization_token()["authorizationData"][0]
    print(base64.b64decode(token["authorizationToken"]).decode().partition(":")[2])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
