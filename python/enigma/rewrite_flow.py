# SPDX-License-Identifier: MIT
"""Rewrites the control flow of a kernel, and of the functions that it calls, so that it can be traced.

First `break`, `continue` and early `return` become flags, then each block becomes calls that may run its
body more than once:

                                         @1 = @if(x > 0, site)
    if x > 0:                            for @1first in @1.rounds:
        y = x               ->               if @1.carries: y, = @1.enter((y,), (x,))
    else:                                    if @1first: y = x
        y = -x                               else: y = -x
                                             if @1.carries: @1.leave((y,))
                                         if @1.carries: y, = @1.result()

Only variables that are assigned in the block and read later (or in the next round) pass through it. On
Python values the same code does what Python does, and carries nothing. Names that start with @ cannot clash
with the user's; lines and columns are those of the statement.
"""

from __future__ import annotations

import ast
import functools
import weakref
from collections.abc import Callable
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType
from typing import Any, NoReturn

from enigma.callees import GENERATOR_FLAGS, UNKNOWN, Resolver, decides, is_users, needs_rewriting
from enigma.flow_blocks import Blocks
from enigma.flow_exits import Exits
from enigma.flow_names import Liveness, assigned, captured, functions_in, outer_names, range_of
from enigma.flow_tree import LOOPS, Forms, hook, locate, name, thunk

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
        if known is UNKNOWN or decides(known) or needs_rewriting(known):
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
        if len(node.ops) == 1:
            return locate(_compared(node.left, node.ops[0], node.comparators[0], node), node)  # type: ignore[no-any-return]
        if any(map(_binds, node.comparators[1:])):
            return node
        # (lambda @l, @r: @and(@l < @r, lambda: @r < rest))(a, b)
        left, middle = name("@l"), name("@r")
        rest: ast.expr = ast.Compare(name("@r"), node.ops[1:], node.comparators[1:])
        rest = locate(rest, node)
        if len(node.ops) > 2:
            rest = self.visit_Compare(rest) if isinstance(rest, ast.Compare) else rest
        else:
            rest = locate(_compared(name("@r"), node.ops[1], node.comparators[1], None), node)
        first = _compared(left, node.ops[0], middle, None)
        args = ast.arguments(
            posonlyargs=[], args=[ast.arg("@l"), ast.arg("@r")], kwonlyargs=[], kw_defaults=[], defaults=[]
        )
        test = ast.Lambda(args, hook("@and", first, thunk(rest)))
        return locate(ast.Call(test, [node.left, node.comparators[0]], []), node)  # type: ignore[no-any-return]


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, node: ast.Compare | None) -> ast.expr:
    """One comparison; `node` is the tree of it as it stands."""
    if isinstance(op, (ast.In, ast.NotIn)):
        return hook("@in" if isinstance(op, ast.In) else "@not_in", left, right)
    if isinstance(op, (ast.Is, ast.IsNot)):
        same = hook("@is", left, right)
        return same if isinstance(op, ast.Is) else ast.UnaryOp(ast.Not(), same)
    return node or ast.Compare(left, [op], [right])


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
        for inner in functions_in(node.body):
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
            if not isinstance(s, (ast.FunctionDef, ast.AsyncFunctionDef)) or s not in functions_in(node.body)
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
