"""crewai: a crew of one, and an agent without a crew."""

from __future__ import annotations

from crewai import LLM, Agent, Crew, Task
from crewai.tools import tool
from tools import MODEL, PROMPT


def run(url, tools, way):
    llm = LLM(model=f"openai/{MODEL}", base_url=f"{url}/v1", api_key="fake", max_retries=0)
    made = [tool(name)(function) for name, function in tools.items()]
    agent = Agent(role="helper", goal="help", backstory="none", llm=llm, tools=made)
    if way == "sync_lite":
        agent.kickoff(PROMPT)
    else:
        Crew(agents=[agent], tasks=[Task(description=PROMPT, expected_output="an answer", agent=agent)]).kickoff()
