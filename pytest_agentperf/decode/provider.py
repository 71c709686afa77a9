"""Who runs the model, by the address; where that is redacted or self-hosted, by what only they write."""

from __future__ import annotations

from functools import lru_cache

from pytest_agentperf.decode.json_ import obj, text
from pytest_agentperf.decode.payload import Payload

UNKNOWN = "unknown"

_HOSTS = (
    ("openai.azure.com", "azure"),
    ("services.ai.azure.com", "azure"),
    ("cognitiveservices.azure.com", "azure"),
    ("api.cognitive.microsoft.com", "azure"),
    ("models.inference.ai.azure.com", "azure"),
    ("api.openai.com", "openai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gemini"),
    ("aiplatform.googleapis.com", "vertexai"),
    ("openrouter.ai", "openrouter"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral"),
    ("codestral.mistral.ai", "mistral"),
    ("api.x.ai", "xai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("api.cerebras.ai", "cerebras"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.perplexity.ai", "perplexity"),
    ("api.writer.com", "writer"),
    ("api.moonshot.ai", "moonshot"),
    ("api.moonshot.cn", "moonshot"),
    ("api.z.ai", "zai"),
    ("router.huggingface.co", "huggingface"),
    ("api-inference.huggingface.co", "huggingface"),
    ("azuredatabricks.net", "databricks"),
    ("cloud.databricks.com", "databricks"),
    ("snowflakecomputing.com", "snowflake"),
    ("api.portkey.ai", "portkey"),
    ("inference.heroku.com", "heroku"),
    ("ml.cloud.ibm.com", "watsonx"),
    ("ollama.com", "ollama"),
    ("api.ai21.com", "ai21"),
    ("api.cloudflare.com", "cloudflare"),
    ("models.github.ai", "github"),
    ("api.voyageai.com", "voyageai"),
    ("api.sambanova.ai", "sambanova"),
    ("api.nebius.ai", "nebius"),
    ("api.novita.ai", "novita"),
)
"""End of the host -> name."""

_DEFAULTS = {
    "anthropic-messages": "anthropic",
    "anthropic-text": "anthropic",
    "gemini": "gemini",
    "bedrock-converse": "bedrock",
    "bedrock-invoke": "bedrock",
    "cohere-v1": "cohere",
    "cohere-v2": "cohere",
    "ollama": "ollama",
    "watsonx": "watsonx",
}
"""Wire formats that nearly nobody else speaks."""


def provider(payload: Payload, api: str, port: int | None = None) -> str:
    """A short name such as `openai`; `unknown` where neither the address nor the answer tells."""
    return _by_host(payload.host) or ("ollama" if port == 11434 else _by_answer(payload)) or _DEFAULTS.get(api, UNKNOWN)


@lru_cache
def _by_host(host: str) -> str | None:
    if host.startswith("bedrock") and host.endswith((".amazonaws.com", ".api.aws")):
        return "bedrock"
    return next((name for end, name in _HOSTS if host == end or host.endswith(("." + end, "-" + end))), None)


def _by_answer(payload: Payload) -> str | None:
    """Headers and fields that one provider alone writes."""
    names = {name for name, _ in payload.headers}
    if "openai-version" in names or "openai-processing-ms" in names:
        return "openai"
    body = payload.body.answer or (payload.body.events[0] if payload.body.events else {})
    answer_id = text(body.get("id")) or text(obj(body.get("message")).get("id"))
    for start, name in (("msg_bdrk_", "bedrock"), ("msg_vrtx_", "vertexai"), ("gen-", "openrouter")):
        if answer_id.startswith(start):
            return name
    if "x_groq" in body:
        return "groq"
    if "prompt_filter_results" in body:
        return "azure"
    return None
