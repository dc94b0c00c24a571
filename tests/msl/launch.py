# SPDX-License-Identifier: MIT
"""Runs compiled kernels through the C interface of runtime/dispatch.h."""

from __future__ import annotations

import ctypes
import functools
import re
from collections.abc import Mapping, Sequence

import numpy as np

from .syntax import Kernel, Parameter
from .toolchain import runtime_library

MAX_THREADS = 1024
MAX_THREADGROUP_BYTES = 32768


class KernelError(Exception):
    """A kernel did something that no Metal kernel may do: message with thread, buffer, offset or barrier line."""


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


@functools.cache
def runtime() -> ctypes.CDLL:
    """The runtime; its symbols are global, so that kernels find them."""
    library = ctypes.CDLL(str(runtime_library()), mode=ctypes.RTLD_GLOBAL)
    library.msl_dispatch.argtypes = [ctypes.POINTER(_Request)]
    library.msl_dispatch.restype = ctypes.c_int
    return library


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

    def __init__(self, library: ctypes.CDLL, unit: str, number: int, kernel: Kernel) -> None:
        self.name = kernel.name
        self.kernel = kernel
        self.symbol = f"msl_entry_{unit}_{number}"
        self._entry = ctypes.cast(getattr(library, self.symbol), ctypes.c_void_p).value
        indirect = [p for p in kernel.parameters if p.indirect]
        self.slots = {p.name: i for i, p in enumerate(indirect)}
        self.buffers = sorted(
            (p for p in indirect if p.attribute("buffer")), key=lambda p: int(p.attribute("buffer").argument)
        )
        self.groups = sorted(
            (p for p in indirect if p.attribute("threadgroup")),
            key=lambda p: int(p.attribute("threadgroup").argument),
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
            raise ValueError(
                f"{np.prod(threads3)} threads per threadgroup, at most {MAX_THREADS} are possible"
            )
        numbers = [int(p.attribute("buffer").argument) for p in self.buffers]
        given = dict(buffers) if isinstance(buffers, Mapping) else dict(zip(numbers, buffers, strict=False))
        if set(given) != set(numbers) or len(buffers) != len(numbers):
            raise TypeError(
                f"kernel '{self.name}' has buffers {numbers}, got {len(buffers)}: {sorted(given)}"
            )
        entries, keep = [], []
        for p, n in zip(self.buffers, numbers, strict=True):
            array = _as_array(given[n], p)
            alias = 0
            for other, (earlier, q) in enumerate(keep):
                if (
                    earlier.ctypes.data == array.ctypes.data
                    and earlier.nbytes == array.nbytes
                    and array.nbytes
                ):
                    alias = alias or other + 1
                elif (p.writable or q.writable) and np.may_share_memory(earlier, array):
                    raise ValueError(
                        f"buffers '{q.name}' and '{p.name}' overlap without being the same array"
                    )
            keep.append((array, p))
            entries.append(
                _Buffer(array.ctypes.data, array.nbytes, self.slots[p.name], n, p.writable, 0, alias)
            )
            if alias and p.writable:
                entries[alias - 1].writable = 1
        sizes = [threadgroup_bytes] if isinstance(threadgroup_bytes, int) else threadgroup_bytes
        for i, p in enumerate(self.groups):
            n = int(p.attribute("threadgroup").argument)
            size = sizes.get(n) if isinstance(sizes, Mapping) else sizes[i] if i < len(sizes) else None
            if size is None:
                raise TypeError(f"threadgroup_bytes: no size for [[threadgroup({n})]] '{p.name}'")
            entries.append(_Buffer(None, size, self.slots[p.name], n, 0, 1, 0))
        total = self._group_memory[1] + sum(e.bytes for e in entries if e.threadgroup)
        if total > MAX_THREADGROUP_BYTES:
            raise ValueError(
                f"{total} bytes of threadgroup memory, at most {MAX_THREADGROUP_BYTES} are possible"
            )
        message = ctypes.create_string_buffer(2048)
        table = (_Buffer * max(1, len(entries)))(*entries)
        request = _Request(
            self._entry, (ctypes.c_uint32 * 3)(*grid3), (ctypes.c_uint32 * 3)(*threads3), table, len(entries), reverse,
            self._group_memory[0], self._group_memory[1], timeout, ctypes.cast(message, ctypes.c_char_p), len(message),
        )  # fmt: skip
        if runtime().msl_dispatch(ctypes.byref(request)):
            raise KernelError(f"kernel '{self.name}': {message.value.decode(errors='replace')}")


class Library(Mapping):
    """Compiled kernels: `library[key]` is the first kernel of that source, `library[key, name]` a named one."""

    def __init__(self, kernels: dict[str, list[CompiledKernel]]) -> None:
        self._kernels = kernels

    def __getitem__(self, key):
        if isinstance(key, tuple):
            source, name = key
            for kernel in self._kernels[source]:
                if kernel.name == name:
                    return kernel
            raise KeyError(
                f"source {source!r} has kernels {[k.name for k in self._kernels[source]]}, not {name!r}"
            )
        if not self._kernels[key]:
            raise KeyError(f"source {key!r} has no kernel")
        return self._kernels[key][0]

    def __iter__(self):
        return iter(self._kernels)

    def __len__(self) -> int:
        return len(self._kernels)
