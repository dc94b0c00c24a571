# SPDX-License-Identifier: MIT
"""Reads the operation records that `llvm-tblgen --dump-json` prints and gives them as plain Python objects.

ops = read(json.load(open("ops.json")))
ops[0].name, ops[0].operands, ops[0].rule
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field
from typing import Any

ELEMS = ["b1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "bf16", "f32"]
SIGNED = ["i8", "i16", "i32", "i64"]
UNSIGNED = ["u8", "u16", "u32", "u64"]
FLOATS = ["f16", "bf16", "f32"]
CLASSES = {
    "float": FLOATS,
    "sint": SIGNED,
    "uint": UNSIGNED,
    "int": SIGNED + UNSIGNED,
    "number": FLOATS + SIGNED + UNSIGNED,
    "int|bool": SIGNED + UNSIGNED + ["b1"],
    "any": ELEMS,
    "wide": ["i64", "u64"],
    "atomic": ["i32", "u32", "f32", "b1"],
    "atomic add": ["i32", "u32", "f32"],
    "atomic int": ["i32", "u32"],
    "": [],
}
CLASSES.update({e: [e] for e in ELEMS})
WORDS = {
    "float": "a float",
    "sint": "a signed integer",
    "int": "an integer",
    "number": "a number",
    "int|bool": "an integer or b1",
    "any": "a value",
    "b1": "b1",
    "u32": "u32",
    "f16": "f16",
    "f32": "f32",
    "u64": "u64",
    "atomic": "i32, u32, f32 or b1",
    "atomic add": "i32, u32 or f32",
    "atomic int": "i32 or u32",
    "": "",
}
SLOTS = {"T", "I", "U", "b1", "i32", "u32", "u16", "V", "V3", "S", "f32x2", "f32x4", "f16x2", "f16x4"}
KEYWORDS = {"and", "or", "xor", "not", "if", "for", "while"}


def fail(record: str, what: str) -> None:
    raise SystemExit(f"opgen: {record}: {what}")


@dataclass
class Op:
    record: str
    name: str
    cpp_class: str
    python: str
    aliases: list[tuple[str, str]]
    group: str
    types: str
    rule: str
    kind: str
    operand_slots: list[str]
    result_slots: list[str]
    operands: list[str]
    results: list[str]
    msl: list[tuple[str, str]]
    host: str
    section: str
    msl_version: tuple[int, int]
    bf16_native: bool
    modal: bool
    samples: str
    ulp: int
    summary: str
    description: str
    example: str
    elementwise: bool
    convergent: bool
    vectorwise: bool
    pure: bool
    has_axis: bool
    functions: list[tuple[str, str]] = field(default_factory=list)

    @property
    def enum(self) -> str:
        return self.name + "_" if self.name in KEYWORDS else self.name

    @property
    def elems(self) -> list[str]:
        return CLASSES[self.types]


def parse_rule(record: str, rule: str, convergent: bool) -> tuple[str, list[str], list[str]]:
    if "->" not in rule:
        return rule or "kernel", [], []
    left, right = (side.strip() for side in rule.split("->"))
    results = [s.strip() for s in right.split(",")]
    if left in ("", "axis") and not convergent:
        return "query", [], results
    operands = [s.strip() for s in left.split(",")] if left else []
    for slot in operands + results:
        if slot not in SLOTS:
            fail(record, f"unknown slot {slot!r} in the rule {rule!r}")
    return "slots", operands, results


def examples(records: dict[str, Any]) -> dict[str, str]:
    """The Python text of each operation's example, by its name."""
    found: dict[str, str] = {}
    for record in records["!instanceof"].get("Enigma_Example", []):
        name = records[record]["name"]
        if name in found:
            fail(name, "has two examples")
        found[name] = textwrap.dedent(records[record]["text"].strip("\n")).strip()
    return found


def read(records: dict[str, Any]) -> list[Op]:
    ops = []
    shown = examples(records)
    for record in records["!instanceof"]["Enigma_Op"]:
        r = records[record]
        if not r.get("opName"):
            continue
        traits = {t["def"] for t in r["traits"]}
        values, memory = [], False
        for trait in traits:
            memory |= "MemoryEffects" in records[trait]["!superclasses"]
        for kind, name in r["arguments"]["args"]:
            parents = records[kind["def"]]["!superclasses"]
            if "Type" in parents or "TypeConstraint" in parents:
                values.append(name)
        convergent = "convergent" in r and bool(r["convergent"])
        kind, operand_slots, result_slots = parse_rule(record, r["rule"], convergent)
        if kind == "slots" and len(values) != len(operand_slots):
            fail(record, f"the rule {r['rule']!r} has another number of operands than {values}")
        if r["types"] not in CLASSES:
            fail(record, f"unknown class of types {r['types']!r}")
        aliases = [(a.partition(":")[0], a.partition(":")[2] or r["types"]) for a in r["aliases"]]
        op = Op(
            record=record,
            name=r["opName"],
            cpp_class=record.removeprefix("Enigma_"),
            python=r["python"],
            aliases=aliases,
            group=r["group"],
            types=r["types"],
            rule=r["rule"],
            kind=kind,
            operand_slots=operand_slots,
            result_slots=result_slots,
            operands=values,
            results=[name for _, name in r["results"]["args"]],
            msl=[(m.partition(":")[0].strip(), m.partition(":")[2].strip()) for m in r["msl"]],
            host=r["host"],
            section=r["section"],
            msl_version=(int(r["mslVersion"].partition(".")[0]), int(r["mslVersion"].partition(".")[2])),
            bf16_native=bool(r["bf16Native"]),
            modal=bool(r["modal"]),
            samples=r["samples"],
            ulp=r["ulp"],
            summary=r["summary"],
            description=re.sub(r"\s+", " ", r["description"]).strip(),
            example=shown.pop(r["opName"], ""),
            elementwise="elementwise" in r and bool(r["elementwise"]),
            convergent=convergent,
            pure=not memory and kind not in ("kernel", "control", "alloc", "barrier"),
            vectorwise="vectorwise" in r and bool(r["vectorwise"]),
            has_axis=bool(r.get("hasAxis", 0)),
        )
        if op.python and kind == "slots":
            op.functions.append((op.python, op.types))
        op.functions += op.aliases
        ops.append(op)
    for name in shown:
        fail(name, "is an example of no operation")
    ops.sort(key=lambda op: op.name)
    return ops
