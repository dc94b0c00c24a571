# SPDX-License-Identifier: MIT
"""What a program of typed_programs.py computes, in plain Python.

    want = expected(program.text, program)      # {"O0": [...], "W0": [...], ...}

Python runs the text that Enigma traces, changed only where Python has other rules: a name keeps its type
(`a = assigned("u8", ...)`), a component of a vector is put into a new one, `with if_(c)` is `if c`, and an operation
among lanes or a barrier is a `yield` that says where the thread stands, as (line, round of the loop, line, ...). The
lanes of a simdgroup that stand furthest back take part together.
"""

import ast

from typed_arguments import N, memory, threads_of
from typed_expressions import COUNTERS, SLOTS
from typed_values import FUNCTIONS, Memory, Value, assigned, counted, fitted

SIMD = 32
MOST_ROUNDS = 20000


class TooLongError(Exception):
    """The program takes more rounds than a test wants to wait for."""


LANE_RESULTS = {
    "sum": lambda a, b: a + b, "or": lambda a, b: a | b, "and": lambda a, b: a & b, "xor": lambda a, b: a ^ b,
    "max": FUNCTIONS["most"], "min": FUNCTIONS["least"], "any": lambda a, b: a | b, "all": lambda a, b: a & b,
}  # fmt: skip


def combined(operation, values, lane, other=None):
    """values: {lane: operand} of the lanes that take part."""
    zero = Value(values[lane].t, fitted(0, values[lane].t))
    if operation == "shuffle":
        return values.get(other.v, zero)
    if operation == "flipped":
        return values.get(lane ^ other, zero)
    kind = operation.removeprefix("quad_")
    if kind != operation:
        values = {k: x for k, x in values.items() if k // 4 == lane // 4}
    if kind == "first":
        return values[min(values)]
    if kind in ("before", "through"):
        total = zero
        for k, x in values.items():
            if k < lane or (k == lane and kind == "through"):
                total = total + x
        return total
    first, *rest = values.values()
    for x in rest:
        first = LANE_RESULTS[kind](first, x)
    return first


class Group:
    """The threads of a threadgroup that have not returned, and where they stand (None: at a barrier)."""

    def __init__(self, threads):
        self.running, self.results = dict(enumerate(threads)), {}
        self.stands = dict.fromkeys(self.running)

    def step(self, k, value):
        try:
            self.stands[k] = self.running[k].send(value)
        except StopIteration as end:
            self.results[k] = end.value
            del self.running[k], self.stands[k]

    def exchange(self, first):
        """Runs the lanes of a simdgroup to the next barrier."""
        while at := {k: s for k, s in self.stands.items() if s and first <= k < first + SIMD}:
            key = min(s[0] for s in at.values())
            now = {k: s[1:] for k, s in at.items() if s[0] == key}
            values = {k - first: s[1] for k, s in now.items()}
            for k, (operation, _, *other) in now.items():
                self.step(k, combined(operation, values, k - first, *other))

    def run(self):
        count = len(self.running)
        while self.running:
            assert len(self.running) == count, "a thread left before a barrier"
            for k in range(count):
                self.step(k, None)
            for first in range(0, count, SIMD):
                self.exchange(first)
        return [self.results[k] for k in range(count)]


class Rules(ast.NodeTransformer):
    """Python's reading of a text."""

    def __init__(self, kinds):
        self.kinds, self.where, self.place, self.loops = kinds, [], 0, 0

    def expression(self, text, **parts):
        class Fill(ast.NodeTransformer):
            def visit_Name(self, node):
                return parts.get(node.id, node)

        return Fill().visit(ast.parse(text, mode="eval").body)

    def block(self, statements):
        made = []
        for s in statements:
            if isinstance(s, ast.With) and s.items[0].context_expr.func.id == "else_":
                made[-1].orelse = self.block(s.body)
                continue
            new = self.visit(s)
            made += new if isinstance(new, list) else [new]
        return made

    def assign(self, target, value):
        if isinstance(target, ast.Name) and target.id in self.kinds:
            value = self.expression(f"assigned({self.kinds[target.id]!r}, value)", value=value)
        if isinstance(target, ast.Attribute) and "x" in self.kinds.get(target.value.id, ""):
            name = target.value.id
            value = self.expression(f"{name}.put({target.attr!r}, value)", value=value)
            target = ast.Name(name, ast.Store())
        return ast.Assign([target], value)

    def visit_Assign(self, node):
        value = self.visit(node.value)
        (target, *more) = node.targets
        if more or not isinstance(target, ast.Tuple):
            return ast.Assign(node.targets, value) if more else self.assign(self.visit(target), value)
        targets = [self.visit(x) for x in target.elts]
        names = [f"tuple_{k}" for k in range(len(targets))]
        both = ast.Assign([ast.Tuple([ast.Name(x, ast.Store()) for x in names], ast.Store())], value)
        return [both, *(self.assign(x, ast.Name(y, ast.Load())) for x, y in zip(targets, names, strict=True))]

    def visit_AugAssign(self, node):
        target = self.visit(node.target)
        if isinstance(target, ast.Subscript) or (
            isinstance(target, ast.Attribute) and "x" not in self.kinds.get(target.value.id, "")
        ):
            return ast.AugAssign(target, node.op, self.visit(node.value))
        old = ast.parse(ast.unparse(target), mode="eval").body
        return self.assign(target, ast.BinOp(old, node.op, self.visit(node.value)))

    def visit_IfExp(self, node):
        test = self.visit(node.test)
        return ast.IfExp(test, self.visit(node.body), self.visit(node.orelse))

    def visit_UnaryOp(self, node):
        operand = self.visit(node.operand)
        # `not` gives a Python bool, which would have no type of its own in what follows.
        return (
            self.expression("b1(not x)", x=operand)
            if isinstance(node.op, ast.Not)
            else ast.UnaryOp(node.op, operand)
        )

    def visit_If(self, node):
        test = self.visit(node.test)
        return ast.If(test, self.block(node.body), self.block(node.orelse))

    def visit_FunctionDef(self, node):
        body = self.block(node.body)
        if node.name == "f":
            body = ast.parse("if False:\n    yield").body + body
        return ast.FunctionDef(node.name, node.args, body, [])

    def loop(self, make, orelse):
        self.loops += 1
        self.place += 1
        count = f"round_{self.loops}"
        self.where.append((self.place, count))
        node = make(count)
        self.where.pop()
        node.orelse = self.block(orelse)
        return [*ast.parse(f"{count} = -1").body, node]

    def for_(self, target, steps, body, orelse):
        steps = self.visit(steps)

        def make(count):
            first = ast.parse(f"{count} += 1\ntick()").body
            if target.id in self.kinds:
                first.append(self.assign(target, ast.Name(target.id, ast.Load())))
            return ast.For(target, steps, first + self.block(body), [])

        return self.loop(make, orelse)

    def while_(self, test, body, orelse):
        def make(count):
            going = ast.parse(f"({count} := {count} + 1) >= 0 and tick()", mode="eval").body
            return ast.While(ast.BoolOp(ast.And(), [*going.values, self.visit(test)]), self.block(body), [])

        return self.loop(make, orelse)

    def visit_For(self, node):
        return self.for_(node.target, node.iter, node.body, node.orelse)

    def visit_While(self, node):
        return self.while_(node.test, node.body, node.orelse)

    def visit_With(self, node):
        (item,) = node.items
        call = item.context_expr
        if call.func.id == "if_":
            return self.visit_If(ast.If(call.args[0], node.body, []))
        if call.func.id == "while_":
            return self.while_(call.args[0].body, node.body, [])
        steps = ast.Call(ast.Name("loop", ast.Load()), call.args, [])
        return self.for_(item.optional_vars, steps, node.body, [])

    def visit_Call(self, node):
        name = node.func.id if isinstance(node.func, ast.Name) else None
        if name == "barrier":
            return ast.Yield(ast.Constant(None))
        if name != "lane":
            return self.generic_visit(node)
        operands = [self.visit(x) for x in node.args]
        self.place += 1
        path = [x for place, count in self.where for x in (ast.Constant(place), ast.Name(count, ast.Load()))]
        key = ast.Tuple([*path, ast.Constant(self.place)], ast.Load())
        return ast.Yield(ast.Tuple([key, *operands], ast.Load()))


def _atomic(function):
    def call(m, k, x):
        m[k] = function(m[k], x)

    return call


ATOMICS = {name: _atomic(LANE_RESULTS["sum" if name == "add" else name]) for name in COUNTERS}


def python(text, program, names):
    tree = Rules(program.types).visit(ast.parse(text))
    exec(compile(ast.fix_missing_locations(tree), f"<python {program.seed}>", "exec"), names)
    return names["f"]


def expected(text, program):
    rounds = 0

    def tick():
        nonlocal rounds
        rounds += 1
        if rounds > MOST_ROUNDS:
            raise TooLongError
        return True

    names = {**FUNCTIONS, "assigned": assigned, "tick": tick, "range": counted(), "loop": counted("i32")}
    names |= {f"atomic_{name}": function for name, function in ATOMICS.items()}
    f = python(text, program, names)
    rows = memory(program)
    given = [rows[name] for name in program.memory if name in rows]

    def fresh(t, n):
        return Memory(t, [Value(t, fitted(0, t))] * n)

    for number, at in threads_of(program):
        tile = [fresh(program.memory["T"], SLOTS), fresh(program.memory["S"], 6)] if program.together_ else []
        threads = []
        for lid, t in enumerate(at):
            r = fresh(program.memory["r"], 4)
            threads.append(
                f(*given, *tile, r, Value("i32", t), Value("i32", lid), Value("i32", N), Value("i32", number))
            )
        for t, results in zip(at, Group(threads).run(), strict=True):
            for k, (kind, x) in enumerate(zip(program.out, results, strict=True)):
                rows[f"O{k}"][t] = assigned(kind, x)
    return {name: row.items for name, row in rows.items() if name[0] in "OWZ"}
