# SPDX-License-Identifier: MIT
"""@enigma.jit: a function that runs at compile time, does layout algebra and launches kernels.

@enigma.jit
def twice(A: enigma.Tensor, B: enigma.Tensor):
    @enigma.kernel
    def inner(a, b):
        i = enigma.thread_position_in_grid
        b[i] = a[i] * 2

    inner(A, B).launch(grid=(1024, 1, 1), block=(256, 1, 1))

compiled = enigma.compile(twice, A, B)

The kernel is traced at each launch, with the launch's size known.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from enigma import _enigma
from enigma._enigma import DType, TracedLaunch, fail
from enigma.errors import LaunchError, TraceError
from enigma.tensor import Tensor

if TYPE_CHECKING:
    from enigma.compiled import CompiledKernel
    from enigma.decorators import KernelFunction

CO_VARARGS, CO_VARKEYWORDS = 4, 8  # flags of a code object, as in the module inspect, which is slow to import
MOST_THREADS = 1024  # of a threadgroup, on every GPU that Metal supports


class JitFunction:
    """A function of tensors that launches kernels: give it to `enigma.compile` with its arguments."""

    def __init__(self, function: FunctionType) -> None:
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise TraceError(
            f"jit function {self.__name__}: it is compiled, not called",
            hints=[f"write compiled = enigma.compile({self.__name__}, ...), and rt.execute(compiled, ...)"],
        )

    def __repr__(self) -> str:
        return f"<enigma.jit {self.__qualname__}>"

    def __copy__(self) -> JitFunction:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> JitFunction:
        return self

    def __reduce__(self) -> str:
        return self.__qualname__


def jit(function: Callable[..., Any] | None = None, **options: Any) -> JitFunction:
    """Makes a jit function: plain Python that runs once, when it is compiled, and launches kernels.

    Its arguments are what `enigma.compile` is given: Tensors, layouts, numbers. Kernels may be defined inside
    of it or outside; `inner(args...).launch(grid=, block=)` or `inner.launch(args..., grid=, block=)`
    launches one.
    `grid` counts all threads and `block` those of a threadgroup. Launches run in order.
    """
    if not isinstance(function, FunctionType) or options:
        got = "arguments" if function is None or options else type(function).__name__
        raise TraceError(
            f"@enigma.jit: needs a function, got {got}",
            hints=["write @enigma.jit above a def, without parentheses"],
        )
    return JitFunction(function)


class Session:
    """One compile of a jit function."""

    def __init__(self, function: JitFunction, tensors: list[Tensor]) -> None:
        self.function = function
        self.tensors = tensors
        self.launches: list[TracedLaunch] = []
        self.bound: list[BoundKernel] = []


_active = threading.local()


def session() -> Session | None:
    """The jit function that is running on this thread."""
    return getattr(_active, "session", None)


class BoundKernel:
    """A kernel with its arguments, waiting for `.launch(grid=, block=)`."""

    __slots__ = ("args", "kernel", "kwargs", "launched")

    def __init__(self, kernel: KernelFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.kernel, self.args, self.kwargs = kernel, args, kwargs
        self.launched = False
        current = session()
        assert current is not None
        current.bound.append(self)

    def launch(self, *, grid: Any = None, block: Any = None) -> None:
        """Launches the kernel. grid: threads in all; block: threads of a threadgroup; ints or (x, y, z)."""
        self.launched = True
        launch(self.kernel, self.args, self.kwargs, grid, block)

    def __repr__(self) -> str:
        return f"<{self.kernel.__name__} with {len(self.args) + len(self.kwargs)} arguments, not launched>"


def _size(kernel: str, what: str, size: Any) -> tuple[int, int, int]:
    from operator import index

    if size is None:
        fail(
            f"launch of {kernel}: {what} is missing",
            ["write .launch(grid=(threads in all), block=(threads of a threadgroup))"],
        )
    try:
        parts = list(size)  # NumPy's arrays too
    except TypeError:
        parts = [size]
    try:
        numbers = [index(p) for p in parts if not isinstance(p, bool)]
    except TypeError:
        numbers = []
    if not 1 <= len(parts) <= 3 or len(numbers) != len(parts):
        fail(
            f"launch of {kernel}: {what} must be one to three integers, got {size!r}",
            [f"write {what}=(x, y, z)"],
        )
    for n in numbers:
        if not 1 <= n < 2**32:
            fail(f"launch of {kernel}: {what} must be at least 1 in each dimension, got {size!r}")
    x, y, z = (*numbers, 1, 1)[:3]
    return x, y, z


def _bind(kernel: KernelFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Arguments in the order of the parameters; an error names those that are missing."""
    name = kernel.__name__
    function = kernel.__wrapped__
    code = function.__code__
    if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        fail(f"launch of {name}: *args and **kwargs have no meaning for a kernel", ["name each parameter"])
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if len(args) > len(names):
        fail(f"launch of {name}: it has the parameters {', '.join(names)}, got {len(args)} arguments")
    bound = dict(zip(names, args, strict=False))
    for key, value in kwargs.items():
        if key not in names:
            fail(f"launch of {name}: it has no parameter {key}", [f"its parameters are {', '.join(names)}"])
        if key in bound:
            fail(f"launch of {name}: {key} is given twice")
        bound[key] = value
    defaults = function.__defaults__ or ()
    positional = names[: code.co_argcount]
    for key, value in [
        *zip(positional[len(positional) - len(defaults) :], defaults, strict=True),
        *(function.__kwdefaults__ or {}).items(),
    ]:
        bound.setdefault(key, value)
    missing = [n for n in names if n not in bound]
    if missing:
        fail(
            f"launch of {name}: it leaves {'the parameter' if len(missing) == 1 else 'the parameters'} "
            f"{', '.join(missing)} unbound",
            [f"write {name}({', '.join(names)}).launch(grid=..., block=...)"],
        )
    return tuple(bound[n] for n in names)


def _argument(kernel: KernelFunction, name: str, value: Any) -> Any:
    """An argument as the kernel sees it, by the annotation of its parameter."""
    annotation = kernel._annotations.get(name)
    if isinstance(value, _enigma.Value):
        fail(
            f"launch of {kernel.__name__}: {name} is a value of another kernel",
            ["values live in the kernel that computes them; pass data between kernels in tensors"],
        )
    if isinstance(annotation, DType):
        if not isinstance(value, Tensor):
            fail(
                f"launch of {kernel.__name__}: {name} is a buffer, got {type(value).__name__}",
                ["pass a Tensor"],
            )
        if value.dtype is not annotation:
            fail(
                f"launch of {kernel.__name__}: {name} needs a tensor of {annotation.name}, "
                f"got {value.dtype.name}"
            )
        if value.offset != 0:
            fail(
                f"launch of {kernel.__name__}: {name} is a buffer, which starts at element 0; got a part "
                f"from element {value.offset} on",
                ["pass the whole tensor, or take a tensor: leave the annotation out"],
            )
        return value._view
    return value


def launch(
    kernel: KernelFunction, args: tuple[Any, ...], kwargs: dict[str, Any], grid: Any, block: Any
) -> None:
    """Traces a kernel for one launch of the jit function that runs."""
    current = session()
    name = kernel.__name__
    if current is None or _enigma.is_tracing():
        fail(
            f"launch of {name}: works only while a jit function is compiled",
            ["launch kernels in a function decorated with @enigma.jit, and compile that; "
             f"or launch one kernel by itself: enigma.compile({name})[grid, threads](...)"],
        )  # fmt: skip
    threads = _size(name, "block", block)
    total = _size(name, "grid", grid)
    if threads[0] * threads[1] * threads[2] > MOST_THREADS:
        fail(
            f"launch of {name}: a threadgroup has at most {MOST_THREADS} threads, got block={block!r}",
            ["block counts the threads of one threadgroup, grid all threads"],
        )
    from enigma.decorators import _source_of

    bound = _bind(kernel, args, kwargs)
    code = kernel.__wrapped__.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    values = tuple(_argument(kernel, n, v) for n, v in zip(names, bound, strict=True))
    source = _source_of(kernel.__wrapped__)
    function = kernel.__wrapped__
    current.launches.append(
        TracedLaunch(
            name, function.__code__.co_filename, source.place, source.bind(function), values,
            [t._view for t in current.tensors], total, threads,
        )
    )  # fmt: skip


def _tensors(function: JitFunction, arguments: list[Any]) -> list[Tensor]:
    """The tensors among the arguments, by buffer index."""
    name = function.__name__
    found: dict[int, Tensor] = {}
    for argument in arguments:
        if not isinstance(argument, Tensor) or argument._view.kind != "buffer":
            continue
        index = argument.buffer_index
        known = found.get(index)
        if known is not None and not known._view.same_memory(argument._view):
            raise LaunchError(
                f"jit function {name}: {known.name} and {argument.name} both have buffer_index {index}",
                hints=["give each tensor a buffer of its own: 0, 1, 2, ..."],
            )
        found.setdefault(index, argument)
    for expected, index in enumerate(sorted(found)):
        if index != expected:
            raise LaunchError(
                f"jit function {name}: {found[index].name} has buffer_index {index}, but none has {expected}",
                hints=["buffers are counted from 0 without gaps"],
            )
    names = [t.name for t in found.values()]
    for n in names:
        if names.count(n) > 1:
            raise LaunchError(
                f"jit function {name}: two tensors are called {n}", hints=["names tell buffers apart"]
            )
    return [found[i] for i in sorted(found)]


def run(function: JitFunction, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Session:
    """Runs the function with its arguments, and gives what it launched."""
    import inspect

    try:
        bound = inspect.signature(function.__wrapped__).bind(*args, **kwargs)
    except TypeError as error:
        raise TraceError(
            f"jit function {function.__name__}: {error}",
            hints=[f"its parameters are {inspect.signature(function.__wrapped__)}; "
                   f"write enigma.compile({function.__name__}, ...)"],
        ) from None  # fmt: skip
    bound.apply_defaults()
    current = Session(function, _tensors(function, list(bound.arguments.values())))
    if not current.tensors:
        raise TraceError(
            f"jit function {function.__name__}: none of its arguments is a Tensor",
            hints=["a kernel reads and writes tensors: enigma.Tensor(name, buffer_index, dtype, layout)"],
        )
    outer = session()
    _active.session = current
    try:
        result = function.__wrapped__(*bound.args, **bound.kwargs)
    finally:
        _active.session = outer
    if result is not None:
        raise TraceError(
            f"jit function {function.__name__} returns a value",
            hints=["its results are what its kernels store"],
        )
    for bound_kernel in current.bound:
        if not bound_kernel.launched:
            name = bound_kernel.kernel.__name__
            raise TraceError(
                f"jit function {function.__name__}: {name}(...) binds arguments, but is not launched",
                hints=[f"write {name}(...).launch(grid=..., block=...)"],
            )
    if not current.launches:
        raise TraceError(
            f"jit function {function.__name__} launches no kernel",
            hints=["write inner(args...).launch(grid=..., block=...)"],
        )
    _check_coverage(current)
    _check_scratch(current)
    return current


def scratch(layout: Any, dtype: Any, name: str | None = None) -> Tensor:
    """A tensor in memory that the compiled jit function owns, for what one launch leaves for the next.

    layout: a Layout, or a shape, which is stored with the last mode fastest.
    It is no parameter of the compiled kernel. What it holds before a launch writes it is not specified.
    """
    from enigma._enigma import TensorView
    from enigma.dtypes import as_dtype
    from enigma.layout import Layout, make_ordered_layout

    current = session()
    if current is None or _enigma.is_tracing():
        fail(
            "scratch: works only in a jit function",
            ["call it in a function decorated with @enigma.jit, outside of its kernels"],
        )
    if isinstance(layout, int):
        layout = Layout(layout)
    elif isinstance(layout, tuple):
        layout = make_ordered_layout(layout, order=tuple(range(len(layout) - 1, -1, -1)))
    taken = {t.name for t in current.tensors}
    own = name or next(n for n in ("scratch", *(f"scratch_{i}" for i in range(2, 99))) if n not in taken)
    if own in taken or not own.isidentifier():
        fail(f"scratch: the name {own!r} is taken, or no identifier", ["give it another: name=..."])
    tensor = Tensor._of(TensorView.make(own, -1, as_dtype(dtype), layout, 0, "scratch"))
    current.tensors.append(tensor)
    return tensor


def _check_scratch(current: Session) -> None:
    """What a launch reads of a scratch tensor, an earlier one must have written."""
    written: set[str] = set()
    owned = {t.name for t in current.tensors if t._view.kind == "scratch"}
    for launched in current.launches:
        for name, read, writes in launched.accessed:
            if name in owned and read and name not in written and not writes:
                fail(
                    f"launch of {launched.name}: it reads {name}, which no launch before wrote",
                    ["launch the kernel that fills it first"],
                )
        written.update(name for name, _, writes in launched.accessed if writes)


def _check_coverage(current: Session) -> None:
    """Every tensor that is stored to must be reached as a whole."""
    needed: dict[str, tuple[int, Any, TracedLaunch]] = {}
    written: dict[str, int | None] = {}
    for launched in current.launches:
        for name, whole, count, file, place in launched.coverage:
            if name not in needed or whole > needed[name][0]:
                needed[name] = (whole, (file, place), launched)
            before = written.get(name, 0)
            written[name] = None if count is None or before is None else before + count
    for name, (whole, (file, place), launched) in needed.items():
        count = written[name]
        if count is not None and count < whole:
            from enigma.errors import from_core

            message = (
                f"launch of {launched.name}: it stores {count} of the {whole} elements of {name}, so that "
                "tiles of it stay untouched"
            )
            hints = [
                f"the launch has grid={launched.grid} threads, block={launched.block} in a threadgroup: "
                "grid counts all threads, not threadgroups",
                f"to store a part on purpose, slice {name} by constants first",
            ]
            line, column, end_line, end_column = place
            raise from_core("LayoutError", message, file, line, column, end_line, end_column, hints)


def compile_jit(
    function: JitFunction,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    contract: bool,
    fast_math: bool,
    version: int,
    function_constants: dict[str | int, Any] | None,
) -> CompiledKernel:
    """What enigma.compile does with a jit function."""
    from enigma.sequence import CompiledSequence

    done = run(function, args, kwargs)
    _name_launches(function.__name__, done.launches)
    return CompiledSequence(
        function.__name__, done.launches, done.tensors, contract, fast_math, version, function_constants
    )


def _name_launches(name: str, launches: list[TracedLaunch]) -> None:
    """One launch has the jit function's name; several have their kernel's after it, and a number where it
    repeats."""
    if len(launches) == 1:
        launches[0].rename(name)
        return
    seen: dict[str, int] = {}
    for launched in launches:
        count = seen[launched.name] = seen.get(launched.name, 0) + 1
        launched.rename(f"{name}_{launched.name}" + (f"_{count}" if count > 1 else ""))
