"""What cassettes say of the calls in them, without the agent that made these: for who owns recordings, and no tests yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from pytest_agentperf.decode.decoder import decode
from pytest_agentperf.model.codec import no_collection
from pytest_agentperf.model.profile import Profile
from pytest_agentperf.model.recording import Recording
from pytest_agentperf.pipeline import profile
from pytest_agentperf.price.cost import OwnPrice
from pytest_agentperf.record.file_formats import Damage, NoCassette, read
from pytest_agentperf.record.stored import exchanges

SUFFIXES = (".yaml", ".yml", ".json", ".yaml.gz", ".yml.gz", ".json.gz")


def files(paths: Iterable[Path]) -> Iterator[Path]:
    """A file is itself; a folder is all files in it, at any depth, that a cassette's name could have; sorted."""
    for path in paths:
        if path.is_dir():
            yield from sorted(file for file in path.rglob("*") if file.name.endswith(SUFFIXES) and file.is_file())
        else:
            yield path


def is_cassette(path: Path) -> bool:
    """Whether a file is one, be it a damaged one. Raises OSError."""
    try:
        read(path.read_bytes())
    except NoCassette:
        return False
    except Damage:
        return True
    return True


def inspect(path: Path, *, priced: bool = True, own_prices: Mapping[str, OwnPrice] | None = None) -> Profile:
    """The calls of a cassette; its name is the profile's `nodeid`. Every call starts at 0, for files do not say when.

    Raises OSError and file_formats.Damage.
    """
    with no_collection():
        readings = tuple(reading for exchange in exchanges(path) if (reading := decode(exchange)))
        seen = Recording(readings=readings)
        return profile(seen, nodeid=path.as_posix(), priced=priced, own_prices=own_prices, examine=False)
