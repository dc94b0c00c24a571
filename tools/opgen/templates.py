# SPDX-License-Identifier: MIT
"""Turns MSL templates such as `$T($U($x) + $U($y))` into pieces that know where an operand needs parentheses.

A piece is (kind, text, operand, minimum precedence): an operand whose own text binds less tightly than the minimum is put in
parentheses by the emitter. Precedences are C++'s, 16 for a primary expression down to 0 for anything.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from records import CLASSES, ELEMS, Op, fail

PRECEDENCE = {
    "*": (13, 13, 14),
    "/": (13, 13, 14),
    "%": (13, 13, 14),
    "+": (12, 12, 13),
    "-": (12, 12, 13),
    # Mixed shifts and bits are hard to read and warned about: only tight operands go without parentheses.
    "<<": (11, 15, 15),
    ">>": (11, 15, 15),
    "<": (9, 12, 12),
    "<=": (9, 12, 12),
    ">": (9, 12, 12),
    ">=": (9, 12, 12),
    "==": (8, 12, 12),
    "!=": (8, 12, 12),
    "&": (7, 15, 15),
    "^": (6, 15, 15),
    "|": (5, 15, 15),
    "&&": (4, 4, 8),
    "||": (3, 8, 8),
    ":": (2, 8, 8),  # the condition, and both values
}  # operator: (its own, minimum on the left, minimum on the right)


def class_masks(record: str, name: str) -> tuple[int, int]:
    """Bit sets of element types for scalars and for vectors."""

    def mask(elems: list[str]) -> int:
        return sum(1 << ELEMS.index(e) for e in elems)

    if name == "wraps":  # signed arithmetic that C leaves undefined; narrow scalars are promoted to int
        return mask(["i32", "i64"]), mask(["i8", "i16", "i32", "i64"])
    if name == "checked":  # signed operations that need guards unless ranges are known
        return mask(CLASSES["sint"]), mask(CLASSES["sint"])
    if name == "sint vector":
        return 0, mask(CLASSES["sint"])
    if name == "mask":
        return 0, mask(["b1"])
    if name == "vector":
        return 0, mask(ELEMS)
    if name == "narrow":
        return mask(["i8", "u8", "i16", "u16"]), 0
    if name not in CLASSES:
        fail(record, f"unknown class {name!r} in an MSL template")
    return mask(CLASSES[name]), mask(CLASSES[name])


@dataclass
class Piece:
    kind: str
    text: str = ""
    operand: int = 0
    minimum: int = 0


@dataclass
class Group:
    operator: str | None = None
    prefix: bool = False
    operands: list[tuple[Piece, bool, bool]] = field(default_factory=list)
    """Each with whether it stands after the operator, and after a prefix."""
    parts: int = 0


def pieces(op: Op, template: str) -> tuple[list[Piece], int]:
    names = sorted([*op.operands, "second", "mode", "T", "U"], key=len, reverse=True)
    # $U($x) is one piece: a constant prints as an unsigned literal there.
    template = re.sub(r"\$U\(\$(\w+)\)", r"$U:\1:", template)
    tokens = re.split(r"\$((?:U:\w+:)|(?:" + "|".join(names) + r")&?)", template)
    marks = {"T": "ResultType", "U": "UnsignedType", "mode": "Mode", "second": "SecondResult"}
    out: list[Piece] = []
    for i, token in enumerate(tokens):
        if i % 2 == 0:
            if token:
                out.append(Piece("Text", token))
        elif token.startswith("U:"):
            out.append(Piece("UnsignedOperand", operand=op.operands.index(token[2:-1])))
        elif token.rstrip("&") in op.operands:
            kind = "MaskedOperand" if token.endswith("&") else "Operand"
            out.append(Piece(kind, operand=op.operands.index(token.rstrip("&"))))
        else:
            out.append(Piece(marks[token]))

    # Groups between parentheses and commas, each with at most one operator.
    top = Group()
    groups, stack, current = [top], [], top
    for piece in out:
        if piece.kind in ("Operand", "MaskedOperand", "UnsignedOperand"):
            current.operands.append((piece, current.operator is not None, current.prefix))
            current.parts += 1
            continue
        if piece.kind != "Text":
            current.parts += 1
            continue
        for match in re.finditer(
            r"[(),]|(?<= )(?:<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%<>&|^])(?= )|[-~!](?=$)|(?<= )[?:](?= )|[A-Za-z_<>,:0-9]+",
            piece.text,
        ):
            word = match[0]
            if word in ("-", "~", "!") and match.end() == len(
                piece.text
            ):  # of the operand behind it: `-$x`, not `- $x`
                current.prefix = True
            elif word in ("(", ","):
                if word == "(":
                    current.parts += 1
                    stack.append(current)
                current = Group()
                groups.append(current)
            elif word == ")":
                current = stack.pop()
            elif word in "?:":
                current.operator = ":"
            elif word in PRECEDENCE:
                if current.operator:
                    fail(op.record, f"two operators in one group of {template!r}: add parentheses")
                current.operator = word
            else:
                current.parts += 1
    for group in groups:
        for piece, after_operator, prefix in group.operands:
            if prefix:
                piece.minimum = 16
            elif group.operator:
                _, left, right = PRECEDENCE[group.operator]
                piece.minimum = right if after_operator else left
    precedence = 16
    if top.operator:
        precedence = PRECEDENCE[top.operator][0]
    elif any(prefix for _, _, prefix in top.operands):
        precedence = 15
    elif len(out) == 1:
        precedence = 17  # the operand itself
    return out, precedence
