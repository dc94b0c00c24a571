# SPDX-License-Identifier: MIT
"""Puts the calls of flow_hooks.py around the blocks of one function: rewrite_flow.py shows how."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable
from typing import Any

from enigma.callees import UNKNOWN, Resolver
from enigma.flow_names import Range, assigned, changes, functions_in, loads, outer_names, range_of
from enigma.flow_tree import glue, hook, locate, name


class Blocks:
    """Puts the calls around the blocks of one function."""

    def __init__(self, function: Any, resolve: Resolver, enclosing: set[str]) -> None:
        self.resolve = resolve
        args = function.args
        self.params = {
            a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg] if a
        }
        self.outer = outer_names(function.body)
        self.assigned = set(assigned(function.body))
        self.locals = (self.params | self.assigned) - self.outer
        self.reachable = self.locals | enclosing | set(resolve.cells)
        self.count = 0
        self.unbound: set[str] = set()
        self.foreign = {n for n in self.outer if n not in enclosing}
        """Variables outside of the kernel: a global, or one of the function that defines the kernel."""
        self.by_inner = {
            n
            for f in functions_in(function.body)
            for s in ast.walk(f)
            if isinstance(s, ast.Nonlocal)
            for n in s.names
        }
        """Variables that functions in this one assign: any call may."""
        self.handlers = {
            h.name for n in ast.walk(function) if isinstance(n, ast.Try) for h in n.handlers if h.name
        }

    def body(self, statements: list[ast.stmt], bound: set[str]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for s in statements:
            out += self.statement(s, bound)
        return out

    def statement(self, s: Any, bound: set[str]) -> list[ast.stmt]:
        if isinstance(s, ast.If):
            return self.if_(s, bound)
        if isinstance(s, ast.For):
            return self.for_(s, bound)
        if isinstance(s, ast.While):
            return self.while_(s, bound)
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(s.name)
            return [s]
        if isinstance(s, (ast.With, ast.AsyncWith)):
            for item in s.items:
                self.check(item.context_expr, bound)
                bound |= set(assigned([item.optional_vars])) if item.optional_vars else set()
            s.body = self.body(s.body, bound)
            return [s]
        if isinstance(s, ast.Try) or type(s).__name__ == "TryStar":
            for part in ("body", "orelse", "finalbody"):
                setattr(s, part, self.body(getattr(s, part), set(bound)))
            for handler in s.handlers:
                handler.body = self.body(handler.body, bound | {handler.name or ""})
            return [s]
        if isinstance(s, ast.Match):
            self.check(s.subject, bound)
            for case in s.cases:
                case.body = self.body(case.body, bound | set(assigned([case.pattern])))
            return [s]
        self.check(s, bound)
        if isinstance(s, ast.Delete):
            names = [t.id for t in s.targets if isinstance(t, ast.Name) and t.id in self.locals]
            bound -= set(names)
            return [s, *(locate(self.make_unbound(n), s) for n in names)]
        bound |= set(assigned([s]))
        return [s]

    def check(self, node: Any, bound: set[str]) -> None:
        """Marks reads of variables that may not be bound there."""
        pending = [node]
        while pending:
            part = pending.pop()
            if isinstance(part, (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
                continue
            if (
                (
                    isinstance(part, ast.Name)
                    and isinstance(part.ctx, ast.Load)
                    and part.id in self.locals
                    and part.id not in bound
                )
                and part.id not in self.params
                and not part.id.startswith("@")
            ):
                part.may_be_unbound = True  # type: ignore[attr-defined]
                self.unbound.add(part.id)
            pending.extend(ast.iter_child_nodes(part))

    def make_unbound(self, id_: str) -> ast.stmt:
        out: ast.stmt = glue(ast.Assign([name(id_, True)], hook("@unbound", ast.Constant(id_))))
        return out

    # The parts that all blocks share

    def site(
        self, s: Any, kind: str, names: dict[str, Range], here: Range, target: str = "", merged: int = 0
    ) -> tuple[ast.expr, list[str]]:
        live = sorted(
            n for n in s.live_in if n in self.reachable and not n.startswith("@") and n not in self.handlers
        )
        others = sorted(
            n
            for n in loads(s)
            if n not in self.reachable and not n.startswith("@") and not hasattr(builtins, n)
        )
        exits = tuple(list(names).index(e) for e in getattr(s, "exits", ()))
        outer = tuple(n for n in names if n in self.foreign)
        constant: Any = (
            tuple(names),
            tuple(names.values()),
            outer,
            exits,
            kind,
            target,
            here,
            tuple(live),
            tuple(others),
            changes(s),
            merged,
            tuple(n for n in live if n in s.live_out or n in getattr(s, "live_head", ())),
        )
        return ast.Constant(constant), live

    def carried(self, s: Any, statements: list[Any], live: set[str]) -> dict[str, Range]:
        places = assigned(statements)
        places |= {n: range_of(s) for n in sorted(self.by_inner) if n not in places and n in self.reachable}
        wanted = live | set(getattr(s, "exits", ()))
        return {n: p for n, p in places.items() if n in wanted and n not in self.handlers} | {
            e: range_of(s) for e in getattr(s, "exits", ()) if e not in places
        }

    def mention(self, names: Iterable[str], bound: set[str]) -> None:
        self.unbound |= {n for n in names if n in self.locals and n not in bound and n not in self.params}

    def tuple_of(self, names: Iterable[str]) -> ast.Tuple:
        return ast.Tuple([name(n) for n in names], ast.Load())

    def bind(self, names: Iterable[str], value: ast.expr) -> ast.stmt:
        targets: list[ast.expr] = [name(n, True) for n in names]
        out: ast.stmt = (
            glue(ast.Assign([ast.Tuple(targets, ast.Store())], value)) if targets else glue(ast.Expr(value))
        )
        return out

    def new(self) -> str:
        self.count += 1
        return f"@{self.count}"

    def call(self, block: str, method: str, *args: ast.expr) -> ast.Call:
        return ast.Call(ast.Attribute(name(block), method, ast.Load()), list(args), [])

    def enter(self, block: str, names: Iterable[str], live: list[str]) -> ast.stmt:
        return self.bind(names, self.call(block, "enter", self.tuple_of(names), self.tuple_of(live)))

    def leave(self, block: str, names: Iterable[str]) -> ast.stmt:
        out: ast.stmt = glue(ast.Expr(self.call(block, "leave", self.tuple_of(names))))
        return out

    def rounds(self, block: str, item: str, body: list[ast.stmt]) -> ast.stmt:
        return ast.For(name(item, True), ast.Attribute(name(block), "rounds", ast.Load()), body, [])

    def carrying(self, block: str, *statements: ast.stmt) -> ast.stmt:
        """Statements that a block on Python values has no need of: it carries nothing."""
        return ast.If(ast.Attribute(name(block), "carries", ast.Load()), list(statements), [])

    def retry(self, block: str, body: list[ast.stmt]) -> ast.stmt:
        again = ast.If(self.call(block, "failed"), [ast.Raise(None, None)], [])
        return ast.Try(body, [ast.ExceptHandler(None, None, [again])], [], [])

    # Each block

    def if_(self, s: ast.If, bound: set[str]) -> list[ast.stmt]:
        block = self.new()
        self.check(s.test, bound)
        bound |= set(assigned([s.test]))
        names = self.carried(s, [*s.body, *s.orelse], s.live_out)  # type: ignore[attr-defined]
        merged = len(
            names
        )  # the second arm starts with what the first one started with, also where only it reads that
        again = self.carried(s, s.body, s.live_else)  # type: ignore[attr-defined]
        names |= {n: p for n, p in again.items() if n not in names}
        site, live = self.site(s, "if", names, range_of(s.test), merged=merged)
        self.mention([*names, *live], bound)
        this, that = set(bound), set(bound)
        body, orelse = self.body(s.body, this), self.body(s.orelse, that)
        bound |= this & that
        first = f"{block}first"
        inner = [
            self.carrying(block, self.enter(block, names, live)),
            ast.If(name(first), body, orelse),
            self.carrying(block, self.leave(block, names)),
        ]
        return [
            locate(x, s.test)
            for x in (
                glue(ast.Assign([name(block, True)], hook("@if", s.test, site))),
                self.rounds(block, first, inner),
                self.carrying(block, self.bind(names, self.call(block, "result"))),
            )
        ]

    def for_(self, s: Any, bound: set[str]) -> list[ast.stmt]:
        block = self.new()
        self.check(s.iter, bound)
        bound |= set(assigned([s.iter]))
        names = self.carried(s, [s.target, *s.body], s.live_head)
        target = getattr(s, "position", s.target.id if isinstance(s.target, ast.Name) else "")
        target = "" if target.startswith("@") else target
        site, live = self.site(s, "for", names, range_of(s.iter), target)
        self.mention([*names, *live], bound)
        body = self.body(s.body, bound | set(assigned([s.target])))
        item = f"{block}item"
        own_item = ast.Attribute(name(block), "item", ast.Load())
        inner = [
            self.carrying(
                block, self.enter(block, names, live), glue(ast.Assign([name(item, True)], own_item))
            ),
            glue(ast.Assign([s.target], name(item))),
            *body,
            self.carrying(block, self.leave(block, names)),
        ]
        iterable = s.iter
        func = iterable.func if isinstance(iterable, ast.Call) else None
        if (
            isinstance(func, ast.Name)
            and func.id == "range"
            and self.resolve(func) in (builtins.range, UNKNOWN)
        ):
            iterable.func = hook("@range", func)
        return [
            locate(x, s.iter)
            for x in (
                glue(ast.Assign([name(block, True)], hook("@for", iterable, site))),
                self.rounds(block, item, [self.retry(block, inner)]),
                self.carrying(block, self.bind(names, self.call(block, "result", self.tuple_of(names)))),
            )
        ]

    def while_(self, s: Any, bound: set[str]) -> list[ast.stmt]:
        block = self.new()
        self.check(s.test, bound)
        names = self.carried(s, [s.test, *s.body], s.live_head)
        site, live = self.site(s, "while", names, range_of(s.test))
        self.mention([*names, *live], bound)
        bound |= set(assigned([s.test]))
        body = self.body(s.body, set(bound))
        run = [
            self.bind(names, self.call(block, "values_of_body")),
            *body,
            self.leave(block, names),
        ]
        inner = [
            self.enter(block, names, live),
            ast.If(self.call(block, "test", s.test, self.tuple_of(names)), run, []),
        ]
        return [
            locate(x, s.test)
            for x in (
                glue(ast.Assign([name(block, True)], hook("@while", site))),
                ast.While(self.call(block, "again"), [self.retry(block, inner)], []),
                self.bind(names, self.call(block, "result", self.tuple_of(names))),
            )
        ]
