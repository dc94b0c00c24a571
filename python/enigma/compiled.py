# SPDX-License-Identifier: MIT
"""enigma.compile and what it gives.

compiled = enigma.compile(saxpy, vec_width=4)
print(compiled.metal_source)
compiled[n // 4, 256](x, 2.0, y, out)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from enigma import _enigma
from enigma._enigma import DType
from enigma.decorators import KernelFunction, Prepared, _missing
from enigma.errors import CompileError, EnigmaError, LaunchTypeError, TraceError
from enigma.jit import JitFunction, compile_jit

OPTIONS = (
    "vec_width",
    "dump_ir",
    "dump_mlir",
    "keep_metal_source",
    "work_dir",
    "emit_only",
    "contract",
    "fast_math",
    "msl_version",
    "function_constants",
)


def compile(
    fn: KernelFunction | JitFunction,
    *jit_args: Any,
    vec_width: int = 0,
    dump_ir: bool = False,
    dump_mlir: bool = False,
    keep_metal_source: bool = False,
    work_dir: str | None = None,
    emit_only: bool | None = None,
    contract: bool = True,
    fast_math: bool = False,
    msl_version: str | float | None = None,
    function_constants: dict[str | int, Any] | None = None,
    **constexprs: Any,
) -> CompiledKernel:
    """Compiles a kernel to Metal Shading Language.

    The kernel is traced at each call, so that a change of a global or closure variable always counts; what
    was traced before is found in a cache.

    fn: a function decorated with @enigma.kernel.
    vec_width: 2 or 4 makes each thread do the work of as many consecutive positions of grid x, so divide
        grid x by it; 0 is scalar.
    dump_ir, dump_mlir: print the trace, the MLIR.
    keep_metal_source: write the source to `<work_dir>/<kernel name>.metal`.
    work_dir: folder for files; a temporary one by default.
    emit_only: make no metallib. None: True except on macOS.
    contract: round x * y + z once.
    fast_math: let the Metal compiler reassociate and approximate.
    msl_version: the newest version that may be used, such as "3.1".
    function_constants: numbers of the kernel's function constants, by name or index. They become part of the
        text; CompiledKernel.specialize gives them to a text that leaves them open.
    constexprs: values of the kernel's Constexpr parameters.

    Errors: TraceError at the line of the kernel that cannot be compiled; CompileError for options.

    >>> import enigma
    >>> @enigma.kernel
    ... def double(A: enigma.f32, Out: enigma.f32):
    ...     i = enigma.thread_position_in_grid
    ...     Out[i] = A[i] * 2
    >>> compiled = enigma.compile(double)
    >>> compiled
    <CompiledKernel double(A: f32, Out: f32 (written))>
    >>> compiled.kernel_name
    'enigma_kernel_double'
    """
    if flow_aliases := sys.modules.get("enigma.aliases"):  # only kernels with control flow import it
        flow_aliases.begin()
    if fn.__class__ is JitFunction:
        try:
            compiled = compile_jit(
                fn,
                jit_args,
                constexprs,
                bool(contract),
                bool(fast_math),
                0 if msl_version is None else _version(msl_version),
                function_constants,
            )
        except (RecursionError, TypeError) as error:
            _place(error, f"jit function {fn.__name__}")
            raise
        if vec_width not in (0, 1):
            raise CompileError(
                f"vec_width is for kernels: the jit function {fn.__name__} vectorises by its layouts"
            )
        return _finished(compiled, emit_only, work_dir, dump_ir, dump_mlir, keep_metal_source)
    if fn.__class__ is not KernelFunction:
        _refuse(fn)
    prepared = fn.prepare()
    if jit_args:
        raise TraceError(
            f"kernel {fn.__name__}: compile takes no arguments for its buffers, got {len(jit_args)}",
            hints=[
                "buffers are given at the launch; Constexpr parameters by name: enigma.compile(kernel, N=128)"
            ],
        )
    constants = _constants(fn, prepared, constexprs) if constexprs or prepared.constants else ()
    if vec_width.__class__ is not int:
        raise CompileError(f"vec_width must be 0, 1, 2 or 4, got {vec_width!r}")
    version = 0 if msl_version is None else _version(msl_version)
    try:
        compiled = CompiledKernel(
            prepared.spec,
            prepared.function,
            constants,
            vec_width,
            bool(contract),
            bool(fast_math),
            version,
            function_constants,
        )
    except (RecursionError, TypeError) as error:
        _place(error, f"kernel {fn.__name__}")
        raise
    return _finished(compiled, emit_only, work_dir, dump_ir, dump_mlir, keep_metal_source)


def _place(error: Exception, what: str) -> None:
    """Raises what can be told better than Python tells it."""
    if isinstance(error, EnigmaError):
        return
    from enigma.python_errors import placed

    better = placed(error, what)
    if better is not error:
        raise better from None


def _finished(
    compiled: CompiledKernel,
    emit_only: bool | None,
    work_dir: str | None,
    dump_ir: bool,
    dump_mlir: bool,
    keep_metal_source: bool,
) -> CompiledKernel:
    if flow_aliases := sys.modules.get("enigma.aliases"):
        flow_aliases.check()
    compiled.emit_only = sys.platform != "darwin" if emit_only is None else bool(emit_only)
    compiled._work_dir = work_dir
    if dump_ir:
        print(compiled.ir_source)
    if dump_mlir:
        print(compiled.mlir_source)
    if keep_metal_source:
        compiled._write_source()
    return compiled


def _refuse(fn: Any) -> NoReturn:
    name = getattr(fn, "__name__", type(fn).__name__)
    if isinstance(fn, CompiledKernel):
        raise TraceError(f"compile: {fn.name} is compiled already")
    raise TraceError(
        f"compile: needs a kernel, got {'the function ' + name if callable(fn) else type(fn).__name__}",
        hints=["decorate the function with @enigma.kernel"],
    )


def _constants(fn: KernelFunction, prepared: Prepared, given: dict[str, Any]) -> tuple[Any, ...]:
    for name in given:
        if name not in prepared.constants:
            import difflib

            known = [*OPTIONS, *prepared.constants]
            near = difflib.get_close_matches(name, known, 1, 0.5)
            what = (
                f"Constexpr parameters {', '.join(prepared.constants)}"
                if prepared.constants
                else "no Constexpr parameters"
            )
            raise TraceError(
                f"compile: unknown option {name!r}; kernel {fn.__name__} has {what}",
                hints=[f"did you mean {near[0]}?" if near else f"the options are {', '.join(OPTIONS)}"],
            )
    values = []
    for name, (type_, default) in prepared.constants.items():
        value = given.get(name, default)
        if value is _missing:
            raise TraceError(
                f"kernel {fn.__name__}: the Constexpr parameter {name} has no value",
                hints=[f"write enigma.compile({fn.__name__}, {name}=...)"],
            )
        if isinstance(type_, type) and not isinstance(value, type_):
            raise TraceError(
                f"kernel {fn.__name__}: {name} must be {type_.__name__}, got {type(value).__name__}"
            )
        values.append(value)
    return tuple(values)


def _version(version: str | float) -> int:
    try:
        major, _, minor = str(version).partition(".")
        number = int(major) * 10 + int(minor or 0)
    except ValueError:
        number = 0
    if not 20 <= number <= 49:
        raise CompileError(
            f"msl_version must be a version of Metal Shading Language such as '3.1', got {version!r}"
        )
    return number


class CompiledKernel(_enigma.Kernel):
    """A compiled kernel.

    `kernel_name` is the name of the Metal function; `metal_source` (also `kernel_source`) its text;
    `mlir_source` and `ir_source` are computed when asked for. `grid` and `block` are None: they are given at
    the launch.
    """

    grid: tuple[int, int, int] | None = None
    block: tuple[int, int, int] | None = None
    emit_only: bool = True
    _work_dir: str | None = None
    _metallib: str | None = None

    @property
    def kernel_source(self) -> str:
        """The same as metal_source."""
        return self.metal_source

    @property
    def param_names(self) -> list[str]:
        """Names of the parameters in binding order."""
        return [row[0] for row in self.params]

    @property
    def scalar_params(self) -> list[str]:
        """Names of the parameters that are one number."""
        return [name for name, _, is_buffer, _, _ in self.params if not is_buffer]

    @property
    def outputs(self) -> list[str]:
        """Names of the parameters that the kernel writes."""
        return [name for name, _, _, _, written in self.params if written]

    @property
    def work_dir(self) -> str:
        """Absolute path of the folder for files; made when it is first needed."""
        import os

        if self._work_dir is None:
            import tempfile

            self._work_dir = tempfile.mkdtemp(prefix="enigma-")
        os.makedirs(self._work_dir, exist_ok=True)
        return os.path.abspath(self._work_dir)

    @property
    def has_metallib(self) -> bool:
        """Whether there is a metallib, or will be when it is asked for: False when only text is emitted."""
        return not self.emit_only

    @property
    def metallib_path(self) -> str | None:
        """Absolute path of the .metallib, built when first asked for; None with emit_only."""
        if self.emit_only:
            return None
        if self._metallib is None:
            from enigma.metallib import build

            self._metallib = build(self, self.work_dir)
        return self._metallib

    @property
    def metallib_bytes(self) -> bytes | None:
        """The bytes of the .metallib; None with emit_only."""
        path = self.metallib_path
        if path is None:
            return None
        with open(path, "rb") as file:
            return file.read()

    def specialize(self, function_constants: dict[str | int, Any]) -> CompiledKernel:
        """The same kernel with numbers for function constants that it leaves open, by name or index.

        The text stays as it is. A Metal device compiles it once and specialises the code for each set of
        numbers when it makes a pipeline; the host compiles each set anew. `function_constants` has names and
        types of those that are open; what is left open has its default at a launch.

        Errors: CompileError for a name that the kernel does not declare, a number that does not fit its type,
        a constant that has its number already.

        >>> import enigma
        >>> @enigma.kernel
        ... def scale(A: enigma.f32, Out: enigma.f32):
        ...     i = enigma.thread_position_in_grid
        ...     Out[i] = A[i] * enigma.function_constant(enigma.f32, 0, "FACTOR")
        >>> compiled = enigma.compile(scale)
        >>> compiled.function_constants
        {'FACTOR': enigma.f32}
        >>> twice, thrice = compiled.specialize({"FACTOR": 2}), compiled.specialize({"FACTOR": 3})
        >>> twice.metal_source == compiled.metal_source, twice.function_constants
        (True, {})
        """
        made = CompiledKernel(self, function_constants)
        made.emit_only, made._work_dir = self.emit_only, self._work_dir
        return made

    def explain(self) -> str:
        """How wide the accesses to tensors are, and why not wider; of a jit function."""
        return f"{self.kernel_name}: uses no tensors; vec_width={self.vec_width}"

    def export_metal(self, path: str) -> str:
        """Writes the Metal source to a file, and gives its absolute path."""
        import os

        path = os.path.realpath(os.path.expanduser(path))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.metal_source)
        return path

    def _write_source(self) -> str:
        import os

        return self.export_metal(os.path.join(self.work_dir, f"{self.kernel_name}.metal"))

    def __getitem__(self, sizes: Any) -> Launch:
        """`compiled[grid, threads](*args)` launches on the default runtime; sizes are ints or (x, y, z)."""
        if not isinstance(sizes, tuple) or len(sizes) != 2:
            raise LaunchTypeError(
                f"{self.name}: needs the grid and the threads of a threadgroup, got {sizes!r}",
                hints=["write compiled[grid, threads](...), such as compiled[(n, 1, 1), (256, 1, 1)](...)"],
            )
        return Launch(self, *sizes)

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise LaunchTypeError(
            f"{self.name}: a launch needs the grid and the threads of a threadgroup",
            hints=["write compiled[grid, threads](...), such as compiled[(n, 1, 1), (256, 1, 1)](...)"],
        )

    def __copy__(self) -> CompiledKernel:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> CompiledKernel:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            f"the compiled kernel {self.name} cannot be pickled: "
            "send the kernel, and compile it in the other process"
        )

    def __repr__(self) -> str:
        def shown(row: tuple[str, DType, bool, bool, bool]) -> str:
            name, dtype, is_buffer, _, written = row
            kind = dtype.name if is_buffer else f"Scalar({dtype.name})"
            return f"{name}: {kind}{' (written)' if written else ''}"

        width = f", vec_width={self.vec_width}" if self.vec_width > 1 else ""
        return f"<CompiledKernel {self.name}({', '.join(map(shown, self.params))}){width}>"


_default_runtime: Any = None  # set by enigma.runtime, which is built on this module


class Launch:
    """A compiled kernel with its sizes, to be called with the arguments."""

    __slots__ = ("compiled", "grid", "threads")

    def __init__(
        self, compiled: CompiledKernel, grid: int | Sequence[int], threads: int | Sequence[int]
    ) -> None:
        self.compiled = compiled
        self.grid = grid
        self.threads = threads

    def __call__(self, *args: Any, timeout: float | None = None) -> None:
        """Launches on the default runtime: one array per parameter, written in place; numbers for scalars."""
        _default_runtime().launch(self.compiled, args, self.grid, self.threads, timeout)

    def __repr__(self) -> str:
        return f"{self.compiled!r}[{self.grid}, {self.threads}]"
