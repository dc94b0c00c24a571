# SPDX-License-Identifier: MIT
"""Rewrites the control flow of a kernel, and of the functions that it calls, so that it can be traced.

First `break`, `continue` and early `return` become flags, then each block becomes calls that may run its
body more than once:

                                         @1 = @if(x > 0, site)
    if x > 0:                            while @1.again():
        y = x               ->               y, = @1.enter((y,), (x,))
    else:                                    if @1.first: y = x
        y = -x                               else: y = -x
                                             @1.leave((y,))
                                         y, = @1.result()

Only variables that are assigned in the block and read later (or in the next round) pass through it. On
Python values the same code does what
Python does. Names that start with @ cannot clash with the user's; lines and columns are those of the
statement.
"""

from __future__ import annotations

import ast
import builtins
import functools
import os
import sysconfig
import weakref
from collections.abc import Callable, Iterable
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, NoReturn

from enigma import flow
from enigma.flow_exits import Exits
from enigma.flow_names import Liveness, assigned, captured, changes, loads, outer_names

Range = tuple[int, int, int, int]
UNKNOWN: Any = object()
BLOCKS = {"for_range": flow.for_range, "if_": flow.if_, "else_": flow.else_, "while_": flow.while_}
LOOPS = (ast.For, ast.While)


class Resolver:
    """What an expression of a kernel refers to, as far as it is known before it runs."""

    def __init__(self, function: FunctionType) -> None:
        self.globals = function.__globals__
        self.cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        self.locals: set[str] = set()

    def __call__(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            if node.id in self.locals or node.id.startswith("@"):
                return UNKNOWN
            if node.id in self.cells:
                try:
                    return self.cells[node.id].cell_contents
                except ValueError:
                    return UNKNOWN
            return self.globals.get(node.id, getattr(builtins, node.id, UNKNOWN))
        if isinstance(node, ast.Attribute):
            base = self(node.value)
            return getattr(base, node.attr, UNKNOWN) if isinstance(base, ModuleType) else UNKNOWN
        return UNKNOWN

    def block(self, node: ast.expr) -> str:
        """The name of the form if the expression calls one of Enigma's, else ""."""
        if not isinstance(node, ast.Call):
            return ""
        known = self(node.func)
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


def range_of(node: Any) -> Range:
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


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
        return self.resolve.block(node.items[0].context_expr)

    def with_(self, node: ast.With) -> list[ast.stmt]:
        if len(node.items) > 1 and any(self.resolve.block(i.context_expr) for i in node.items):
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


# ---- Blocks


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
            for f in _functions_in(function.body)
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
        arms = ast.If(ast.Attribute(name(block), "first", ast.Load()), body, orelse)
        inner = [
            self.bind(names, self.call(block, "enter", self.tuple_of(names), self.tuple_of(live))),
            arms,
            glue(ast.Expr(self.call(block, "leave", self.tuple_of(names)))),
        ]
        return [
            locate(x, s.test)
            for x in (
                glue(ast.Assign([name(block, True)], hook("@if", s.test, site))),
                ast.While(self.call(block, "again"), inner, []),
                self.bind(names, self.call(block, "result")),
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
        item = ast.Attribute(name(block), "item", ast.Load())
        inner = [
            self.bind(names, self.call(block, "enter", self.tuple_of(names), self.tuple_of(live))),
            glue(ast.Assign([s.target], item)),
            *body,
            glue(ast.Expr(self.call(block, "leave", self.tuple_of(names)))),
        ]
        iterable = s.iter
        if isinstance(iterable, ast.Call) and self.resolve(iterable.func) in (builtins.range, UNKNOWN):
            if isinstance(iterable.func, ast.Name) and iterable.func.id == "range":
                iterable.func = hook("@range", iterable.func)
        return [
            locate(x, s.iter)
            for x in (
                glue(ast.Assign([name(block, True)], hook("@for", iterable, site))),
                ast.While(self.call(block, "again"), [self.retry(block, inner)], []),
                self.bind(names, self.call(block, "result", self.tuple_of(names))),
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
            glue(ast.Expr(self.call(block, "leave", self.tuple_of(names)))),
        ]
        inner = [
            self.bind(names, self.call(block, "enter", self.tuple_of(names), self.tuple_of(live))),
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


# ---- Expressions


class Expressions(ast.NodeTransformer):
    """Conditional expressions, `and`, `or`, `not`, chained comparisons, calls of the user's functions,
    variables that may be unbound."""

    def __init__(self, resolve: Resolver) -> None:
        self.resolve = resolve

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if getattr(node, "may_be_unbound", False):
            node.may_be_unbound = False  # type: ignore[attr-defined]
            return locate(hook("@use", node), node)  # type: ignore[no-any-return]
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        func: Any = node.func
        self.generic_visit(node)
        root = func
        while isinstance(root, ast.Attribute):
            root = root.value
        if (isinstance(root, ast.Name) and root.id.startswith("@")) or (
            isinstance(func, ast.Call) and isinstance(func.func, ast.Name) and func.func.id == "@range"
        ):
            return node
        if isinstance(func, ast.Name) and func.id == "super":
            return node
        known = self.resolve(func)
        if known is UNKNOWN or needs_rewriting(known):
            node.func = locate(hook("@callee", node.func), func)
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.expr:
        self.generic_visit(node)
        if _binds(node.body) or _binds(node.orelse):
            return node
        return locate(hook("@ifexp", node.test, thunk(node.body), thunk(node.orelse)), node)  # type: ignore[no-any-return]

    def visit_BoolOp(self, node: ast.BoolOp) -> ast.expr:
        self.generic_visit(node)
        if any(map(_binds, node.values[1:])):
            return node
        which = "@and" if isinstance(node.op, ast.And) else "@or"
        out = node.values[-1]
        for value in reversed(node.values[:-1]):
            out = hook(which, value, thunk(out))
        return locate(out, node)  # type: ignore[no-any-return]

    def visit_UnaryOp(self, node: ast.UnaryOp) -> ast.expr:
        self.generic_visit(node)
        return locate(hook("@not", node.operand), node) if isinstance(node.op, ast.Not) else node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) == 1 or any(map(_binds, node.comparators[1:])):
            return node
        # (lambda @l, @r: @and(@l < @r, lambda: @r < rest))(a, b)
        left, middle = name("@l"), name("@r")
        rest: ast.expr = ast.Compare(name("@r"), node.ops[1:], node.comparators[1:])
        rest = locate(rest, node)
        if len(node.ops) > 2:
            rest = self.visit_Compare(rest) if isinstance(rest, ast.Compare) else rest
        first = ast.Compare(left, node.ops[:1], [middle])
        args = ast.arguments(
            posonlyargs=[], args=[ast.arg("@l"), ast.arg("@r")], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        test = ast.Lambda(args, hook("@and", first, thunk(rest)))
        return locate(ast.Call(test, [node.left, node.comparators[0]], []), node)  # type: ignore[no-any-return]


def _binds(node: ast.expr) -> bool:
    return any(
        isinstance(part, (ast.NamedExpr, ast.Await, ast.Yield, ast.YieldFrom)) for part in ast.walk(node)
    )


# ---- Functions


class FlowRewriter:
    """Rewrites one function and those in it."""

    def __init__(
        self, function: FunctionType, file: str, refuse: Callable[[Any, str, list[str]], Any]
    ) -> None:
        self.resolve = Resolver(function)
        self.at = refuse

        self.file = file

    def refuse(self, node: Any, message: str, hints: list[str]) -> NoReturn:
        self.at(range_of(node), message, hints)
        raise AssertionError

    def function(self, node: Any, enclosing: set[str], *, is_kernel: bool = False) -> None:
        saved = self.resolve.locals
        args = node.args
        params = {
            a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs, args.vararg, args.kwarg] if a
        }
        own = (params | set(assigned(node.body))) - outer_names(node.body)
        self.resolve.locals = saved | own
        for inner in _functions_in(node.body):
            if not isinstance(inner, ast.AsyncFunctionDef) and not _is_generator(inner):
                self.function(inner, enclosing | own)
        if is_kernel:
            self.check_returns(node)
        node.body = Forms(self.resolve, self.refuse).body(node.body)
        if _has_blocks(node.body):
            keep = node.body[:1] if ast.get_docstring(node, clean=False) is not None else []
            exits = Exits()
            body = exits.function(node.body[len(keep) :], node)
            taken = captured(body) | outer_names(body)
            Liveness(taken).body(body, set(taken))
            node.body = body
            blocks = Blocks(node, self.resolve, enclosing)
            body = blocks.body(body, set(params) | set())
            start = [locate(blocks.make_unbound(n), node.body[0]) for n in sorted(blocks.unbound)]
            node.body = [*keep, *start, *body]
        transform = Expressions(self.resolve)
        node.body = [
            transform.visit(s)
            if not isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)) or s not in _functions_in(node.body)
            else s
            for s in node.body
        ]
        self.resolve.locals = saved

    def check_returns(self, node: Any) -> None:
        pending = list(node.body)
        while pending:
            s = pending.pop()
            if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
                continue
            if (
                isinstance(s, ast.Return)
                and s.value is not None
                and not (isinstance(s.value, ast.Constant) and s.value.value is None)
            ):
                self.refuse(s, "a kernel returns no value", ["store the result: Out[i] = value"])
            pending.extend(ast.iter_child_nodes(s))


def _functions_in(statements: list[Any]) -> list[Any]:
    out: list[Any] = []
    pending = list(statements)
    while pending:
        s = pending.pop()
        if isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)):
            out.append(s)
        elif not isinstance(s, (ast.ClassDef, ast.expr)):
            pending.extend(ast.iter_child_nodes(s))
    return out


def _is_generator(node: Any) -> bool:
    pending = list(node.body)
    while pending:
        s = pending.pop()
        if isinstance(s, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            pending.extend(ast.iter_child_nodes(s))
    return False


def _has_blocks(statements: list[Any]) -> bool:
    pending = list(statements)
    while pending:
        s = pending.pop()
        if isinstance(s, (ast.If, *LOOPS)):
            return True
        if (
            isinstance(s, ast.stmt)
            and not isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        ) or isinstance(s, (ast.ExceptHandler, ast.match_case)):
            pending.extend(ast.iter_child_nodes(s))
    return False


# ---- The functions that a kernel calls

LIBRARIES = [os.path.dirname(os.path.abspath(__file__)), sysconfig.get_path("stdlib")]


@functools.cache
def _is_users_file(file: str) -> bool:
    path = os.path.abspath(file)
    site = os.path.join(LIBRARIES[1], "site-packages")
    if (
        path.startswith(LIBRARIES[0] + os.sep)
        or f"{os.sep}numpy{os.sep}" in path
        or file.startswith("<frozen")
    ):
        return False
    return path.startswith(site) or not path.startswith(LIBRARIES[1] + os.sep)


def is_users(code: CodeType) -> bool:
    return _is_users_file(code.co_filename)


GENERATOR_FLAGS = 0x20 | 0x80 | 0x200


def needs_rewriting(value: Any) -> bool:
    """Whether calling it may run Python code of the user, so that the call asks for the rewritten
    function."""
    if isinstance(value, MethodType):
        value = value.__func__
    if isinstance(value, FunctionType):
        return is_users(value.__code__)
    return not isinstance(value, (BuiltinFunctionType, type)) and type(value).__module__ not in (
        "enigma._enigma",
        "nanobind",
        "builtins",
    )


_done: weakref.WeakKeyDictionary[FunctionType, tuple[CodeType, FunctionType]] = weakref.WeakKeyDictionary()
_own_code: set[int] = set()
_keep: list[CodeType] = []


def remember(code: CodeType) -> None:
    """Code that the rewriting made needs no other."""
    _keep.append(code)
    pending = [code]
    while pending:
        part = pending.pop()
        _own_code.add(id(part))
        pending += [c for c in part.co_consts if isinstance(c, CodeType)]


def rewritten(function: Any) -> Any:
    """The function to call for one that a kernel calls."""
    if type(function) is MethodType:
        inner = rewritten(function.__func__)
        return function if inner is function.__func__ else MethodType(inner, function.__self__)
    if type(function) is functools.partial:
        inner = rewritten(function.func)
        return (
            function
            if inner is function.func
            else functools.partial(inner, *function.args, **function.keywords)
        )
    if type(function) is not FunctionType:
        if (
            not isinstance(function, (type, BuiltinFunctionType))
            and type(type(function).__dict__.get("__call__")) is FunctionType
        ):
            inner = rewritten(type(function).__call__)
            return function if inner is type(function).__call__ else MethodType(inner, function)
        return function
    code = function.__code__
    if id(code) in _own_code or not is_users(code) or code.co_flags & GENERATOR_FLAGS:
        return function
    known = _done.get(function)
    if known is not None and known[0] is code:
        out = known[1]
    else:
        out = _rewrite(function)
        _done[function] = (code, out)
    if out is not function:
        out.__defaults__, out.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
    return out


def _rewrite(function: FunctionType) -> FunctionType:
    from enigma.errors import TraceError
    from enigma.rewrite import rewrite_called

    try:
        return rewrite_called(function)
    except TraceError as error:
        if error.line is not None or "is not available" not in error.message:
            raise
        return function  # its source is not known: what cannot be traced in it is refused there
