"""Plans how a build copies a gated model of the Hugging Face hub to S3, with the token of a secret.

CreateModel takes values for a container only as environment variables, which everyone who may describe the model reads:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ContainerDefinition.html. So the container never gets the
token: CodeBuild reads it from Secrets Manager, copies the files, and the endpoint serves them from S3.
"""

from __future__ import annotations

from sagebuild.builds.context import BuildContext
from sagebuild.parameters.llm import LlmParameters
from sagebuild.requests.source_request import SourcePlan, write_source_plan

# Together with an hour in CodeBuild's queue less than the limit of the state Fetch Source.
_MINUTES = 120
# CodeBuild's standard images and laptops have curl, Python and bash. Each file goes through a pipe, so the machine's
# disk does not limit the size of a model. curl reads the token from its standard input, so that no log and no process
# list shows it, and it does not send the header to another host after a redirect:
# https://curl.se/docs/manpage.html#-L. The addresses are those of the hub's own client, huggingface_hub: HF_ENDPOINT,
# api/models/ID/revision/NAME?blobs=true and ID/resolve/COMMIT/FILE.
_BUILDSPEC = r"""version: 0.2
env:
  shell: bash
  exported-variables: [SOURCE_COMMIT]
phases:
  build:
    commands:
      - |
        fail() { echo "ERROR: $1"; exit 1; }
        set -o pipefail
        hub=${HF_ENDPOINT:-https://huggingface.co}
        HUB_TOKEN=$(aws secretsmanager get-secret-value --secret-id "$HUB_SECRET" \
          --query SecretString --output text) || fail "the secret $HUB_SECRET cannot be read"
        get() {
          printf 'header = "Authorization: Bearer %s"\n' "$HUB_TOKEN" \
            | curl --config - --fail --location --silent --show-error --retry 5 "$1"
        }
        refused="the hub does not give $HUB_MODEL; check its id, the token in $HUB_SECRET, and that the token's \
        account accepted the terms of the model"
        get "$hub/api/models/$HUB_MODEL/revision/main?blobs=true" > listing.json || fail "$refused"
        python3 - > files.txt <<'END' || fail "the hub's list of files of $HUB_MODEL cannot be read"
        import json, urllib.parse
        listing = json.load(open("listing.json"))
        files = [(each["rfilename"], each["size"]) for each in listing["siblings"]]
        # The same weights in other formats, which the engines do not load beside safetensors.
        others = (".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".onnx", ".gguf", ".tflite", ".ot")
        if any(name.endswith(".safetensors") for name, _ in files):
            files = [each for each in files if not each[0].endswith(others)]
        print(listing["sha"])
        for name, size in files:
            print(size, urllib.parse.quote(name), name)
        END
        SOURCE_COMMIT=$(head -n 1 files.txt)
        export SOURCE_COMMIT
        echo "The source is commit $SOURCE_COMMIT of $HUB_MODEL"
        key=()
        [ -z "$KMS_KEY" ] || key=(--sse aws:kms --sse-kms-key-id "$KMS_KEY")
        tail -n +2 files.txt | while read -r size address name; do
          echo "Copying $name ($size bytes)"
          get "$hub/$HUB_MODEL/resolve/$SOURCE_COMMIT/$address" \
            | aws s3 cp --quiet --expected-size "$size" "${key[@]}" - "$TARGET$name" \
            || fail "$name was not copied; $refused"
        done || exit 1
        unset HUB_TOKEN
"""


def plan_hub_copy(context: BuildContext[LlmParameters]) -> SourcePlan:
    """Plan the copy of a gated model; ``wanted`` is False without `hubsecret`."""
    parameters = context.parameters
    if not parameters.hubsecret:
        return {"wanted": False}
    variables = {
        "HUB_MODEL": parameters.hubmodel,
        "HUB_SECRET": parameters.hubsecret,
        "TARGET": parameters.ModelArtifacts,
        "KMS_KEY": parameters.outputkmskey,
    }
    return write_source_plan(context, _BUILDSPEC, variables, _MINUTES)
