"""Traffic that something inside the process answers: seen, labelled, and with the times that it took."""

from __future__ import annotations

import asyncio
import json
import textwrap

import pytest

from pytest_agentperf.model.exchange import Origin, Timing
from pytest_agentperf.record.recorder import Stop

PATH = "/v1/chat/completions"
URL = "https://api.openai.com" + PATH
BODY = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "model": "gpt-4o",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello."}}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
}


@pytest.fixture
def the_call(recorder):
    """The one LLM call of the test."""

    def the_call():
        (reading,) = recorder.recording().readings
        return reading.call

    return the_call


def is_the_answer(call):
    assert (call.origin, call.timing, call.status) == (Origin.MOCKED, Timing.MEASURED, 200)
    assert (call.usage.input, call.usage.output, call.error) == (11, 7, None)
    assert call.response_size > 0
    assert call.end_ns is not None
    return True


async def app(scope, receive, send):
    await receive()
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(ANSWER).encode()})


async def post_async(stack, transport, **kwargs):
    async with stack.AsyncClient(transport=transport) as client:
        return (await client.post(URL, json=BODY, **kwargs)).json()


def post(stack, transport):
    with stack.Client(transport=transport) as client:
        return client.post(URL, json=BODY).json()


def mock(stack):
    return stack.MockTransport(lambda request: stack.Response(200, json=ANSWER))


def test_mock_transport(stack, the_call):
    assert post(stack, mock(stack)) == ANSWER
    assert is_the_answer(the_call())


def test_mock_transport_async(stack, the_call):
    assert asyncio.run(post_async(stack, mock(stack))) == ANSWER
    assert is_the_answer(the_call())


def test_an_application_in_the_process(stack, the_call):
    assert asyncio.run(post_async(stack, stack.ASGITransport(app))) == ANSWER
    assert is_the_answer(the_call())


def test_a_transport_of_ones_own(stack, the_call):
    class Transport(stack.BaseTransport):
        def handle_request(self, request):
            return stack.Response(200, json=ANSWER)

    assert post(stack, Transport()) == ANSWER
    assert is_the_answer(the_call())


def test_a_method_that_the_test_replaced(stack, the_call, monkeypatch):
    monkeypatch.setattr(stack.HTTPTransport, "handle_request", lambda self, request: stack.Response(200, json=ANSWER))
    assert post(stack, None) == ANSWER
    assert is_the_answer(the_call())


def test_a_method_that_a_fixture_replaced(stack, monkeypatch):
    from pytest_agentperf.record.recorder import Recorder
    from pytest_agentperf.record.taps.live import installed

    monkeypatch.setattr(stack.HTTPTransport, "handle_request", lambda self, request: stack.Response(200, json=ANSWER))
    with installed(), Recorder() as recorder:
        assert post(stack, None) == ANSWER
    (reading,) = recorder.recording().readings
    assert is_the_answer(reading.call)


def test_it_takes_as_long_as_it_takes(stack, clock, the_call):
    def handler(request):
        clock.sleep(0.3)
        return stack.Response(200, json=ANSWER)

    post(stack, stack.MockTransport(handler))
    assert the_call().duration_ns == 300_000_000


def test_a_mock_that_fails(stack, the_call):
    def handler(request):
        raise stack.ConnectError("no way")

    with pytest.raises(stack.ConnectError):
        post(stack, stack.MockTransport(handler))
    assert the_call().error == "ConnectError: no way"


def test_a_budget_refuses_it(stack, recorder):
    asked = []

    def refuse(reading):
        raise Stop("over budget")

    recorder.gates.append(refuse)
    with pytest.raises(Stop):
        post(stack, stack.MockTransport(asked.append))
    assert asked == []
    assert recorder.recording().readings == ()


def test_a_transport_around_a_real_one_is_no_call_of_its_own(stack, provider, recorder):
    class Twice(stack.BaseTransport):
        def __init__(self):
            self.inner = stack.HTTPTransport()

        def handle_request(self, request):
            self.inner.handle_request(request).read()
            return self.inner.handle_request(request)

        def close(self):
            self.inner.close()

    with stack.Client(transport=Twice()) as client:
        client.post(provider.url + PATH, json=BODY)
    assert [reading.call.origin for reading in recorder.recording().readings] == [Origin.LIVE] * 2
    assert len(provider.hits) == 2


def test_an_application_that_asks_a_provider_is_no_call_of_its_own(stack, provider, the_call):
    async def gateway(scope, receive, send):
        async with stack.AsyncClient() as client:
            answer = await client.post(provider.url + PATH, json=BODY)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": answer.content})

    asyncio.run(post_async(stack, stack.ASGITransport(gateway)))
    assert the_call().origin is Origin.LIVE
    assert len(provider.hits) == 1


def test_a_cassette_is_not_asked_and_keeps_nothing(stack, cassette, the_call, tmp_path):
    with cassette("once"):
        assert post(stack, mock(stack)) == ANSWER
    assert not (tmp_path / "tape.yaml").exists()
    with cassette("none"):
        assert post(stack, mock(stack)) == ANSWER


def test_requests_with_an_adapter_of_ones_own(the_call):
    requests = pytest.importorskip("requests")

    class Adapter(requests.adapters.BaseAdapter):
        def send(self, request, **kwargs):
            response = requests.Response()
            response.status_code, response.request, response.url = 200, request, request.url
            response._content = json.dumps(ANSWER).encode()
            response._content_consumed = True
            return response

        def close(self):
            pass

    with requests.Session() as session:
        session.mount("https://", Adapter())
        assert session.post(URL, json=BODY).json() == ANSWER
    assert is_the_answer(the_call())


# -- libraries of mocks: `tox -e mocks` ------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_respx(the_call, mode):
    respx, httpx = pytest.importorskip("respx"), pytest.importorskip("httpx")
    with respx.mock:
        respx.post(URL).respond(json=ANSWER)
        assert (post(httpx, None) if mode == "sync" else asyncio.run(post_async(httpx, None))) == ANSWER
    assert is_the_answer(the_call())


@pytest.mark.parametrize("stream", [False, True])
def test_responses(the_call, stream):
    responses, requests = pytest.importorskip("responses"), pytest.importorskip("requests")
    with responses.RequestsMock() as mocks:
        mocks.post(URL, json=ANSWER)
        answer = requests.post(URL, json=BODY, stream=stream, timeout=10)
        assert json.loads(b"".join(answer.iter_content(50))) == ANSWER
    assert is_the_answer(the_call())


def test_responses_that_lets_through(provider, the_call):
    responses, requests = pytest.importorskip("responses"), pytest.importorskip("requests")
    with responses.RequestsMock() as mocks:
        mocks.add_passthru(provider.url)
        requests.post(provider.url + PATH, json=BODY, timeout=10)
    assert the_call().origin is Origin.LIVE


def test_aioresponses(the_call):
    aioresponses, aiohttp = pytest.importorskip("aioresponses"), pytest.importorskip("aiohttp")

    async def ask():
        with aioresponses.aioresponses() as mocks:
            mocks.post(URL, payload=ANSWER)
            async with aiohttp.ClientSession() as session, session.post(URL, json=BODY) as answer:
                return await answer.json()

    assert asyncio.run(ask()) == ANSWER
    assert is_the_answer(the_call())


def test_pytest_httpx(pytester):
    pytest.importorskip("pytest_httpx")
    session(
        pytester,
        f"""
        def test_mocked(httpx_mock, profiler):
            httpx_mock.add_response(json={ANSWER!r})
            assert httpx.post({URL!r}, json={BODY!r}).json() == {ANSWER!r}
            assert profiler.tokens == 18
            assert [call.origin for call in profiler.profile().calls] == ["mocked"]
        """,
    )


def test_cassetter(pytester, provider):
    pytest.importorskip("cassetter")
    for _ in range(2):
        session(
            pytester,
            f"""
            import cassetter

            def test_played(profiler):
                with cassetter.use_cassette("theirs.yaml"):
                    httpx.post({provider.url + PATH!r}, json={BODY!r})
                assert profiler.llm_calls == 1
            """,
        )
    assert len(provider.hits) == 1


def session(pytester, code):
    pytester.makepyfile("import httpx\n\n" + textwrap.dedent(code))
    pytester.runpytest_inprocess("-p", "no:randomly").assert_outcomes(passed=1)
