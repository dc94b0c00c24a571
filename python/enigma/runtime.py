# SPDX-License-Identifier: MIT
"""Runtimes: where compiled kernels run.

    rt = enigma.default_runtime()
    raw = rt.execute(compiled, [x, 2.0, y], output_size=n * 4, grid=(n, 1, 1), threads=(256, 1, 1))
    rt.launch(compiled, [x, 2.0, y, out], grid=n, threads=256)         # in place, without copies

Launches and their checks are C++; here is what is about NumPy.
"""

from __future__ import annotations

import contextlib
import math
import os
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from enigma import _enigma
from enigma import compiled as compiled_module
from enigma._enigma import DType
from enigma.compiled import CompiledKernel
from enigma.dtypes import as_dtype, numpy_dtype
from enigma.errors import DeviceError, LaunchError, LaunchTypeError

if TYPE_CHECKING:
    import types

    import numpy as np

Size: TypeAlias = int | Sequence[int]


class Runtime(_enigma.Runtime):
    """What HostRuntime and MetalRuntime have in common."""

    def execute(
        self,
        compiled: CompiledKernel,
        inputs: Sequence[Any],
        output_size: int | Sequence[int] | None = None,
        grid: Size | None = None,
        threads: Size | None = None,
        *,
        output_shapes: Any = None,
        output_dtypes: Any = None,
        timeout: float | None = None,
    ) -> Any:
        """Runs a kernel and gives its outputs.

        inputs: arrays and numbers for the first parameters, in order; never written. The parameters after
        them are outputs and start as zeros.
        output_size: bytes (not elements) of the output; a list where there are several. The result is
            `bytes` or a list of it.
        grid: threads in all; threads: threads per threadgroup; ints or (x, y, z).
        output_shapes, output_dtypes: give NumPy arrays instead: a shape or a list of shapes; the parameters'
            types by default.
        timeout: seconds after which the launch is stopped with an error.

        >>> import enigma, numpy as np
        >>> @enigma.kernel
        ... def double(A: enigma.f32, Out: enigma.f32):
        ...     i = enigma.thread_position_in_grid
        ...     Out[i] = A[i] * 2
        >>> rt = enigma.HostRuntime()
        >>> compiled = enigma.compile(double)
        >>> raw = rt.execute(compiled, [np.ones(3, np.float32)], output_size=12, grid=3, threads=3)
        >>> np.frombuffer(raw, np.float32)
        array([2., 2., 2.], dtype=float32)
        """
        if output_shapes is None and output_dtypes is None:
            if output_size is None:
                _missing_outputs(compiled)
            results = self._execute(compiled, inputs, _sizes(output_size), grid, threads, timeout)
            return results if isinstance(output_size, (list, tuple)) else results[0]
        if not isinstance(inputs, (list, tuple)):
            raise LaunchTypeError(
                f"inputs must be a list, got {type(inputs).__name__}", hints=["write inputs=[...]"]
            )
        many, arrays = _output_arrays(compiled, len(inputs), output_size, output_shapes, output_dtypes)
        results = self._execute(compiled, inputs, arrays, grid, threads, timeout)
        return results if many else results[0]

    def prepare(
        self, compiled: CompiledKernel, inputs: Sequence[Any], output_size: int | Sequence[int] | None = None
    ) -> PreparedKernel:
        """Copies the inputs into buffers and allocates the outputs (zeros) once, for repeated dispatch."""
        if output_size is None:
            _missing_outputs(compiled)
        return PreparedKernel(self, compiled, inputs, _sizes(output_size))

    def array(self, source: Any, dtype: Any = None) -> Array:
        """A copy of an array in the device's memory.

        >>> import enigma
        >>> enigma.HostRuntime().array([[1, 2], [3, 4]], enigma.f16)
        <enigma array of 2x2 f16>
        """
        import numpy

        if type(source).__name__ == "MaskedArray":
            raise LaunchTypeError(
                "array: got a masked array, whose mask kernels cannot see",
                hints=["write x.filled(value), or x.data to ignore the mask"],
            )
        wanted = None if dtype is None else numpy_dtype(as_dtype(dtype))
        data = numpy.asarray(source, wanted, order="C")
        if not data.dtype.isnative:
            data = data.astype(data.dtype.newbyteorder("="))
        if data.dtype == numpy.float64 and not hasattr(source, "dtype"):
            raise LaunchTypeError(
                "array: Python's floats make float64, which Metal has not",
                hints=["write rt.array(x, enigma.f32)"],
            )
        array = Array(self, data.shape, as_dtype(data.dtype))
        array._write_from(_bytes_of(data))
        return array

    def from_dlpack(self, source: Any) -> Array:
        """A device array on the memory of another array, without a copy: what a kernel writes is seen there.

        source: a C-contiguous array in CPU memory with `__dlpack__` or the buffer protocol (NumPy, PyTorch,
            JAX, MLX, ...) of a type that Metal has. It lives as long as it is used here. Whoever writes to it
            elsewhere waits for the launches first: array.wait() or rt.synchronize().

        Errors: LaunchTypeError, LaunchError. A kernel cannot write to a read-only array.

        >>> import enigma, numpy
        >>> x = numpy.arange(3, dtype=numpy.float32)
        >>> shared = enigma.HostRuntime().from_dlpack(x)
        >>> x[0] = 7
        >>> shared.numpy()
        array([7., 1., 2.], dtype=float32)
        """
        return Array(self, source)

    def empty(self, shape: Size, dtype: Any = None) -> Array:
        """An array in the device's memory, filled with zeros. f32 by default.

        Of a vector type it gets one dimension more, for the components: 4 of them also for vectors of 3.

        >>> import enigma
        >>> enigma.HostRuntime().empty(3).numpy()
        array([0., 0., 0.], dtype=float32)
        >>> enigma.HostRuntime().empty(3, enigma.half2).shape
        (3, 2)
        """
        kind = as_dtype("f32" if dtype is None else dtype)
        extents = _shape(shape)
        if kind.lanes > 1:
            extents.append(kind.itemsize // kind.element.itemsize)
        return Array(self, extents, kind.element)

    def batch(self) -> Batch:
        """Launches inside of `with rt.batch():` begin together at its end, on a GPU as one command buffer.

        They run in order, as ever. Arguments must be arrays of the runtime and numbers; prepared kernels are
        recorded too. The end of the batch does not wait: synchronize() does, and so does reading an array.
        Reading one inside of the batch begins what is recorded, and waits. When an exception leaves the
        block, the launches before it still run.

        >>> import enigma
        >>> @enigma.kernel
        ... def increment(A: enigma.i32):
        ...     i = enigma.thread_position_in_grid
        ...     A[i] = A[i] + 1
        >>> rt, compiled = enigma.HostRuntime(), enigma.compile(increment)
        >>> a = rt.empty(4, enigma.i32)
        >>> with rt.batch():
        ...     for _ in range(10):
        ...         rt.launch(compiled, [a], grid=4, threads=4)
        >>> a.numpy()
        array([10, 10, 10, 10], dtype=int32)
        """
        return Batch(self)

    @contextlib.contextmanager
    def capture(self, path: str | os.PathLike[str]) -> Iterator[str]:
        """Records what the GPU does in a `with` as a document for Xcode, and gives its absolute path.

        path: a file that does not exist yet; its name ends with .gputrace.

        Errors: LaunchError for the path; UnsupportedError on the CPU; DeviceError where Metal refuses (set
        MTL_CAPTURE_ENABLED=1 before the program starts).

            with enigma.MetalRuntime().capture("step.gputrace"):
                rt.launch(compiled, [x, 2.0, y, out], grid=n, threads=256)
        """
        document = os.path.abspath(os.path.expanduser(path))
        if not document.endswith(".gputrace"):
            raise LaunchError(
                f"capture: the name of a trace ends with .gputrace, got {document}",
                hints=[f"write rt.capture({os.path.basename(document) + '.gputrace'!r})"],
            )
        if os.path.exists(document):
            raise LaunchError(
                f"capture: {document} exists already", hints=["remove it, or give another name"]
            )
        _enigma.start_capture(self, document)
        try:
            yield document
        finally:
            _enigma.stop_capture(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} on {self.device_capabilities().name}>"


class Batch(_enigma.Batch):
    """What `rt.batch()` gives, to be used in a `with`."""

    def __enter__(self) -> Batch:
        self._enter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self._leave()


class HostRuntime(Runtime):
    """Runs kernels on the CPU's cores, with Metal's execution model, on every platform.

    check: mask accesses past the end of a buffer and raise OutOfBoundsError after the launch. Without it
    they are undefined.
    """

    def __init__(self, check: bool = True) -> None:
        super().__init__(bool(check))


class MetalRuntime(Runtime):
    """Runs kernels on a Metal GPU. Raises DeviceError where there is none.

    device: the name of one of several GPUs; the system's default without it.

    The GPU does not check accesses past the end of a buffer, and a launch on it cannot be stopped: a timeout
    or Ctrl-C ends the waiting only. This project's tests have not run it on Apple hardware
    (tests/metal/README.md).
    """

    def __init__(self, device: str | None = None) -> None:
        super().__init__("" if device is None else str(device))


_default: Runtime | None = None
_default_lock = threading.Lock()


def default_runtime() -> Runtime:
    """The runtime that `compiled[grid, threads](...)` uses: Metal where there is a device, else the host."""
    global _default
    if _default is None:
        with _default_lock:
            if _default is None:
                try:
                    _default = MetalRuntime()
                except DeviceError:
                    _default = HostRuntime()
    return _default


compiled_module._default_runtime = default_runtime


class PreparedKernel(_enigma.Prepared):
    """A kernel whose buffers are allocated once. Use it in a `with`, or call release().

    with rt.prepare(compiled, inputs=[x, 2.0, y], output_size=n * 4) as prepared:
        prepared.dispatch(grid=(n, 1, 1), threads=(256, 1, 1))
        result = prepared.read_output(dtype=np.float32)
    """

    def read_output(self, dtype: Any = None, index: int = 0) -> Any:
        """The bytes of output `index`, or a new one-dimensional array of a NumPy or Enigma type."""
        if dtype is None:
            return self._read_bytes(index)
        import numpy

        wanted = numpy_dtype(dtype) if isinstance(dtype, DType) else numpy.dtype(dtype)
        size = self._output_size(index)
        if size % wanted.itemsize:
            raise LaunchError(
                f"output {index} has {size} bytes, which is no multiple of {wanted.itemsize} ({wanted.name})"
            )
        array = numpy.empty(size // wanted.itemsize, wanted)
        self._read_into(index, _bytes_of(array))
        return array

    def __enter__(self) -> PreparedKernel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: types.TracebackType | None
    ) -> None:
        self.release()


class Array(_enigma.DeviceArray):
    """An array in a device's memory, from rt.array() or rt.empty().

    Launches on such arrays alone run in the background, in order.
    """

    @property
    def ndim(self) -> int:
        """How many dimensions it has."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """How many elements it has."""
        return math.prod(self.shape)

    def numpy(self) -> np.ndarray[Any, Any]:
        """A copy as a NumPy array, after the launches that use the array are done."""
        import numpy

        out = numpy.empty(self.shape, numpy_dtype(self.dtype))
        self._read_into(_bytes_of(out))
        return out

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError(
                "a device array becomes a NumPy array only as a copy; numpy.from_dlpack(x) shares the memory"
            )
        out = self.numpy()
        return out if dtype is None else out.astype(dtype, copy=False)

    def __eq__(self, other: object) -> NoReturn:
        raise LaunchTypeError("device arrays are not compared here", hints=["write a.numpy() == b.numpy()"])

    __hash__ = object.__hash__

    def __getitem__(self, index: object) -> NoReturn:
        self._refuse_index(index)

    def __setitem__(self, index: object, value: object) -> NoReturn:
        self._refuse_index(index)

    def _refuse_index(self, index: object) -> NoReturn:
        if isinstance(index, (_enigma.Value, _enigma.GridPosition)):
            _enigma.fail(
                "a device array of the program cannot be indexed in a kernel",
                ["pass it as a buffer parameter of the kernel, and index that"],
            )
        raise LaunchTypeError(
            "elements of a device array cannot be reached one by one", hints=["write a.numpy()[...]"]
        )

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without dimensions has no length")
        return self.shape[0]

    def __repr__(self) -> str:
        return f"<enigma array of {'x'.join(map(str, self.shape)) or 'one'} {self.dtype.name}>"


def _bytes_of(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The memory of a contiguous array; NumPy's own buffer format lacks bf16."""
    import numpy

    return array.reshape(-1).view(numpy.uint8)


MOST = (1 << 63) - 1


def _whole(what: str, number: Any) -> int:
    """A size: a Python or NumPy integer, at least 0."""
    from operator import index

    try:
        if isinstance(number, bool):
            raise TypeError
        whole = index(number)
    except TypeError:
        hints = ["output_size counts bytes: n * 4"] if what == "output_size" else []
        raise LaunchTypeError(f"{what} needs integers, got {type(number).__name__}", hints=hints) from None
    if whole < 0:
        raise LaunchError(f"{what} must be at least 0, got {whole}")
    if whole > MOST:
        raise LaunchError(f"{what} is larger than any memory: {whole}")
    return whole


def _shape(shape: Any, what: str = "shape") -> list[int]:
    if isinstance(shape, (tuple, list)):
        return [_whole(what, n) for n in shape]
    return [_whole(what, shape)]


def _sizes(output_size: Any) -> list[int]:
    """Bytes of each output."""
    sizes = output_size if isinstance(output_size, (list, tuple)) else [output_size]
    return [_whole("output_size", size) for size in sizes]


def _missing_outputs(compiled: Any) -> NoReturn:
    if not isinstance(compiled, CompiledKernel):
        raise LaunchTypeError(
            f"needs a compiled kernel, got {type(compiled).__name__}",
            hints=["enigma.compile(kernel) gives one"],
        )
    raise LaunchError(
        f"{compiled.name}: the size of the output is missing",
        hints=["write output_size=n * 4 (bytes), or output_shapes=(n,)"],
    )


def _output_arrays(
    compiled: Any, first: int, output_size: Any, shapes: Any, dtypes: Any
) -> tuple[bool, list[np.ndarray[Any, Any]]]:
    """Zero-filled arrays for the outputs, and whether there is a list of them."""
    import numpy

    if not isinstance(compiled, CompiledKernel):
        _missing_outputs(compiled)
    if shapes is not None and output_size is not None:
        raise LaunchError(
            f"{compiled.name}: output_size and output_shapes say the same thing", hints=["give one of them"]
        )
    if shapes is None and output_size is None:
        _missing_outputs(compiled)
    rows = compiled.params[first:]
    wanted: list[Any]
    if shapes is not None:
        many = isinstance(shapes, list)
        wanted = [_shape(shape, "output_shapes") for shape in (shapes if many else [shapes])]
    else:
        many = isinstance(output_size, (list, tuple))
        wanted = _sizes(output_size)
    given = list(dtypes) if isinstance(dtypes, (list, tuple)) else [dtypes] * len(wanted)
    if len(given) != len(wanted):
        raise LaunchError(f"{compiled.name}: got {len(wanted)} outputs but {len(given)} output_dtypes")
    arrays = []
    for i, (extent, dtype) in enumerate(zip(wanted, given, strict=True)):
        if dtype is None:
            if i >= len(rows):
                raise LaunchError(
                    f"{compiled.name}: has {len(rows)} parameters after the inputs, "
                    f"got {len(wanted)} outputs",
                    hints=["output_shapes=(rows, columns) is one shape, a list is one for each output"],
                )
            dtype = rows[i][1]
        kind = numpy_dtype(as_dtype(dtype))
        if shapes is None:
            if extent % kind.itemsize:
                raise LaunchError(
                    f"{compiled.name}: output_size must be a multiple of {kind.itemsize} bytes, got {extent}"
                )
            extent //= kind.itemsize
        try:
            arrays.append(numpy.zeros(extent, kind))
        except (MemoryError, ValueError) as error:
            raise DeviceError(
                f"{compiled.name}: cannot allocate an output of {extent} elements: {error}"
            ) from None
    return many, arrays
