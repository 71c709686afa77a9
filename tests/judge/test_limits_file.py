"""agentperf.yaml"""

from decimal import Decimal

import pytest

from pytest_agentperf.judge.limits_file import LimitsFileError, read_limits_file


def read(tmp_path, text):
    path = tmp_path / "agentperf.yaml"
    path.write_text(text, "utf-8")
    return read_limits_file(path, "agentperf.yaml")


GOOD = """\
limits:
  "tests/*":
    max_latency: 2000
    max_tokens: {input: 800, output: 100}
  "tests/agents/*":
    max_latency:
      - 1000
      - {ms: 300, within: planning}
  "tests/agents/test_a.py::test_slow*":
    max_latency: 9000
    max_metric: {queue_ms: 200}
prices:
  our-llama: {input: 0.9, output: 1}
"""


@pytest.mark.parametrize(
    ("nodeid", "expected"),
    [
        (
            "tests/test_x.py::test_x",
            {("latency", None): 2000, ("input_tokens", None): 800, ("output_tokens", None): 100},
        ),
        ("tests/agents/test_b.py::test_x", {("latency", None): 1000, ("latency", "planning"): 300}),
        ("tests/agents/test_a.py::test_slow[x]", {("latency", None): 9000, ("queue_ms", None): 200}),
        ("other/test_x.py::test_x", {}),
    ],
)
def test_globs_add_up_and_the_one_further_down_wins(tmp_path, nodeid, expected):
    found = {(limit.metric, limit.within): limit.bound for limit in read(tmp_path, GOOD).limits(nodeid)}
    assert found.items() >= expected.items()
    assert bool(found) == bool(expected)


def test_a_limit_knows_its_line_and_that_it_was_set_by_path(tmp_path):
    (limit,) = read(tmp_path, "limits:\n  '*':\n    max_latency: 5\n").limits("test_x.py::t")
    assert (limit.source, limit.text, limit.explicit) == ("agentperf.yaml:3", "max_latency(5)", False)


def test_prices(tmp_path):
    assert read(tmp_path, GOOD).prices == {"our-llama": {"input": Decimal("0.9"), "output": Decimal(1)}}


def test_an_empty_file_limits_nothing(tmp_path):
    assert read(tmp_path, "# nothing yet\n").limits("test_x.py::t") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("limit:\n  a: 1\n", "agentperf.yaml:1: unknown key 'limit'; allowed: limits, gate, prices"),
        ("limits:\n  '*':\n    max_speed: 1\n", "agentperf.yaml:3: unknown limit 'max_speed'; allowed: max_latency, "),
        (
            "limits:\n  '*':\n    max_latency: fast\n",
            "agentperf.yaml:3: max_latency: expected a number of milliseconds",
        ),
        ("limits:\n  '*': 5\n", "agentperf.yaml:2: expected a mapping from limits to values, got 5"),
        ("limits: [1]\n", "agentperf.yaml:1: expected a mapping from path globs to limits, got [1]"),
        ("limits:\n  '*': {max_latency: 1}\n  '*': {max_latency: 2}\n", "agentperf.yaml:3: '*' stands here twice"),
        ("limits:\n  ? [a]\n  : {max_latency: 1}\n", "agentperf.yaml:2: expected a name, got ['a']"),
        ("limits:\n  '*': {max_tokens: 2024-99-01}\n", "agentperf.yaml:2: cannot be read: "),
        ("limits:\n  '*': {max_tokens: []}\n", "agentperf.yaml:2: max_tokens: expected a whole number"),
        ("limits: {a: b\n", "agentperf.yaml:2: not YAML: "),
        ("limits:\n\t- a\n", "agentperf.yaml:2: not YAML: "),
        ("prices:\n  m: {inputs: 1}\n", "agentperf.yaml:2: unknown price 'inputs'; allowed: input, output, "),
        ("prices:\n  m: {input: 1}\n", "agentperf.yaml:2: m: no price for output"),
        (
            "prices:\n  m: {input: cheap}\n",
            "agentperf.yaml:2: input: expected US dollars per million tokens, 0 or more",
        ),
    ],
)
def test_errors_name_file_line_and_what_is_allowed(tmp_path, text, message):
    with pytest.raises(LimitsFileError) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(message)


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "agentperf.yaml"
    path.write_bytes(b"\xff\xfe\x00limits")
    with pytest.raises(LimitsFileError, match=r"^agentperf.yaml: cannot be read: "):
        read_limits_file(path, "agentperf.yaml")
