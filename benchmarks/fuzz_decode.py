"""A long search for bytes that make decoding raise: the properties of tests/decode/test_decode_fuzz.py, many examples each.

    python benchmarks/fuzz_decode.py [EXAMPLES] [PYTEST OPTIONS...]

EXAMPLES (default 20,000) are tried for each property, and the corpus of recorded traffic (AGENTPERF_CORPUS), where it is
there, is damaged as well: every recorded exchange cut and flipped at random, EXAMPLES times in all. A failure prints the
smallest example that hypothesis finds, or the seed.
"""

from __future__ import annotations

import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]
sys.path[0] = str(ROOT / "tests")  # and not this folder, whose decode.py hides theirs

from decode.corpus import CORPUS  # noqa: E402 - of the tests' folder
from pytest_agentperf.decode.decoder import decode, is_streamed  # noqa: E402
from pytest_agentperf.decode.stated import stated_latency  # noqa: E402
from pytest_agentperf.inspection import files  # noqa: E402
from pytest_agentperf.model.exchange import Exchange  # noqa: E402
from pytest_agentperf.record.stored import exchanges  # noqa: E402


def damaged(body: bytes, rng: random.Random) -> bytes:
    """Cut somewhere, or bits flipped, or a piece taken out or doubled."""
    raw = bytearray(body)
    for _ in range(rng.randint(1, 6)):
        if not raw:
            break
        at, to = sorted(rng.randrange(len(raw) + 1) for _ in range(2))
        match rng.randrange(4):
            case 0:
                del raw[to:]
            case 1:
                raw[min(at, len(raw) - 1)] ^= 1 << rng.randrange(8)
            case 2:
                del raw[at : min(to, at + 200)]
            case _:
                raw[at:at] = raw[at : min(to, at + 200)]
    return bytes(raw)


def try_damage(seen: Exchange, seed: int) -> None:
    rng = random.Random(seed)
    assert seen.response is not None
    request = replace(seen.request, body=damaged(seen.request.body, rng) if rng.random() < 0.5 else seen.request.body)
    response = replace(seen.response, body=damaged(seen.response.body, rng))
    decode(replace(seen, request=request, response=response))
    stated_latency(response, streamed=is_streamed(request, response))


def fuzz_corpus(examples: int) -> int:
    recorded = [exchange for path in files([CORPUS]) for exchange in exchanges(path)]
    first = random.SystemRandom().randrange(2**32)
    for seed in range(first, first + examples):
        seen = recorded[seed % len(recorded)]
        try:
            try_damage(seen, seed)
        except Exception:
            print(f"exchange {seed % len(recorded)} ({seen.request.url}) with seed {seed}:")
            raise
    print(f"{examples:,} damaged exchanges of the corpus decoded, seeds from {first}")
    return 0


def main(examples: int, options: list[str]) -> int:
    settings.register_profile("long", max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    tests = str(ROOT / "tests" / "decode" / "test_decode_fuzz.py")
    loaded = "ignore:Module already imported:pytest.PytestAssertRewriteWarning"
    status = pytest.main(["-q", "-p", "no:cacheprovider", "-W", loaded, "--hypothesis-profile=long", *options, tests])
    return int(status) or (fuzz_corpus(examples) if CORPUS.is_dir() else 0)


if __name__ == "__main__":
    given = sys.argv[1:]
    raise SystemExit(main(int(given[0]) if given else 20_000, given[1:]))
