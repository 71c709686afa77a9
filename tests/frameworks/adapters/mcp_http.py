"""A hand-written loop whose tools live in an MCP server on HTTP."""

from __future__ import annotations

import asyncio
import os

from mcp.client.streamable_http import streamable_http_client
from mcp_loop import loop


def run(url, tools, way):
    asyncio.run(loop(url, streamable_http_client(os.environ["MCP_URL"]), way))
