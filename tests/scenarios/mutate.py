"""Slow programs out of clean ones, by what people do wrong: one change of the syntax tree each."""

from __future__ import annotations

import ast
from collections.abc import Callable


class _Mutation(ast.NodeTransformer):
    def __init__(self) -> None:
        self.changes = 0

    def changed(self, node: ast.expr) -> ast.expr:
        self.changes += 1
        return node


def _is(node: ast.AST, *names: str) -> bool:
    """A call of `a.b` or `b`, by its last names."""
    return isinstance(node, ast.Call) and (getattr(node.func, "attr", None) or getattr(node.func, "id", None)) in names


class GatherToLoop(_Mutation):
    """`await asyncio.gather(a(), b())`, `gather(*(f(x) for x in xs))` -> each awaited before the next begins."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        if not _is(node.value, "gather"):
            return node
        assert isinstance(node.value, ast.Call)
        parts = node.value.args
        if len(parts) == 1 and isinstance(parts[0], ast.Starred):
            inner = parts[0].value
            assert isinstance(inner, (ast.GeneratorExp, ast.ListComp))
            return self.changed(ast.ListComp(elt=ast.Await(value=inner.elt), generators=inner.generators))
        return self.changed(ast.List(elts=[ast.Await(value=part) for part in parts], ctx=ast.Load()))


class MapToLoop(_Mutation):
    """`pool.map(f, xs)` -> `[f(x) for x in xs]`; `pool.submit(f, x)` -> a future that is done."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not (_is(node, "map") and isinstance(node.func, ast.Attribute)):
            return node
        each = ast.Name(id="each", ctx=ast.Load())
        target = ast.comprehension(target=ast.Name(id="each", ctx=ast.Store()), iter=node.args[1], ifs=[], is_async=0)
        return self.changed(
            ast.ListComp(elt=ast.Call(func=node.args[0], args=[each], keywords=[]), generators=[target])
        )


class SubmitAndWait(_Mutation):
    """`pool.submit(f, x)` -> waited for at once, in a list of results."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if _is(node, "result"):
            return self.changed(node.func.value)  # type: ignore[attr-defined]
        if _is(node, "submit"):
            result = ast.Attribute(value=node, attr="result", ctx=ast.Load())
            return self.changed(ast.Call(func=result, args=[], keywords=[]))
        return node


class TaskToAwait(_Mutation):
    """`group.create_task(f(x))` -> `await` of a task that is done, one after another."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not _is(node, "create_task"):
            return node
        done = ast.Name(id="finished", ctx=ast.Load())
        return self.changed(ast.Await(value=ast.Call(func=done, args=[node], keywords=[])))


class ToThreadToDirect(_Mutation):
    """`await asyncio.to_thread(f, x)` -> `f(x)`."""

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        if not _is(node.value, "to_thread"):
            return node
        call = node.value
        assert isinstance(call, ast.Call)
        return self.changed(ast.Call(func=call.args[0], args=call.args[1:], keywords=call.keywords))


class SleepToBlocking(_Mutation):
    """An async tool that blocks: `await asyncio.sleep(s)` -> `time.sleep(s)`."""

    def visit_Module(self, node: ast.Module) -> ast.AST:
        self.generic_visit(node)
        last = next(
            at for at, child in reversed([*enumerate(node.body)]) if isinstance(child, (ast.Import, ast.ImportFrom))
        )
        node.body.insert(last + 1, ast.Import(names=[ast.alias(name="time")]))
        return node

    def visit_Await(self, node: ast.Await) -> ast.AST:
        self.generic_visit(node)
        if not _is(node.value, "sleep"):
            return node
        call = node.value
        assert isinstance(call, ast.Call)
        sleep = ast.Attribute(value=ast.Name(id="time", ctx=ast.Load()), attr="sleep", ctx=ast.Load())
        return self.changed(ast.Call(func=sleep, args=call.args, keywords=[]))


class LimitToOne(_Mutation):
    """`Semaphore(n)`, `ThreadPoolExecutor(n)` -> of one."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not _is(node, "Semaphore", "BoundedSemaphore", "ThreadPoolExecutor"):
            return node
        return self.changed(ast.Call(func=node.func, args=[ast.Constant(1)], keywords=[]))


MUTATIONS: dict[str, Callable[[], _Mutation]] = {
    "gather_to_loop": GatherToLoop,
    "map_to_loop": MapToLoop,
    "submit_and_wait": SubmitAndWait,
    "task_to_await": TaskToAwait,
    "to_thread_to_direct": ToThreadToDirect,
    "sleep_to_blocking": SleepToBlocking,
    "limit_to_one": LimitToOne,
}


def mutated(source: str, name: str) -> str:
    """The program after it. Raises ValueError where there is nothing to change."""
    mutation = MUTATIONS[name]()
    tree = ast.fix_missing_locations(mutation.visit(ast.parse(source)))
    if not mutation.changes:
        raise ValueError(f"{name} changes nothing")
    return ast.unparse(tree)
