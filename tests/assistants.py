"""An assistant: ``sagebuild mcp`` in a process of its own, asked by the SDK's own client over stdio."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from mcp import Client, StdioServerParameters, stdio_client
from mcp.types import TextResourceContents

from tests.engine import ROOT


@dataclass(frozen=True)
class Assistant:
    """A running server and the client that asks it."""

    client: Client
    portal: BlockingPortal

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured result of a tool; its text says the same."""
        result = self.portal.call(self.client.call_tool, tool, arguments)
        assert not result.is_error, result.content
        assert result.structured_content == json.loads(result.content[0].text)
        return dict(result.structured_content)

    def refusal(self, tool: str, **arguments: Any) -> str:
        """The error of a tool that is refused."""
        text, result = self.try_call(tool, **arguments)
        assert result is None
        return text

    def try_call(self, tool: str, **arguments: Any) -> tuple[str, dict[str, Any] | None]:
        """The text of a tool's result, and the structured result; None if the tool refused."""
        result = self.portal.call(self.client.call_tool, tool, arguments)
        return str(result.content[0].text), None if result.is_error else dict(result.structured_content)

    def read(self, uri: str) -> str:
        """The text of a resource."""
        (content,) = self.portal.call(self.client.read_resource, uri).contents
        assert isinstance(content, TextResourceContents)
        return content.text


@contextmanager
def running_server(environment: Mapping[str, str], *options: str) -> Iterator[Assistant]:
    """``sagebuild mcp`` with these options, and the SDK's client."""
    command = ["-m", "sagebuild", "mcp", *options]
    server = StdioServerParameters(command=sys.executable, args=command, env=dict(environment), cwd=ROOT)
    with start_blocking_portal() as portal:
        client = Client(stdio_client(server))
        with portal.wrap_async_context_manager(client):
            yield Assistant(client, portal)
