"""The pages that assistants can read: the documentation, the JSON Schema of the parameters, and logs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mcp.server import MCPServer

from sagebuild.assistants.answers import answer_text
from sagebuild.assistants.connection import Connection

# A wheel has the documentation inside the package, a clone beside it.
_HERE = Path(__file__).parent
DOCS = next(folder for folder in (_HERE / "docs", _HERE.parents[1] / "docs") if folder.is_dir())
SCHEMA = "parameters.schema.json"
MARKDOWN, JSON_SCHEMA, TEXT = "text/markdown", "application/schema+json", "text/plain"


def add_resources(server: MCPServer, connection: Connection) -> None:
    """Add the resources to the server."""
    for page in sorted(DOCS.glob("*.md")):
        title = page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        server.resource(f"sagebuild://docs/{page.stem}", name=page.stem, title=title, mime_type=MARKDOWN)(
            _reading(page)
        )
    server.resource(
        "sagebuild://schema",
        name="schema",
        title="JSON Schema of the parameter document",
        mime_type=JSON_SCHEMA,
    )(_reading(DOCS / SCHEMA))

    def read_log(pipeline: str, number: str) -> str:
        lines = connection.pipeline(pipeline).build(int(number)).logs()
        return "\n".join(f"{line.time.isoformat()} {line.label} {line.text}" for line in lines)

    server.resource(
        "sagebuild://logs/{pipeline}/{number}",
        name="log",
        title="The whole log of a build",
        description='The log of a build by the name of its pipeline, such as "default", and its number.',
        mime_type=TEXT,
    )(answer_text(read_log))


def _reading(path: Path) -> Callable[[], str]:
    return lambda: path.read_text(encoding="utf-8")
