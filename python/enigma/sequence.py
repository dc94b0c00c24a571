# SPDX-License-Identifier: MIT
"""What a compiled jit function is: its launches in order, as one CompiledKernel.

compiled = enigma.compile(tiled_add, A, B, C)
compiled.grid, compiled.block         # of the last launch
compiled.launches[0].metal_source     # each launch is a compiled kernel
print(compiled.explain())             # how wide its loads and stores are, and why not wider
"""

from __future__ import annotations

from typing import Any

from enigma._enigma import DType, TracedLaunch
from enigma.compiled import CompiledKernel
from enigma.errors import CompileError, LaunchTypeError
from enigma.tensor import Tensor

WIDTHS = {1: "", 64: " 8x8"}
"""How accesses of one element, and of a simdgroup matrix, are written."""


class CompiledLaunch(CompiledKernel):
    """One launch of a compiled jit function: a kernel with its grid and threadgroup."""

    def __init__(
        self,
        launch: TracedLaunch,
        contract: bool,
        fast_math: bool,
        version: int,
        function_constants: dict[str | int, Any] | None,
    ) -> None:
        super().__init__(launch, contract, fast_math, version, function_constants)
        self.grid = launch.grid
        self.block = launch.block
        self._notes = launch.notes

    def _specialized(self, function_constants: dict[str | int, Any]) -> CompiledLaunch:
        made: CompiledLaunch = CompiledLaunch.__new__(CompiledLaunch)
        CompiledKernel.__init__(made, self, function_constants)
        made.grid, made.block, made._notes = self.grid, self.block, self._notes
        return made

    def explain(self) -> str:
        """How many elements each load and store of a tensor moves at once, and why not more."""
        return "\n".join(
            [f"{self.kernel_name}  grid={self.grid} block={self.block}", *map(_line, self._notes)]
        )


def _line(note: tuple[Any, ...]) -> str:
    tensor, is_store, dtype, elements, widths, masked, reason, file, line = note
    counts = {w: widths.count(w) for w in sorted(set(widths), reverse=True)}
    accesses = " and ".join(
        f"{n} x {dtype.name}{WIDTHS.get(width, f'x{width}')}" for width, n in counts.items()
    )
    counted = "1 element" if elements == 1 else f"{elements} elements"
    text = f"  {'store' if is_store else 'load'} {tensor}: {counted} as {accesses}"
    if masked:
        text += ", masked at the end of the tensor"
    if reason:
        text += f"; not wider: {reason}"
    return text + f"  ({file.rpartition('/')[2]}:{line})"


def _numbers_of_each(
    name: str, declared: list[list[tuple[str, int]]], given: dict[str | int, Any] | None
) -> list[dict[str | int, Any] | None]:
    """Of the numbers of function constants, those that each launch declares."""
    if given is None:
        return [None] * len(declared)
    if not isinstance(given, dict):
        raise LaunchTypeError(
            f"jit function {name}: function_constants must be a dict, got {type(given).__name__}",
            hints=['write function_constants={"NAME": number}'],
        )
    own: list[dict[str | int, Any] | None] = [
        {key: given[key] for key in given if any(key in row for row in rows)} for rows in declared
    ]
    for key in given:
        if not any(key in numbers for numbers in own if numbers):
            names = ", ".join(dict.fromkeys(row[0] for rows in declared for row in rows))
            raise CompileError(
                f"jit function {name}: no function constant {key!r}",
                hints=[f"its kernels declare {names}" if names else "its kernels declare none"],
            )
    return own


def joined(sources: list[str]) -> str:
    """The Metal text of several kernels as one file: what precedes them once."""
    blocks: list[str] = []
    kernels: list[str] = []
    versions = [source.partition("\n")[0] for source in sources]
    for source in sources:
        head, found, kernel = source.partition("\n")[2].partition("kernel void ")
        for block in head.strip().split("\n\n"):
            if block not in blocks:
                blocks.append(block)
        kernels.append(found + kernel.strip())
    return "\n\n".join([max(versions) + "\n" + blocks[0], *blocks[1:], *kernels]) + "\n"


class CompiledSequence(CompiledKernel):
    """A compiled jit function. Execution runs its launches in order; grid and threads are its own.

    `grid` and `block` are those of the last launch; `launches` has all of them, each a compiled kernel.
    """

    launches: tuple[CompiledLaunch, ...]

    def __init__(
        self,
        name: str,
        traced: list[TracedLaunch],
        tensors: list[Tensor],
        contract: bool,
        fast_math: bool,
        version: int,
        function_constants: dict[str | int, Any] | None = None,
    ) -> None:
        numbers = _numbers_of_each(name, [t.function_constants for t in traced], function_constants)
        self.launches = tuple(
            CompiledLaunch(launch, contract, fast_math, version, own)
            for launch, own in zip(traced, numbers, strict=True)
        )
        super().__init__(name, list(self.launches), traced, [t._view for t in tensors])
        self._traced, self._tensors = traced, tensors
        self.grid = self.launches[-1].grid
        self.block = self.launches[-1].block

    @property
    def function_constants(self) -> dict[str, DType]:
        """Name and type of each function constant of a launch that has no number yet."""
        return {name: dtype for one in self.launches for name, dtype in one.function_constants.items()}

    @property
    def _constant_rows(self) -> list[tuple[str, DType, int, bool]]:
        return list(dict.fromkeys(row for one in self.launches for row in one._constant_rows))

    def specialize(self, function_constants: dict[str | int, Any]) -> CompiledSequence:
        """The same launches with numbers for function constants that they leave open."""
        declared = [t.function_constants for t in self._traced]
        numbers = _numbers_of_each(self.name, declared, function_constants)
        made: CompiledSequence = CompiledSequence.__new__(CompiledSequence)
        made.launches = tuple(
            launch._specialized(own) if own else launch
            for launch, own in zip(self.launches, numbers, strict=True)
        )
        CompiledKernel.__init__(
            made, self.name, list(made.launches), self._traced, [t._view for t in self._tensors]
        )
        made._traced, made._tensors = self._traced, self._tensors
        made.grid, made.block = self.grid, self.block
        made.emit_only, made._work_dir = self.emit_only, self._work_dir
        return made

    @property
    def memories(self) -> list[tuple[str, DType, int, bool]]:
        """Name, element type, bytes and whether it is scratch memory, of each buffer by its index."""
        return [
            (t.name, t.dtype, bytes_, t._view.kind == "scratch")
            for t, bytes_ in zip(self._tensors, self.buffer_bytes, strict=True)
        ]

    @property
    def metal_source(self) -> str:
        """The Metal text of all launches."""
        return joined([launch.metal_source for launch in self.launches])

    @property
    def mlir_source(self) -> str:
        """The enigma dialect of all launches."""
        return "\n".join(launch.mlir_source for launch in self.launches)

    @property
    def ir_source(self) -> str:
        """The trace of all launches."""
        return "\n".join(launch.ir_source for launch in self.launches)

    @property
    def msl_version(self) -> int:
        """What the text needs, as major * 10 + minor."""
        return max(launch.msl_version for launch in self.launches)

    @property
    def key(self) -> str:
        """Names the text in caches."""
        return "-".join(launch.key for launch in self.launches)

    def explain(self) -> str:
        """How many elements each load and store of a tensor moves at once, and why not more."""
        return "\n".join(launch.explain() for launch in self.launches)
