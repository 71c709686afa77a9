"""Acting on modules that are loaded, now or later, without loading any."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

Action = Callable[[ModuleType], None]


@contextmanager
def on_import(names: Iterable[str], action: Action) -> Iterator[None]:
    """Call `action` with each of these modules: at once if it is loaded, else right after it is, within this block."""
    finder = _Finder(frozenset(names), action)
    sys.meta_path.insert(0, finder)
    try:
        for name in sorted(finder.names):
            if name in sys.modules:
                action(sys.modules[name])
        yield
    finally:
        finder.names = frozenset()  # an import that runs right now in another thread sees this
        with suppress(ValueError):  # somebody may have put back the list of before
            sys.meta_path.remove(finder)


class _Finder(MetaPathFinder):
    def __init__(self, names: frozenset[str], action: Action) -> None:
        self.names = names
        self._action = action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.names:
            return None
        others = (finder for finder in sys.meta_path if finder is not self and hasattr(finder, "find_spec"))
        spec = next(filter(None, (finder.find_spec(fullname, path, target) for finder in others)), None)
        if spec is not None and hasattr(spec.loader, "__dict__"):
            self._announce(spec)
        return spec

    def _announce(self, spec: ModuleSpec) -> None:
        """Let the loader call us once, and nothing of it remain: tools look at `__loader__` later."""
        loader = spec.loader

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module  # type: ignore[union-attr]
            loader.exec_module(module)  # type: ignore[union-attr]
            if spec.name in self.names:
                self._action(module)

        loader.exec_module = exec_module  # type: ignore[union-attr,method-assign]
