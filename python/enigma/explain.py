# SPDX-License-Identifier: MIT
"""Words for what a kernel must not do with a traced value, found from the user's source. Imported only when
that happens.

The core knows that a truth value was asked for; whether an `if`, an `and` or `max()` asked, the syntax tree
tells.
"""

from __future__ import annotations

import ast
import linecache

SUBJECTS = {"value": "a traced value", "vector": "a traced vector", "position": "thread_position_in_grid",
            "buffer": "a buffer"}  # fmt: skip

TRUTH = {
    "if": ("`if`", ["to choose a value, write enigma.select_(condition, a, b)",
                    "to store only where it holds, write enigma.store_if(buffer, index, value, condition)"]),
    "while": ("`while`", ["the number of rounds must be known while tracing: loop over a Python range"]),
    "if expression": ("`a if condition else b`", ["write enigma.select_(condition, a, b)"]),
    "and": ("`and`", ["write a & b"]),
    "or": ("`or`", ["write a | b"]),
    "not": ("`not`", ["write ~a for a comparison, a == 0 for a number"]),
    "chain": ("a chained comparison", ["write (a < b) & (b < c)"]),
    "in": ("`in`", ["compare one by one: (x == a) | (x == b)"]),
    "assert": ("`assert`", ["check it on the host, or leave it out"]),
    "match": ("`match`", ["write `if x == a:` and `elif x == b:`"]),
    "comprehension": ("the `if` of a comprehension", ["write enigma.select_(condition, a, b)"]),
    "min": ("min()", ["write enigma.min(a, b)"]),
    "max": ("max()", ["write enigma.max(a, b)"]),
    "any": ("any()", ["write a | b | c"]),
    "all": ("all()", ["write a & b & c"]),
    "sorted": ("sorted()", ["order two values with enigma.min(a, b) and enigma.max(a, b)"]),
    "bool": ("bool()", ["a comparison gives b1: x != 0"]),
}  # fmt: skip
CALLS = ("min", "max", "any", "all", "sorted", "bool")
FALLBACK = ("a Python bool", TRUTH["if"][1] + ["for `and`, `or` and `not` write a & b, a | b and ~a"])

ATTRIBUTES = {
    "shape": "a buffer has no shape in a kernel; pass sizes as Constexpr or Scalar parameters",
    "size": "a buffer has no size in a kernel; pass it as a Constexpr or Scalar parameter",
    "dtype": "the type is in the annotation; repr(x) shows it",
    "astype": "write enigma.f32(x)",
    "item": "numbers exist only when the kernel runs",
    "load": "write A[i]",
    "store": "write A[i] = value",
    "sum": "each thread has one value; sums over threads are made in memory",
    "x": "thread_position_in_grid_xyz(\"x\") gives one component of a position",
    "y": "thread_position_in_grid_xyz(\"y\") gives one component of a position",
    "z": "thread_position_in_grid_xyz(\"z\") gives one component of a position",
}  # fmt: skip


def _path_to(file: str, line: int, column: int, end_line: int, end_column: int) -> list[ast.AST]:
    """The nodes around a range of the source, innermost first; empty where the source does not tell."""
    source = "".join(linecache.getlines(file))
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    path: list[ast.AST] = []
    node: ast.AST | None = tree
    while node is not None:
        inner = None
        for child in ast.iter_child_nodes(node):
            if isinstance(child, (ast.comprehension, ast.match_case, ast.keyword)) or not hasattr(
                child, "lineno"
            ):
                found = [
                    c
                    for c in ast.walk(child)
                    if hasattr(c, "lineno") and _covers(c, line, column, end_line, end_column)
                ]
                if found:
                    inner = child
            elif _covers(child, line, column, end_line, end_column):
                inner = child
        if inner is not None:
            path.insert(0, inner)
        node = inner
    return path


def _covers(node: ast.AST, line: int, column: int, end_line: int, end_column: int) -> bool:
    begin = (getattr(node, "lineno", 0), getattr(node, "col_offset", 0))
    end = (getattr(node, "end_lineno", 0), getattr(node, "end_col_offset", 0))
    return begin <= (line, column) and (end_line, end_column) <= end


def _callee(node: ast.AST) -> str:
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def _truth_construct(path: list[ast.AST]) -> str | None:
    for inner, node in zip([None, *path], path, strict=False):
        match node:
            case ast.If() | ast.While() if inner is None:  # Python marks the whole statement
                return "if" if isinstance(node, ast.If) else "while"
            case ast.BoolOp():
                return "and" if isinstance(node.op, ast.And) else "or"
            case ast.UnaryOp(op=ast.Not()):
                return "not"
            case ast.Compare() if any(isinstance(op, (ast.In, ast.NotIn)) for op in node.ops):
                return "in"
            case ast.Compare() if len(node.ops) > 1:
                return "chain"
            case ast.Call() if _callee(node) in CALLS:
                return _callee(node)
            case ast.IfExp() if inner is node.test:
                return "if expression"
            case ast.If() if inner is node.test:
                return "if"
            case ast.While() if inner is node.test:
                return "while"
            case ast.Assert():
                return "assert"
            case ast.comprehension():
                return "comprehension"
            case ast.match_case():
                return "match"
    return None


def _number(use: str, what: str, path: list[ast.AST]) -> tuple[str, list[str]]:
    """int(x), float(x), math.sin(x), range(x), list[x]."""
    import enigma

    name = next((_callee(node) for node in path if isinstance(node, ast.Call)), "")
    short = name.rpartition(".")[2]
    if name.startswith(("math.", "np.", "numpy.", "cmath.")) and hasattr(enigma, short):
        return f"{name}: works on Python numbers, got {what}", [f"write enigma.{short}(x)"]
    if name == "range":
        return f"range() needs Python ints, got {what}", [
            "the number of rounds must be known while tracing: use a Python int or a Constexpr parameter"
        ]
    if name == "round":
        return f"round() needs a Python number, got {what}", [
            "write enigma.rint(x), or enigma.round(x) for halves away from zero"
        ]
    if use == "float":
        return f"float() needs a Python number, got {what}", [
            "write enigma.f32(x); functions of math are here as enigma.sin(x), ..."
        ]
    if use == "int" or name == "int":
        return f"int() needs a Python number, got {what}", ["write enigma.i32(x)"]
    return f"{what} cannot index a Python container: each thread has its own", [
        "pass the data as a buffer parameter, or choose between few with enigma.select_(condition, a, b)"
    ]


def refusal(
    use: str, subject: str, file: str, line: int, column: int, end_line: int, end_column: int
) -> tuple[str, list[str], tuple[int, int, int, int] | None]:
    """The sentence and the ways out for one use, and the place where the tree knows it better than Python."""
    path = _path_to(file, line, column, end_line, end_column) if line else []
    message, hints = _sentence(use, subject, path)
    narrow = None
    match path[:1]:
        case [ast.If() | ast.While() as node]:
            narrow = node.test
        case [ast.For() as loop]:
            narrow = loop.iter
    place = (
        (narrow.lineno, narrow.col_offset, narrow.end_lineno or 0, narrow.end_col_offset or 0)
        if narrow
        else None
    )
    return message, hints, place


def _sentence(use: str, subject: str, path: list[ast.AST]) -> tuple[str, list[str]]:
    what = SUBJECTS[subject]
    if use == "truth":
        construct, hints = TRUTH.get(_truth_construct(path) or "", FALLBACK)
        if subject == "buffer":
            return f"{construct} needs a condition, got a buffer", ["index it: A[i]"]
        if subject == "vector":
            return f"{construct} needs one condition, got a vector", [
                "write enigma.all(v) or enigma.any(v) of a comparison such as v > 0"
            ]
        return f"{construct} decides once while tracing, but {what} differs from thread to thread", hints
    if use in ("int", "float", "index"):
        return _number(use, what, path)
    if use == "length":
        return f"{what} has no length in a kernel", [
            "pass the number of elements as a Constexpr or Scalar parameter"
        ]
    if use == "component":
        if subject == "vector":
            return "a component can be assigned where a variable of the function holds the vector", [
                "write v = A[i]; v.x = value; A[i] = v, or enigma.insert(v, 0, value)"
            ]
        return f"{what} has no attributes to assign", ["a vector has: enigma.make_float4(x, y, z, w)"]
    if use == "iteration":
        if subject == "buffer":
            return "a buffer cannot be iterated in a kernel", ["each thread reads its own element: A[i]"]
        return f"{what} cannot be iterated: it is one number", ["to loop, use a Python range"]
    if use == "contains":
        return f"`in` cannot search {what}", ["compare one by one: (x == a) | (x == b)"]
    if use == "hash":
        return f"{what} cannot be a key of a dict or a member of a set", [
            "use a list, or a Python value as the key"
        ]
    if use == "subscript":
        return f"{what} cannot be indexed: it is one number", ["use it as it is; only buffers have elements"]
    if use == "format":
        return f"{what} cannot be formatted as a number: its numbers exist only when the kernel runs", [
            "store it and print the result; print(x) shows what is traced"
        ]
    if use == "array":
        return f"{what} cannot become a NumPy array: its numbers exist only when the kernel runs", [
            "use the functions of enigma, and read the result from a buffer after the launch"
        ]
    import enigma

    name = next((_callee(node) for node in path if isinstance(node, ast.Call)), "")
    short = name.rpartition(".")[2]
    return f"{name or 'a NumPy function'}: works on arrays, got {what}", [
        f"write enigma.{short}(...)" if short and hasattr(enigma, short) else "use the functions of enigma"
    ]


def missing_attribute(subject: str, name: str) -> tuple[str, list[str]]:
    """The sentence and the ways out for an attribute that does not exist."""
    import enigma

    hints = [ATTRIBUTES[name]] if name in ATTRIBUTES else []
    if subject == "vector":
        hints = [
            "the components are x, y, z, w or r, g, b, a, as many as the vector has, in any order: v.zyx"
        ]
    elif subject == "value" and set(name) <= set("xyzwrgba"):
        hints = ["one number has no components; enigma.make_float4(x, y, z, w) makes a vector"]
    if not hints and not name.startswith("_") and callable(getattr(enigma, name, None)):
        hints = [f"write enigma.{name}(x)"]
    return f"{SUBJECTS[subject]} has no attribute {name!r}", hints
