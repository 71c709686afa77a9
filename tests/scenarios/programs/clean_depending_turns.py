"""One tool a turn, and each needs what the one before has found."""

import json

from server.answer import Answer, Tool

EXPECT = {}
ABOUT = ("AP102",)
ANSWERS = [
    Answer(tools=(Tool(name="find_customer", arguments={"email": "ann@example.org"}),)),
    Answer(tools=(Tool(name="orders", arguments={"customer": 4711}),)),
    Answer(tools=(Tool(name="track", arguments={"parcel": "PX-99"}),)),
    Answer(text="Tomorrow."),
]
FUNCTIONS = {
    "find_customer": lambda email: {"id": 4711},
    "orders": lambda customer: [{"parcel": "PX-99"}],
    "track": lambda parcel: "tomorrow",
}


def agent():
    client = world.openai()
    tools = [{"type": "function", "function": {"name": name, "parameters": {}}} for name in FUNCTIONS]
    messages = [{"role": "user", "content": "Where is my parcel? ann@example.org"}]
    while True:
        message = client.chat.completions.create(model="gpt-4o", messages=messages, tools=tools).choices[0].message
        messages.append(message.to_dict())
        if not message.tool_calls:
            return
        for call in message.tool_calls:
            result = FUNCTIONS[call.function.name](**json.loads(call.function.arguments))
            messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
