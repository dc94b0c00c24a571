# SPDX-License-Identifier: MIT
"""Builds a .metallib with Apple's command line tools, for `CompiledKernel.metallib_path`."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from enigma import _enigma
from enigma.errors import CompileError

if TYPE_CHECKING:
    from enigma.compiled import CompiledKernel


def build(compiled: CompiledKernel, folder: str) -> str:
    """Absolute path of the library. CompileError with the tool's output and the source where a tool fails.

    The disk cache keeps libraries, for the version of the tools that made them.
    """
    stem = os.path.join(folder, compiled.kernel_name)
    source = compiled.export_metal(stem + ".metal")
    version = compiled.msl_version
    # Without the flag the tool assumes fast math; the source says itself where it wants that.
    flags = [
        f"-std=metal{version // 10}.{version % 10}",
        "-ffast-math" if compiled.fast_math else "-fno-fast-math",
    ]
    keeps = not _enigma.disk_cache_info()["off"]
    identity = ""
    if keeps:
        tools = _run(compiled, ["metal", "--version"])
        identity = "\n".join([tools, *flags, compiled.metal_source])
    if keeps and (library := _enigma.disk_cache_load("metallib", identity)) is not None:
        with open(stem + ".metallib", "wb") as file:
            file.write(library)
        return stem + ".metallib"
    _run(compiled, ["metal", *flags, "-c", source, "-o", stem + ".air"])
    _run(compiled, ["metallib", stem + ".air", "-o", stem + ".metallib"])
    with open(stem + ".metallib", "rb") as file:
        library = file.read()
    if keeps:
        _enigma.disk_cache_store("metallib", identity, library)
    return stem + ".metallib"


def _run(compiled: CompiledKernel, tool: list[str]) -> str:
    command = ["xcrun", "-sdk", "macosx", *tool]
    try:
        result = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise CompileError(
            f"{compiled.kernel_name}: xcrun is not installed, so no metallib can be built",
            hints=["on macOS: xcode-select --install, then check with xcrun -sdk macosx metal -v",
                   "elsewhere: compile with emit_only=True and run on enigma.HostRuntime()"],
        ) from None  # fmt: skip
    if result.returncode != 0:
        lines = compiled.metal_source.splitlines()
        numbered = "\n".join(f"{i:4} | {line}" for i, line in enumerate(lines, 1))
        raise CompileError(
            f"{compiled.kernel_name}: {' '.join(command[:4])} failed with exit code {result.returncode}:\n"
            f"{(result.stdout + result.stderr).rstrip()}\n{numbered}",
            hints=["run xcrun -sdk macosx metal -v to check the tools"],
        )
    return result.stdout
