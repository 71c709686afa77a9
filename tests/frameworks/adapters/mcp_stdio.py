"""A hand-written loop whose tools live in an MCP server, a child process on pipes."""

from __future__ import annotations

import asyncio
import os
import sys

from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_loop import loop

SERVER = StdioServerParameters(command=sys.executable, args=["mcp_server.py"], env=dict(os.environ))


def run(url, tools, way):
    asyncio.run(loop(url, stdio_client(SERVER), way))
