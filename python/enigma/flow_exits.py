# SPDX-License-Identifier: MIT
"""`break`, `continue` and early `return` as flags, so that every block has one way in and one way out.

for i in r:                       @brk1 = False
    if A[i] < 0:                  for i in r:            # left when @brk1 is set
        break              ->         if @none(@brk1):
    s = s + A[i]                          if A[i] < 0: @brk1 = True
                                          else: s = s + A[i]
"""

from __future__ import annotations

import ast
from typing import Any

JUMPS = (ast.Break, ast.Continue, ast.Return)
COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.Match)


def _load(id_: str) -> ast.expr:
    return ast.Name(id_, ast.Load())


def _set(id_: str, value: Any) -> ast.stmt:
    out: Any = ast.Assign(
        [ast.Name(id_, ast.Store())], value if isinstance(value, ast.expr) else ast.Constant(value)
    )
    out.glue = True
    return out  # type: ignore[no-any-return]


def _at(node: Any, like: Any) -> Any:
    for part in ast.walk(node):
        if "lineno" in part._attributes and not hasattr(part, "lineno"):
            ast.copy_location(part, like)
    return node


def _none(flags: list[str]) -> ast.expr:
    return ast.Call(_load("@none"), [_load(f) for f in flags], [])


def leaves(statements: list[Any]) -> bool:
    """Whether the end of the statements is never reached, because of a jump."""
    for s in statements:
        if isinstance(s, JUMPS):
            return True
        if isinstance(s, ast.If) and s.orelse and leaves(s.body) and leaves(s.orelse):
            return True
    return False


def _jumps(node: Any, loops: int = 0) -> set[str]:
    """The kinds of jumps in a statement that leave it."""
    if isinstance(node, ast.Return):
        return {"return"}
    if isinstance(node, (ast.Break, ast.Continue)):
        return {"loop"} if not loops else set()
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.expr)):
        return set()
    out: set[str] = set()
    native = isinstance(node, (ast.For, ast.While)) and not hasattr(node, "form")
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                out |= _jumps(child, loops + (native and field == "body"))
    return out


class Exits:
    def __init__(self) -> None:
        self.count = 0
        self.returns = False
        self.with_value = False

    def function(self, body: list[Any], node: Any) -> list[Any]:
        self.returns = any("return" in _jumps(s) for s in body if isinstance(s, COMPOUND))
        self.with_value = any(
            isinstance(n, ast.Return) and n.value is not None and not (isinstance(n.value, ast.Constant) and n.value.value is None)
            for s in body for n in _own_nodes(s)
        )  # fmt: skip
        out, flags, ends = self.body(body, ("", ""))
        if self.returns:
            start = [_set("@ret", False)]
            if self.with_value:
                start.append(_set("@val", ast.Call(_load("@unbound"), [ast.Constant("@val")], [])))
                last = ast.Return(
                    ast.Call(
                        _load("@returned"), [_load("@val"), ast.Constant(True) if ends else _load("@ret")], []
                    )
                )
                out.append(_at(last, body[-1]))
            out = [_at(s, body[0]) for s in start] + out
        return out

    def body(self, statements: list[Any], loop: tuple[str, str]) -> tuple[list[Any], list[str], bool]:
        """The statements without jumps, the flags that they may set, and whether they always end in a jump.
        The statements without jumps, the flags that they may set, and whether they always end in a jump."""
        out: list[Any] = []
        for index, s in enumerate(statements):
            rest = statements[index + 1 :]
            if isinstance(s, ast.If) and rest and _jumps(s):
                # What follows a jump goes to the other arm, so that no flag is tested.
                if leaves(s.body):
                    s.orelse, rest = s.orelse + rest, []
                elif leaves(s.orelse):
                    s.body, rest = s.body + rest, []
                if not rest:
                    statements = statements[: index + 1]
            new, flags, ends = self.statement(s, loop)
            out += new
            if ends or not rest:
                return out or [_at(ast.Pass(), s)], flags, ends
            if flags:
                after, more, ends = self.body(rest, loop)
                out.append(_at(ast.If(_none(flags), after, []), rest[0]))
                return out, flags + [f for f in more if f not in flags], ends
        return out, [], False

    def statement(self, s: Any, loop: tuple[str, str]) -> tuple[list[Any], list[str], bool]:
        if isinstance(s, ast.Break):
            return [_at(_set(loop[0], True), s)], [loop[0]], True
        if isinstance(s, ast.Continue):
            return [_at(_set(loop[1], True), s)], [loop[1]], True
        if isinstance(s, ast.Return) and self.returns:
            new = [_set("@ret", True)]
            if self.with_value:
                new.append(_set("@val", s.value or ast.Constant(None)))
            return [_at(n, s) for n in new], ["@ret"], True
        if isinstance(s, ast.Return):
            return [s], [], True
        if isinstance(s, ast.If):
            s.body, flags, this = self.body(s.body, loop)
            s.orelse, more, that = self.body(s.orelse, loop) if s.orelse else ([], [], False)
            return [s], _join(flags, more), this and that
        if isinstance(s, (ast.For, ast.While)):
            return self.loop(s, loop)
        if isinstance(s, (ast.With, ast.AsyncWith)):
            s.body, flags, ends = self.body(s.body, loop)
            return [s], flags, ends
        if isinstance(s, ast.Try):
            s.body, flags, _ = self.body(s.body, loop)
            if s.orelse:
                s.orelse, more, _ = self.body(s.orelse, loop)
                if flags:
                    s.orelse = [_at(ast.If(_none(flags), s.orelse, []), s)]
                flags = _join(flags, more)
            for handler in s.handlers:
                handler.body, more, _ = self.body(handler.body, loop)
                flags = _join(flags, more)
            if s.finalbody:
                s.finalbody, more, _ = self.body(s.finalbody, loop)
                flags = _join(flags, more)
            return [s], flags, False
        if isinstance(s, ast.Match):
            flags = []
            for case in s.cases:
                case.body, more, _ = self.body(case.body, loop)
                flags = _join(flags, more)
            return [s], flags, False
        return [s], [], False

    def loop(self, s: Any, outer: tuple[str, str]) -> tuple[list[Any], list[str], bool]:
        native = not hasattr(s, "form")  # a jump in `with for_range` leaves it for the loop around it
        self.count += 1
        own = (f"@brk{self.count}", f"@con{self.count}") if native else outer
        body, flags, _ = self.body(s.body, own)
        exits = [f for f in flags if not native or f != own[1]]
        before: list[Any] = []
        forever = isinstance(s, ast.While) and isinstance(s.test, ast.Constant) and bool(s.test.value)
        if native and own[1] in flags:
            body = [_at(_set(own[1], False), s), *body]
        if exits:
            if isinstance(
                s, ast.For
            ):  # the rounds of an unrolled loop that come after the exit assign nothing
                item = f"@item{self.count}"
                take = _at(ast.Assign([s.target], _load(item)), s.target)
                position: Any = s
                position.position = s.target.id if isinstance(s.target, ast.Name) else ""
                s.target = _at(ast.Name(item, ast.Store()), s.target)
                body = [_at(ast.If(_none(exits), [take, *body], []), s.iter)]
            elif hasattr(s, "form"):
                call = ast.Call(ast.Attribute(s.test, "function", ast.Load()), [], [])
                s.test = _at(ast.BoolOp(ast.And(), [_none(exits), call]), s.test)
            else:
                if not forever:
                    over = f"@end{self.count}"
                    exits.insert(0, over)
                    before.append(_at(_set(over, False), s))
                    body = [_at(ast.If(s.test, body, [_set(over, True)]), s.test)]
                s.test = _at(_none(exits), s.test)
            if native and own[0] in exits:
                before.append(_at(_set(own[0], False), s))
        s.body = body
        s.exits = exits
        after: list[Any] = []
        outward = [f for f in flags if not native or f not in own]
        ends = native and isinstance(s, ast.While) and own[0] not in flags and "@ret" in flags and forever
        if s.orelse:
            after, more, _ = self.body(s.orelse, outer)
            if own[0] in flags or "@ret" in flags:
                after = [
                    _at(ast.If(_none([f for f in (own[0], "@ret") if f in flags]), after, []), s.orelse[0])
                ]
            s.orelse = []
            outward = _join(outward, more)
        return [*before, s, *after], outward, ends


def _join(a: list[str], b: list[str]) -> list[str]:
    return a + [f for f in b if f not in a]


def _own_nodes(s: Any) -> list[Any]:
    out, pending = [], [s]
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            continue
        out.append(node)
        pending.extend(ast.iter_child_nodes(node))
    return out
