# SPDX-License-Identifier: MIT
"""Enigma: Apple Metal compute kernels in Python, with CuTe-style layouts.

    @enigma.kernel
    def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
        tid = enigma.thread_position_in_grid
        Out[tid] = alpha * X[tid] + Y[tid]

    compiled = enigma.compile(saxpy)
    print(compiled.metal_source)
    enigma.default_runtime().launch(compiled, [x, 2.0, y, out], grid=n, threads=256)
"""

import builtins as _builtins

from enigma import arch, fast, precise
from enigma._enigma import Buffer, Value
from enigma._enigma import version as _version
from enigma.compiled import CompiledKernel, compile
from enigma.decorators import KernelFunction, kernel
from enigma.dtypes import *  # noqa: F403
from enigma.errors import (
    CompileError,
    DeviceError,
    EnigmaError,
    LaunchError,
    LaunchTypeError,
    LayoutError,
    OutOfBoundsError,
    TraceError,
    UnsupportedError,
)
from enigma.functions import *  # noqa: F403
from enigma.runtime import Array, HostRuntime, MetalRuntime, PreparedKernel, default_runtime

IRValue = Value
__version__ = _version()

# Functions named like Python's own (abs, min, round, ...) are reached as enigma.abs: a star import leaves the built-in ones alone.
__all__ = [name for name in dir() if not name.startswith("_") and not hasattr(_builtins, name)]
