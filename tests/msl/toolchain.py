# SPDX-License-Identifier: MIT
"""Clang and its artefacts: flags, the precompiled header, the runtime, a cache by content, hardening of LLVM text."""

from __future__ import annotations

import functools
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


class StandInError(Exception):
    """The text does not compile, or the stand-in cannot run it; the message carries clang's output."""


_EXTENSIONS = (
    "+cl_khr_fp16,-cl_khr_fp64,-__opencl_c_fp64,-__opencl_c_device_enqueue,"
    "-__opencl_c_program_scope_global_variables,+__cl_clang_non_portable_kernel_param_types"
)
LANGUAGE = [
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
PLAIN = ["-fwrapv"]
SANITIZED = ["-fsanitize=signed-integer-overflow,bounds", "-fsanitize-trap=all"]


@functools.cache
def clang(name: str = "clang") -> str:
    """The path of clang 22 (override with ENIGMA_CLANG, for clang++ with ENIGMA_CLANGXX)."""
    variable = "ENIGMA_CLANG" if name == "clang" else "ENIGMA_CLANGXX"
    for candidate in (os.environ.get(variable), f"{name}-22", name):
        if candidate and shutil.which(candidate):
            return candidate
    raise StandInError(f"{name}-22 not found: install clang 22 or set {variable}")


@functools.cache
def machine_flags() -> tuple[str, ...]:
    try:
        return ("-mf16c",) if " f16c " in Path("/proc/cpuinfo").read_text() else ()
    except OSError:
        return ()


@functools.cache
def cache() -> Path:
    """ENIGMA_MSL_CACHE, else build/msl of the project."""
    root = Path(os.environ.get("ENIGMA_MSL_CACHE") or HERE.parent.parent / "build" / "msl")
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError:
        root = Path(tempfile.gettempdir()) / f"enigma-msl-{os.getuid()}"
        root.mkdir(parents=True, exist_ok=True)
    return root


@functools.cache
def content_hash(*parts: str) -> str:
    """Changes with clang, the flags and the files of these parts: "include", "runtime", "driver"."""
    h = hashlib.sha256()
    h.update(subprocess.run([clang(), "--version"], capture_output=True, check=True).stdout)
    h.update(" ".join([*LANGUAGE, *PLAIN, *SANITIZED, *machine_flags()]).encode())
    for part in parts:
        files = HERE.glob("*.py") if part == "driver" else (HERE / part).rglob("*")
        for path in sorted(files):
            if path.is_file():
                h.update(str(path.relative_to(HERE)).encode() + b"\0" + path.read_bytes())
    return h.hexdigest()[:20]


def run(command: list[str], text: str | None = None) -> subprocess.CompletedProcess:
    return subprocess.run(command, input=text, capture_output=True, text=True)


def install(made: Path, final: Path) -> Path:
    os.replace(made, final)
    return final


def header(sanitize: bool) -> Path:
    """The precompiled metal_stdlib."""
    final = cache() / f"{content_hash('include')}-{'sanitized' if sanitize else 'plain'}.pch"
    if final.exists():
        return final
    with tempfile.TemporaryDirectory(dir=cache()) as folder:
        made = Path(folder) / "all.pch"
        mode = SANITIZED if sanitize else PLAIN
        result = run(
            [clang(), *LANGUAGE, *mode, *machine_flags(), "-O1", "-c", "-Xclang", "-emit-pch"]
            + ["-Xclang", "-fno-pch-timestamp", "-o", str(made), str(HERE / "include" / "metal_stdlib")]
        )
        if result.returncode:
            raise StandInError(f"the stand-in's own headers do not compile:\n{result.stderr}")
        return install(made, final)


@functools.cache
def runtime_library() -> Path:
    final = cache() / f"{content_hash('runtime')}-runtime.so"
    if not final.exists():
        with tempfile.TemporaryDirectory(dir=cache()) as folder:
            made = Path(folder) / "runtime.so"
            sources = sorted(str(p) for p in (HERE / "runtime").glob("*.cpp"))
            result = run(
                [clang("clang++"), "-std=c++20", "-O2", "-fPIC", "-shared", *sources, "-o", str(made)]
            )
            if result.returncode:
                raise StandInError(f"the stand-in's runtime does not compile:\n{result.stderr}")
            install(made, final)
    return final


# ---- the intermediate text -------------------------------------------------------------------------------------
_DIVISION = re.compile(
    r"^  (%[\w.]+) = ([us])(div|rem) (?:exact )?(i\d+) ([^,\n]+), ([^,\n]+)(.*)$", re.MULTILINE
)
_CONVERSION = re.compile(r"^  %([\w.]+) = (fpto[us]i) (.*?) to (i\d+)(.*)$", re.MULTILINE)
_GROUP_VARIABLE = re.compile(
    r"^(@\S*msl_(k\d+)_\S*) = internal (?:unnamed_addr )?global (.*) undef, align (\d+)$", re.MULTILINE
)
_KERNEL_BODY = re.compile(r"^define [^\n]*spir_kernel void @[^\n]*\{\n.*?^\}\n", re.MULTILINE | re.DOTALL)
# What must not remain: an unguarded division, a variable that the optimiser may think private.
_LEFT_OVER = re.compile(
    r"= [us](?:div|rem) (?:exact )?(?!i\d+ [^,\n]+, %msl\.)|= internal (?:unnamed_addr )?global "
)


def harden(ir: str) -> str:
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
        lines += [
            f"  {v}.d = select i1 {guard}, {t} 1, {t} {b}",
            f"  {v}.q = {sign}{kind} {t} {a}, {v}.d{rest}",
        ]
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
    left = _LEFT_OVER.search(ir)
    if left:
        line = ir[ir.rfind("\n", 0, left.start()) + 1 : ir.find("\n", left.end())]
        raise StandInError(f"the stand-in does not know how to guard this instruction: {line}")
    for k in groups:
        ir += (
            f"\n@__start_msl_group_{k} = external hidden global i8\n@__stop_msl_group_{k} = external hidden global i8\n"
            f"@msl_bounds_{k} = constant [2 x ptr] [ptr @__start_msl_group_{k}, ptr @__stop_msl_group_{k}]\n"
        )
    return ir
