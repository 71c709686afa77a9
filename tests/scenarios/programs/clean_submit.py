"""Futures of a pool, collected after all have been submitted; Anthropic, sync."""

import time
from concurrent.futures import ThreadPoolExecutor

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP101",)
VARIANTS = {"submit_and_wait": {"AP101": "loop"}, "limit_to_one": {"AP101": "loop"}}
ANSWERS = [
    Answer(
        text="Let me look.",
        tools=(
            Tool(name="stock", arguments={"sku": "A1"}),
            Tool(name="price", arguments={"sku": "A1"}),
            Tool(name="stock", arguments={"sku": "B2"}),
        ),
    ),
    Answer(text="In stock."),
]


@world.tool
def stock(sku):
    time.sleep(0.15)
    return 3


@world.tool
def price(sku):
    time.sleep(0.1)
    return 9.99


def agent():
    client = world.anthropic()
    pool = ThreadPoolExecutor(8)
    functions = {"stock": stock, "price": price}
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in functions]
    messages = [{"role": "user", "content": "Can I order?"}]
    with pool:
        while True:
            answer = client.messages.create(model="claude-sonnet-4-6", max_tokens=99, messages=messages, tools=tools)
            uses = [block for block in answer.content if block.type == "tool_use"]
            if not uses:
                return
            futures = [pool.submit(functions[use.name], **use.input) for use in uses]
            results = [future.result() for future in futures]
            messages.append({"role": "assistant", "content": [block.to_dict() for block in answer.content]})
            messages.append(
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": use.id, "content": str(result)}
                        for use, result in zip(uses, results)
                    ],
                }
            )
