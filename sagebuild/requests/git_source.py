"""Plans how a build gets its source from a git repository: CodeBuild packs a commit into the archive of the build."""

from __future__ import annotations

from collections.abc import Iterator

from sagebuild.builds.context import BuildContext
from sagebuild.images.byod import locate_codecommit
from sagebuild.parameters import BuildParameters, ScriptModeParameters
from sagebuild.parameters.git_options import CODECOMMIT, GitConfig
from sagebuild.parameters.llm import LlmParameters
from sagebuild.parameters.step_rules import list_steps
from sagebuild.requests.hub_model import plan_hub_copy
from sagebuild.requests.script_mode import locate_source, serves_a_script
from sagebuild.requests.source_request import (
    SourcePlan,
    find_secret_problems,
    name_source_tag,
    write_source_plan,
)
from sagebuild.service import Service

# CodeBuild's standard images and laptops have git, tar and a POSIX shell. A line that begins with ERROR is the reason
# of a failure. The token is passed by a variable, so that no log and no process list shows it.
# Exported variables: https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
_BUILDSPEC = r"""version: 0.2
env:
  exported-variables: [SOURCE_COMMIT]
phases:
  build:
    commands:
      - |
        fail() { echo "ERROR: $1"; exit 1; }
        export GIT_TERMINAL_PROMPT=0
        case "$GIT_REPOSITORY" in https://git-codecommit.*)
          git config --global credential.helper '!aws codecommit credential-helper $@'
          git config --global credential.UseHttpPath true ;;
        esac
        if [ -n "$GIT_SECRET" ]; then
          GIT_TOKEN=$(aws secretsmanager get-secret-value --secret-id "$GIT_SECRET" \
            --query SecretString --output text) || fail "the secret $GIT_SECRET cannot be read"
          case "$GIT_TOKEN" in *:*) ;; *) GIT_TOKEN="x-access-token:$GIT_TOKEN" ;; esac
          export GIT_TOKEN
          git config --global credential.helper \
            '!f() { echo "username=${GIT_TOKEN%%:*}"; echo "password=${GIT_TOKEN#*:}"; }; f'
        fi
        git clone --quiet --no-checkout -- "$GIT_REPOSITORY" checkout \
          || fail "git cannot clone $GIT_REPOSITORY; check the address, and the secret of a private repository"
        unset GIT_TOKEN
        cd checkout
        if [ -n "$GIT_BRANCH" ]; then
          revision=$(git rev-parse --verify --quiet "refs/remotes/origin/$GIT_BRANCH^{commit}" \
            || git rev-parse --verify --quiet "refs/tags/$GIT_BRANCH^{commit}") \
            || fail "$GIT_REPOSITORY has no branch or tag $GIT_BRANCH"
        else
          revision=$(git rev-parse --verify --quiet "HEAD^{commit}") || fail "$GIT_REPOSITORY has no commits"
        fi
        if [ -n "$GIT_COMMIT" ]; then
          revision=$(git rev-parse --verify --quiet "$GIT_COMMIT^{commit}") \
            || fail "$GIT_REPOSITORY has no commit $GIT_COMMIT"
        fi
        git checkout --quiet --detach "$revision" || fail "git cannot check out the commit $revision"
        export SOURCE_COMMIT="$revision"
        echo "The source is commit $SOURCE_COMMIT of $GIT_REPOSITORY"
        [ -d "$SOURCE_FOLDER" ] || fail "the commit $SOURCE_COMMIT has no folder $SOURCE_FOLDER"
        printf '%s' "$ENTRY_POINTS" | while IFS= read -r path || [ -n "$path" ]; do
          [ -f "$SOURCE_FOLDER/$path" ] \
            || fail "the commit $SOURCE_COMMIT has no file $path in the folder $SOURCE_FOLDER"
        done || exit 1
        mkdir ../packed || fail "the folder packed exists"
        tar -chf - --exclude-vcs -C "$SOURCE_FOLDER" . | tar -xf - -C ../packed \
          || fail "the folder $SOURCE_FOLDER cannot be packed; it may have a link to nothing"
        printf '%s' "$DEPENDENCIES" | while IFS= read -r path || [ -n "$path" ]; do
          [ -e "$path" ] || fail "the commit $SOURCE_COMMIT has no dependency $path"
          name=$(basename "$path")
          [ "$path" = "$SOURCE_FOLDER/$name" ] && continue
          [ ! -e "../packed/$name" ] || fail "the dependency $path would replace $name of the folder $SOURCE_FOLDER"
          tar -chf - --exclude-vcs -C "$(dirname "$path")" "$name" | tar -xf - -C ../packed \
            || fail "the dependency $path cannot be packed"
        done || exit 1
        cd .. && tar -czf source.tar.gz -C packed . || fail "the source cannot be packed"
        aws s3 cp --quiet source.tar.gz "$TARGET" || fail "the source cannot be written to $TARGET"
"""


def plan_source(context: BuildContext[BuildParameters]) -> SourcePlan:
    """Plan the fetch of a script from git, or of a gated language model from its hub.

    ``wanted`` is False without `git_config` and `hubsecret`, and if no script is needed.
    """
    if llm := context.narrow(LlmParameters):
        return plan_hub_copy(llm)
    script = context.narrow(ScriptModeParameters)
    git = script and script.parameters.git_config
    if not script or not git or not needs_source(script.parameters):
        return {"wanted": False}
    service = context.service
    variables = {
        "GIT_REPOSITORY": locate_repository(service, git),
        "GIT_BRANCH": git.branch,
        "GIT_COMMIT": git.commit,
        "GIT_SECRET": git.secret,
        "SOURCE_FOLDER": git.folder or ".",
        "ENTRY_POINTS": "\n".join(_list_entry_points(script.parameters)),
        "DEPENDENCIES": "\n".join(script.parameters.dependencies),
        "TARGET": locate_source(service, script.parameters.trainsourcefile),
    }
    return write_source_plan(context, _BUILDSPEC, variables)


def list_source_tags(context: BuildContext[BuildParameters]) -> list[str]:
    """Return the tag by which the build's fetch in CodeBuild is found; none if it fetches nothing."""
    return [name_source_tag(context)] if plan_source(context)["wanted"] else []


def needs_source(parameters: ScriptModeParameters) -> bool:
    """Return False when neither the training, nor the endpoint, nor another job runs a script of the repository."""
    return parameters.has_training or serves_a_script(parameters) or bool(_list_step_scripts(parameters))


def locate_repository(service: Service, git: GitConfig) -> str:
    """Return the address of the repository for git."""
    return locate_codecommit(service, git.repo) if CODECOMMIT.match(git.repo) else git.repo


def find_git_problems(context: BuildContext[ScriptModeParameters]) -> Iterator[str]:
    """Yield a sentence if the build's role cannot read the secret."""
    git = context.parameters.git_config
    yield from find_secret_problems(context.service, "git_config.secret", git.secret if git else None)


def _list_step_scripts(parameters: ScriptModeParameters) -> list[str]:
    return [step.script for _, step in list_steps(parameters) if step.script and not step.source]


def _list_entry_points(parameters: ScriptModeParameters) -> list[str]:
    paths = [parameters.trainentrypoint] if parameters.has_training else []
    paths += _list_step_scripts(parameters)
    if serves_a_script(parameters) and not parameters.hostsourcefile:
        paths.append(parameters.hostentrypoint or parameters.trainentrypoint)
    return sorted({path for path in paths if path})
