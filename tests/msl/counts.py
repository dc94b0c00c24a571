# SPDX-License-Identifier: MIT
"""Counts what a kernel does, in LLVM IR after `clang -O2` on its MSL text: loads, stores, arithmetic.

    count(source) == Counts(loads=2, stores=1, integer=0, ...)

The counts are of the text, not of a run: the same on every machine and in every run, so tests may assert them. The headers in
count_include/ keep address spaces apart and vectors whole. Loops are counted once.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .toolchain import StandInError, clang, run

INCLUDE = Path(__file__).resolve().parent / "count_include"
COMMAND = [
    "-x", "clcpp", "-cl-std=clc++2021", "-target", "spir64-unknown-unknown", "-cl-no-stdinc", "-I", str(INCLUDE),
    "-Xclang", "-cl-ext=+cl_khr_fp16,+__cl_clang_non_portable_kernel_param_types", "-cl-single-precision-constant",
    "-Wno-unknown-attributes", "-Wno-unknown-pragmas", "-ffp-contract=off", "-fno-caret-diagnostics",
    "-O2", "-fno-vectorize", "-fno-slp-vectorize", "-fno-unroll-loops", "-S", "-emit-llvm", "-o", "-", "-",
]  # fmt: skip


@dataclass(frozen=True)
class Counts:
    loads: int = 0
    """Loads from device memory; a vector counts once. Scalar parameters (constant memory) are not counted."""
    stores: int = 0
    wide_loads: int = 0
    """Of the loads, those of 16 bytes."""
    wide_stores: int = 0
    integer: int = 0
    """Integer arithmetic. Widening an index and addressing an element are no arithmetic."""
    divisions: int = 0
    """Of the integer operations, divisions and remainders."""
    allocas: int = 0
    """Variables that could not be kept in registers."""
    local_loads: int = 0
    """Loads from threadgroup memory."""
    local_stores: int = 0
    barriers: int = 0
    lanes: int = 0
    """Operations among the lanes of a simdgroup, such as simd_sum."""
    matrix_loads: int = 0
    """Simdgroup matrices that are loaded, of device or threadgroup memory."""
    matrix_stores: int = 0
    products: int = 0
    """simdgroup_multiply_accumulate."""


def llvm_ir(source: str) -> str:
    """The optimised LLVM IR of MSL text."""
    # OpenCL writes the making of a vector as a cast, which does not convert.
    source = re.sub(r"\b((?:float|half)[24])\(", r"enigma_\1(", source)
    source = re.sub(r"(?<!enigma_)\b((?:float|half|u?int|u?short|u?char|u?long)[234])\(", r"(\1)(", source)
    result = run([clang(), *COMMAND], source)
    if result.returncode:
        raise StandInError(f"the text does not compile for counting:\n{result.stderr}")
    return result.stdout


def body_of(ir: str) -> list[str]:
    """The instructions of the one kernel."""
    found = re.search(r"^define [^\n]*spir_kernel void @[^\n]*\{\n(.*?)^\}\n", ir, re.MULTILINE | re.DOTALL)
    if not found:
        raise StandInError("the text has no kernel")
    return found.group(1).splitlines()


_BITS = {"half": 16, "bfloat": 16, "float": 32}


def _bytes(llvm_type: str) -> int:
    lanes, _, element = llvm_type.strip("<>").rpartition(" x ")
    bits = _BITS.get(element) or int(element.removeprefix("i"))
    return int(lanes or 1) * bits // 8


def count(source: str) -> Counts:
    lines = body_of(llvm_ir(source))
    loads = [
        m.group(1) for line in lines if (m := re.search(r"= load (<[^>]+>|\w+), ptr addrspace\(1\)", line))
    ]
    stores = [
        m.group(1)
        for line in lines
        if (m := re.search(r"^\s*store (<[^>]+>|\w+) .*, ptr addrspace\(1\)", line))
    ]
    operations = [
        m.group(1)
        for line in lines
        if (m := re.search(r"= (\w+)(?: (?:nuw|nsw|exact|disjoint))* (?:i\d+|<\d+ x i\d+>) ", line))
    ]
    arithmetic = [
        o
        for o in operations
        if o
        in ("add", "sub", "mul", "shl", "lshr", "ashr", "and", "or", "xor", "udiv", "sdiv", "urem", "srem")
    ]
    return Counts(
        loads=len(loads),
        stores=len(stores),
        wide_loads=sum(_bytes(t) == 16 for t in loads),
        wide_stores=sum(_bytes(t) == 16 for t in stores),
        integer=len(arithmetic),
        divisions=sum(o.endswith(("div", "rem")) for o in arithmetic),
        allocas=sum("= alloca " in line for line in lines),
        local_loads=sum(bool(re.search(r"= load .*, ptr addrspace\(3\)", line)) for line in lines),
        local_stores=sum(bool(re.search(r"^\s*store .*, ptr addrspace\(3\)", line)) for line in lines),
        barriers=sum(bool(re.search(r"\bcall .*@_ZN5metal\d+\w+_barrier", line)) for line in lines),
        lanes=sum(bool(re.search(r"\bcall .*@_ZN5metal\d+(?:simd|quad)_", line)) for line in lines),
        matrix_loads=sum("@_ZN5metal11matrix_load" in line for line in lines),
        matrix_stores=sum("@_ZN5metal12matrix_store" in line for line in lines),
        products=sum("@_ZN5metal14matrix_product" in line for line in lines),
    )
