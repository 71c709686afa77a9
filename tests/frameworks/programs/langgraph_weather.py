"""A graph of two nodes, one that asks the model and one that runs all tools it asked for."""

import asyncio
import os

from langchain_core.messages import ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from langgraph.graph import END, START, MessagesState, StateGraph
from openai import DefaultAsyncHttpxClient

NEEDS = ("langgraph", "langchain-openai")
CALLS = (("forecast", {"place": "Lisbon"}), ("forecast", {"place": "Porto"}), ("tides", {"coast": "Algarve"}))
VARIANTS = {"gather_to_loop": "loop", "sleep_to_blocking": "blocking"}


@tool
async def forecast(place: str) -> str:
    """The weather of tomorrow."""
    await asyncio.sleep(0.2 if place == "Lisbon" else 0.25)
    return f"{place}: fine"


@tool
async def tides(coast: str) -> str:
    """High and low water."""
    await asyncio.sleep(0.3)
    return f"{coast}: fine"


TOOLS = {"forecast": forecast, "tides": tides}


async def agent():
    async with DefaultAsyncHttpxClient() as http:
        model = ChatOpenAI(
            model="gpt-4o-mini",
            base_url=f"{os.environ['PROVIDER_URL']}/v1",
            api_key="fake",
            http_async_client=http,
            max_retries=0,
        ).bind_tools(list(TOOLS.values()))

        async def think(state):
            return {"messages": [await model.ainvoke(state["messages"])]}

        async def act(state):
            calls = state["messages"][-1].tool_calls
            results = await asyncio.gather(*(TOOLS[call["name"]].ainvoke(call["args"]) for call in calls))
            return {
                "messages": [
                    ToolMessage(content=result, tool_call_id=call["id"])
                    for call, result in zip(calls, results, strict=True)
                ]
            }

        graph = StateGraph(MessagesState)
        graph.add_node("think", think)
        graph.add_node("act", act)
        graph.add_edge(START, "think")
        graph.add_conditional_edges("think", lambda state: "act" if state["messages"][-1].tool_calls else END)
        graph.add_edge("act", "think")
        await graph.compile().ainvoke({"messages": [{"role": "user", "content": "Where to go for a swim?"}]})
