"""Amazon's SDKs: boto3 on urllib3, aiobotocore on aiohttp. Their streams are binary."""

from __future__ import annotations

import asyncio
import json

import boto3
from aiobotocore.session import get_session

OPTIONS = {"region_name": "us-east-1", "aws_access_key_id": "fake", "aws_secret_access_key": "fake"}


def request(prompt):
    return {"modelId": "amazon.nova-lite-v1:0", "messages": [{"role": "user", "content": [{"text": prompt}]}]}


def read(answer):
    blocks = answer["output"]["message"]["content"]
    calls = [block["toolUse"] for block in blocks if "toolUse" in block]
    return "".join(block.get("text", "") for block in blocks), [(call["name"], call["input"]) for call in calls]


class ReadEvents:
    """Tool calls come in pieces."""

    def __init__(self):
        self.name, self.arguments = "", ""

    def __call__(self, event):
        match event:
            case {"contentBlockStart": {"start": {"toolUse": {"name": name}}}}:
                self.name, self.arguments = name, ""
            case {"contentBlockDelta": {"delta": {"toolUse": {"input": piece}}}}:
                self.arguments += piece
            case {"contentBlockDelta": {"delta": {"text": piece}}}:
                return piece, []
            case {"contentBlockStop": _} if self.name:
                name, self.name = self.name, ""
                return "", [(name, json.loads(self.arguments))]
        return "", []


class Converse:
    def __init__(self, url):
        self.client = boto3.client("bedrock-runtime", endpoint_url=url, **OPTIONS)

    def close(self):
        self.client.close()

    def ask(self, prompt):
        return read(self.client.converse(**request(prompt)))

    def stream(self, prompt):
        yield from map(ReadEvents(), self.client.converse_stream(**request(prompt))["stream"])


class AsyncConverse:
    def __init__(self, url):
        self.opening = get_session().create_client("bedrock-runtime", endpoint_url=url, **OPTIONS)
        self.client = asyncio.ensure_future(self.opening.__aenter__())  # a task of all who await it

    async def close(self):
        await self.client
        await self.opening.__aexit__(None, None, None)

    async def ask(self, prompt):
        return read(await (await self.client).converse(**request(prompt)))

    async def stream(self, prompt):
        read_event = ReadEvents()
        answer = await (await self.client).converse_stream(**request(prompt))
        async for event in answer["stream"]:
            yield read_event(event)


AGENTS = {"converse": Converse}
ASYNC_AGENTS = {"converse_aiobotocore": AsyncConverse}
