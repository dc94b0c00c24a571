# SPDX-License-Identifier: MIT
"""The command line.

python -m enigma                                  # version, devices, cache
python -m enigma --cmake-dir                      # for find_package(Enigma) in C++ applications
python -m enigma compile kernels:saxpy --emit header -o saxpy.h
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import enigma
from enigma import aot
from enigma.errors import CompileError, DeviceError, EnigmaError

DEFAULTS = {"vec_width": 0, "fast_math": False, "contract": True, "msl_version": None, "emit_only": True,
            "function_constants": None}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    try:
        if options.command == "compile":
            _compile(options)
        elif options.cmake_dir:
            print(cmake_dir())
        else:
            _tell()
    except EnigmaError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def cmake_dir() -> str:
    """The prefix for CMAKE_PREFIX_PATH under which find_package finds the C++ library of this package."""
    folder = Path(enigma.__file__).resolve().parent / "_dev"
    if not folder.is_dir():
        raise CompileError(
            "this Enigma has no C++ headers: it is used in place, from its build folder",
            hints=["install it: pip install . or cmake --install build --prefix <prefix>"],
        )
    return str(folder)


def _tell() -> None:
    from enigma import _enigma

    print(f"enigma {enigma.__version__} (LLVM {_enigma.llvm_version()})")
    print(f"host device: {enigma.HostRuntime().device_capabilities().name}")
    try:
        metal = enigma.MetalRuntime().device_capabilities().name
    except DeviceError:
        metal = "none"
    print(f"Metal device: {metal}")
    disk = enigma.cache.info().disk
    print(f"cache: {f'off, {disk.off}' if disk.off else disk.folder}")


def _size(text: str) -> tuple[int, int, int]:
    parts = [int(part) for part in text.split(",")]
    if not 1 <= len(parts) <= 3 or min(parts) < 1:
        raise ValueError(text)
    x, y, z = [*parts, 1, 1][:3]
    return x, y, z


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m enigma",
        description="Apple Metal compute kernels: what is installed, and kernels compiled ahead of time.",
    )
    parser.add_argument("--version", action="version", version=f"enigma {enigma.__version__}")
    parser.add_argument(
        "--cmake-dir", action="store_true", help="print the prefix for find_package(Enigma) and leave"
    )
    commands = parser.add_subparsers(dest="command", metavar="command")
    compile_ = commands.add_parser(
        "compile",
        help="compile a kernel ahead of time",
        description="Compiles a kernel and writes what was asked for.",
    )
    compile_.add_argument("kernel", help="module:kernel or file.py:kernel, of a kernel or of a jit function")
    compile_.add_argument(
        "constants",
        nargs="*",
        metavar="NAME=VALUE",
        help="values of Constexpr parameters; arguments of a jit function, tensors as A=f32[64,32]",
    )
    compile_.add_argument(
        "--emit",
        choices=["msl", "metallib", "mlir", "ir", "header"],
        default="msl",
        help="what to write; msl by default",
    )
    compile_.add_argument("-o", "--output", help="the file; standard output by default")
    compile_.add_argument("--vec-width", type=int, default=0, help="positions of grid x for each thread")
    compile_.add_argument("--fast-math", action="store_true", help="let Metal's compiler approximate")
    compile_.add_argument("--no-contract", action="store_true", help="round the product of x * y + z")
    compile_.add_argument("--msl-version", help="the newest version that may be used, such as 3.1")
    compile_.add_argument(
        "--threads", type=_size, metavar="X[,Y[,Z]]", help="threads of a threadgroup, kept in the header"
    )
    compile_.add_argument(
        "--function-constant", action="append", default=[], metavar="NAME=VALUE",
        help="a number for a function constant, which then is part of the text",
    )  # fmt: skip
    compile_.add_argument("--namespace", help="of the header; enigma_kernels::<kernel> by default")
    return parser


def _named(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise CompileError(f"a constant is given as NAME=VALUE, got {text!r}")
    return name, value


def _compile(options: argparse.Namespace) -> None:
    constants = dict(map(_named, options.constants))
    numbers = {name: aot.constant(value) for name, value in map(_named, options.function_constant)}
    for flag in ("threads", "namespace"):
        if getattr(options, flag) is not None and options.emit != "header":
            raise CompileError(f"--{flag} is for --emit header, got --emit {options.emit}")
    sys.path.insert(0, "")  # as `python -c` does; `python -m` may not (safe path)
    settings = {
        "vec_width": options.vec_width,
        "fast_math": options.fast_math,
        "contract": not options.no_contract,
        "msl_version": options.msl_version,
        "emit_only": options.emit != "metallib",
        "function_constants": numbers or None,
    }
    kernel = aot.compiled(options.kernel, settings, constants)
    if options.emit == "metallib":
        content = kernel.metallib_bytes
        assert content is not None
    elif options.emit == "header":
        changed = [f"{name}={value}" for name, value in settings.items() if value != DEFAULTS[name]]
        origin = ", ".join([options.kernel, *options.constants, *changed])
        content = aot.header(kernel, origin, threads=options.threads, namespace=options.namespace).encode()
    else:
        content = aot.EMITS[options.emit](kernel).encode()
    _write(content, options.output)


def _write(content: bytes, output: str | None) -> None:
    if output is None or output == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    try:
        folder = os.path.dirname(output)
        if folder:
            os.makedirs(folder, exist_ok=True)
        with open(output, "wb") as file:
            file.write(content)
    except OSError as error:
        raise CompileError(f"cannot write {output}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
