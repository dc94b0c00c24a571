# SPDX-License-Identifier: MIT
"""@enigma.kernel: a Python function that describes the work of one GPU thread.

@enigma.kernel
def double(A: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] * 2

compiled = enigma.compile(double)
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, NoReturn

from enigma._enigma import DType, KernelSpec, vec
from enigma.annotations import Constexpr, Scalar
from enigma.errors import TraceError
from enigma.matrices import Matrix

if TYPE_CHECKING:
    from enigma.rewrite import Range, Source

CO_VARARGS, CO_VARKEYWORDS, CO_GENERATOR, CO_COROUTINE, CO_ASYNC_GENERATOR = 0x04, 0x08, 0x20, 0x80, 0x200
MOST_BUFFERS = 31

# The rewritten source by the identity of the code object (code objects compare by value, without their file).
_sources: dict[int, tuple[weakref.ref[CodeType], Source]] = {}


def _source_of(function: FunctionType) -> Source:
    code = function.__code__
    known = _sources.get(id(code))
    if known is not None and known[0]() is code:
        return known[1]
    from enigma.rewrite import rewrite

    source = rewrite(function)
    key = id(code)
    _sources[key] = (weakref.ref(code, lambda _: _sources.pop(key, None)), source)
    return source


class Prepared:
    """What the first compile of a kernel finds out, and the later ones use."""

    __slots__ = ("constants", "function", "spec")

    def __init__(
        self, spec: KernelSpec, function: Callable[..., None], constants: dict[str, tuple[Any, Any]]
    ) -> None:
        self.spec = spec
        self.function = function
        self.constants = constants
        """Constexpr parameters in order: the type of values or None, and the default or `_missing`."""


_missing: Any = object()


class KernelFunction:
    """A kernel: give it to `enigma.compile`. The function itself is in `__wrapped__`."""

    def __init__(self, function: FunctionType, namespace: Mapping[str, Any]) -> None:
        self.__wrapped__ = function
        self.__name__ = function.__name__
        self.__qualname__ = function.__qualname__
        self.__module__ = function.__module__
        self.__doc__ = function.__doc__
        self._prepared: Prepared | None = None
        # Under `from __future__ import annotations` they are text; names of the surrounding function are
        # known only now.
        self._annotations = {
            name: _evaluate(text, function.__globals__, namespace)
            for name, text in _annotations(function).items()
        }

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """In a jit function: the kernel with its arguments, to be launched."""
        from enigma.jit import BoundKernel, session

        if session() is not None:
            return BoundKernel(self, args, kwargs)
        raise TraceError(
            f"kernel {self.__name__}: a kernel is not called like a function",
            hints=[
                f"compile it, compiled = enigma.compile({self.__name__}), "
                "and launch that: compiled[grid, threads](...)"
            ],
        )

    def launch(self, *args: Any, grid: Any = None, block: Any = None, **kwargs: Any) -> None:
        """In a jit function: launches the kernel with these arguments.

        grid: threads in all; block: threads of a threadgroup; ints or (x, y, z).
        """
        from enigma.jit import launch

        launch(self, args, kwargs, grid, block)

    def __getitem__(self, sizes: Any) -> NoReturn:
        raise TraceError(
            f"kernel {self.__name__}: a kernel is compiled before it is launched",
            hints=[f"write compiled = enigma.compile({self.__name__}), then compiled[grid, threads](...)"],
        )

    def __repr__(self) -> str:
        return f"<enigma.kernel {self.__qualname__}>"

    # Kernels never change, and other processes find them by their name, as they find functions.

    def __copy__(self) -> KernelFunction:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> KernelFunction:
        return self

    def __reduce__(self) -> str:
        return self.__qualname__

    def prepare(self) -> Prepared:
        """Reads the source and the annotations, once."""
        if self._prepared is None:
            function = self.__wrapped__
            source = _source_of(function)
            self._prepared = _Parameters(self, source).prepared()
        return self._prepared


def _annotations(function: FunctionType) -> dict[str, Any]:
    try:
        return dict(function.__annotations__)
    except (
        NameError
    ):  # Python 3.14 evaluates them now; what is not yet defined is looked up again when it is needed
        import annotationlib  # type: ignore[import-not-found, unused-ignore]

        return dict(annotationlib.get_annotations(function, format=annotationlib.Format.STRING))


def _evaluate(annotation: Any, names: dict[str, Any], namespace: Mapping[str, Any]) -> Any:
    """The object of an annotation that is text; the text itself while a name in it is not defined."""
    if not isinstance(annotation, str):
        return annotation
    try:
        return eval(annotation, names, dict(namespace))
    except Exception:
        return annotation


class _Parameters:
    """The parameters of a kernel, from its annotations."""

    def __init__(self, kernel: KernelFunction, source: Source) -> None:
        self.kernel = kernel
        self.source = source
        self.function = kernel.__wrapped__
        self.file = self.function.__code__.co_filename

    def fail(self, name: str | None, message: str, *hints: str) -> NoReturn:
        from enigma.rewrite import error_at

        place: Range = self.source.parameters.get(name, self.source.place) if name else self.source.place
        raise error_at(self.file, place, f"kernel {self.kernel.__name__}: {message}", list(hints))

    def prepared(self) -> Prepared:
        function, code = self.function, self.function.__code__
        if code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
            self.fail(
                None,
                "*args and **kwargs have no meaning for a kernel",
                "name each parameter and give it a type",
            )
        count = code.co_argcount + code.co_kwonlyargcount
        names = code.co_varnames[:count]
        defaults = dict(
            zip(names[: code.co_argcount][::-1], (function.__defaults__ or ())[::-1], strict=False)
        )
        defaults.update(function.__kwdefaults__ or {})
        rows: list[tuple[str, str, DType | None, Range]] = []
        constants: dict[str, tuple[Any, Any]] = {}
        matrices: dict[int, type[Matrix]] = {}
        for position, name in enumerate(names):
            kind, detail = self.parameter(name)
            if kind == "matrices":
                matrices[position] = detail
                kind, detail = "buffer", vec(detail.element, detail.rows)
            if kind == "constexpr":
                self.refuse_option(name)
                constants[name] = (detail, defaults.get(name, _missing))
            elif name in defaults:
                self.fail(
                    name, f"parameter {name} has a default value, which only Constexpr parameters can have"
                )
            rows.append((name, kind, detail if kind != "constexpr" else None, self.source.parameters[name]))
        buffers = len(rows) - len(constants)
        if buffers > MOST_BUFFERS:
            self.fail(
                None, f"{buffers} parameters, but Metal binds at most {MOST_BUFFERS} buffers",
                "put several arrays into one buffer, or make constants of scalars with Constexpr",
            )  # fmt: skip
        spec = KernelSpec(self.kernel.__name__, self.file, self.source.place, rows)
        bound: Callable[..., None] = self.source.bind(function)
        if matrices:
            from enigma.matrix_buffer import with_views

            bound = with_views(bound, matrices)
        return Prepared(spec, bound, constants)

    def parameter(self, name: str) -> tuple[str, Any]:
        annotations = self.kernel._annotations
        if name not in annotations:
            if name == "self":
                self.fail(
                    name,
                    "a kernel is no method, so nothing is passed for self",
                    "leave self out, and compile Class.kernel; for attributes write self: enigma.Constexpr "
                    "and compile(Class.kernel, self=obj)",
                )
            self.fail(
                name,
                f"parameter {name} has no type",
                f"write {name}: enigma.f32 for a buffer, {name}: enigma.Scalar(enigma.f32) for a number",
            )
        annotation = annotations[name]
        if isinstance(annotation, str):
            annotation = self.evaluate_late(name, annotation)
        if isinstance(annotation, DType):
            return "buffer", annotation
        if isinstance(annotation, Scalar):
            return "scalar", annotation.dtype
        if annotation is Constexpr:
            return "constexpr", None
        if isinstance(annotation, Constexpr):
            return "constexpr", annotation.type
        if isinstance(annotation, type) and issubclass(annotation, Matrix) and annotation is not Matrix:
            return "matrices", annotation
        shown = annotation.__name__ if isinstance(annotation, type) else repr(annotation)
        hints = [f"write {name}: enigma.f32 for a buffer, {name}: enigma.Scalar(enigma.f32) for a number"]
        if annotation is Scalar:
            hints = [f"write {name}: enigma.Scalar(enigma.f32)"]
        elif annotation in (int, float, bool):
            element = {int: "i32", float: "f32", bool: "b1"}[annotation]
            hints = [
                f"write {name}: enigma.Scalar(enigma.{element}) for a number, "
                f"{name}: enigma.Constexpr for a constant"
            ]
        elif getattr(annotation, "__module__", "") == "numpy":
            hints = ["write Enigma's type, such as enigma.f32"]
        self.fail(name, f"parameter {name} has an annotation that is no type of Enigma: {shown}", *hints)

    def refuse_option(self, name: str) -> None:
        from enigma.compiled import OPTIONS

        if name in (*OPTIONS, "fn"):
            self.fail(
                name,
                f"the Constexpr parameter {name} has the name of an option of enigma.compile",
                "give it another name: its value is given to enigma.compile by name, as options are",
            )

    def evaluate_late(self, name: str, text: str) -> Any:
        cells = zip(self.function.__code__.co_freevars, self.function.__closure__ or (), strict=True)
        known = {free: cell.cell_contents for free, cell in cells if cell != type(cell)()}
        try:
            return eval(text, self.function.__globals__, known)
        except Exception as error:
            self.fail(name, f"the annotation of parameter {name} fails: {type(error).__name__}: {error}")


def kernel(function: Callable[..., None] | None = None, **options: Any) -> KernelFunction:
    """Makes a kernel of a function whose parameters are annotated with types: buffers (`enigma.f32`),
    `Scalar`, `Constexpr`.

    The body describes one thread. It runs, once per compile, on stand-ins that record every operation.

    >>> import enigma
    >>> @enigma.kernel
    ... def double(A: enigma.f32, Out: enigma.f32):
    ...     i = enigma.thread_position_in_grid
    ...     Out[i] = A[i] * 2
    >>> double
    <enigma.kernel double>
    """
    if function is None or options:
        raise TraceError(
            "@enigma.kernel takes no arguments and no parentheses",
            hints=[
                "write @enigma.kernel above the def; options are given to enigma.compile(kernel, vec_width=4)"
            ],
        )
    if isinstance(function, KernelFunction):
        raise TraceError(
            f"@enigma.kernel: {function.__name__} is a kernel already", hints=["decorate it once"]
        )
    inner = getattr(function, "__wrapped__", None)
    if isinstance(function, FunctionType) and inner is not None:
        name = getattr(inner, "__name__", "a function")
        raise TraceError(
            f"@enigma.kernel: got the wrapper that another decorator made of {name}",
            hints=["put @enigma.kernel directly above the def, and other decorators above it"],
        )
    if not isinstance(function, FunctionType):
        kind = type(function).__name__
        if isinstance(function, (staticmethod, classmethod)):
            raise TraceError(
                f"@enigma.kernel: needs a plain function, got a {kind}",
                hints=["define the kernel outside of the class"],
            )
        raise TraceError(
            f"@enigma.kernel: needs a function, got {kind}", hints=["write @enigma.kernel above a def"]
        )
    code = function.__code__
    if code.co_name == "<lambda>":
        raise TraceError("@enigma.kernel: a lambda cannot store, so it is no kernel", hints=["write a def"])
    if code.co_flags & (CO_GENERATOR | CO_COROUTINE | CO_ASYNC_GENERATOR):
        from enigma.errors import from_core

        what = "a generator" if code.co_flags & CO_GENERATOR else "async"
        line = code.co_firstlineno
        message = f"kernel {code.co_name} is {what}: a kernel is a plain function"
        hints = ["a kernel gives its results by storing them: Out[i] = value"]
        raise from_core("TraceError", message, code.co_filename, line, 0, line, 0, hints)
    return KernelFunction(function, sys._getframe(1).f_locals)
