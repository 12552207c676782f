"""The MCP server: assistants read a stack's builds, and change something if the user allows it.

`server` registers the tools of `reading` and `changing`, and the pages of `resources`. `connection` finds the stack
with the user's own credentials at the first call. `answers` makes every result plain JSON without secrets, and every
error a sentence. The command `sagebuild mcp` runs the server. https://modelcontextprotocol.io describes the protocol.
"""
