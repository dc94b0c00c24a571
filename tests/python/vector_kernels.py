# SPDX-License-Identifier: MIT
"""One kernel for each operation and type, on vectors of 2, 3 and 4 at once.

    on_vectors(enigma.fma, ["f16"] * 3, ["f16"])     # each thread: 9 elements of every array

The annotations are evaluated when the closure runs, so this module must not postpone them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import enigma

WIDTHS = (2, 3, 4)
PER_THREAD = sum(WIDTHS)


def vector_type(name: str, lanes: int) -> Any:
    return enigma.vec(getattr(enigma, name), lanes)


def load(buffer: Any, name: str, first: Any, lanes: int) -> Any:
    """A vector of consecutive elements; of b1 by way of a comparison, which is where they come from."""
    parts = [buffer[first + c] for c in range(lanes)]
    if name == "b1":
        return vector_type("u8", lanes)(*parts) != 0
    return vector_type(name, lanes)(*parts)


def store(buffer: Any, first: Any, value: Any) -> None:
    for c, component in enumerate(value):
        buffer[first + c] = component


def on_vectors(
    function: Callable[..., Any], operands: Sequence[str], results: Sequence[str], scalars: Sequence[int] = ()
) -> Any:
    """A kernel with a buffer for each operand, then one for each result. `scalars` are the numbers of the operands
    that stay scalars: those read the first element of each thread."""

    def work(buffers: Any) -> None:
        begin = enigma.thread_position_in_grid * PER_THREAD
        for first, lanes in ((0, 2), (2, 3), (5, 4)):
            values = [
                buffers[k][begin] if k in scalars else load(buffers[k], name, begin + first, lanes)
                for k, name in enumerate(operands)
            ]
            result = function(*values)
            outputs = result if isinstance(result, tuple) else (result,)
            for out, value in zip(buffers[len(operands) :], outputs, strict=True):
                store(out, begin + first, value)

    types = [getattr(enigma, t) for t in (*operands, *results)]
    return _MAKERS[len(types)](work, *types)


def _two(work, ta, tb):
    @enigma.kernel
    def apply(A: ta, B: tb):
        work((A, B))

    return apply


def _three(work, ta, tb, tc):
    @enigma.kernel
    def apply(A: ta, B: tb, C: tc):
        work((A, B, C))

    return apply


def _four(work, ta, tb, tc, td):
    @enigma.kernel
    def apply(A: ta, B: tb, C: tc, D: td):
        work((A, B, C, D))

    return apply


def _five(work, ta, tb, tc, td, te):
    @enigma.kernel
    def apply(A: ta, B: tb, C: tc, D: td, E: te):
        work((A, B, C, D, E))

    return apply


_MAKERS = {2: _two, 3: _three, 4: _four, 5: _five}
