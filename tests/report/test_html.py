"""The page in a real browser."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from pytest_agentperf.report.formats import write
from report.test_formats import whole

webdriver = pytest.importorskip("selenium.webdriver")
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"),
    pytest.mark.xdist_group("browser"),
]
NAME = "tests/test_trip.py::test_two[a|b `c` <i>]"


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    for flag in ("headless=new", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync"):
        options.add_argument(f"--{flag}")
    options.add_argument("--disable-background-networking")
    options.add_argument("--disable-component-update")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('chromium')}")
    options.binary_location = CHROMIUM
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.implicitly_wait(10)
    driver.get("about:blank")  # the page that a browser begins with asks for things
    yield driver
    driver.quit()


@pytest.fixture
def address(browser: webdriver.Chrome, tmp_path: Path) -> Iterator[str]:
    """Of the page; afterwards it must have been quiet: no error, no request but for itself."""
    write(whole(), "html", tmp_path / "run.html")
    browser.get_log("browser"), browser.get_log("performance")
    yield (tmp_path / "run.html").as_uri()
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"}
    assert not [url for url in asked if not url.startswith(("file:", "data:", "about:", "blob:"))]


def texts(browser: webdriver.Chrome, selector: str) -> list[str]:
    return [element.text for element in browser.find_elements("css selector", selector)]


def test_findings_lead_to_tests_and_these_to_their_waterfall(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    assert browser.find_element("css selector", ".problem").text.startswith(
        "regression/parallel-batch-lost flights and"
    )
    assert texts(browser, "#verdict") == ["2 problems, 1 hint in 3 tests"]
    browser.find_element("css selector", ".problem li a").click()
    assert browser.find_element("css selector", "h2.name").text == "tests/test_trip.py::test_one"
    now, _baseline = browser.find_elements("css selector", ".fall")
    labels = [label.text for label in now.find_elements("css selector", ".label")]
    assert labels[:3] == ["llm:planning", "LLM gpt-5-nano", "tool flights"]
    assert texts(browser, "h3")[:2] == ["Findings", "Against the baseline"]


def test_a_deep_link_opens_its_test_whatever_is_in_the_name(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}#t={quote(NAME)}")
    assert browser.find_element("css selector", "h2.name").text == NAME


def test_a_link_to_what_is_not_there_says_so(browser: webdriver.Chrome, address: str) -> None:
    browser.get(f"{address}#t=gone")
    assert browser.find_element("css selector", "main p.error").text == "This run has no test gone. all tests"


def test_keys(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    browser.find_element("css selector", "body").send_keys("/")
    browser.switch_to.active_element.send_keys("limited")
    assert texts(browser, "tbody a") == ["tests/test_z.py::test_limited"]
    browser.find_element("css selector", "tbody a").send_keys("\ue007")  # Enter
    assert browser.find_element("css selector", "h2.name").text == "tests/test_z.py::test_limited"
    browser.find_element("css selector", "body").send_keys("k")
    assert browser.find_element("css selector", "h2.name").text != "tests/test_z.py::test_limited"
    browser.find_element("css selector", "body").send_keys("\ue00c")  # Escape
    assert "Findings" in texts(browser, "h2")


def test_columns_sort(browser: webdriver.Chrome, address: str) -> None:
    browser.get(address)
    browser.find_element("css selector", "th button").click()
    assert texts(browser, "tbody a") == sorted(texts(browser, "tbody a"))


@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_sticks_out(browser: webdriver.Chrome, address: str, width: int) -> None:
    # No window is narrower than 500 pixels, a screen may be.
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    )
    for page in (address, f"{address}#t={quote(NAME)}"):
        browser.get(page)
        assert browser.find_elements("css selector", "h2")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
