"""The page in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_agentperf.analyze.tree import Node, forest
from pytest_agentperf.judge.skeleton import skeleton
from pytest_agentperf.model.call import Prompt, ToolResult
from pytest_agentperf.model.change import Share
from pytest_agentperf.model.metric import METRICS
from pytest_agentperf.model.miss import Miss
from pytest_agentperf.model.number import format_value
from pytest_agentperf.model.profile import ClockKind, Profile
from pytest_agentperf.model.report import Report
from pytest_agentperf.model.usage import Usage
from pytest_agentperf.record.tools.window import with_windows
from pytest_agentperf.report.formats import write
from report.test_formats import cause, regressed, whole
from samples import profiles, report, run, trip

webdriver = pytest.importorskip("selenium.webdriver")
exceptions = pytest.importorskip("selenium.common.exceptions")
support = pytest.importorskip("selenium.webdriver.support.ui")
pytestmark = pytest.mark.xdist_group("browser")
NAME = "tests/test_trip.py::test_two[a|b `c` <i>]"


@pytest.fixture
def written(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[Callable[[Report], str]]:
    """Addresses of pages; afterwards they must have been quiet: no error, no request but for themselves."""

    def address(of: Report) -> str:
        write(of, "html", tmp_path / "run.html")
        return (tmp_path / "run.html").as_uri()

    browser.get_log("browser"), browser.get_log("performance")
    yield address
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert not [url for url in asked if not url.startswith(("file:", "data:", "about:", "blob:"))]


@pytest.fixture
def address(written: Callable[[Report], str]) -> str:
    return written(whole())


@pytest.fixture(params=[1280, 400])
def width(browser: webdriver.Chrome, request: pytest.FixtureRequest) -> int:
    """Of the screen; no window is narrower than 500 pixels, a screen may be."""
    size = {"width": request.param, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    return request.param


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    return [element.text for element in browser.find_elements("css selector", selector)]


def until(browser: webdriver.Chrome, true: Callable[[], bool]) -> None:
    """A page draws itself anew some time after its address changed."""
    waits = support.WebDriverWait(browser, 10, ignored_exceptions=[exceptions.StaleElementReferenceException])
    waits.until(lambda _: true())


def test_findings_lead_to_tests_and_these_to_their_waterfall(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    assert browser.find_element("css selector", ".problem").text.startswith(
        "regression/parallel-batch-lost flights and"
    )
    assert texts(browser, "#verdict") == ["2 problems in 3 of 3 tests, 1 hint"]
    browser.find_element("css selector", ".problem li a").click()
    assert browser.find_element("css selector", "h2.name").text == "tests/test_trip.py::test_one"
    now, _baseline = browser.find_elements("css selector", ".fall")
    labels = [label.text for label in now.find_elements("css selector", ".label")]
    assert labels[:3] == ["llm:planning", "LLM gpt-5-nano", "tool flights"]
    assert texts(browser, "h3")[:2] == ["Findings (2)", "Against the baseline"]


def test_a_deep_link_opens_its_test_whatever_is_in_the_name(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}#t={quote(NAME)}")
    assert browser.find_element("css selector", "h2.name").text == NAME


@pytest.mark.parametrize(
    ("to", "told"),
    [
        ("#t=gone", "This run has no test gone."),
        ("#p=0123456789", "This run has no finding 0123456789."),
        ("#t=50%25_off%", "This run has no test 50%25_off%."),
    ],
)
def test_a_link_to_what_is_not_there_says_so_above_the_list(
    browser: webdriver.Chrome, address: str, to: str, told: str
) -> None:
    browser.get(address + to)
    assert texts(browser, "main > :first-child") == [told]
    assert texts(browser, "h2")[0].startswith("Findings")
    browser.get(address)
    until(browser, lambda: texts(browser, "main > :first-child") == texts(browser, "h2")[:1])


def test_keys(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    browser.find_element("css selector", "body").send_keys("/")
    browser.switch_to.active_element.send_keys("limited")
    assert texts(browser, "tbody a") == ["tests/test_z.py::test_limited"]
    browser.find_element("css selector", "tbody a").send_keys("\ue007")  # Enter
    assert browser.find_element("css selector", "h2.name").text == "tests/test_z.py::test_limited"
    browser.find_element("css selector", "body").send_keys("k")
    until(browser, lambda: texts(browser, "h2.name") != ["tests/test_z.py::test_limited"])
    browser.find_element("css selector", "body").send_keys("\ue00c")  # Escape
    until(browser, lambda: texts(browser, "h2") == ["Findings (3)", "Tests (3)"])


def test_columns_sort(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    browser.find_element("css selector", "th button").click()
    assert texts(browser, "tbody a") == sorted(texts(browser, "tbody a"))


def test_keys_go_through_findings_and_tests(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    seen = []
    for key in "jjjjkj":
        browser.switch_to.active_element.send_keys(key)
        seen.append(browser.switch_to.active_element.text)
        assert browser.execute_script("return document.activeElement.matches(':focus-visible')")
    assert seen[:3] == ["2 tests", "1 test", "2 tests"]  # of the findings
    assert seen[3] == seen[5] == texts(browser, "tbody a")[0]
    assert seen[4] == seen[2]
    browser.switch_to.active_element.send_keys("\ue007")  # Enter
    assert browser.find_element("css selector", "h2.name").text == seen[3]


def test_nothing_sticks_out(browser: webdriver.Chrome, address: str, width: int) -> None:
    for page in (address, f"{address}#t={quote(NAME)}"):
        browser.get(page)
        assert browser.find_elements("css selector", "h2")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width


def right_edge(browser: webdriver.Chrome, selector: str) -> float:
    """Of what reaches farthest."""
    script = (
        "return Math.max(...[...document.querySelectorAll(arguments[0])].map(one => one.getBoundingClientRect().right))"
    )
    return float(browser.execute_script(script, selector))


def test_outcomes_and_verdicts_are_seen_without_scrolling(browser: webdriver.Chrome, address: str, width: int) -> None:
    browser.get(address)
    assert texts(browser, ".list td:nth-child(2)") == ["failed, 1 worse", "failed, 1 worse", "failed"]
    assert right_edge(browser, ".list td:nth-child(2)") <= width
    assert (
        browser.execute_script(
            "const box = document.createRange(); box.selectNodeContents(document.querySelector('.list td:nth-child(2)'));"
            "return box.getClientRects().length"
        )
        == 1
    )  # line
    browser.get(f"{address}#t={quote(NAME)}")
    assert texts(browser, ".changes tbody td") == [
        "latency",
        "3,600 ms",
        "4,200 ms",
        "+600 ms (+16.7 %)",
        "regression: over 2 %",
    ]
    assert right_edge(browser, ".changes td") <= width


def test_run_and_baseline_are_on_one_scale(
    browser: webdriver.Chrome, written: Callable[[Report], str], width: int
) -> None:
    profile = trip()
    calls = (profile.calls[0], replace(profile.calls[1], end_ns=1234_567_800_000))  # a longer text beside its bar
    longer = replace(profile, calls=calls, spans=profile.spans[:3], latency_ns=1234_567_800_000)
    browser.get(f"{written(report(replace(run(longer), base=profile)))}#t={quote(profile.nodeid)}")
    script = "return [...document.querySelectorAll(arguments[0])].map(one => [one.getBoundingClientRect().left, one.getBoundingClientRect().width])"
    tracks = browser.execute_script(script, ".track")
    assert len({tuple(track) for track in tracks}) == 1
    (now, base) = (
        browser.execute_script(script, f".fall:nth-of-type({place}) .track:nth-of-type(2) i") for place in (1, 2)
    )
    assert now == base


# -- what is told ----------------------------------------------------------------------------------------------------------


def test_a_test_is_told_its_own_share(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}#t={quote(NAME)}")
    regression, rule = texts(browser, "h3 ~ p")[:2]
    assert regression.endswith("flights and weather no longer run at once Here: +600 ms latency, +$0.0010")
    assert rule.endswith(" Here: +600 ms latency")


def test_an_amount_is_told_once(browser: webdriver.Chrome, written: Callable[[Report], str]) -> None:
    told = replace(cause("t.py::a", "t.py::b"), sentence="it is slower (2 tests, +$0.0020)")
    browser.get(written(replace(report(regressed("t.py::a"), regressed("t.py::b")), causes=(told,))))
    card = browser.find_element("css selector", ".problem").text
    assert card.startswith(
        "regression/parallel-batch-lost it is slower (2 tests, +$0.0020)\nin all +1,200 ms latency\n"
    )


def test_one_of_something_is_told_as_one(browser: webdriver.Chrome, written: Callable[[Report], str]) -> None:
    more = tuple(Share(metric=name, amount=1, unit=METRICS[name].unit) for name in ("llm_calls", "turns", "latency"))
    told = replace(cause("t.py::a"), sentence="it asks again (1 test, +1 LLM call)", shares=more)
    browser.get(written(replace(report(regressed("t.py::a")), causes=(told,))))
    card = browser.find_element("css selector", ".problem").text
    assert card.startswith(
        "regression/parallel-batch-lost it asks again (1 test, +1 LLM call)\nin all +1 turn, +1 ms latency\n"
    )


def test_sums_say_what_is_estimated_and_what_is_unknown(
    browser: webdriver.Chrome, written: Callable[[Report], str]
) -> None:
    profile = trip("t.py::a")
    usage = replace(profile.calls[0].usage or Usage(), estimated=True)
    guessed = replace(profile, calls=(replace(profile.calls[0], usage=usage), profile.calls[1]))
    instant = replace(trip("t.py::b"), clock=ClockKind.INSTANT)
    browser.get(written(report(run(guessed), run(instant))))
    assert texts(browser, "#sums") == ["LLM calls 4, tokens ~5,760, cost $0.00077, latency >4,200 ms"]


def test_a_test_that_was_stopped_says_by_what_and_how_to_record_it(
    browser: webdriver.Chrome, written: Callable[[Report], str]
) -> None:
    stopped = run(replace(trip("t.py::a[b c]"), misses=(Miss(asked=trip().calls[0]),)), "failed")
    other = run(trip("t.py::b"), "failed")
    stops = ("no recorded answer for POST https://x/y (LLM call 3 of this test)", "token budget of 9 exceeded")
    tests = [replace(test, stopped=stop) for test, stop in zip((stopped, other), stops, strict=True)]
    address = written(report(*tests))
    browser.get(f"{address}#t={quote('t.py::a[b c]')}")
    assert texts(browser, "main > p")[1:3] == [
        f"stopped: {stops[0]}",
        "to record it: pytest 't.py::a[b c]' --agentperf-record=all",
    ]
    browser.get(f"{address}#t={quote('t.py::b')}")
    until(browser, lambda: texts(browser, "main > p")[1:2] == [f"stopped: {stops[1]}"])
    assert "to record it" not in browser.find_element("css selector", "main").text


def test_a_finding_tells_three_amounts_at_most(browser: webdriver.Chrome, written: Callable[[Report], str]) -> None:
    names = ("cost", "latency", "tokens", "llm_calls", "input_tokens")
    many = tuple(Share(metric=name, amount=2, unit=METRICS[name].unit) for name in names)
    two = replace(cause("t.py::a", "t.py::b"), shares=many)
    told = replace(two, hits=tuple(replace(hit, shares=many) for hit in two.hits))
    browser.get(written(replace(report(regressed("t.py::a"), regressed("t.py::b")), causes=(told,))))
    lines = browser.find_element("css selector", ".problem").text.splitlines()
    assert lines[1] == "in all +$2.00, +2 ms latency, +2 tokens"
    browser.find_element("css selector", ".problem li a").click()
    assert texts(browser, ".share")[0] == "Here: +$2.00, +2 ms latency, +2 tokens"


def test_a_number_beside_its_name_has_no_second_unit(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}#t={quote(NAME)}")
    rows = texts(browser, ".numbers tr")
    assert rows[0] == "latency 4,200 ms"
    assert "input tokens 2,710" in rows


def test_it_says_no_problem_only_where_there_is_none(
    browser: webdriver.Chrome, written: Callable[[Report], str]
) -> None:
    for of, heading in (
        (report(run(trip("t.py::a")), run(trip("t.py::b"), "failed")), "2 tests, 1 failed for other reasons"),
        (report(run(trip())), "1 test, no problem"),
        (report(), "no test ran"),
    ):
        browser.get(written(of))
        assert texts(browser, "#verdict") == [heading]


def test_what_was_accepted_is_told_as_that(browser: webdriver.Chrome, written: Callable[[Report], str]) -> None:
    accepted = replace(cause("t.py::a"), accepted=True)
    browser.get(written(replace(report(run(trip("t.py::a"))), causes=(accepted,))))
    assert "accepted since the merge base: flights and weather" in browser.find_element("css selector", ".is-info").text
    assert "1 accepted since the merge base" in browser.find_element("css selector", "#verdict").text


def test_tools_that_nobody_saw_are_drawn_in_the_baseline_too(
    browser: webdriver.Chrome, written: Callable[[Report], str]
) -> None:
    profile = trip()
    carried = Prompt(results=(ToolResult(call_id="call_0", digest="d", size=9),))
    calls = (replace(profile.calls[0], span=None), replace(profile.calls[1], span=None, prompt=carried))
    unseen = replace(profile, calls=calls, spans=())
    now = replace(unseen, spans=with_windows(unseen.spans, unseen.calls))
    browser.get(f"{written(report(replace(run(now), base=skeleton(unseen))))}#t={quote(profile.nodeid)}")
    assert texts(browser, ".fall .label") == ["LLM gpt-5-nano", "tools flights, weather", "LLM gpt-5-nano"] * 2


def test_a_bar_says_what_it_is(browser: webdriver.Chrome, written: Callable[[Report], str]) -> None:
    profile = trip()
    streamed = replace(profile.calls[0], chunks_ns=(700_000_000, 1_100_000_000, 1_500_000_000))
    browser.get(
        f"{written(report(run(replace(profile, calls=(streamed, profile.calls[1])))))}#t={quote(profile.nodeid)}"
    )
    track = browser.find_elements("css selector", ".track")[1]
    assert track.get_attribute("title") == (
        "LLM gpt-5-nano: starts at 100 ms, 1,400 ms; turn 1; 1,200 tokens in, 1,024 cached, 85 out; $0.00019; asks for flights, weather"
    )
    ticks = [float(tick.get_attribute("style").split()[1][:-2]) for tick in track.find_elements("css selector", "b")]
    assert ticks == [pytest.approx(100 * ms / 4200, abs=0.1) for ms in (700, 1100, 1500)]


def test_numbers_read_alike_in_the_page_and_elsewhere(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    browser.find_element("css selector", "h2")
    numbers = [0, 1, 7, 1234, 1234567, 0.1, 0.05, 0.012, 0.00019, 0.0000123, 1.5, 99.999, 12345.678]
    assert browser.execute_script("return arguments[0].map(money)", numbers) == [
        format_value(Decimal(str(usd)), "USD") for usd in numbers
    ]
    counts = [number for number in numbers if number == int(number)]
    assert browser.execute_script("return arguments[0].map(number.format)", counts) == [
        format_value(count, "") for count in counts
    ]


@settings(max_examples=25)
@given(tests=st.lists(st.tuples(profiles(), st.none() | profiles()), min_size=1, max_size=20))
def test_the_page_draws_what_was_measured(
    browser: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory, tests: list[tuple[Profile, Profile | None]]
) -> None:
    of = report(*(replace(run(now), base=base) for now, base in tests))
    path = tmp_path_factory.getbasetemp() / "measured.html"
    write(of, "html", path)
    browser.get(path.as_uri())
    browser.find_element("css selector", "h2")
    drawn = browser.execute_script(
        "return tests.map(test => traces(test).map(bars => bars.map("
        "bar => [bar.kind, bar.depth, bar.name, bar.known, bar.failed, bar.start, bar.length, bar.first])))"
    )
    assert drawn == [[bars(forest(one), 0) if one else [] for one in pair] for pair in tests]


def first(node: Node) -> object:
    """Of a streamed answer, the first byte: to half a 250th of its call."""
    if node.first_byte_ns is None:
        return -1
    return pytest.approx((node.first_byte_ns - node.start_ns) / 1e5, abs=(node.end_ns - node.start_ns) / 1e5 / 500 + 1)


def bars(nodes: list[Node], depth: int) -> list[list[object]]:
    found: list[list[object]] = []
    for node in nodes:
        start, end = (round(ns / 100_000) for ns in (node.start_ns, node.end_ns))
        found.append([node.kind, depth, node.name, node.known, node.failed, start, end - start, first(node)])
        found += bars(node.children, depth + 1)
    return found
