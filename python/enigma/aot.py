# SPDX-License-Identifier: MIT
"""Kernels compiled ahead of time: `python -m enigma compile kernels:saxpy --emit header -o saxpy.h`.

compiled = aot.compiled("kernels:saxpy", {"vec_width": 4}, {})
text = aot.header(compiled, "kernels:saxpy")

The header holds the Metal source, the table of parameters and the launch geometry, for applications without
Enigma; docs/aot.md shows how one uses it.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

from enigma import __version__, dtypes
from enigma._enigma import DType
from enigma.compiled import CompiledKernel, compile
from enigma.decorators import KernelFunction, _missing
from enigma.errors import CompileError
from enigma.jit import JitFunction
from enigma.sequence import CompiledSequence

# What C++ and its headers may not have as a name.
_WORDS = """
alignas alignof and and_eq asm assert auto bitand bitor bool break case catch char char16_t char32_t
char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum errno explicit export
extern false float for friend goto if inline int linux long mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires return
short signed sizeof static static_assert static_cast stderr stdin stdout struct switch template this
thread_local throw true try typedef typeid typename union unix unsigned using virtual void volatile
wchar_t while xor xor_eq EOF INFINITY NAN NULL
"""
RESERVED = frozenset(_WORDS.split())


def find(spec: str) -> KernelFunction | JitFunction:
    """The kernel or jit function that `module:kernel` or `path/to/file.py:kernel` names."""
    where, colon, name = spec.rpartition(":")
    if not colon or not where or not name:
        raise CompileError(
            f"a kernel is given as module:kernel, got {spec!r}",
            hints=["such as package.module:saxpy or folder/file.py:saxpy"],
        )
    module = _load(where)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            raise CompileError(f"{where} has no kernel {name}", hints=_near(module, name))
        found = getattr(found, part)
    if not isinstance(found, KernelFunction | JitFunction):
        kind = "a compiled kernel" if isinstance(found, CompiledKernel) else type(found).__name__
        hints = ["decorate it with @enigma.kernel"] if callable(found) else _near(module, name)
        raise CompileError(f"{where}:{name} is no kernel but {kind}", hints=hints)
    return found


def _load(where: str) -> ModuleType:
    if where.endswith(".py"):
        if not os.path.exists(where):
            raise CompileError(f"there is no file {where}", hints=[f"the working folder is {os.getcwd()}"])
        folder, file = os.path.split(os.path.abspath(where))
        if folder not in sys.path:
            sys.path.insert(0, folder)  # as for `python file.py`
        name = os.path.splitext(file)[0]
        spec = importlib.util.spec_from_file_location(name, where)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        return module
    try:
        return importlib.import_module(where)
    except ModuleNotFoundError as error:
        if error.name is None or not (where + ".").startswith(error.name + "."):
            raise  # the module is there, and imports what is not
        raise CompileError(
            f"there is no module {error.name}",
            hints=[
                f"modules are looked for in the working folder, {os.getcwd()}, and on PYTHONPATH",
                "a file is given by its path: folder/file.py:kernel",
            ],
        ) from None


def _near(module: ModuleType, name: str) -> list[str]:
    known = [n for n, value in vars(module).items() if isinstance(value, KernelFunction | JitFunction)]
    near = difflib.get_close_matches(name, known, 3, 0.5)
    if near:
        return [f"did you mean {' or '.join(near)}?"]
    return [f"its kernels are {', '.join(known)}" if known else "it has no kernels at all"]


def constant(text: str) -> Any:
    """The value of a Constexpr parameter from the command line: a Python literal or a type of Enigma."""
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        kind = getattr(dtypes, text.removeprefix("enigma."), None)
        if isinstance(kind, DType):
            return kind
    raise CompileError(
        f"the value {text} is neither a Python literal nor a type of Enigma",
        hints=["such as 128, 0.5, True, \"'text'\", (1, 2), f32"],
    )


def compiled(spec: str, options: dict[str, Any], constants: dict[str, str]) -> CompiledKernel:
    """The kernel that `spec` names, compiled.

    constants: texts of its Constexpr parameters, or of a jit function's arguments.
    """
    kernel = find(spec)
    if isinstance(kernel, JitFunction):
        from enigma.aot_jit import arguments

        return compile(kernel, **options, **arguments(kernel, constants))
    known = kernel.prepare().constants
    for name in constants:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.5)
            raise CompileError(
                f"kernel {kernel.__name__} has no Constexpr parameter {name}",
                hints=[f"did you mean {near[0]}?"] if near else [f"it has {', '.join(known) or 'none'}"],
            )
    missing = [n for n, (_, default) in known.items() if default is _missing and n not in constants]
    if missing:
        raise CompileError(
            f"kernel {kernel.__name__} needs {', '.join(missing)}",
            hints=["add " + " ".join(f"{n}=..." for n in missing) + " to the command"],
        )
    values = {name: constant(text) for name, text in constants.items()}
    return compile(kernel, **options, **values)


def _identifier(name: str) -> str:
    """A name that C++ takes: as it is, where that can be."""
    name = "".join(c if re.match(r"[A-Za-z0-9_]", c) else f"u{ord(c):x}" for c in name)
    name = re.sub(r"__+", "_", name)
    return name + "_" if name in RESERVED or re.match(r"[0-9]|_[A-Z]", name) else name


def _identifiers(names: list[str]) -> dict[str, str]:
    """Names that C++ takes and that differ."""
    out: dict[str, str] = {}
    for name in names:
        unique = _identifier(name)
        while unique in out.values():
            unique += "_"
        out[name] = unique
    return out


def _raw(text: str) -> str:
    delimiter = "msl"
    while f'){delimiter}"' in text:
        delimiter += "_"
    return f'R"{delimiter}({text}){delimiter}"'


def header(
    kernel: CompiledKernel,
    origin: str,
    *,
    threads: tuple[int, int, int] | None = None,
    namespace: str | None = None,
) -> str:
    """The kernel as a C++17 header that includes the standard library only.

    origin: how the kernel was named, for the first line.
    threads: threads of a threadgroup that the application should use, if that is settled.
    namespace: of what the header declares; enigma_kernels::<kernel> by default.
    """
    if isinstance(kernel, CompiledSequence):
        from enigma.aot_jit import sequence_header

        if threads is not None:
            raise CompileError(
                f"jit function {kernel.name}: its launches have their own threads, got --threads",
                hints=["leave --threads out"],
            )
        return sequence_header(kernel, origin, namespace=namespace)
    width = max(kernel.vec_width, 1)
    names = _identifiers(kernel.param_names)
    rows = []
    for index, (name, dtype, is_buffer, read, written) in enumerate(kernel.params):
        fields = [json.dumps(name), json.dumps(dtype.name), str(dtype.itemsize), str(index)]
        fields += [str(flag).lower() for flag in (is_buffer, read or not is_buffer, written)]
        rows.append(f"    {{{', '.join(fields)}}},\n")
    where = namespace or f"enigma_kernels::{_identifier(kernel.name)}"
    geometry = ""
    if threads is not None:
        geometry += (
            "\n/// Threads of a threadgroup.\n"
            f"inline constexpr Size threads_per_threadgroup{{{', '.join(map(str, threads))}}};\n"
        )
    geometry += GRID
    indices = ", ".join(f"{unique} = {i}" for i, unique in enumerate(names.values()))
    return (
        HEADER.replace("@VERSION@", __version__)
        .replace("@ORIGIN@", origin)
        .replace("@NAMESPACE@", where)
        .replace("@FUNCTION@", json.dumps(kernel.kernel_name))
        .replace("@MSL@", str(kernel.msl_version))
        .replace("@FAST@", str(bool(kernel.fast_math)).lower())
        .replace("@INDICES@", indices)
        .replace("@COUNT@", str(len(rows)))
        .replace("@ROWS@", "".join(rows))
        .replace("@WIDTH@", str(width))
        .replace("@GEOMETRY@", geometry)
        .replace("@CONSTANTS@", constants_text(kernel))
        .replace("@SOURCE@", _raw(kernel.metal_source))
    )


def constants_text(kernel: CompiledKernel) -> str:
    """The table of function constants that the text leaves open; nothing where there are none."""
    rows = [
        f"    {{{json.dumps(name)}, {json.dumps(dtype.name)}, {index}, {str(not has_default).lower()}}},\n"
        for name, dtype, index, has_default in kernel._constant_rows
    ]
    return CONSTANTS.replace("@ROWS@", "".join(rows)) if rows else ""


CONSTANTS = """
/// The function constants, for newFunction(function_name, values, ...).
struct Constant {
  const char *name;
  const char *type; ///< as Enigma names it
  unsigned index;
  bool is_required; ///< it has no default
};
inline constexpr Constant function_constants[] = {
@ROWS@};
"""

HEADER = """\
// Made by Enigma @VERSION@ from @ORIGIN@. Needs C++17, and nothing but the standard library.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace @NAMESPACE@ {

/// The name of the function in the Metal library.
inline constexpr const char *function_name = @FUNCTION@;
/// The version of Metal Shading Language that the source needs, as major * 10 + minor.
inline constexpr int msl_version = @MSL@;
/// Whether it is to be compiled with fast math.
inline constexpr bool fast_math = @FAST@;

/// The indices of the parameters: setBuffer for buffers, setBytes for numbers.
struct index {
  enum : unsigned { @INDICES@ };
};

struct Parameter {
  const char *name;
  const char *type;         ///< of one element, as Enigma names it
  std::size_t element_size; ///< bytes
  unsigned index;
  bool is_buffer; ///< else one number
  bool is_read;
  bool is_written;
};
inline constexpr Parameter parameters[@COUNT@] = {
@ROWS@};

struct Size {
  std::uint32_t x, y, z;
};

/// Positions along x that one thread works on.
inline constexpr std::uint32_t positions_per_thread = @WIDTH@;
@GEOMETRY@@CONSTANTS@
/// For newLibrary(source, ...).
inline constexpr const char *source = @SOURCE@;

} // namespace @NAMESPACE@
"""

GRID = """
/// The grid to dispatch, in threads, for so many positions. Positions along x that are no multiple of
/// positions_per_thread are an error; a kernel that masks its accesses takes the number rounded up.
constexpr Size grid(std::uint32_t x, std::uint32_t y = 1, std::uint32_t z = 1) {
  if (x % positions_per_thread != 0) {
#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
    throw std::invalid_argument("positions along x must be a multiple of positions_per_thread");
#else
    __builtin_trap();
#endif
  }
  return Size{x / positions_per_thread, y, z};
}
"""

# The texts that --emit makes of the kernel alone.
EMITS: dict[str, Callable[[CompiledKernel], str]] = {
    "msl": lambda kernel: kernel.metal_source,
    "mlir": lambda kernel: kernel.mlir_source,
    "ir": lambda kernel: kernel.ir_source,
}
