"""The three tools as an MCP server: on pipes, or with a port as its argument on HTTP; for mcp 1 and 2."""

from __future__ import annotations

import sys

import tools

PORT = int(sys.argv[1]) if sys.argv[1:] else 0

try:
    from mcp.server import MCPServer
except ImportError:
    from mcp.server.fastmcp import FastMCP

    server, options = FastMCP("tools", port=PORT, log_level="ERROR"), {}
else:
    server, options = MCPServer("tools", log_level="ERROR"), {"port": PORT} if PORT else {}

for function in tools.async_tools().values():
    server.tool()(function)
server.run("streamable-http" if PORT else "stdio", **options)
