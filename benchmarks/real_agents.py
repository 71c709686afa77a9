"""Rules on agents that nobody here wrote: each is recorded against the fake provider and replayed under `--agentperf`.

    tox -m agents                                 # or, with the agents installed:
    python benchmarks/real_agents.py [AGENT ...]

Prints what rules find in the replay, and exits with 1 where that is not what was checked by hand: `EXPECTED`, with the
evidence for each in `tests/scenarios/README.md`. The agents run their tools (a shell) in an empty folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import dedent

from pytest_agentperf.model.finding import Finding
from pytest_agentperf.report.json_file import from_document

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from server.provider import Answer, FakeProvider, Hit, Tool

PAD = "Some of what a project has to say about itself. " * 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    package: str
    test: str
    """A module with one test."""
    answer: Callable[[Hit], Answer]
    expected: frozenset[str]
    """Codes of the rules that find something, `~` before those of hints; without AP206, which depends on the machine."""


def shell(name: str) -> Callable[[Hit], Answer]:
    """A model that works in a shell, with a tool of that name: three commands in one turn, then one a turn."""
    turns = (
        ("sleep 0.3; ls", "sleep 0.3; cat notes.md", "sleep 0.3; wc notes.md"),
        ("cat notes.md",),
        ("sed -i s/project/product/ notes.md",),
        ("grep -c product notes.md",),
        ("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT; cat notes.md",),
    )

    def answer(hit: Hit) -> Answer:
        turn = sum(message["role"] == "assistant" for message in hit.json["messages"])
        tokens = len(hit.body) // 4
        if turn >= len(turns):
            return Answer(text="The notes speak of a product now.", headers_after_ms=100, input_tokens=tokens)
        calls = tuple(Tool(name=name, arguments={"command": command}) for command in turns[turn])
        return Answer(tools=calls, headers_after_ms=100, input_tokens=tokens, output_tokens=30 * len(calls))

    return answer


MINI = """
    from minisweagent.agents.default import DefaultAgent
    from minisweagent.environments.local import LocalEnvironment
    from minisweagent.models.litellm_model import LitellmModel
    import pytest

    @pytest.mark.vcr
    def test_agent(workspace, tmp_path):
        model = LitellmModel(model_name="openai/gpt-4o-mini", cost_tracking="ignore_errors")
        agent = DefaultAgent(
            model,
            LocalEnvironment(cwd=str(workspace)),
            system_template="You work in a shell.",
            instance_template="{{task}}",
            output_path=tmp_path / "trajectory.json",
        )
        assert "product" in agent.run("Let the notes speak of a product.")["submission"]
"""
GPTME = """
    from gptme.cli.main import main
    import pytest

    @pytest.mark.vcr
    def test_agent(workspace):
        asked = ["--non-interactive", "--model", "local/gpt-4o-mini", "--tool-format", "tool", "--tools", "shell", "--name", "one"]
        main([*asked, "Let the notes speak of a product."], standalone_mode=False)
        assert "product" in (workspace / "notes.md").read_text()
"""
CONFTEST = """
    from pathlib import Path
    import pytest

    @pytest.fixture
    def workspace(monkeypatch):
        folder = Path.home() / "workspace"
        folder.mkdir()
        (folder / "notes.md").write_text({pad!r})
        monkeypatch.chdir(folder)
        return folder
"""
AGENTS = {
    "mini": Agent(
        package="mini-swe-agent",
        test=MINI,
        answer=shell("bash"),
        expected=frozenset({"~AP101", "AP204", "AP303"}),
    ),
    "gptme": Agent(package="gptme", test=GPTME, answer=shell("shell"), expected=frozenset({"AP103"})),
}


def findings(agent: Agent) -> tuple[Finding, ...]:
    """Of the replay. Raises SystemExit where the agent fails."""
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name), Path(name, "home")
        (folder / "pytest.ini").write_text("[pytest]\nasyncio_default_fixture_loop_scope = function\n")
        (folder / "test_agent.py").write_text(dedent(agent.test))
        (folder / "conftest.py").write_text(dedent(CONFTEST).format(pad=PAD))
        with FakeProvider(agent.answer) as provider:
            environ = os.environ | {
                "GPTME_TIKTOKEN_TIMEOUT": "0",  # else it looks for encodings on the net
                "HOME": str(home),
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
                "MSWEA_SILENT_STARTUP": "1",
                "OPENAI_API_KEY": "fake",
                "OPENAI_BASE_URL": f"{provider.url}/v1",
            }
            run(folder, environ, "--agentperf-record=all")
        shutil.rmtree(home)
        run(folder, environ, "--agentperf", "--agentperf-json=run.json")  # the provider is gone
        document = json.loads((folder / "run.json").read_text("utf-8"))
    print(f"  {document['totals']['llm_calls']['value']} LLM calls in the replay")
    return from_document(document).tests[0].profile.findings


def run(folder: Path, environ: dict[str, str], *flags: str) -> None:
    Path(environ["HOME"]).mkdir()
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", *flags]
    done = subprocess.run(
        command,
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}")


def main(names: list[str]) -> int:
    wrong = []
    for name in names or AGENTS:
        agent = AGENTS[name]
        try:
            print(f"{agent.package} {version(agent.package)}")
        except PackageNotFoundError:
            print(f"{agent.package} is not installed")
            continue
        found = findings(agent)
        for one in found:
            hint = "" if one.gating else " (a hint)"
            print(f"  {one.code}{hint}: {one.message}{one.where and ' at '}{one.where}")
        codes = {("" if one.gating else "~") + one.code for one in found if one.code != "AP206"}
        if codes != agent.expected:
            wrong.append(name)
            print(f"  expected {sorted(agent.expected)}, found {sorted(codes)}")
    return bool(wrong)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
