# SPDX-License-Identifier: MIT
"""Checks Metal Shading Language text strictly and runs it on the CPU, with clang and no Mac.

    from msl import standin  # with tests/ on sys.path

    problems = standin.check(source)                    # [] when the text is clean
    library = standin.compile_many({"k": source})
    library["k"].run([x, y, 2.0], grid=1000, threads=64)  # arrays are updated in place

The text is compiled as C++ for OpenCL against our own metal_stdlib (include/), and executed by a fiber runtime
(runtime/). README.md says what that proves and what it does not.
"""

from __future__ import annotations

import ctypes
import hashlib
import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .launch import CompiledKernel, KernelError, Library, runtime
from .lint import INDICES, POSITIONS, library_words, lint
from .rewrite import parse
from .syntax import Kernel, Source, function_bodies
from .toolchain import (
    LANGUAGE,
    PLAIN,
    SANITIZED,
    StandInError,
    cache,
    clang,
    content_hash,
    harden,
    header,
    install,
    machine_flags,
    run,
)

__all__ = [
    "CompiledKernel",
    "Diagnostic",
    "KernelError",
    "Library",
    "StandInError",
    "check",
    "check_many",
    "compile",
    "compile_many",
]


@dataclass(frozen=True)
class Diagnostic:
    line: int
    column: int
    severity: str  # "error" or "warning"
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.severity}: {self.message}"


# ---- check -------------------------------------------------------------------------------------------------
_MESSAGE = re.compile(
    r"^(?P<file>.*?):(?P<line>\d+):(?P<column>\d+): (?P<severity>fatal error|error|warning|note): (?P<text>.*)$"
)


_SPELLINGS = [
    (re.compile(r"\bmsl_k\d+(?:_|::)"), ""), (re.compile(r"\b__global\b"), "device"), (re.compile(r"\b__local\b"), "threadgroup"),
    (re.compile(r"\b__private\b ?"), ""), (re.compile(r"\b__constant\b"), "constant"), (re.compile(r"\bmsl_(?=atomic|memory|name)(?:name_)?"), ""),
]  # fmt: skip


def _in_metal(text: str) -> str:
    """A message of clang in Metal's words."""
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text


def _diagnostics(output: str, names: Mapping[str, Source]) -> dict[str, list[Diagnostic]]:
    """Clang's messages by source name. A message inside our headers moves to the user's line that caused it."""
    found: dict[str, list[Diagnostic]] = {}
    pending: tuple[str, str] | None = None
    for line in output.splitlines():
        m = _MESSAGE.match(line)
        if not m:
            continue
        name, severity, text = m["file"], m["severity"].replace("fatal ", ""), _in_metal(m["text"])
        if severity in ("error", "warning"):
            if pending:
                found.setdefault("", []).append(Diagnostic(0, 0, *pending))
            pending = None
            if name not in names:
                pending = (severity, text)
                continue
        elif pending and name in names:
            severity, text = pending
            pending = None
        else:
            continue
        row = int(m["line"])
        column = names[name].original_column(row, int(m["column"]))
        found.setdefault(name, []).append(Diagnostic(row, column, severity, text))
    if pending:
        found.setdefault("", []).append(Diagnostic(0, 0, *pending))
    return found


def check(source: str) -> list[Diagnostic]:
    """Errors in one Metal source, from clang and from the rules of lint.py; empty when it is clean."""
    parsed = parse(source)
    problems = [Diagnostic(p.line, p.column, "error", p.message) for p in lint(parsed)]
    return sorted(problems + _compile_check({"k0": parsed})["k0"], key=lambda d: (d.line, d.column))


def check_many(
    sources: Sequence[str] | Mapping[str, str],
) -> list[list[Diagnostic]] | dict[str, list[Diagnostic]]:
    """check() for many sources in one clang process (a few more when some of them are wrong)."""
    items = dict(sources) if isinstance(sources, Mapping) else dict(enumerate(sources))
    parsed = {key: parse(text) for key, text in items.items()}
    results = {
        key: [Diagnostic(p.line, p.column, "error", p.message) for p in lint(source)]
        for key, source in parsed.items()
    }
    for at in range(0, len(parsed), 50):
        keys = list(parsed)[at : at + 50]
        names = {f"k{i}": parsed[key] for i, key in enumerate(keys)}
        together = {name: source for name, source in names.items() if not _hides(source)}
        found = _compile_check(together) if together else {}
        for name in names.keys() - together.keys():
            found |= _compile_check({name: names[name]})
        for i, key in enumerate(keys):
            results[key] = sorted(results[key] + found[f"k{i}"], key=lambda d: (d.line, d.column))
    return results if isinstance(sources, Mapping) else [results[i] for i in range(len(items))]


def _compile_check(names: dict[str, Source]) -> dict[str, list[Diagnostic]]:
    if len(names) == 1:  # at global scope, as Metal compiles it
        ((name, source),) = names.items()
        text = f'#line 1 "{name}"\n{source.rewritten()}\n'
    else:
        text = "".join(_unit(name, source, entries=False) for name, source in names.items())
    command = [
        clang(),
        *LANGUAGE,
        *PLAIN,
        *machine_flags(),
        "-O1",
        "-include-pch",
        str(header(False)),
        "-fsyntax-only",
        "-",
    ]
    result = run(command, text)
    found = _diagnostics(result.stderr, names)
    stray = found.pop("", [])
    bad = {name for name, list_ in found.items() if any(d.severity == "error" for d in list_)}
    if result.returncode and len(names) > 1:
        # One broken source can spoil those after it: look at each from the first bad one on by itself.
        order = list(names)
        first = min((order.index(n) for n in bad), default=0)
        checked = {name: [] for name in order[:first]}
        for name in order[first:]:
            checked |= _compile_check({name: names[name]})
        return checked
    if result.returncode and not bad:
        name = next(iter(names))
        found.setdefault(name, []).extend(
            stray or [Diagnostic(1, 1, "error", result.stderr.strip() or "clang failed")]
        )
    return {name: [d for d in found.get(name, []) if d.severity == "error"] for name in names}


# ---- one compilation unit of many sources --------------------------------------------------------------------
def _unit(name: str, source: Source, entries: bool) -> str:
    """The source in a namespace of its own; kernels have C linkage in OpenCL, so they are renamed."""
    kernels = {k.name for k in source.kernels if k.offset < 0}  # instantiations, named in generated text
    prefix = f"msl_{name}_"
    lines = [f"#define {k} {prefix}{k}" for k in sorted(kernels)]
    lines += [
        f"namespace msl_{name} {{",
        f'#line 1 "{name}"',
        source.rewritten(prefix),
        f'#line 1 "{name}-entries"',
    ]
    if entries:
        lines += [
            _entry(name, number, kernel)
            for number, kernel in enumerate(source.kernels)
            if not kernel.template
        ]
    lines += ["}"]
    lines += [f"#undef {d}" for d in {*source.defines, *kernels}]
    return "\n".join(lines) + "\n"


def _callee(name: str, kernel: Kernel) -> str:
    return kernel.name if kernel.offset < 0 else f"msl_{name}_{kernel.name}"


def _hides(source: Source) -> bool:
    """Whether a namespace could hide a clash between a function of the source and one of Metal's."""
    return any(source.tokens[name].text in library_words() for name, _ in function_bodies(source.tokens))


_COMPONENTS = {1: "{t}(n[{i}])", 2: "{t}2(n[{i}], n[{i} + 1])", 3: "{t}3(n[{i}], n[{i} + 1], n[{i} + 2])"}


def _entry(name: str, number: int, kernel: Kernel) -> str:
    """The function that the runtime calls for each thread: `a` are the buffers, `n` the thread's numbers."""
    arguments = []
    slot = 0
    for p in kernel.parameters:
        attribute = next((a for a in p.attributes if a.name in POSITIONS or a.name in INDICES), None)
        if attribute:
            m = re.search(r"(ushort|uint)(?:16_t|32_t)?([23]?)", p.type.replace("uint16_t", "ushort"))
            if not m:
                raise StandInError(f"parameter '{p.name}': unexpected type '{p.type}'")
            index = (POSITIONS | INDICES)[attribute.name]
            arguments.append(_COMPONENTS[int(m.group(2) or 1)].format(t=m.group(1), i=index))
            continue
        if not p.indirect:
            raise StandInError(f"parameter '{p.name}' of kernel '{kernel.name}' has no attribute")
        pointer = p.type if p.indirect == "*" else p.type.rstrip("& ") + " *"
        value = f"({pointer})(ulong)a[{slot}]"
        arguments.append(value if p.indirect == "*" else f"*({value})")
        slot += 1
    return (
        f'extern "C" void msl_entry_{name}_{number}(__private void *__private const *a, __private const uint *n) '
        f"{{ {kernel.scope}{_callee(name, kernel)}({', '.join(arguments)}); }}"
    )


def compile_many(
    sources: Mapping[str, str],
    *,
    sanitize: bool = False,
    constants: Mapping[str, Mapping[str | int, object]] | None = None,
) -> Library:
    """Compiles sources, some 50 to a clang process, into shared objects; a cached result costs milliseconds.

    constants: for each source the values of its function constants, by name or index; the rest is undefined.
    sanitize: signed overflow and array indices out of bounds raise KernelError (default: overflow wraps).
    Raises StandInError with the diagnostics when a source does not pass check().
    """
    parsed = {key: _specialised(text, (constants or {}).get(key, {})) for key, text in sources.items()}
    kernels: dict[str, list[CompiledKernel]] = {}
    keys = list(parsed)
    for at in range(0, len(keys), 50):
        part = keys[at : at + 50]
        library = _shared_object({f"k{i}": parsed[key] for i, key in enumerate(part)}, part, sanitize)
        for i, key in enumerate(part):
            kernels[key] = [
                CompiledKernel(library, f"k{i}", number, kernel)
                for number, kernel in enumerate(parsed[key].kernels)
                if not kernel.template
            ]
    return Library(kernels)


def compile(
    source: str, *, sanitize: bool = False, constants: Mapping[str | int, object] | None = None
) -> CompiledKernel:
    """The only (or first) kernel of one source."""
    return compile_many({"source": source}, sanitize=sanitize, constants={"source": constants or {}})[
        "source"
    ]


def shared_object(
    source: str, constants: Mapping[str | int, object] | None = None
) -> tuple[Path, list[CompiledKernel]]:
    """The shared object of one source, for programs that call runtime/dispatch.h themselves, and its kernels."""
    parsed = _specialised(source, constants or {})
    library = _shared_object({"k0": parsed}, ["source"], False)
    return Path(library._name), [
        CompiledKernel(library, "k0", number, kernel)
        for number, kernel in enumerate(parsed.kernels)
        if not kernel.template
    ]


def _specialised(text: str, values: Mapping[str | int, object]) -> Source:
    source = parse(text)
    if not values:
        return source
    spelled = {}
    for key, value in values.items():
        c = next((c for c in source.constants if key == c.name or str(key) == c.index), None)
        if c is None:
            raise StandInError(
                f"no function constant {key!r}; there are {[c.name for c in source.constants]}"
            )
        parts = np.atleast_1d(value).tolist()
        spelled[c.name] = ", ".join(_literal(v) for v in parts)
    return parse(text, spelled)


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"inf": "INFINITY", "-inf": "-INFINITY", "nan": "NAN"}.get(repr(value), f"{value.hex()}f")
    return repr(value)


def _shared_object(names: dict[str, Source], keys: Sequence[str], sanitize: bool) -> ctypes.CDLL:
    runtime()
    text = "".join(_unit(name, source, entries=True) for name, source in names.items())
    digest = hashlib.sha256(f"{content_hash('include', 'driver')} {sanitize}\n{text}".encode()).hexdigest()[
        :32
    ]
    final = cache() / f"{digest}.so"
    if not final.exists():
        problems = []
        for source, key in zip(names.values(), keys, strict=True):
            problems += [f"{key}:{Diagnostic(p.line, p.column, 'error', p.message)}" for p in lint(source)]
        mode = SANITIZED if sanitize else PLAIN
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            ir, made = Path(folder) / "k.ll", Path(folder) / "k.so"
            command = [clang(), *LANGUAGE, *mode, *machine_flags(), "-O1", "-Xclang", "-disable-llvm-passes"]
            command += ["-include-pch", str(header(sanitize)), "-S", "-emit-llvm", "-o", str(ir), "-"]
            result = run(command, text)
            if result.returncode:
                found = _diagnostics(result.stderr, names)
                for name, key in zip(names, keys, strict=True):
                    problems += [f"{key}:{d}" for d in found.get(name, []) if d.severity == "error"]
                problems += [str(d) for d in found.get("", [])]
                raise StandInError("\n".join(problems or [result.stderr]))
            if problems:
                raise StandInError("\n".join(problems))
            ir.write_text(harden(ir.read_text()))
            linker = ["-fuse-ld=lld"] if shutil.which("ld.lld-22") or shutil.which("ld.lld") else []
            result = run(
                [
                    clang(),
                    "-O1",
                    "-fPIC",
                    "-Wno-override-module",
                    "-shared",
                    *linker,
                    str(ir),
                    "-o",
                    str(made),
                ]
            )
            if result.returncode:
                raise StandInError(f"code generation failed:\n{result.stderr}")
            install(made, final)
    return ctypes.CDLL(str(final))
