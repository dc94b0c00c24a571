# SPDX-License-Identifier: MIT
"""Jit functions ahead of time: arguments as the command line gives them, launches as a C++ header.

python -m enigma compile kernels:row_means A=f32[128,64] Out=f32[128,64] scale=2 --emit header -o row_means.h

A tensor is `type[shape]`, with the last mode fastest, or `type[shape:stride]`, a layout as CuTe writes it.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import json
import re
from typing import Any

from enigma import __version__, dtypes
from enigma._enigma import DType
from enigma.aot import _identifier, _identifiers, _raw, constant, constants_text
from enigma.errors import CompileError
from enigma.jit import JitFunction
from enigma.layout import Layout, make_ordered_layout
from enigma.sequence import CompiledSequence
from enigma.tensor import Tensor

_TENSOR = re.compile(r"(?:enigma\.)?(\w+)\[(.*)\]", re.DOTALL)


def arguments(function: JitFunction, given: dict[str, str]) -> dict[str, Any]:
    """The arguments of a jit function from their texts: tensors are its buffers, in that order."""
    name = function.__name__
    parameters = inspect.signature(function.__wrapped__).parameters
    for key in given:
        if key not in parameters:
            near = difflib.get_close_matches(key, parameters, 1, 0.5)
            raise CompileError(
                f"jit function {name} has no parameter {key}",
                hints=[f"did you mean {near[0]}?" if near else f"it has {', '.join(parameters) or 'none'}"],
            )
    missing = [key for key, p in parameters.items() if p.default is p.empty and key not in given]
    if missing:
        raise CompileError(
            f"jit function {name} needs {', '.join(missing)}",
            hints=[
                "add "
                + " ".join(f"{key}=..." for key in missing)
                + " to the command; tensors as A=f32[64,32]"
            ],
        )
    values: dict[str, Any] = {}
    buffers = 0
    for key in parameters:
        if key not in given:
            continue
        values[key] = _tensor(key, buffers, given[key])
        if values[key] is None:
            values[key] = constant(given[key])
        else:
            buffers += 1
    return values


def _tensor(name: str, index: int, text: str) -> Tensor | None:
    match = _TENSOR.fullmatch(text.strip())
    dtype = getattr(dtypes, match[1], None) if match else None
    if match is None or not isinstance(dtype, DType):
        return None
    shape, colon, stride = match[2].partition(":")
    try:
        modes = ast.literal_eval(shape)
        if colon:
            layout = Layout(modes, ast.literal_eval(stride))
        elif isinstance(modes, int):
            layout = Layout(modes)
        else:
            layout = make_ordered_layout(modes, order=tuple(range(len(modes) - 1, -1, -1)))
    except (ValueError, SyntaxError, TypeError):
        raise CompileError(
            f"the tensor {name} is {text}, which is no type and layout",
            hints=["such as f32[64,32], with the last mode fastest, or f32[(64,32):(1,64)]"],
        ) from None
    return Tensor(name, index, dtype, layout)


def sequence_header(kernel: CompiledSequence, origin: str, *, namespace: str | None = None) -> str:
    """The launches of a jit function as a C++17 header that includes the standard library only."""
    names = _identifiers([name for name, *_ in kernel.memories])
    buffers = []
    for index, (name, dtype, bytes_, is_scratch) in enumerate(kernel.memories):
        fields = [json.dumps(name), json.dumps(dtype.name), str(dtype.itemsize), str(bytes_), str(index)]
        buffers.append(f"    {{{', '.join([*fields, str(is_scratch).lower()])}}},\n")
    bindings, launches = [], []
    for number, launch in enumerate(kernel.launches):
        rows = "".join(
            f"    {{{index}, {str(read).lower()}, {str(written).lower()}}},\n"
            for index, (_, _, _, read, written) in enumerate(launch.params)
        )
        bindings.append(f"inline constexpr Binding bindings_{number}[] = {{\n{rows}}};\n")
        assert launch.grid is not None
        assert launch.block is not None
        sizes = [f"{{{', '.join(map(str, size))}}}" for size in (launch.grid, launch.block)]
        fields = [json.dumps(launch.kernel_name), *sizes, f"bindings_{number}", str(len(launch.params))]
        launches.append(f"    {{{', '.join(fields)}}},\n")
    return (
        HEADER.replace("@VERSION@", __version__)
        .replace("@ORIGIN@", origin)
        .replace("@NAMESPACE@", namespace or f"enigma_kernels::{_identifier(kernel.name)}")
        .replace("@MSL@", str(kernel.msl_version))
        .replace("@FAST@", str(bool(kernel.fast_math)).lower())
        .replace("@INDICES@", ", ".join(f"{unique} = {i}" for i, unique in enumerate(names.values())))
        .replace("@BUFFERS@", "".join(buffers))
        .replace("@BINDINGS@", "".join(bindings))
        .replace("@LAUNCHES@", "".join(launches))
        .replace("@CONSTANTS@", constants_text(kernel))
        .replace("@SOURCE@", _raw(kernel.metal_source))
    )


HEADER = """\
// Made by Enigma @VERSION@ from @ORIGIN@. Needs C++17, and nothing but the standard library.
#pragma once

#include <cstddef>
#include <cstdint>

namespace @NAMESPACE@ {

/// The version of Metal Shading Language that the source needs, as major * 10 + minor.
inline constexpr int msl_version = @MSL@;
/// Whether it is to be compiled with fast math.
inline constexpr bool fast_math = @FAST@;

/// The indices of the buffers, for setBuffer: the same in every launch.
struct index {
  enum : unsigned { @INDICES@ };
};

struct Buffer {
  const char *name;
  const char *type;         ///< of one element, as Enigma names it
  std::size_t element_size; ///< bytes
  std::size_t bytes;        ///< that it has at least
  unsigned index;
  bool is_scratch; ///< the application allocates it; it holds nothing before the first launch
};
inline constexpr Buffer buffers[] = {
@BUFFERS@};

/// A buffer that a launch is given.
struct Binding {
  unsigned index;
  bool is_read;
  bool is_written;
};
@BINDINGS@
struct Size {
  std::uint32_t x, y, z;
};

/// A dispatch: dispatchThreads(grid, threads_per_threadgroup). Its numbers are part of the compiled text.
struct Launch {
  const char *function_name; ///< in the Metal library
  Size grid;                 ///< threads in all
  Size threads_per_threadgroup;
  const Binding *bindings;
  std::size_t binding_count;
};
/// In this order: each may read what those before it wrote.
inline constexpr Launch launches[] = {
@LAUNCHES@};
@CONSTANTS@
/// For newLibrary(source, ...): the functions of all launches.
inline constexpr const char *source = @SOURCE@;

} // namespace @NAMESPACE@
"""
