"""The parameter that names a git repository with the training script."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import Field, model_validator

from sagebuild.parameters.groups import PATH, RelativePath, StrictModel, refuse_object
from sagebuild.parameters.text_kinds import Text

CODECOMMIT = re.compile(r"codecommit(::|://)")
# The names of the SageMaker SDK's git_config for credentials; the document must not hold such values.
_CREDENTIALS = ("username", "password", "token", "2FA_enabled")

Repository = Text(
    "https://host/owner/repository without a user or token, or codecommit::repository",
    r"https://[\w.-]+(:[0-9]+)?(/[\w.~-]+)+/?|codecommit(::|://)[\w.-]+|file:///[\w./-]+",
    1024,
)
Branch = Text("a branch or tag such as main", r"\w[\w./+=@-]*", 256)
Commit = Text("a commit of 7 to 64 hexadecimal digits", r"[0-9a-f]{7,64}")
SecretArn = Text(
    "the ARN of a secret in Secrets Manager", r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[\w/+=.@-]+"
)


class GitConfig(StrictModel):
    """The git repository of the training script, from which each build gets its source.

    The names repo, branch and commit are those of the SageMaker SDK:
    https://sagemaker.readthedocs.io/en/v2/api/training/estimators.html
    """

    repo: Annotated[str, Repository] = Field(
        description="Address of the repository; local/ also clones file:///folder."
    )
    branch: Annotated[str | None, Branch] = Field(
        default=None, description="Branch or tag. Default: the repository's default branch."
    )
    commit: Annotated[str | None, Commit] = Field(
        default=None, description="Commit. Default: the newest of the branch."
    )
    folder: Annotated[str | None, Text("a relative path such as src", PATH)] = Field(
        default=None, description="Folder of the repository to pack for the containers. Default: all of it."
    )
    secret: Annotated[str | None, SecretArn] = Field(
        default=None,
        description="Secret with the token of a private repository, or user:token. Its name must begin with the "
        "stack's name and a slash, such as sagebuild-dev/git.",
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_credentials(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        advice = "store the token in Secrets Manager, and give the ARN of the secret in git_config.secret"
        if given := [name for name in _CREDENTIALS if name in value]:
            raise refuse_object(f"must not contain {' or '.join(given)}, because many can read the document; {advice}")
        if re.match(r"\w+://[^/]*@", str(value.get("repo", ""))):
            raise refuse_object(f"has a user or token in repo, and many can read the document; {advice}")
        return value

    @property
    def shown(self) -> str:
        """The repository with its branch and commit, in words."""
        parts = [f"branch {self.branch}" if self.branch else "", f"commit {self.commit}" if self.commit else ""]
        return " ".join([self.repo, *(part for part in parts if part)])


class GitOptions(StrictModel):
    """The parameters that take the script from git."""

    git_config: GitConfig | None = Field(
        default=None,
        description="Git repository of the script, instead of trainsourcefile: each build packs a commit of it.",
    )
    dependencies: tuple[Annotated[str, RelativePath], ...] = Field(
        default=(),
        max_length=20,
        description="Folders and files of git_config's repository to pack beside the script, under their own names. "
        "Without git_config, sagebuild upload source --dependency packs them.",
    )
