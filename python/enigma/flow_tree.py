# SPDX-License-Identifier: MIT
"""The documents' forms as Python's own statements, and the small pieces that rewritten code is built from.

with enigma.for_range(0, n) as i: ...   ->   for i in enigma.for_range(0, n): ...
with enigma.if_(c): ...                 ->   if enigma.if_(c): ...
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from enigma import flow
from enigma.callees import UNKNOWN, Resolver

BLOCKS = {"for_range": flow.for_range, "if_": flow.if_, "else_": flow.else_, "while_": flow.while_}
LOOPS = (ast.For, ast.While)


def block_of(resolve: Resolver, node: ast.expr) -> str:
    """The name of the form if the expression calls one of Enigma's, else ""."""
    if not isinstance(node, ast.Call):
        return ""
    known = resolve(node.func)
    for name, form in BLOCKS.items():
        if known is form:
            return name
    if known is UNKNOWN:  # imported in the function, or to be found only when it runs: by its name
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        return name if name in BLOCKS else ""
    return ""


def locate(node: Any, like: Any) -> Any:
    """Gives the places of `like` to all parts that have none."""
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "lineno"):
            ast.copy_location(part, like)
    return node


def name(id_: str, store: bool = False) -> ast.Name:
    return ast.Name(id_, ast.Store() if store else ast.Load())


def hook(id_: str, *args: ast.expr) -> ast.Call:
    return ast.Call(name(id_), list(args), [])


def thunk(body: ast.expr) -> ast.Lambda:
    return ast.Lambda(
        ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[]), body
    )


def glue(node: Any) -> Any:
    """Marks a statement as ours: names are not given to values there."""
    node.glue = True
    return node


# ---- The documents' forms as Python's


class Forms:
    """`with enigma.for_range(...)` as For, `with enigma.if_(...)` as If, `with enigma.while_(...)` as
    While."""

    def __init__(self, resolve: Resolver, refuse: Callable[..., Any]) -> None:
        self.resolve, self.refuse, self.count = resolve, refuse, 0

    def body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        arm: ast.If | None = None  # an if_ that an else_ may follow
        for s in statements:
            if isinstance(s, ast.With):
                if self.form(s) == "else_":
                    if arm is None or len(s.items) > 1 or s.items[0].optional_vars:
                        self.refuse(
                            s.items[0].context_expr,
                            "else_: needs an if_ just before it",
                            ["write `with enigma.else_():` right after the block of `with enigma.if_(...):`"],
                        )
                    else:
                        arm.orelse = self.body(s.body)
                    arm = None
                    continue
                new = self.with_(s)
                arm = (
                    new[-1]
                    if isinstance(new[-1], ast.If) and not new[-1].orelse and self.form(s) == "if_"
                    else None
                )
                out += new
                continue
            arm = None
            for field in ("body", "orelse", "finalbody"):
                if isinstance(getattr(s, field, None), list) and not isinstance(
                    s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
                ):
                    setattr(s, field, self.body(getattr(s, field)))
            for part in [*getattr(s, "handlers", []), *getattr(s, "cases", [])]:
                part.body = self.body(part.body)
            out.append(s)
        return out

    def form(self, node: ast.With) -> str:
        return block_of(self.resolve, node.items[0].context_expr)

    def with_(self, node: ast.With) -> list[ast.stmt]:
        if len(node.items) > 1 and any(block_of(self.resolve, i.context_expr) for i in node.items):
            inner = ast.copy_location(ast.With(node.items[1:], node.body), node)
            node = ast.copy_location(ast.With(node.items[:1], [inner]), node)
        form = self.form(node)
        item = node.items[0]
        call: Any = item.context_expr
        if form == "if_":
            return [self.if_(node, call, item.optional_vars)]
        body = self.body(node.body)
        if form == "for_range":
            return self.for_(node, call, item.optional_vars, body)
        if form == "while_":
            if item.optional_vars:
                self.refuse(
                    item.optional_vars, "while_: gives no value", ["write `with enigma.while_(lambda: ...):`"]
                )
            loop: Any = ast.copy_location(ast.While(call, body, []), node)
            loop.form = True
            return [loop]
        node.body = body
        return [node]

    def if_(self, node: ast.With, call: ast.expr, target: ast.expr | None) -> ast.stmt:
        if target is None:
            return ast.copy_location(ast.If(call, self.body(node.body), []), node)
        if not (
            isinstance(target, ast.Tuple)
            and len(target.elts) == 2
            and all(isinstance(e, ast.Name) for e in target.elts)
        ):
            self.refuse(target, "if_: gives two arms", ["write `as (then, otherwise):`, or leave `as` out"])
        arms: dict[str, list[ast.stmt]] = {e.id: [] for e in target.elts}  # type: ignore[attr-defined]
        for s in node.body:
            arm = s.items[0].context_expr if isinstance(s, ast.With) and len(s.items) == 1 else None
            if not isinstance(arm, ast.Name) or arm.id not in arms or arms[arm.id]:
                self.refuse(
                    s,
                    "if_: only the two arms can stand in its block",
                    [f"write `with {word}:` and the statements in it" for word in list(arms)],
                )
            arms[arm.id] = self.body(s.body)  # type: ignore[union-attr,attr-defined]
        then, otherwise = arms.values()
        empty = ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.If(call, then or [empty], otherwise), node)

    def for_(
        self, node: ast.With, call: ast.Call, target: ast.expr | None, body: list[ast.stmt]
    ) -> list[ast.stmt]:
        self.count += 1
        bounds = f"@bounds{self.count}"
        first, rest = target, []
        if isinstance(target, (ast.Tuple, ast.List)):
            if not target.elts:
                self.refuse(target, "for_range: needs a name for the position", ["write as (i, acc)"])
            first, rest = target.elts[0], list(target.elts[1:])
        if first is None:
            first = ast.copy_location(name("@_", True), call)
        if not isinstance(first, ast.Name):
            self.refuse(first, "for_range: the position needs a plain name", ["write as i, or as (i, acc)"])
        out: list[ast.stmt] = [glue(ast.Assign([name(bounds, True)], call))]
        if rest or any(k.arg == "init" for k in call.keywords):
            values = ast.Call(
                ast.Attribute(name(bounds), "initial", ast.Load()), [ast.Constant(len(rest))], []
            )
            out.append(ast.Assign([ast.Tuple(rest, ast.Store())], values) if rest else glue(ast.Expr(values)))
        loop: Any = ast.copy_location(ast.For(first, locate(name(bounds), call), body, []), node)
        loop.form = True
        return [*(locate(s, call) for s in out), loop]
