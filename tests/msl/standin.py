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
import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .lint import INDICES, POSITIONS, lint
from .syntax import Kernel, Parameter, Source, parse

HERE = Path(__file__).resolve().parent
SIMD_WIDTH = 32
MAX_THREADS = 1024
MAX_THREADGROUP_BYTES = 32768


class StandInError(Exception):
    """The text does not compile, or the stand-in cannot run it; the message carries clang's output."""


class KernelError(Exception):
    """A kernel did something that no Metal kernel may do: message with thread, buffer, offset or barrier line."""


@dataclass(frozen=True)
class Diagnostic:
    line: int
    column: int
    severity: str  # "error" or "warning"
    message: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column}: {self.severity}: {self.message}"


# ---- clang -------------------------------------------------------------------------------------------------
_EXTENSIONS = (
    "+cl_khr_fp16,-cl_khr_fp64,-__opencl_c_fp64,-__opencl_c_device_enqueue,"
    "-__opencl_c_program_scope_global_variables,+__cl_clang_non_portable_kernel_param_types"
)
_LANGUAGE = [
    "-x", "clcpp", "-cl-std=clc++2021", "-Xclang", f"-cl-ext={_EXTENSIONS}", "-cl-no-stdinc",
    "-cl-single-precision-constant", "-ffp-contract=off", "-fdeclspec", "-fno-strict-aliasing",
    "-ftrivial-auto-var-init=pattern", "-fPIC", "-I", str(HERE / "include"),
    "-Wno-unknown-attributes", "-Wno-unknown-pragmas",
    # What Metal would compile but no one means.
    "-Werror=return-type", "-Werror=uninitialized", "-Werror=sometimes-uninitialized", "-Werror=unused-value",
    "-Werror=array-bounds", "-Werror=literal-range", "-Werror=constant-conversion", "-Werror=infinite-recursion",
    "-Werror=literal-conversion", "-Werror=shift-count-overflow", "-Werror=shift-count-negative",
    "-ferror-limit=0", "-fno-caret-diagnostics", "-fno-color-diagnostics",
]  # fmt: skip
# Default: signed overflow wraps. Sanitised: it traps, as do array indices out of bounds.
_PLAIN = ["-fwrapv"]
_SANITIZED = ["-fsanitize=signed-integer-overflow,bounds", "-fsanitize-trap=all"]


@functools.cache
def clang(name: str = "clang") -> str:
    """The path of clang 22 (override with ENIGMA_CLANG, for clang++ with ENIGMA_CLANGXX)."""
    variable = "ENIGMA_CLANG" if name == "clang" else "ENIGMA_CLANGXX"
    for candidate in (os.environ.get(variable), f"{name}-22", name):
        if candidate and shutil.which(candidate):
            return candidate
    raise StandInError(f"{name}-22 not found: install clang 22 or set {variable}")


@functools.cache
def _machine_flags() -> tuple[str, ...]:
    try:
        return ("-mf16c",) if " f16c " in Path("/proc/cpuinfo").read_text() else ()
    except OSError:
        return ()


@functools.cache
def _cache() -> Path:
    """ENIGMA_MSL_CACHE, else build/msl of the project."""
    root = Path(os.environ.get("ENIGMA_MSL_CACHE") or HERE.parent.parent / "build" / "msl")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        root = Path(tempfile.gettempdir()) / f"enigma-msl-{os.getuid()}"
        root.mkdir(parents=True, exist_ok=True)
    return root


@functools.cache
def _hash(*parts: str) -> str:
    """Changes with clang, the flags and the files of these parts: "include", "runtime", "driver"."""
    h = hashlib.sha256()
    h.update(subprocess.run([clang(), "--version"], capture_output=True, check=True).stdout)
    h.update(" ".join([*_LANGUAGE, *_PLAIN, *_SANITIZED, *_machine_flags()]).encode())
    for part in parts:
        files = HERE.glob("*.py") if part == "driver" else (HERE / part).rglob("*")
        for path in sorted(files):
            if path.is_file():
                h.update(str(path.relative_to(HERE)).encode() + b"\0" + path.read_bytes())
    return h.hexdigest()[:20]


def _run(command: list[str], text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, input=text, capture_output=True, text=True)


def _install(made: Path, final: Path) -> Path:
    os.replace(made, final)
    return final


def _header(sanitize: bool) -> Path:
    """The precompiled metal_stdlib."""
    final = _cache() / f"{_hash('include')}-{'sanitized' if sanitize else 'plain'}.pch"
    if final.exists():
        return final
    with tempfile.TemporaryDirectory(dir=_cache()) as folder:
        made = Path(folder) / "all.pch"
        mode = _SANITIZED if sanitize else _PLAIN
        result = _run(
            [clang(), *_LANGUAGE, *mode, *_machine_flags(), "-O1", "-c", "-Xclang", "-emit-pch"]
            + ["-Xclang", "-fno-pch-timestamp", "-o", str(made), str(HERE / "include" / "metal_stdlib")]
        )
        if result.returncode:
            raise StandInError(f"the stand-in's own headers do not compile:\n{result.stderr}")
        return _install(made, final)


@functools.cache
def _runtime() -> ctypes.CDLL:
    final = _cache() / f"{_hash('runtime')}-runtime.so"
    if not final.exists():
        with tempfile.TemporaryDirectory(dir=_cache()) as folder:
            made = Path(folder) / "runtime.so"
            sources = sorted(str(p) for p in (HERE / "runtime").glob("*.cpp"))
            result = _run([clang("clang++"), "-std=c++20", "-O2", "-fPIC", "-shared", *sources, "-o", str(made)])
            if result.returncode:
                raise StandInError(f"the stand-in's runtime does not compile:\n{result.stderr}")
            _install(made, final)
    library = ctypes.CDLL(str(final), mode=ctypes.RTLD_GLOBAL)
    library.msl_dispatch.argtypes = [ctypes.POINTER(_Request)]
    library.msl_dispatch.restype = ctypes.c_int
    return library


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


def check_many(sources: Sequence[str] | Mapping[str, str]) -> list[list[Diagnostic]] | dict[str, list[Diagnostic]]:
    """check() for many sources in one clang process (a few more when some of them are wrong)."""
    items = dict(sources) if isinstance(sources, Mapping) else dict(enumerate(sources))
    parsed = {key: parse(text) for key, text in items.items()}
    results = {
        key: [Diagnostic(p.line, p.column, "error", p.message) for p in lint(source)] for key, source in parsed.items()
    }
    for at in range(0, len(parsed), 50):
        keys = list(parsed)[at : at + 50]
        names = {f"k{i}": parsed[key] for i, key in enumerate(keys)}
        found = _compile_check(names)
        for i, key in enumerate(keys):
            results[key] = sorted(results[key] + found[f"k{i}"], key=lambda d: (d.line, d.column))
    return results if isinstance(sources, Mapping) else [results[i] for i in range(len(items))]


def _compile_check(names: dict[str, Source]) -> dict[str, list[Diagnostic]]:
    text = "".join(_unit(name, source, entries=False) for name, source in names.items())
    command = [
        clang(),
        *_LANGUAGE,
        *_PLAIN,
        *_machine_flags(),
        "-O1",
        "-include-pch",
        str(_header(False)),
        "-fsyntax-only",
        "-",
    ]
    result = _run(command, text)
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
        found.setdefault(name, []).extend(stray or [Diagnostic(1, 1, "error", result.stderr.strip() or "clang failed")])
    return {name: [d for d in found.get(name, []) if d.severity == "error"] for name in names}


# ---- one compilation unit of many sources --------------------------------------------------------------------
def _unit(name: str, source: Source, entries: bool) -> str:
    """The source in a namespace of its own; kernels have C linkage in OpenCL, so they are renamed."""
    kernels = {k.name for k in source.kernels}
    lines = [f"#define {k} msl_{name}_{k}" for k in sorted(kernels)]
    lines += [f"namespace msl_{name} {{", f'#line 1 "{name}"', source.rewritten(), f'#line 1 "{name}-entries"']
    if entries:
        lines += [_entry(name, number, kernel) for number, kernel in enumerate(source.kernels) if not kernel.template]
    lines += ["}"]
    lines += [f"#undef {d}" for d in {*source.defines, *kernels}]
    return "\n".join(lines) + "\n"


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
        f"{{ {kernel.scope}{kernel.name}({', '.join(arguments)}); }}"
    )


# ---- the intermediate text -------------------------------------------------------------------------------------
_DIVISION = re.compile(r"^  (%[\w.]+) = ([us])(div|rem) (?:exact )?(i\d+) ([^,\n]+), ([^,\n]+)(.*)$", re.MULTILINE)
_CONVERSION = re.compile(r"^  %([\w.]+) = (fpto[us]i) (.*?) to (i\d+)(.*)$", re.MULTILINE)
_GROUP_VARIABLE = re.compile(
    r"^(@\S*msl_(k\d+)_\S*) = internal (?:unnamed_addr )?global (.*) undef, align (\d+)$", re.MULTILINE
)
_KERNEL_BODY = re.compile(r"^define [^\n]*spir_kernel void @[^\n]*\{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
_EXTERNAL = re.compile(r"^(@\S*msl_k\d+\S*) = external (?:\w+ )*constant (\S+), align (\d+)$", re.MULTILINE)


def _harden(ir: str) -> str:
    """Rewrites LLVM text so that what Metal leaves unspecified gives some value and never a trap, and so that
    threadgroup variables are memory that the optimiser knows others to write."""
    ir = _KERNEL_BODY.sub("", ir)
    count = 0

    def division(m: re.Match) -> str:
        nonlocal count
        count += 1
        result, sign, kind, t, a, b, rest = m.groups()
        v = f"%msl.{count}"
        # x / 0 and x % 0 are unspecified in Metal: a marked value. INT_MIN / -1 wraps.
        marked = str(0x5A5A5A5A5A5A5A5A & ((1 << int(t[1:]) - 1) - 1))
        lines = [f"  {v}.z = icmp eq {t} {b}, 0"]
        guard = f"{v}.z"
        if sign == "s":
            lines += [f"  {v}.m = icmp eq {t} {b}, -1", f"  {v}.g = or i1 {v}.z, {v}.m"]
            guard = f"{v}.g"
        lines += [f"  {v}.d = select i1 {guard}, {t} 1, {t} {b}", f"  {v}.q = {sign}{kind} {t} {a}, {v}.d{rest}"]
        last = f"{v}.q"
        if sign == "s" and kind == "div":
            lines += [f"  {v}.n = sub {t} 0, {a}", f"  {v}.s = select i1 {v}.m, {t} {v}.n, {t} {v}.q"]
            last = f"{v}.s"
        lines += [f"  {result} = select i1 {v}.z, {t} {marked}, {t} {last}"]
        return "\n".join(lines)

    ir = _DIVISION.sub(division, ir)
    ir = _CONVERSION.sub(r"  %msl.f.\1 = \2 \3 to \4\5" "\n" r"  %\1 = freeze \4 %msl.f.\1", ir)
    groups: dict[str, int] = {}

    def variable(m: re.Match) -> str:
        groups[m[2]] = 1
        return f'{m[1]} = hidden global {m[3]} zeroinitializer, section "msl_group_{m[2]}", align {max(16, int(m[4]))}'

    ir = _GROUP_VARIABLE.sub(variable, ir)
    for k in groups:
        ir += (
            f"\n@__start_msl_group_{k} = external hidden global i8\n@__stop_msl_group_{k} = external hidden global i8\n"
            f"@msl_bounds_{k} = constant [2 x ptr] [ptr @__start_msl_group_{k}, ptr @__stop_msl_group_{k}]\n"
        )
    return ir


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
                CompiledKernel(library, f"k{i}", number, kernel, parsed[key])
                for number, kernel in enumerate(parsed[key].kernels)
                if not kernel.template
            ]
    return Library(kernels)


def compile(
    source: str, *, sanitize: bool = False, constants: Mapping[str | int, object] | None = None
) -> CompiledKernel:  # noqa: A001
    """The only (or first) kernel of one source."""
    return compile_many({"source": source}, sanitize=sanitize, constants={"source": constants or {}})["source"]


def _specialised(text: str, values: Mapping[str | int, object]) -> Source:
    source = parse(text)
    if not values:
        return source
    spelled = {}
    for key, value in values.items():
        c = next((c for c in source.constants if key == c.name or str(key) == c.index), None)
        if c is None:
            raise StandInError(f"no function constant {key!r}; there are {[c.name for c in source.constants]}")
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
    _runtime()
    text = "".join(_unit(name, source, entries=True) for name, source in names.items())
    digest = hashlib.sha256(f"{_hash('include', 'driver')} {sanitize}\n{text}".encode()).hexdigest()[:32]
    final = _cache() / f"{digest}.so"
    if not final.exists():
        problems = []
        for (name, source), key in zip(names.items(), keys, strict=True):
            problems += [f"{key}:{Diagnostic(p.line, p.column, 'error', p.message)}" for p in lint(source)]
        mode = _SANITIZED if sanitize else _PLAIN
        with tempfile.TemporaryDirectory(dir=_cache()) as folder:
            ir, made = Path(folder) / "k.ll", Path(folder) / "k.so"
            command = [clang(), *_LANGUAGE, *mode, *_machine_flags(), "-O1", "-Xclang", "-disable-llvm-passes"]
            command += ["-include-pch", str(_header(sanitize)), "-S", "-emit-llvm", "-o", str(ir), "-"]
            result = _run(command, text)
            if result.returncode:
                found = _diagnostics(result.stderr, names)
                for name, key in zip(names, keys, strict=True):
                    problems += [f"{key}:{d}" for d in found.get(name, []) if d.severity == "error"]
                problems += [str(d) for d in found.get("", [])]
                raise StandInError("\n".join(problems or [result.stderr]))
            if problems:
                raise StandInError("\n".join(problems))
            ir.write_text(_harden(ir.read_text()))
            linker = ["-fuse-ld=lld"] if shutil.which("ld.lld-22") or shutil.which("ld.lld") else []
            result = _run(
                [clang(), "-O1", "-fPIC", "-Wno-override-module", "-shared", *linker, str(ir), "-o", str(made)]
            )
            if result.returncode:
                raise StandInError(f"code generation failed:\n{result.stderr}")
            _install(made, final)
    return ctypes.CDLL(str(final))


# ---- running ---------------------------------------------------------------------------------------------------
class _Buffer(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("bytes", ctypes.c_uint64),
        ("slot", ctypes.c_uint32),
        ("index", ctypes.c_uint32),
        ("writable", ctypes.c_uint32),
        ("threadgroup", ctypes.c_uint32),
        ("alias", ctypes.c_uint32),  # 1 + the entry whose memory this one shares, 0 for none
    ]


class _Request(ctypes.Structure):
    _fields_ = [
        ("entry", ctypes.c_void_p),
        ("grid", ctypes.c_uint32 * 3),
        ("threads", ctypes.c_uint32 * 3),
        ("buffers", ctypes.POINTER(_Buffer)),
        ("bufferCount", ctypes.c_uint32),
        ("reverse", ctypes.c_uint32),
        ("groupMemory", ctypes.c_void_p),
        ("groupBytes", ctypes.c_uint64),
        ("timeout", ctypes.c_double),
        ("error", ctypes.c_char_p),
        ("errorBytes", ctypes.c_uint32),
    ]


_ELEMENTS = {
    "bool": ("bool", "uint8"), "char": ("int8",), "uchar": ("uint8",), "int8_t": ("int8",), "uint8_t": ("uint8",),
    "short": ("int16",), "ushort": ("uint16",), "int16_t": ("int16",), "uint16_t": ("uint16",),
    "int": ("int32",), "uint": ("uint32",), "int32_t": ("int32",), "uint32_t": ("uint32",),
    "long": ("int64",), "ulong": ("uint64",), "int64_t": ("int64",), "uint64_t": ("uint64",), "size_t": ("uint64",),
    "half": ("float16",), "bfloat": ("bfloat16", "uint16"), "float": ("float32",),
    "atomic_int": ("int32",), "atomic_uint": ("uint32",), "atomic_float": ("float32",), "atomic_bool": ("bool", "uint8"),
    "atomic_ulong": ("uint64",),
}  # fmt: skip


def _element(pointee: str) -> str | None:
    """The scalar type behind `packed_float3`, `uint2`, `half`; None for a type of the user's own."""
    m = re.fullmatch(r"(?:packed_)?([a-z]+?)[234]?(?:x[234])?", pointee)
    name = pointee if pointee in _ELEMENTS else m.group(1) if m else None
    return name if name in _ELEMENTS else None


def _bfloat16() -> np.dtype:
    import ml_dtypes

    return np.dtype(ml_dtypes.bfloat16)


def _as_array(value: object, parameter: Parameter) -> np.ndarray:
    """The bytes for one buffer; a scalar takes the declared type."""
    name = f"buffer '{parameter.name}'"
    element = _element(parameter.pointee)
    if isinstance(value, np.ndarray):
        if not value.flags.c_contiguous:
            raise ValueError(f"{name}: the array must be C-contiguous")
        if element and value.dtype.kind != "V" and value.dtype.name not in _ELEMENTS[element]:
            raise TypeError(f"{name}: declared '{parameter.type}', got an array of {value.dtype}")
        if parameter.writable and not value.flags.writeable:
            raise ValueError(f"{name}: the kernel may write it, but the array is read-only")
        return value
    if isinstance(value, (bytes, bytearray)):
        return np.frombuffer(bytes(value), np.uint8)
    if element is None:
        raise TypeError(
            f"{name}: pass bytes or an array for the type '{parameter.pointee}', not {type(value).__name__}"
        )
    if parameter.writable:
        raise TypeError(f"{name}: the kernel may write it: pass an array, not a number")
    dtype = _bfloat16() if element == "bfloat" else np.dtype(_ELEMENTS[element][0])
    array = np.array(value, dtype)
    if dtype.kind in "iu" and int(array) != int(value):  # type: ignore[arg-type]
        raise ValueError(f"{name}: {value} does not fit {element}")
    return array.reshape(1)


def _triple(value: int | Sequence[int], name: str) -> tuple[int, int, int]:
    parts = (int(value),) if isinstance(value, (int, np.integer)) else tuple(int(v) for v in value)
    parts += (1,) * (3 - len(parts))
    if len(parts) != 3 or min(parts) < 1 or max(parts) >= 1 << 32:
        raise ValueError(f"{name} needs one to three positive sizes, got {value!r}")
    return parts


class CompiledKernel:
    """A kernel that can run. `buffers` lists its [[buffer(n)]] parameters by n."""

    def __init__(self, library: ctypes.CDLL, unit: str, number: int, kernel: Kernel, source: Source) -> None:
        self.name = kernel.name
        self.kernel = kernel
        self._source = source
        self._entry = ctypes.cast(getattr(library, f"msl_entry_{unit}_{number}"), ctypes.c_void_p).value
        indirect = [p for p in kernel.parameters if p.indirect]
        self._slots = {p.name: i for i, p in enumerate(indirect)}
        self.buffers = sorted(
            (p for p in indirect if p.attribute("buffer")), key=lambda p: int(p.attribute("buffer").argument)
        )
        self.groups = sorted(
            (p for p in indirect if p.attribute("threadgroup")), key=lambda p: int(p.attribute("threadgroup").argument)
        )
        try:
            begin, end = (ctypes.c_size_t * 2).in_dll(library, f"msl_bounds_{unit}")
            self._group_memory = (begin, end - begin)
        except ValueError:
            self._group_memory = (0, 0)

    def run(
        self,
        buffers: Sequence[object] | Mapping[int, object],
        grid: int | Sequence[int],
        threads: int | Sequence[int],
        *,
        threadgroup_bytes: int | Sequence[int] | Mapping[int, int] = (),
        timeout: float = 20.0,
        reverse: bool = False,
    ) -> None:
        """Runs the kernel as dispatchThreads(grid, threads) does; arrays of writable buffers change in place.

        buffers: arrays, bytes or numbers in the order of [[buffer(n)]], or a mapping from n. A number takes the
            declared type. The same array may be given twice: both parameters then see the same memory.
        grid, threads: threads in the grid and in a threadgroup, one to three sizes.
        threadgroup_bytes: sizes for [[threadgroup(n)]] parameters, in order or by n.
        reverse: run the threads of a group last to first, to uncover races.
        Raises KernelError for what no kernel may do (out of bounds, divergent barrier, trap, time-out); then no
        array has changed.
        """
        grid3, threads3 = _triple(grid, "grid"), _triple(threads, "threads")
        if np.prod(threads3) > MAX_THREADS:
            raise ValueError(f"{np.prod(threads3)} threads per threadgroup, at most {MAX_THREADS} are possible")
        numbers = [int(p.attribute("buffer").argument) for p in self.buffers]
        given = dict(buffers) if isinstance(buffers, Mapping) else dict(zip(numbers, buffers, strict=False))
        if set(given) != set(numbers) or len(buffers) != len(numbers):
            raise TypeError(f"kernel '{self.name}' has buffers {numbers}, got {len(buffers)}: {sorted(given)}")
        entries, keep = [], []
        for p, n in zip(self.buffers, numbers, strict=True):
            array = _as_array(given[n], p)
            alias = 0
            for other, (earlier, q) in enumerate(keep):
                if earlier.ctypes.data == array.ctypes.data and earlier.nbytes == array.nbytes and array.nbytes:
                    alias = alias or other + 1
                elif (p.writable or q.writable) and np.may_share_memory(earlier, array):
                    raise ValueError(f"buffers '{q.name}' and '{p.name}' overlap without being the same array")
            keep.append((array, p))
            entries.append(_Buffer(array.ctypes.data, array.nbytes, self._slots[p.name], n, p.writable, 0, alias))
            if alias and p.writable:
                entries[alias - 1].writable = 1
        sizes = [threadgroup_bytes] if isinstance(threadgroup_bytes, int) else threadgroup_bytes
        for i, p in enumerate(self.groups):
            n = int(p.attribute("threadgroup").argument)
            size = sizes.get(n) if isinstance(sizes, Mapping) else sizes[i] if i < len(sizes) else None
            if size is None:
                raise TypeError(f"threadgroup_bytes: no size for [[threadgroup({n})]] '{p.name}'")
            entries.append(_Buffer(None, size, self._slots[p.name], n, 0, 1, 0))
        total = self._group_memory[1] + sum(e.bytes for e in entries if e.threadgroup)
        if total > MAX_THREADGROUP_BYTES:
            raise ValueError(f"{total} bytes of threadgroup memory, at most {MAX_THREADGROUP_BYTES} are possible")
        message = ctypes.create_string_buffer(2048)
        table = (_Buffer * max(1, len(entries)))(*entries)
        request = _Request(
            self._entry, (ctypes.c_uint32 * 3)(*grid3), (ctypes.c_uint32 * 3)(*threads3), table, len(entries), reverse,
            self._group_memory[0], self._group_memory[1], timeout, ctypes.cast(message, ctypes.c_char_p), len(message),
        )  # fmt: skip
        if _runtime().msl_dispatch(ctypes.byref(request)):
            raise KernelError(f"kernel '{self.name}': {message.value.decode(errors='replace')}")


class Library(Mapping):
    """Compiled kernels: `library[key]` is the first kernel of that source, `library[key, name]` a named one."""

    def __init__(self, kernels: dict[str, list[CompiledKernel]]) -> None:
        self._kernels = kernels

    def __getitem__(self, key):  # noqa: ANN001, ANN204
        if isinstance(key, tuple):
            source, name = key
            for kernel in self._kernels[source]:
                if kernel.name == name:
                    return kernel
            raise KeyError(f"source {source!r} has kernels {[k.name for k in self._kernels[source]]}, not {name!r}")
        if not self._kernels[key]:
            raise KeyError(f"source {key!r} has no kernel")
        return self._kernels[key][0]

    def __iter__(self):  # noqa: ANN204
        return iter(self._kernels)

    def __len__(self) -> int:
        return len(self._kernels)
