# SPDX-License-Identifier: MIT
"""Writes docs/operations.md, the list of all operations, from the records beside the built package.

PYTHONPATH=build/python python tools/operations_page.py          # `./dev docs` does it
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import enigma

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "operations.md"
FLOATS, SIGNED = ["f16", "bf16", "f32"], ["i8", "i16", "i32", "i64"]
UNSIGNED = ["u8", "u16", "u32", "u64"]
OPERATORS = {
    "add": "x + y", "sub": "x - y", "mul": "x * y", "div": "x / y", "floor_div": "x // y", "mod": "x % y",
    "neg": "-x",
    "and": "x & y", "or": "x | y", "xor": "x ^ y", "not": "~x", "shl": "x << y", "shr": "x >> y",
    "cmp_eq": "x == y", "cmp_ne": "x != y", "cmp_lt": "x < y", "cmp_le": "x <= y", "cmp_gt": "x > y",
    "cmp_ge": "x >= y",
}  # fmt: skip
# Written out in the bindings, without a record of their own name.
FURTHER = {
    "Comparisons": ["where", "cmp_ult", "cmp_ule", "cmp_ugt", "cmp_uge"],
    "Float functions": ["mad"],
    "Conversion": ["metal_cast", "as_type"],
    "Vectors": ["vec", "extract", "insert"],
    "Memory": [
        "load_if",
        "store_if",
        "threadgroup_alloc",
        "register_tensor",
        "constant_array",
        "barrier",
        "threadgroup_barrier",
        "simd_barrier",
        "simdgroup_barrier",
    ],
    "Simdgroup matrices": [
        "make_filled_simdgroup_matrix", "simdgroup_load", "simdgroup_store", "simdgroup_multiply",
        "simdgroup_multiply_accumulate", "simdgroup_matrix_elements", "simdgroup_matrix_from_elements",
    ],
    "Function constants": ["function_constant", "is_function_constant_defined"],
    "Atomics": [
        "atomic_load", "atomic_store", "atomic_exchange", "atomic_compare_exchange_weak", "atomic_fetch_add",
        "atomic_fetch_sub", "atomic_fetch_min", "atomic_fetch_max", "atomic_fetch_and", "atomic_fetch_or",
        "atomic_fetch_xor", "atomic_min", "atomic_max",
    ],
}  # fmt: skip
# The operations that they make.
AS = {
    "register_tensor": "register_alloc", "barrier": "threadgroup_barrier", "simd_barrier": "simdgroup_barrier",
    "metal_cast": "cast", "vec": "splat",
}  # fmt: skip
ORDER = [
    "Operators", "Comparisons", "Conversion", "Common functions", "Float functions", "Float classification",
    "Integer functions", "Vectors", "Geometry", "Packing", "Simdgroups", "Quadgroups", "Simdgroup matrices", "Memory",
    "Atomics", "Function constants", "Thread queries",
]  # fmt: skip

HEAD = """# Operations

<!-- Written by ./dev docs from include/enigma/Dialect/Enigma*Ops.td. -->

Every operation that a kernel can use, and the types that it takes. Operands that share a type are brought
to the common one first ([types.md](types.md)). *Metal* is the emitted text, with `T` for the type and `U` for
its unsigned form; "helper" is a function of a few lines that Enigma prints into the text where Metal has
none, or leaves a case undefined. *Since* is the version of Metal Shading Language (bf16 needs 3.1),
*section* is that of its specification. Functions marked with * are also in `enigma.fast` and
`enigma.precise`.

What stands behind the `#` of an example is the value of its last line: of all threads, or of lane 3 where lanes differ. `lane` and `q` are
the numbers of a thread in its simdgroup and quadgroup; 32 threads run. `A` is a buffer of f32 (0.5, 1.5, 2.5, ...); `N`, `U` and `L` are of i32, u32
and u64 (8, 8, 8, ...).
"""


def types_text(types: list[str]) -> str:
    groups = [(FLOATS, "floats"), (SIGNED + UNSIGNED, "integers"), (SIGNED, "signed"), (UNSIGNED, "unsigned")]
    rest, words = list(types), []
    for members, word in groups:
        if all(m in rest for m in members):
            words.append(word)
            rest = [t for t in rest if t not in members]
    return ", ".join([*words, *rest])


def metal_text(op: dict[str, Any]) -> str:
    spellings: list[str] = []
    for template in op["msl"]:
        text = template["text"]
        if "enigma_" in text:
            text = "helper"
        elif text.startswith("$") and re.fullmatch(r"\$\w+", text):
            continue  # unchanged, such as abs of an unsigned number
        else:
            # The last, which serves most types, has no conversions around it.
            text = "`" + re.sub(r"\$(\w+)&?", r"\1", text.replace("$mode", "")).replace("|", "\\|") + "`"
        if text not in spellings:
            spellings.append(text)
    return ", ".join(spellings)


def row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |\n"


def first_line(function: Any) -> str:
    lines = [line for line in (function.__doc__ or "").splitlines() if line.strip() and "->" not in line]
    return lines[0].strip().rstrip(".")


def signature(function: Any) -> str:
    """From nanobind's first line: names and defaults, without types."""
    head = (function.__doc__ or "").splitlines()[0].rpartition(" ->")[0]
    return re.sub(r": object(?: \| None)?", "", head)


def example(text: str) -> str:
    """The lines of an example in a cell."""
    lines = [line.replace("|", "\\|").replace("    ", "\u00a0" * 4) for line in text.splitlines()]
    return "<br>".join(f"`{line}`" for line in lines)


def calls(op: dict[str, Any]) -> str:
    if op["kind"] == "query":
        if op["name"] == "thread_position_in_grid":
            return '`thread_position_in_grid`, `thread_position_in_grid_xyz("x")`'
        return f"`{op['name']}({'axis' if op['has_axis'] else ''})`"
    arguments = ", ".join(op["operands"])
    mark = "*" if op["modal"] else ""
    shown = [f"`{f['name']}({arguments})`" + mark for f in op["functions"]]
    operator = OPERATORS.get(op["name"])
    return ", ".join([f"`{operator}`".replace("|", "\\|")] * bool(operator) + shown)


def group_text(name: str, ops: list[dict[str, Any]]) -> str:
    out = [f"\n## {name}\n\n"]
    rows = [op for op in ops if op["functions"] or op["kind"] == "query" or op["name"] in OPERATORS]
    if name == "Thread queries":
        out += [row("call", "gives", "section", "example"), row(*["---"] * 4)]
        out += [row(calls(op), op["summary"], op["section"], example(op["example"])) for op in rows]
    elif rows:
        out += [row("call", "gives", "types", "Metal", "since", "section", "example"), row(*["---"] * 7)]
        for op in rows:
            section = "" if op["section"] == "not in Metal" else op["section"]
            # A pair of functions may differ in types: abs and fabs.
            types = types_text(op["functions"][0]["types"] if op["functions"] else op["types"])
            out.append(
                row(
                    calls(op),
                    op["summary"].replace("|", "\\|"),
                    types,
                    metal_text(op),
                    op["msl_version"],
                    section,
                    example(op["example"]),
                )
            )
    further = FURTHER.get(name, [])
    if further:
        out += ["\n" * bool(rows), row("call", "gives", "example"), row("---", "---", "---")]
        shown = {op["name"]: example(op["example"]) for op in records()}
        for name_ in further:
            function = getattr(enigma, name_)
            out.append(
                row(f"`{signature(function)}`", first_line(function), shown.get(AS.get(name_, name_), ""))
            )
    return "".join(out)


def records() -> list[dict[str, Any]]:
    ops: list[dict[str, Any]] = json.loads((Path(enigma.__file__).parent / "_ops.json").read_text())
    return ops


def page() -> str:
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in ORDER}
    for op in records():
        if op["functions"] or op["kind"] == "query":
            groups.setdefault(op["group"], []).append(op)
    return HEAD + "".join(group_text(name, rows) for name, rows in groups.items())


if __name__ == "__main__":
    PAGE.write_text(page())
    print(f"written: {PAGE.relative_to(ROOT)}")
