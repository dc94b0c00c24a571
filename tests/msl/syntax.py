# SPDX-License-Identifier: MIT
"""Reads Metal source as tokens: kernels with their parameters, and the few rewrites that clang needs.

Clang compiles Metal text as C++ for OpenCL once these are spelled its way (lines stay, columns are mapped back):

    c ? a : b                               -> c ? msl_rvalue(a) : msl_rvalue(b)   (class types in address spaces)
    S x = y;   for a struct S               -> S x = msl_load(y);                  (y may be in constant memory)
    1.5bf                                   -> bfloat(1.5f)
    constant T x [[function_constant(0)]];  -> constant T x = T(value);

    >>> parse("kernel void f(device float *a [[buffer(0)]], uint i [[thread_position_in_grid]]) {}").kernels[0].name
    'f'
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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

    def rewritten(self) -> str:
        out, at = [], 0
        for offset, length, new in sorted(self.edits, key=lambda e: e[0]):
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


_OPEN = {"(": ")", "[": "]", "{": "}"}


def matching(tokens: list[Token], i: int) -> int:
    """Index of the bracket that closes tokens[i]; the end of the text where it is missing."""
    depth = 0
    for j in range(i, len(tokens)):
        t = tokens[j]
        if t.kind == "punct":
            if t.text in _OPEN:
                depth += 1
            elif t.text in (")", "]", "}"):
                depth -= 1
                if depth == 0:
                    return j
    return len(tokens)


def _attributes(tokens: list[Token], i: int) -> tuple[list[Attribute], int]:
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


def _is_attribute(tokens: list[Token], i: int) -> bool:
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
        if _is_attribute(tokens, i):
            more, i = _attributes(tokens, i)
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
            if t.text in _OPEN:
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
        if _is_attribute(tokens, i):
            attributes, after = _attributes(tokens, i)
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
            if _is_attribute(tokens, j):
                _, j = _attributes(tokens, j)
            else:
                j += 1
        if j < len(tokens) and tokens[j].text == "(" and tokens[j - 1].kind == "word":
            close = matching(tokens, j)
            head, at = [], after
            while at < j - 1:
                if _is_attribute(tokens, at):
                    _, at = _attributes(tokens, at)
                    continue
                if tokens[at].text not in ("static", "inline"):
                    head.append(tokens[at].text)
                at += 1
            parameters = [p for p in (_parameter(c) for c in split_commas(tokens[j + 1 : close])) if p]
            if close + 1 < len(tokens) and tokens[close + 1].text != ";":
                name = tokens[j - 1]
                found.append(
                    Kernel(
                        name.text, parameters, " ".join(head), name.line, name.column, template, scope="".join(braces)
                    )
                )
            i = close
        else:
            i = j
        i += 1
    return found


def _ternaries(tokens: list[Token]) -> list[tuple[int, int, str]]:
    """Insertions that turn `c ? a : b` into `c ? msl_rvalue(a) : msl_rvalue(b)`."""
    edits: list[tuple[int, int, str]] = []
    levels: list[list[str]] = [[]]  # per bracket: "?" awaits its ":", ":" awaits its end

    def close(level: list[str], offset: int) -> None:
        while level and level[-1] == ":":
            level.pop()
            edits.append((offset, 0, ")"))

    last_end = 0
    for t in tokens:
        if t.kind == "directive":
            continue
        if t.kind == "punct":
            if t.text in _OPEN:
                levels.append([])
            elif t.text in (")", "]", "}"):
                close(levels[-1], last_end)
                if len(levels) > 1:
                    levels.pop()
            elif t.text == "?":
                levels[-1].append("?")
                edits.append((t.offset + 1, 0, " msl_rvalue("))
            elif t.text == ":" and "?" in levels[-1]:
                close(levels[-1], last_end)
                levels[-1][-1] = ":"
                edits.append((last_end, 0, ")"))
                edits.append((t.offset + 1, 0, " msl_rvalue("))
            elif t.text in (",", ";"):
                close(levels[-1], last_end)
        last_end = t.offset + len(t.text)
    return edits


# ---- where a thread is: scopes ------------------------------------------------------------------------------
# Lanes that wait at different simd operations go on in program order. For that the runtime keeps each thread's
# place: the branches, loops (with their iteration) and calls that enclose it. These objects record it:
#     if (c) S                -> if (c) { msl_standin::Scope msl_scope; S }
#     for (...) S             -> { msl_standin::Scope msl_scope; for (...) { msl_standin::Iteration msl_turn; S } }
#     helper(x)               -> (msl_standin::Scope(), helper(x))   where the source defines helper
_SYNCHRONISES = re.compile(r"(?:simd|quad)_\w+|simdgroup_\w+|threadgroup_barrier")
_SCOPE = "{ msl_standin::Scope msl_scope; "
_TURN = "{ msl_standin::Iteration msl_turn; "


class _Scopes:
    def __init__(self, source: Source) -> None:
        self.tokens = source.tokens
        self.edits = source.edits
        self.bodies = list(function_bodies(self.tokens))
        names = {self.tokens[i].text for i, _ in self.bodies} - {k.name for k in source.kernels}
        # Only functions that synchronise, themselves or through others, need their calls marked.
        self.marked: set[str] = set()
        calls = {}
        for name, begin in self.bodies:
            body = self.tokens[begin : matching(self.tokens, begin)]
            words = {t.text for t in body if t.kind == "word"}
            calls.setdefault(self.tokens[name].text, set()).update(words)
        again = True
        while again:
            again = False
            for name, words in calls.items():
                if name in names and name not in self.marked:
                    if any(_SYNCHRONISES.fullmatch(w) for w in words) or words & self.marked:
                        self.marked.add(name)
                        again = True

    def run(self) -> None:
        for _, begin in self.bodies:
            self.block(begin)
            self.calls(begin, matching(self.tokens, begin))

    def text(self, i: int) -> str:
        return self.tokens[i].text if i < len(self.tokens) else ""

    def block(self, i: int) -> int:
        end = matching(self.tokens, i)
        i += 1
        while i < end:
            i = self.statement(i)
        return end + 1

    def wrapped(self, i: int, opening: str) -> int:
        """A statement that gets a scope around it."""
        if i >= len(self.tokens):
            return i
        self.edits.append((self.tokens[i].offset, 0, opening))
        after = self.statement(i)
        last = self.tokens[min(after, len(self.tokens)) - 1]
        self.edits.append((last.offset + len(last.text), 0, " }"))
        return after

    def statement(self, i: int, anchor: int | None = None) -> int:
        """Index after the statement at tokens[i]. anchor: where what belongs to the statement begins (unroll)."""
        tokens = self.tokens
        t = tokens[i]
        if t.kind == "directive":
            if re.match(r"\s*#\s*pragma\s+(unroll|nounroll|clang loop)", t.text) and i + 1 < len(tokens):
                return self.statement(i + 1, tokens[i - 1].offset + len(tokens[i - 1].text))
            return i + 1
        begin = t.offset if anchor is None else anchor
        if t.text == "{":
            return self.block(i)
        if _is_attribute(tokens, i):
            return self.statement(matching(tokens, i) + 1, begin)
        if t.kind == "word" and t.text == "if":
            j = i + 1
            while j < len(tokens) and tokens[j].text != "(":
                j += 1
            i = self.wrapped(matching(tokens, j) + 1, _SCOPE)
            if self.text(i) == "else":
                i = self.wrapped(i + 1, _SCOPE)
            return i
        if t.kind == "word" and t.text in ("for", "while") and self.text(i + 1) == "(":
            self.edits.append((begin, 0, _SCOPE))
            after = self.wrapped(matching(tokens, i + 1) + 1, _TURN)
            last = tokens[min(after, len(tokens)) - 1]
            self.edits.append((last.offset + len(last.text), 0, " }"))
            return after
        if t.kind == "word" and t.text == "do":
            self.edits.append((begin, 0, _SCOPE))
            after = self.wrapped(i + 1, _TURN)  # now at: while ( ... ) ;
            close = matching(tokens, after + 1)
            last = tokens[min(close + 1, len(tokens) - 1)]
            self.edits.append((last.offset + len(last.text), 0, " }"))
            return close + 2
        if t.kind == "word" and t.text == "switch":
            return self.statement(matching(tokens, i + 1) + 1)
        if t.kind == "word" and t.text in ("case", "default"):
            while i < len(tokens) and tokens[i].text != ":":
                i += 1
            return i + 1
        while i < len(tokens) and tokens[i].text != ";":
            if tokens[i].kind == "word" and tokens[i].text in ("for", "while", "do", "if", "switch"):
                return self.statement(i, begin)  # after a macro such as UNROLL
            i = matching(tokens, i) + 1 if tokens[i].kind == "punct" and tokens[i].text in _OPEN else i + 1
        return i + 1

    def calls(self, begin: int, end: int) -> None:
        for i in range(begin + 1, min(end, len(self.tokens))):
            t = self.tokens[i]
            if t.kind != "word" or t.text not in self.marked or self.text(i - 1) in (".", "->", "::"):
                continue
            j = i + 1
            if self.text(j) == "<":  # template arguments
                depth = 0
                while j < end:
                    depth += {"<": 1, ">": -1}.get(self.text(j), 0)
                    j += 1
                    if depth == 0:
                        break
            if self.text(j) != "(":
                continue
            close = self.tokens[matching(self.tokens, j)]
            self.edits.append((t.offset, 0, "(msl_standin::Scope(), "))
            self.edits.append((close.offset + 1, 0, ")"))


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


# ---- template kernels ---------------------------------------------------------------------------------------
def _expand_templates(source: Source) -> None:
    """An OpenCL kernel cannot be a template. The template is dropped, each explicit instantiation becomes a copy:

    template <typename T> [[kernel]] void f(device T *x [[buffer(0)]]) {...}       (removed)
    template [[host_name("f_half")]] [[kernel]] void f<half>(device half *x);       typedef half T; kernel void f_half...
    """
    tokens = source.tokens
    templates: dict[str, tuple[Kernel, int, int, int]] = {}  # kernel, first token, body's first and last token
    for kernel in [k for k in source.kernels if k.template]:
        at = next(i for i, t in enumerate(tokens) if (t.line, t.column) == (kernel.line, kernel.column))
        first = at
        while first > 0 and tokens[first - 1].kind != "directive" and tokens[first - 1].text not in (";", "}"):
            first -= 1
        opening = matching(tokens, at + 1) + 1
        templates[kernel.name] = (kernel, first, at, matching(tokens, opening))
    if not templates:
        return
    original = list(source.edits)

    def edited(begin: int, end: int) -> str:
        out, at = [], begin
        for offset, length, new in sorted(original, key=lambda e: e[0]):
            if begin <= offset < end or (offset == end and length == 0 and offset > begin):
                out += [source.text[at:offset], new]
                at = offset + length
        return "".join(out) + source.text[at:end]

    spans = []
    instances: list[Kernel] = []
    i = 0
    while i < len(tokens):
        if tokens[i].text != "template" or i + 1 >= len(tokens) or tokens[i + 1].text == "<":
            i += 1
            continue
        end = i
        while end < len(tokens) and tokens[end].text != ";":
            end += 1
        name = next((j for j in range(i, end) if tokens[j].text in templates and tokens[j + 1].text == "<"), None)
        if name is None or end >= len(tokens):
            i = end
            continue
        kernel, first, at, last = templates[tokens[name].text]
        host = next((t.text.strip('"') for t in tokens[i:name] if t.kind == "string"), kernel.name)
        parameters = [c for c in split_commas(_angle(tokens, first + 1))]
        arguments = [" ".join(t.text for t in c) for c in split_commas(_angle(tokens, name + 1))]
        lines, names = [], []
        for k, p in enumerate(parameters):
            declared = [t.text for t in p]
            if "=" in declared:
                if k >= len(arguments):
                    arguments.append(" ".join(declared[declared.index("=") + 1 :]))
                declared = declared[: declared.index("=")]
            if k >= len(arguments):
                break
            argument = arguments[k]
            names.append(declared[-1])
            if declared[0] in ("typename", "class"):
                lines.append(f"typedef {argument} {declared[-1]};")
            else:
                lines.append(f"static constexpr constant {' '.join(declared[:-1])} {declared[-1]} = {argument};")
        body = edited(tokens[at + 1].offset, tokens[last].offset + 1)
        line = tokens[at].line
        copy = f"namespace msl_{host} {{ {' '.join(lines)}\n#line {line}\nkernel void {host}{body} }} using msl_{host}::{host};\n"
        ending = tokens[end]
        spans.append((tokens[i].offset, ending.offset + 1, copy + f"#line {ending.line}\n"))
        substitution = dict(zip(names, arguments, strict=False))
        concrete = [
            Parameter(
                re.sub(r"\w+", lambda m: substitution.get(m.group(), m.group()), p.type),
                p.name,
                p.attributes,
                p.line,
                p.column,
            )
            for p in kernel.parameters
        ]
        kernel.instances += 1
        instances.append(Kernel(host, concrete, kernel.returns, tokens[name].line, tokens[name].column))
        i = end
    for i, t in enumerate(tokens):  # typedef decltype(f<half>) f_t; names nothing any more
        if (
            t.text == "typedef"
            and [x.text for x in tokens[i + 1 : i + 3]] == ["decltype", "("]
            and tokens[i + 3].text in templates
        ):
            end = next(j for j in range(i, len(tokens)) if tokens[j].text == ";")
            spans.append((t.offset, tokens[end].offset + 1, ""))
    for _, first, _, last in templates.values():
        begin, end = tokens[first].offset, tokens[last].offset + 1
        spans.append((begin, end, "\n" * source.text.count("\n", begin, end)))
    source.edits[:] = [e for e in source.edits if not any(b <= e[0] < f for b, f, _ in spans)]
    source.edits += [(b, f - b, new) for b, f, new in spans]
    source.kernels += instances


def _angle(tokens: list[Token], i: int) -> list[Token]:
    """The tokens between `<` at tokens[i] and its `>`."""
    depth, j = 0, i
    while j < len(tokens):
        depth += {"<": 1, ">": -1}.get(tokens[j].text, 0) if tokens[j].kind == "punct" else 0
        if depth == 0:
            break
        j += 1
    return tokens[i + 1 : j]


def parse(text: str, constants: Mapping[str, str] | None = None) -> Source:
    """Reads a source. constants: text of the values of function constants, by name; others count as undefined."""
    tokens = tokenize(text)
    source = Source(text, tokens, _kernels(tokens), [], [])
    for t in tokens:
        if t.kind == "directive":
            m = re.match(r"\s*#\s*define\s+(\w+)", t.text)
            if m:
                source.defines.append(m.group(1))
        elif t.kind == "number" and re.search(r"(?<![0-9a-fA-FxX])[bB][fF]$", t.text):
            source.edits.append((t.offset, len(t.text), f"bfloat({_as_float(t.text[:-2])})"))
        elif t.kind == "number" and re.fullmatch(r"[\d.']+(?:[eE][+-]?\d+)?[bB][fF]", t.text):
            source.edits.append((t.offset, len(t.text), f"bfloat({_as_float(t.text[:-2])})"))
    source.edits += _ternaries(tokens)
    _struct_copies(source)
    _function_constants(source, constants or {})
    if any(t.kind == "word" and _SYNCHRONISES.fullmatch(t.text) for t in tokens):
        _Scopes(source).run()
    _expand_templates(source)
    return source


def _struct_copies(source: Source) -> None:
    tokens = source.tokens
    structs = {
        tokens[i + 1].text for i in range(len(tokens) - 1) if tokens[i].text == "struct" and tokens[i].kind == "word"
    }
    structs.add("auto")
    for i in range(1, len(tokens) - 3):
        a, name, equals, first = tokens[i : i + 4]
        if a.text not in structs or name.kind != "word" or equals.text != "=" or first.text == "{":
            continue
        if tokens[i - 1].text in ("::", "constant", "constexpr"):
            continue
        j = i + 3
        while j < len(tokens) and tokens[j].text not in (";", ",", ")"):
            j = matching(tokens, j) + 1 if tokens[j].kind == "punct" and tokens[j].text in _OPEN else j + 1
        if j < len(tokens) and tokens[j].text == ";":
            last = tokens[j - 1]
            source.edits.append((equals.offset + 1, 0, " msl_load("))
            source.edits.append((last.offset + len(last.text), 0, ")"))


def _as_float(digits: str) -> str:
    return digits + ("f" if re.search(r"[.eEpP]", digits) else ".0f")


def _function_constants(source: Source, values: Mapping[str, str]) -> None:
    """`constant T x [[function_constant(0)]];` becomes `constant T x = T(value);` (MSL section 5.8.1)."""
    tokens = source.tokens
    for i, t in enumerate(tokens):
        if t.text == "is_function_constant_defined" and t.kind == "word" and i + 3 < len(tokens):
            name = tokens[i + 2].text
            end = tokens[i + 3].offset + 1
            source.edits.append((t.offset, end - t.offset, "true" if name in values else "false"))
        if not _is_attribute(tokens, i):
            continue
        attributes, after = _attributes(tokens, i)
        constant = next((a for a in attributes if a.name == "function_constant"), None)
        if constant is None:
            continue
        begin = i
        while begin > 0 and tokens[begin - 1].kind != "directive" and tokens[begin - 1].text not in (";", "}", "{"):
            begin -= 1
        words = tokens[begin:i]
        if len(words) < 3 or not any(w.text == "constant" for w in words):
            continue
        type_ = " ".join(w.text for w in words[:-1] if w.text not in ("constant", "const", "static", "constexpr"))
        name = words[-1]
        source.constants.append(FunctionConstant(type_, name.text, constant.argument, name.line, name.column))
        length = tokens[after - 1].offset + 1 - tokens[i].offset
        source.edits.append((tokens[i].offset, length, f"= {type_}({values.get(name.text, '0')})"))
