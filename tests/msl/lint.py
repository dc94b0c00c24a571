# SPDX-License-Identifier: MIT
"""Rules of Metal that clang does not know: attributes of kernel parameters, address spaces, forbidden words.

Section numbers are those of the Metal Shading Language Specification.

    >>> from msl.syntax import read
    >>> [p.message for p in lint(read("#include <metal_stdlib>\\nkernel void f(device float *a) {}"))]
    ["parameter 'a' of kernel 'f' needs [[buffer(n)]]"]
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

from .syntax import Kernel, Parameter, Source, function_bodies, matching

MAX_BUFFERS = 31

# Attributes that number a thread, with their place in the numbers that the runtime passes (dispatch.h).
POSITIONS = {
    "thread_position_in_grid": 0,
    "thread_position_in_threadgroup": 3,
    "threadgroup_position_in_grid": 6,
    "threads_per_threadgroup": 9,
    "dispatch_threads_per_threadgroup": 12,
    "threads_per_grid": 15,
    "threadgroups_per_grid": 18,
    "grid_origin": 21,
}
INDICES = {
    "thread_index_in_threadgroup": 24,
    "thread_index_in_simdgroup": 25,
    "simdgroup_index_in_threadgroup": 26,
    "simdgroups_per_threadgroup": 27,
    "dispatch_simdgroups_per_threadgroup": 28,
    "threads_per_simdgroup": 29,
    "thread_execution_width": 29,
    "thread_index_in_quadgroup": 30,
    "quadgroup_index_in_threadgroup": 31,
    "quadgroups_per_threadgroup": 32,
    "dispatch_quadgroups_per_threadgroup": 33,
}
_OTHER = {"buffer", "threadgroup", "maybe_unused"}
_SCALARS = [
    "bool",
    "char",
    "uchar",
    "short",
    "ushort",
    "int",
    "uint",
    "long",
    "ulong",
    "half",
    "bfloat",
    "float",
    "size_t",
    "int8_t",
    "uint8_t",
    "int16_t",
    "uint16_t",
    "int32_t",
    "uint32_t",
    "int64_t",
    "uint64_t",
    "ptrdiff_t",
]
_VECTOR = re.compile(r"(?:packed_)?(?:bool|u?char|u?short|u?int|u?long|half|bfloat|float)[234](?:x[234])?")
_FORBIDDEN = {
    "goto": "goto is not part of Metal (1.5.4)",
    "new": "new is not part of Metal (1.5.4)",
    "delete": "delete is not part of Metal (1.5.4)",
    "throw": "exceptions are not part of Metal (1.5.4)",
    "try": "exceptions are not part of Metal (1.5.4)",
    "catch": "exceptions are not part of Metal (1.5.4)",
    "virtual": "virtual functions are not part of Metal (1.5.4)",
    "dynamic_cast": "dynamic_cast is not part of Metal (1.5.4)",
    "typeid": "typeid is not part of Metal (1.5.4)",
    "thread_local": "thread_local is not part of Metal (1.5.4)",
    "register": "register is not part of Metal (1.5.4)",
    "double": "Metal has no double",
    "__global": "OpenCL word; Metal says device",
    "__local": "OpenCL word; Metal says threadgroup",
    "__private": "OpenCL word; Metal says thread",
    "__constant": "OpenCL word; Metal says constant",
    "__kernel": "OpenCL word; Metal says kernel",
    "__generic": "Metal has no generic address space",
    "addrspace_cast": "OpenCL word; Metal cannot cast between address spaces",
    "get_global_id": "OpenCL function; Metal passes positions as parameters",
}
_SPACES = ("device", "constant", "threadgroup", "thread", "ray_data", "object_data", "threadgroup_imageblock")


@functools.cache
def library_words() -> frozenset[str]:
    """Every word of the stand-in's headers, thus every function name of Metal's library."""
    files = (Path(__file__).parent / "include").rglob("*")
    return frozenset(re.findall(r"\w+", " ".join(p.read_text() for p in files if p.is_file())))


@dataclass(frozen=True)
class Problem:
    line: int
    column: int
    message: str


def lint(source: Source) -> list[Problem]:
    problems: list[Problem] = []
    for kernel in source.kernels:
        _kernel(kernel, problems)
    _words(source, problems)
    _pointers(source, problems)
    _recursion(source, problems)
    return sorted(problems, key=lambda p: (p.line, p.column))


def _kernel(kernel: Kernel, problems: list[Problem]) -> None:
    def report(at: Kernel | Parameter, message: str) -> None:
        problems.append(Problem(at.line, at.column, message))

    if kernel.template and not kernel.instances:
        report(
            kernel,
            f"template kernel '{kernel.name}' has no explicit instantiation that can be read, so nothing checks it",
        )
    if kernel.returns != "void":
        report(kernel, f"kernel '{kernel.name}' must return void, not '{kernel.returns}'")
    seen: dict[str, str] = {}
    dimensions: dict[int, str] = {}
    for p in kernel.parameters:
        if p.type == "void" and not p.name:
            continue
        place = f"parameter '{p.name}' of kernel '{kernel.name}'"
        known = [a for a in p.attributes if a.name in POSITIONS or a.name in INDICES or a.name in _OTHER]
        for a in p.attributes:
            if a not in known:
                problems.append(Problem(a.line, a.column, f"{place}: unknown attribute [[{a.name}]]"))
        used = [a for a in known if a.name != "maybe_unused"]
        if len(used) > 1:
            report(p, f"{place} has {len(used)} attributes that exclude each other")
            continue
        if not used:
            if any(a not in known for a in p.attributes):
                continue
            if p.space == "threadgroup":
                report(p, f"{place} needs [[threadgroup(n)]]")
            elif p.indirect:
                report(p, f"{place} needs [[buffer(n)]]")
            else:
                report(
                    p,
                    f"{place} is passed by value and needs an attribute such as [[thread_position_in_grid]]",
                )
            continue
        a = used[0]
        if a.name in ("buffer", "threadgroup"):
            _slot(p, a, place, seen, problems)
            continue
        if a.argument:
            report(p, f"{place}: [[{a.name}]] takes no argument")
        if a.name in seen:
            report(p, f"{place}: [[{a.name}]] is already parameter '{seen[a.name]}'")
        seen[a.name] = p.name
        m = re.fullmatch(r"(?:const )?(ushort|uint|uint16_t|uint32_t)([23]?)(?: const)?", p.type)
        if not m:
            allowed = (
                "ushort, uint or a vector of 2 or 3 of them" if a.name in POSITIONS else "ushort or uint"
            )
            report(p, f"{place}: [[{a.name}]] must be {allowed}, not '{p.type}'")
        elif a.name in INDICES and m.group(2):
            report(p, f"{place}: [[{a.name}]] is a single number, not '{p.type}'")
        elif a.name in POSITIONS:
            size = int(m.group(2) or 1)
            dimensions.setdefault(size, f"'{p.name}' ({p.type})")
            if len(dimensions) > 1:
                first = next(iter(dimensions.values()))
                report(
                    p,
                    f"{place} has {size} dimension(s) ({p.type}), but {first} differs: positions must agree",
                )
                dimensions.pop(size)


def _slot(p: Parameter, a, place: str, seen: dict[str, str], problems: list[Problem]) -> None:
    def report(message: str) -> None:
        problems.append(Problem(a.line, a.column, message))

    if not re.fullmatch(r"\d+", a.argument):
        if not re.fullmatch(r"[A-Za-z_]\w*", a.argument):
            report(f"{place}: [[{a.name}]] needs a number")
        return
    number = int(a.argument)
    if number >= MAX_BUFFERS:
        report(f"{place}: {a.name} index {number} is past {MAX_BUFFERS - 1}, the last one")
    key = f"{a.name}({number})"
    if key in seen:
        report(f"{place}: [[{key}]] is already parameter '{seen[key]}'")
    seen[key] = p.name
    if not p.indirect:
        report(f"{place}: [[{a.name}]] belongs to a pointer or reference, not to a value of type '{p.type}'")
    elif a.name == "buffer" and p.space not in ("device", "constant"):
        report(f"{place}: [[buffer]] must be in device or constant memory, not '{p.space or 'none'}'")
    elif a.name == "threadgroup" and p.space != "threadgroup":
        report(f"{place}: [[threadgroup]] must point to threadgroup memory, not '{p.space or 'none'}'")


def _words(source: Source, problems: list[Problem]) -> None:
    tokens = source.tokens
    includes = any(
        t.kind == "directive" and re.match(r"\s*#\s*include\s*<(metal_|simd/)", t.text) for t in tokens
    )
    metal = next((t for t in tokens if t.kind == "word" and t.text == "metal"), None)
    if metal and not includes:
        problems.append(
            Problem(metal.line, metal.column, "namespace metal is used without #include <metal_stdlib>")
        )
    for i, t in enumerate(tokens):
        before = tokens[i - 1].text if i else ""
        if t.kind == "word" and t.text in _FORBIDDEN and not (t.text == "delete" and before == "="):
            problems.append(Problem(t.line, t.column, _FORBIDDEN[t.text]))
        if t.text == "long" and before == "long":
            problems.append(Problem(t.line, t.column, "Metal has no long long: long has 64 bits"))
        if t.kind == "string" and t.text.startswith('"') and not _in_attribute(source, i):
            problems.append(Problem(t.line, t.column, "string literals are not part of Metal kernels"))
        if t.kind == "number" and re.fullmatch(r"[\d.]+(?:[eE][+-]?\d+)?[lL]", t.text) and "." in t.text:
            problems.append(Problem(t.line, t.column, f"{t.text}: Metal has no long double"))
        # `(float4)(a, b, c, d)` is the comma expression `float4(d)` in Metal: write `float4(a, b, c, d)`.
        if (
            t.text == "("
            and i + 2 < len(tokens)
            and tokens[i + 2].text == ")"
            and _VECTOR.fullmatch(tokens[i + 1].text)
        ):
            after = tokens[i + 3] if i + 3 < len(tokens) else None
            called = before and (
                tokens[i - 1].kind == "word" and before not in ("return", "case", "else", "sizeof")
            )
            if (
                after
                and not called
                and before != ">"
                and (after.kind in ("word", "number") or after.text == "(")
            ):
                problems.append(
                    Problem(
                        t.line,
                        t.column,
                        f"C-style cast to {tokens[i + 1].text}: write {tokens[i + 1].text}(...)",
                    )
                )


def _in_attribute(source: Source, i: int) -> bool:
    return (
        i >= 3
        and source.tokens[i - 1].text == "("
        and source.tokens[i - 2].text in ("host_name", "user", "assert")
    )


def _pointers(source: Source, problems: list[Problem]) -> None:
    """Every pointer and reference names its address space (4); clang would take a bare one as generic."""
    tokens = source.tokens
    structs = {tokens[i + 1].text for i in range(len(tokens) - 1) if tokens[i].text in ("struct", "class")}
    i = 0
    while i < len(tokens):
        t = tokens[i]
        if t.kind != "word" or not (
            t.text in _SCALARS or _VECTOR.fullmatch(t.text) or t.text in structs or t.text == "void"
        ):
            i += 1
            continue
        j = i + 1
        words = []
        while (
            j < len(tokens)
            and tokens[j].kind == "word"
            and (tokens[j].text in _SPACES or tokens[j].text in ("const", "volatile"))
        ):
            words.append(tokens[j].text)
            j += 1
        if j < len(tokens) and tokens[j].text in ("*", "&", "&&") and tokens[j].kind == "punct":
            k = i - 1
            while (
                k >= 0
                and tokens[k].kind == "word"
                and (
                    tokens[k].text in _SPACES
                    or tokens[k].text in ("const", "volatile", "static", "constexpr", "coherent", "struct")
                )
            ):
                words.append(tokens[k].text)
                k -= 1
            qualified = k >= 0 and tokens[k].text in (".", "->", "::")
            follows = tokens[j + 1] if j + 1 < len(tokens) else None
            declares = follows is not None and (
                follows.kind == "word" or follows.text in (")", ",", "*", "&", ">")
            )
            if declares and not qualified and not any(w in _SPACES for w in words):
                kind = "pointer" if tokens[j].text == "*" else "reference"
                problems.append(
                    Problem(
                        t.line,
                        t.column,
                        f"{kind} to '{t.text}' needs an address space: device, constant, threadgroup or thread",
                    )
                )
        i = j if j > i + 1 else i + 1


def _recursion(source: Source, problems: list[Problem]) -> None:
    """No function may call itself, directly or through others (1.5.4). Overloaded names are left alone,
    those of Metal's library too."""
    tokens = source.tokens
    bodies: dict[str, list[tuple[int, int]]] = {}
    for name, begin in function_bodies(tokens):
        bodies.setdefault(tokens[name].text, []).append((name, begin))
    calls: dict[str, set[str]] = {}
    for name, places in bodies.items():
        if len(places) == 1 and name not in library_words():
            begin = places[0][1]
            end = min(matching(tokens, begin), len(tokens) - 1)
            calls[name] = {
                tokens[i].text
                for i in range(begin, end)
                if tokens[i].kind == "word" and tokens[i + 1].text == "("
            } & set(bodies)
    for name in calls:
        reached: set[str] = set()
        front = set(calls[name])
        while front:
            reached |= front
            front = set().union(*(calls.get(f, set()) for f in front)) - reached
        if name in reached:
            at = tokens[bodies[name][0][0]]
            problems.append(
                Problem(at.line, at.column, f"function '{name}' calls itself; Metal has no recursion (1.5.4)")
            )
