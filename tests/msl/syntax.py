# SPDX-License-Identifier: MIT
"""Reads Metal source as tokens: kernels with their parameters, function bodies, macros.

>>> read("kernel void f(device float *a [[buffer(0)]], uint i [[thread_position_in_grid]]) {}").kernels[0].name
'f'
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Token:
    kind: str  # word, number, string, punct, directive
    text: str
    offset: int
    line: int
    column: int


@dataclass
class Attribute:
    name: str
    argument: str
    line: int
    column: int


@dataclass
class Parameter:
    type: str  # without the name and the attributes: "const device float *"
    name: str
    attributes: list[Attribute]
    line: int
    column: int

    @property
    def words(self) -> list[str]:
        return re.findall(r"\w+|[*&]", self.type)

    @property
    def indirect(self) -> str:
        """ "*", "&" or "" for a value."""
        return next((w for w in reversed(self.words) if w in "*&"), "")

    @property
    def space(self) -> str:
        return next((w for w in self.words if w in ("device", "constant", "threadgroup", "thread")), "")

    @property
    def pointee(self) -> str:
        return " ".join(w for w in self.words if w not in _QUALIFIERS and w not in "*&")

    @property
    def writable(self) -> bool:
        return self.space == "device" and "const" not in self.words

    def attribute(self, name: str) -> Attribute | None:
        return next((a for a in self.attributes if a.name == name), None)


@dataclass
class Kernel:
    name: str
    parameters: list[Parameter]
    returns: str
    line: int
    column: int
    template: bool = False
    instances: int = 0  # explicit instantiations of a template
    offset: int = -1  # of the name in the text; -1 for an instantiation
    scope: str = ""  # the user's namespaces around it, "a::b::"


@dataclass
class FunctionConstant:
    type: str
    name: str
    index: str
    line: int
    column: int


@dataclass
class Source:
    text: str
    tokens: list[Token]
    kernels: list[Kernel]  # of a template: first the template, then its instantiations
    constants: list[FunctionConstant]
    defines: list[str]
    edits: list[tuple[int, int, str]] = field(default_factory=list)  # offset, length, replacement

    def rewritten(self, prefix: str = "") -> str:
        """The text for clang. prefix: put before the names of kernels that are not templates."""
        names = [(k.offset, 0, prefix) for k in self.kernels if prefix and not k.template and k.offset >= 0]
        out, at = [], 0
        for offset, length, new in sorted(self.edits + names, key=lambda e: e[0]):
            out += [self.text[at:offset], new]
            at = offset + length
        return "".join(out) + self.text[at:]

    def original_column(self, line: int, column: int) -> int:
        """The column in the user's text for a column of the rewritten text on the same line."""
        starts = self._line_starts()
        if not 1 <= line <= len(starts):
            return column
        begin = starts[line - 1]
        end = starts[line] if line < len(starts) else len(self.text) + 1
        shift = 0
        for offset, length, new in sorted(self.edits, key=lambda e: e[0]):
            if begin <= offset < end:
                if offset - begin + shift + len(new) < column:
                    shift += len(new) - length
                elif offset - begin + shift < column:
                    return offset - begin + 1
        return max(1, column - shift)

    def _line_starts(self) -> list[int]:
        return [0] + [m.end() for m in re.finditer("\n", self.text)]


_QUALIFIERS = {"device", "constant", "threadgroup", "thread", "const", "volatile", "coherent"}

_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/|\\\n)
  | (?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<number>(?:0[xX][0-9a-fA-F.']+(?:[pP][+-]?\d+)?|\.?\d[\d.']*(?:[eE][+-]?\d+)?)\w*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
  | (?P<punct>::|->|\+\+|--|<<=|>>=|[-+*/%&|^<>=!]=|&&|\|\||\#\#|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def tokenize(text: str) -> list[Token]:
    tokens, at, line, start = [], 0, 1, 0
    while at < len(text):
        # A directive begins a line, blanks apart.
        m = None
        if text[start:at].strip() == "":
            m = re.compile(r"[ \t]*\#(?:\\\n|[^\n])*").match(text, at)
            if m:
                body = m.group()
                tokens.append(Token("directive", body, at, line, at - start + 1))
        if m is None:
            m = _TOKEN.match(text, at)
            assert m is not None
            kind = m.lastgroup
            if kind != "space":
                tokens.append(Token(kind, m.group(), at, line, at - start + 1))
        piece = m.group()
        newlines = piece.count("\n")
        if newlines:
            line += newlines
            start = at + piece.rindex("\n") + 1
        at = m.end()
    return tokens


OPEN = {"(": ")", "[": "]", "{": "}"}


def matching(tokens: list[Token], i: int) -> int:
    """Index of the bracket that closes tokens[i]; the end of the text where it is missing."""
    depth = 0
    for j in range(i, len(tokens)):
        t = tokens[j]
        if t.kind == "punct":
            if t.text in OPEN:
                depth += 1
            elif t.text in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    return j
    return len(tokens)


def read_attributes(tokens: list[Token], i: int) -> tuple[list[Attribute], int]:
    """Reads `[[a, b(1)]]` at tokens[i]; returns the attributes and the index after them."""
    end = matching(tokens, i)
    inner = tokens[i + 2 : max(i + 2, end - 1)]
    found, j = [], 0
    while j < len(inner):
        t = inner[j]
        if t.kind == "word":
            name, argument = t.text, ""
            while j + 2 < len(inner) and inner[j + 1].text == "::":
                name += "::" + inner[j + 2].text
                j += 2
            if j + 1 < len(inner) and inner[j + 1].text == "(":
                close = matching(inner, j + 1)
                argument = " ".join(x.text for x in inner[j + 2 : close])
                j = close
            found.append(Attribute(name, argument, t.line, t.column))
        j += 1
    return found, end + 1


def is_attribute(tokens: list[Token], i: int) -> bool:
    return (
        i + 1 < len(tokens)
        and tokens[i].text == "["
        and tokens[i + 1].text == "["
        and tokens[i + 1].offset == tokens[i].offset + 1
    )


def _parameter(tokens: list[Token]) -> Parameter | None:
    attributes: list[Attribute] = []
    plain: list[Token] = []
    i = 0
    while i < len(tokens):
        if is_attribute(tokens, i):
            more, i = read_attributes(tokens, i)
            attributes += more
        elif tokens[i].text == "=" and tokens[i].kind == "punct":
            break
        else:
            plain.append(tokens[i])
            i += 1
    if not plain:
        return None
    first = plain[0]
    name = ""
    if len(plain) > 1 and plain[-1].kind == "word" and plain[-1].text not in _QUALIFIERS:
        name = plain[-1].text
        plain = plain[:-1]
    return Parameter(" ".join(t.text for t in plain), name, attributes, first.line, first.column)


def split_commas(tokens: list[Token]) -> list[list[Token]]:
    parts: list[list[Token]] = [[]]
    depth = angle = 0
    for t in tokens:
        if t.kind == "punct":
            if t.text in OPEN:
                depth += 1
            elif t.text in (")", "]", "}"):
                depth -= 1
            elif t.text == "<":
                angle += 1
            elif t.text == ">":
                angle -= 1
            elif t.text == "," and depth == 0 and angle <= 0:
                parts.append([])
                continue
        parts[-1].append(t)
    return [p for p in parts if p]


def _kernels(tokens: list[Token]) -> list[Kernel]:
    found = []
    i, template = 0, False
    braces: list[str] = []
    while i < len(tokens):
        t = tokens[i]
        if t.kind == "punct" and t.text == "{":
            named = i >= 2 and tokens[i - 2].text == "namespace"
            braces.append(tokens[i - 1].text + "::" if named else "")
        elif t.kind == "punct" and t.text == "}" and braces:
            braces.pop()
        begins = t.text == "kernel" and t.kind == "word"
        after = i + 1
        if is_attribute(tokens, i):
            attributes, after = read_attributes(tokens, i)
            begins = any(a.name == "kernel" for a in attributes)
        if t.text == "template" and t.kind == "word":
            template = True
        elif t.text in (";", "}"):
            template = False
        if not begins:
            i += 1
            continue
        j = after
        while j < len(tokens) and tokens[j].text not in ("(", ";", "{"):
            if is_attribute(tokens, j):
                _, j = read_attributes(tokens, j)
            else:
                j += 1
        if j < len(tokens) and tokens[j].text == "(" and tokens[j - 1].kind == "word":
            close = matching(tokens, j)
            head, at = [], after
            while at < j - 1:
                if is_attribute(tokens, at):
                    _, at = read_attributes(tokens, at)
                    continue
                if tokens[at].text not in ("static", "inline"):
                    head.append(tokens[at].text)
                at += 1
            parameters = [p for p in (_parameter(c) for c in split_commas(tokens[j + 1 : close])) if p]
            if close + 1 < len(tokens) and tokens[close + 1].text != ";":
                name = tokens[j - 1]
                found.append(
                    Kernel(
                        name.text,
                        parameters,
                        " ".join(head),
                        name.line,
                        name.column,
                        template,
                        offset=name.offset,
                        scope="".join(braces),
                    )
                )
            i = close
        else:
            i = j
        i += 1
    return found


def function_bodies(tokens: list[Token]) -> list[tuple[int, int]]:
    """(name, opening brace) of every function that the source defines."""
    found = []
    i = 0
    while i < len(tokens):
        t = tokens[i]
        if t.kind == "punct" and t.text == "{":
            before = i - 1
            while (
                before > 0
                and tokens[before].kind == "word"
                and tokens[before].text in ("const", "thread", "device", "threadgroup", "constant")
            ):
                before -= 1
            for back in range(before, max(0, before - 16), -1):  # auto f() -> T {
                if tokens[back].text in (";", "{", "}", "(", "="):
                    break
                if tokens[back].text == "->":
                    before = back - 1
                    break
            if before >= 0 and tokens[before].text == ")":
                depth = 0
                j = before
                while j >= 0:
                    depth += {")": 1, "(": -1}.get(tokens[j].text, 0) if tokens[j].kind == "punct" else 0
                    if depth == 0:
                        break
                    j -= 1
                if j > 0 and tokens[j - 1].kind == "word":
                    found.append((j - 1, i))
                i = matching(tokens, i) + 1
                continue
        i += 1
    return found


def angle_contents(tokens: list[Token], i: int) -> list[Token]:
    """The tokens between `<` at tokens[i] and its `>`."""
    depth, j = 0, i
    while j < len(tokens):
        depth += {"<": 1, ">": -1}.get(tokens[j].text, 0) if tokens[j].kind == "punct" else 0
        if depth == 0:
            break
        j += 1
    return tokens[i + 1 : j]


def read(text: str) -> Source:
    tokens = tokenize(text)
    source = Source(text, tokens, _kernels(tokens), [], [])
    for t in tokens:
        m = re.match(r"\s*#\s*define\s+(\w+)", t.text) if t.kind == "directive" else None
        if m:
            source.defines.append(m.group(1))
    return source
