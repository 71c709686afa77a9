"""One call of a model: what it was asked, what it answered, what it took. No prompt and no answer text is kept."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

from pytest_agentperf.model.exchange import Connection, Origin, Timing
from pytest_agentperf.model.usage import Cost, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A call that the model asked for."""

    id: str | None
    """None where the wire format gives none."""
    name: str
    arguments: str
    """JSON text as the model wrote it, deltas joined."""
    draws_on: tuple[int, ...] = ()
    """Places in `Prompt.results` of the results that share a word or a number with the arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The answer to a tool call, as the next request carried it."""

    call_id: str | None
    digest: str
    size: int
    """Bytes of its JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    role: str
    digest: str
    """Of the canonical JSON without cache hints: equal digests, equal messages."""
    size: int
    """Bytes of its JSON."""


MODEL_ROLES = frozenset(("assistant", "model", "chatbot", "reasoning", "function_call", "custom_tool_call"))
"""Of messages that a model wrote, in lower case; the last three are items of OpenAI's responses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """The parts of a request, as digests and sizes in bytes: enough to see what grew or changed, nothing to leak."""

    system_digest: str = ""
    system_size: int = 0
    tools_digest: str = ""
    tools_size: int = 0
    tools: tuple[str, ...] = ()
    """Names of the tools offered."""
    tool_sizes: tuple[int, ...] = ()
    """Bytes of the JSON of each, where every one has a name; else empty."""
    parallel_tools: bool | None = None
    """What the request says about calling tools in parallel; None: nothing."""
    messages: tuple[Message, ...] = ()
    """The conversation without the system prompt."""
    results: tuple[ToolResult, ...] = ()
    """Tool results among the messages, in order."""
    previous_id: str | None = None
    """The response that this request continues on the provider's side (`previous_response_id`)."""

    @property
    def new_size(self) -> int:
        """Bytes of the messages behind the model's last one: what this request adds to the conversation."""
        ours = takewhile(lambda message: message.role.lower() not in MODEL_ROLES, reversed(self.messages))
        return sum(message.size for message in ours)

    @property
    def history_size(self) -> int:
        """Bytes of the messages before: what was sent, or came, with an earlier call."""
        return sum(message.size for message in self.messages) - self.new_size


@dataclass(frozen=True, slots=True, kw_only=True)
class SideCall:
    """A model's work on the way to an answer that the provider bills on top of it (Anthropic's compaction and advisor)."""

    kind: str
    """The provider's word: `compaction`, `advisor_message`."""
    model: str | None
    """None: the model that answered."""
    usage: Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """The latency that the provider stated, in nanoseconds from the request: its own view, beside what was measured."""

    first_byte_ns: int | None
    """Of a streamed answer."""
    end_ns: int | None
    """0: less than the unit in which it is told (whole seconds), which is no time to replay."""
    source: str
    """The header or field that said so."""


MOST_CHUNKS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """Times are nanoseconds on the recording's clock, which reads 0 when the test's body starts."""

    index: int
    """`Exchange.index` of the exchange that this was read from."""
    provider: str
    """`openai`, `anthropic`, ... as far as the address or the body tells; else `unknown`."""
    api: str
    """The wire format: `openai-chat`, `openai-responses`, `anthropic-messages`, ..."""
    operation: Literal["chat", "completion", "embedding"] = "chat"
    model: str
    """The model that answered, or where it did not answer the one that was asked for; `unknown` if nobody says."""
    requested_model: str | None = None
    response_id: str | None = None
    streamed: bool = False
    status: int | None = None
    """HTTP status; None: no answer."""
    error: str | None = None
    """Why this call failed; None: it succeeded."""
    usage: Usage | None = None
    """None: the wire does not say."""
    wire_cost: str | None = None
    """US dollars stated by the provider in the body, as a decimal number."""
    side_calls: tuple[SideCall, ...] = ()
    """Billed, but not in `usage`."""
    service_tier: str | None = None
    """`flex`, `priority`, `batch` or `fast` where it was not the usual one: it has a price of its own."""
    cost: Cost | None = None
    """None until priced."""
    tool_calls: tuple[ToolCall, ...] = ()
    """Asked for in this answer, for the agent to run."""
    server_tools: tuple[str, ...] = ()
    """Names of the tools that the provider ran itself."""
    finish: str | None = None
    """The provider's own word for why the answer ended."""
    prompt: Prompt = Prompt()
    request_size: int = 0
    response_size: int = 0
    """Bytes of the bodies, content encoding undone."""
    answer_digest: str = ""
    """Of the answer's text."""
    request_id: str | None = None
    """The provider's name for this exchange, for asking its support."""
    date: str | None = None
    """The response's header `date`, as it came: one for each answer of a server that has no names for them."""
    rate_limit: tuple[tuple[str, str], ...] = ()
    """Response headers that tell what is left and when it is full again, as they came."""
    stated: Stated | None = None
    """What the provider says of its own time; the times below are these only where `timing` says so."""
    start_ns: int = 0
    first_byte_ns: int | None = None
    end_ns: int | None = None
    chunks_ns: tuple[int, ...] = ()
    """When pieces of a streamed answer came: at most `MOST_CHUNKS` of them, evenly taken, the first and the last among them."""
    origin: Origin = Origin.LIVE
    timing: Timing = Timing.MEASURED
    span: int | None = None
    """`Span.id` of the innermost span around it."""
    connection: Connection = ""
    thread: int = 0
    """The system's identifier in a recording; 1, 2, ... in the order of first work in a profile."""
    turn: int = 1
    """Its place in its conversation, from 1."""

    @property
    def duration_ns(self) -> int | None:
        """Start to the end of the answer; None if unknown."""
        return None if self.end_ns is None or self.timing is Timing.UNKNOWN else self.end_ns - self.start_ns

    @property
    def ttft_ns(self) -> int | None:
        """Start to the first byte of a streamed answer, to the whole of any other: when its reader sees a first token."""
        if not self.streamed:
            return self.duration_ns
        if self.first_byte_ns is None or self.timing is Timing.UNKNOWN:
            return None
        return self.first_byte_ns - self.start_ns
