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

from enigma import arch as arch
from enigma import cache as cache
from enigma import fast as fast
from enigma import precise as precise
from enigma._enigma import Buffer as Buffer
from enigma._enigma import Value as Value
from enigma._enigma import version as _version
from enigma.compiled import CompiledKernel as CompiledKernel
from enigma.compiled import compile as compile
from enigma.decorators import KernelFunction as KernelFunction
from enigma.decorators import kernel as kernel
from enigma.dtypes import *
from enigma.errors import CompileError as CompileError
from enigma.errors import DeviceError as DeviceError
from enigma.errors import EnigmaError as EnigmaError
from enigma.errors import LaunchError as LaunchError
from enigma.errors import LaunchTypeError as LaunchTypeError
from enigma.errors import LayoutError as LayoutError
from enigma.errors import LayoutTypeError as LayoutTypeError
from enigma.errors import OutOfBoundsError as OutOfBoundsError
from enigma.errors import TraceError as TraceError
from enigma.errors import UnsupportedError as UnsupportedError
from enigma.flow import *
from enigma.functions import *
from enigma.jit import JitFunction as JitFunction
from enigma.jit import jit as jit
from enigma.jit import scratch as scratch
from enigma.layout import *
from enigma.matrices import *
from enigma.memory import *
from enigma.mma import *
from enigma.packing import *
from enigma.pipelines import pipeline as pipeline
from enigma.reductions import threadgroup_reduce as threadgroup_reduce
from enigma.runtime import Array as Array
from enigma.runtime import HostRuntime as HostRuntime
from enigma.runtime import MetalRuntime as MetalRuntime
from enigma.runtime import PreparedKernel as PreparedKernel
from enigma.runtime import default_runtime as default_runtime
from enigma.tensor import *  # type: ignore[assignment]
from enigma.tuning import autotune as autotune

IRValue = Value
__version__ = _version()

# Functions named like Python's own (abs, min, round, ...) are reached as enigma.abs: a star import leaves
# the built-in ones alone.
__all__ = [name for name in dir() if not name.startswith("_") and not hasattr(_builtins, name)]
