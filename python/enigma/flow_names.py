# SPDX-License-Identifier: MIT
"""Which variables a piece of a function assigns and reads, and which are read later: what a block has to
carry.

x = 0.0                    # the block assigns x and t; only x is read after it
if c:
    t = a * b
    x = t + 1
Out[i] = x
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Any

Range = tuple[int, int, int, int]
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def range_of(node: Any) -> Range:
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


def assigned(statements: Iterable[Any]) -> dict[str, Range]:
    """The variables that statements assign, in the order of their first assignment, with the place of the
    last."""
    out: dict[str, Range] = {}

    def visit(node: Any, place: Range | None, inside: bool) -> None:
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            place = range_of(node)
        if isinstance(node, ast.Name):
            if isinstance(node.ctx, (ast.Store, ast.Del)) and not inside:
                out[node.id] = place or range_of(node)
            return
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            out[node.name] = range_of(node)
            for inner in ast.walk(node):  # what it rebinds when it is called
                if isinstance(inner, ast.Nonlocal):
                    out.update(dict.fromkeys(inner.names, range_of(inner)))
            return
        if isinstance(node, ast.Lambda):
            return
        if isinstance(node, ast.NamedExpr):
            out[node.target.id] = range_of(node)
            visit(node.value, place, inside)
            return
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            out.update(
                {(a.asname or a.name).split(".")[0]: range_of(node) for a in node.names if a.name != "*"}
            )
            return
        if isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name:
            out[node.name] = range_of(node)
        if isinstance(node, ast.MatchMapping) and node.rest:
            out[node.rest] = range_of(node)
        inside = inside or isinstance(node, COMPREHENSIONS)
        for child in ast.iter_child_nodes(node):
            visit(child, place if not isinstance(child, ast.stmt) else None, inside)

    for s in statements:
        visit(s, None, False)
    return out


def loads(node: ast.AST) -> set[str]:
    """The names that are read anywhere in it, also in functions."""
    out = set()
    for n in ast.walk(node):
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load):
            out.add(n.id)
        elif isinstance(n, ast.AugAssign) and isinstance(n.target, ast.Name):
            out.add(n.target.id)
    return out


def outer_names(statements: Iterable[ast.AST]) -> set[str]:
    """Names that are declared global or nonlocal."""
    out: set[str] = set()
    pending = list(statements)
    while pending:
        node = pending.pop()
        if isinstance(node, SCOPES):
            continue
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            out.update(node.names)
        pending.extend(ast.iter_child_nodes(node))
    return out


def captured(statements: Iterable[ast.AST]) -> set[str]:
    """Names that functions and lambdas in the statements read: they may run at any time."""
    out: set[str] = set()
    for s in statements:
        for n in ast.walk(s):
            if isinstance(n, SCOPES):
                out |= loads(n)
    return out


def changes(statement: Any) -> tuple[tuple[str, Range], ...]:
    """Where objects are changed in place, by the variable that leads to them: `x[i] = y`, `x.a = y`,
    `x.append(y)`."""
    out: list[tuple[str, Range]] = []
    for node in ast.walk(statement):
        target: Any = None
        if isinstance(node, (ast.Subscript, ast.Attribute)) and isinstance(node.ctx, (ast.Store, ast.Del)):
            target = node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            target = node.func
        if target is None:
            continue
        while isinstance(target, (ast.Subscript, ast.Attribute)):
            target = target.value
        if isinstance(target, ast.Name):
            out.append((target.id, range_of(node)))
    return tuple(out)


class Liveness:
    """Marks each block with the variables that are read after it (`live_out`), at its start (`live_in`) or
    at each round (`live_head`)."""

    def __init__(self, always: set[str]) -> None:
        self.always = always

    def body(self, statements: list[Any], live: set[str]) -> set[str]:
        for s in reversed(statements):
            live = self.statement(s, live)
        return live

    def statement(self, s: Any, live: set[str]) -> set[str]:
        if isinstance(s, ast.If):
            s.live_out = set(live)  # type: ignore[attr-defined]
            other = self.body(s.orelse, set(live))
            s.live_else = set(other)  # type: ignore[attr-defined]
            out = self.body(s.body, set(live)) | other
            s.live_in = set(out)  # type: ignore[attr-defined]
            return out | loads(s.test) | self.always
        if isinstance(s, (ast.For, ast.While)):
            return self.loop(s, live)
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name: str = s.name
            return (live - {name}) | loads(s)
        if isinstance(s, (ast.With, ast.AsyncWith)):
            out = self.body(s.body, set(live))
            for item in reversed(s.items):
                if item.optional_vars is not None:
                    out -= set(assigned([item.optional_vars]))
                    out |= loads(item.optional_vars)
                out |= loads(item.context_expr)
            return out
        if isinstance(s, ast.Try) or type(s).__name__ == "TryStar":
            # An exception may leave the body anywhere: whatever the rest reads is live throughout.
            rest = live | set().union(*(loads(part) for part in [*s.handlers, *s.orelse, *s.finalbody]))
            out = set(rest)
            for part in (s.body, s.orelse, s.finalbody, *(h.body for h in s.handlers)):
                out |= self.body(part, set(rest))
            return out
        if isinstance(s, ast.Match):
            out = set(live) | loads(s.subject)
            for case in s.cases:
                out |= (
                    self.body(case.body, set(live))
                    | loads(case.pattern)
                    | (loads(case.guard) if case.guard else set())
                )
            return out
        return (live - (set(assigned([s])) - self.always)) | loads(s)

    def loop(self, s: Any, live: set[str]) -> set[str]:
        s.live_out = set(live)
        head = set(live) | self.always
        while True:
            inner = self.body(s.body, set(head))
            if isinstance(s, ast.For):
                inner = (inner - set(assigned([s.target]))) | loads(s.target)
            else:
                inner = inner | loads(s.test)
            if inner <= head:
                break
            head |= inner
        s.live_head = set(head)
        s.live_in = set(head)
        return head | (loads(s.iter) if isinstance(s, ast.For) else set())
