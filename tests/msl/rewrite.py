# SPDX-License-Identifier: MIT
"""Rewrites Metal text into the C++ for OpenCL that clang compiles. Lines stay, columns are mapped back.

c ? a : b                               -> c ? msl_rvalue(a) : msl_rvalue(b)   (class types in address spaces)
S x = y;   for a struct S               -> S x = msl_load(y);                  (y may be in constant memory)
1.5bf                                   -> bfloat(1.5f)
constant T x [[function_constant(0)]];  -> constant T x = T(value);
template kernels                        -> one plain kernel per explicit instantiation
branches, loops, calls                  -> scopes, where a source synchronises (see below)

>>> parse("void f() { x = c ? 1 : 2; }").rewritten()
'void f() { x = c ? msl_rvalue( 1) : msl_rvalue( 2); }'
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from .syntax import (
    OPEN,
    FunctionConstant,
    Kernel,
    Parameter,
    Source,
    Token,
    angle_contents,
    function_bodies,
    is_attribute,
    matching,
    read,
    read_attributes,
    split_commas,
)


def parse(text: str, constants: Mapping[str, str] | None = None) -> Source:
    """Reads a source. constants: text of the values of function constants, by name; others count as undefined."""
    source = read(text)
    tokens = source.tokens
    for t in tokens:
        if t.kind == "number" and re.fullmatch(r"[\d.']+(?:[eE][+-]?\d+)?[bB][fF]", t.text):
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
        tokens[i + 1].text
        for i in range(len(tokens) - 1)
        if tokens[i].text == "struct" and tokens[i].kind == "word"
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
            j = matching(tokens, j) + 1 if tokens[j].kind == "punct" and tokens[j].text in OPEN else j + 1
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
        if not is_attribute(tokens, i):
            continue
        attributes, after = read_attributes(tokens, i)
        constant = next((a for a in attributes if a.name == "function_constant"), None)
        if constant is None:
            continue
        begin = i
        while (
            begin > 0
            and tokens[begin - 1].kind != "directive"
            and tokens[begin - 1].text not in (";", "}", "{")
        ):
            begin -= 1
        words = tokens[begin:i]
        if len(words) < 3 or not any(w.text == "constant" for w in words):
            continue
        type_ = " ".join(
            w.text for w in words[:-1] if w.text not in ("constant", "const", "static", "constexpr")
        )
        name = words[-1]
        source.constants.append(FunctionConstant(type_, name.text, constant.argument, name.line, name.column))
        length = tokens[after - 1].offset + 1 - tokens[i].offset
        source.edits.append((tokens[i].offset, length, f"= {type_}({values.get(name.text, '0')})"))


def _template_commas(tokens: list[Token]) -> set[int]:
    """The commas of `name<int, uint>(...)`: they end no operand of `?:`."""
    commas: set[int] = set()
    for i, t in enumerate(tokens[1:], 1):
        if t.text != "<" or tokens[i - 1].kind != "word":
            continue
        depth, inside, j = 0, [], i
        while j < len(tokens) and (
            tokens[j].kind in ("word", "number") or tokens[j].text in ("<", ">", ",", "::", "*", "&")
        ):
            depth += (tokens[j].text == "<") - (tokens[j].text == ">")
            if tokens[j].text == ",":
                inside.append(tokens[j].offset)
            if depth == 0:
                break
            j += 1
        if depth == 0 and j + 1 < len(tokens) and tokens[j].text == ">" and tokens[j + 1].text == "(":
            commas.update(inside)
    return commas


def _ternaries(tokens: list[Token]) -> list[tuple[int, int, str]]:
    """Insertions that turn `c ? a : b` into `c ? msl_rvalue(a) : msl_rvalue(b)`."""
    edits: list[tuple[int, int, str]] = []
    levels: list[list[str]] = [[]]  # per bracket: "?" awaits its ":", ":" awaits its end
    template_commas = _template_commas(tokens)

    def close(level: list[str], offset: int) -> None:
        while level and level[-1] == ":":
            level.pop()
            edits.append((offset, 0, ")"))

    last_end = 0
    for t in tokens:
        if t.kind == "directive":
            continue
        if t.kind == "punct":
            if t.text in OPEN:
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
            elif t.text in (",", ";") and t.offset not in template_commas:
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
                spreads = any(_SYNCHRONISES.fullmatch(w) for w in words) or words & self.marked
                if name in names and name not in self.marked and spreads:
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
        if is_attribute(tokens, i):
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
            i = matching(tokens, i) + 1 if tokens[i].kind == "punct" and tokens[i].text in OPEN else i + 1
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


# ---- template kernels ---------------------------------------------------------------------------------------
def _expand_templates(source: Source) -> None:
    """An OpenCL kernel cannot be a template. The template is dropped, each explicit instantiation becomes a copy:

    template <typename T> [[kernel]] void f(device T *x [[buffer(0)]]) {...}       (removed)
    template [[host_name("f_half")]] [[kernel]] void f<half>(device half *x);       typedef half T; kernel void f_half...
    """
    tokens = source.tokens
    templates: dict[
        str, tuple[Kernel, int, int, int]
    ] = {}  # kernel, first token, body's first and last token
    for kernel in [k for k in source.kernels if k.template]:
        at = next(i for i, t in enumerate(tokens) if (t.line, t.column) == (kernel.line, kernel.column))
        first = at
        while (
            first > 0 and tokens[first - 1].kind != "directive" and tokens[first - 1].text not in (";", "}")
        ):
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
        name = next(
            (j for j in range(i, end) if tokens[j].text in templates and tokens[j + 1].text == "<"), None
        )
        if name is None or end >= len(tokens):
            i = end
            continue
        kernel, first, at, last = templates[tokens[name].text]
        host = next((t.text.strip('"') for t in tokens[i:name] if t.kind == "string"), kernel.name)
        parameters = list(split_commas(angle_contents(tokens, first + 1)))
        arguments = [" ".join(t.text for t in c) for c in split_commas(angle_contents(tokens, name + 1))]
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
                lines.append(
                    f"static constexpr constant {' '.join(declared[:-1])} {declared[-1]} = {argument};"
                )
        body = edited(tokens[at + 1].offset, tokens[last].offset + 1)
        line = tokens[at].line
        copy = f"namespace msl_{host} {{ {' '.join(lines)}\n#line {line}\nkernel void {host}{body} }} using msl_{host}::{host};\n"
        ending = tokens[end]
        spans.append((tokens[i].offset, ending.offset + 1, copy + f"#line {ending.line}\n"))
        substitution = dict(zip(names, arguments, strict=False))
        concrete = [
            Parameter(
                re.sub(r"\w+", lambda m, given=substitution: given.get(m.group(), m.group()), p.type),
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
