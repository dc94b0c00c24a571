# SPDX-License-Identifier: MIT
"""What tests of tensors and jit functions share: tensors by size, a run in three ways, and the text of an error."""

import numpy as np
import pytest

import enigma
from msl import standin

HOST = enigma.HostRuntime()


def matrices(m, n, dtype="float", count=3):
    """A, B, ... of m rows, the columns side by side."""
    layout = enigma.Layout((m, n), (n, 1))
    return [enigma.Tensor("ABCDEF"[i], i, dtype, layout) for i in range(count)]


def vectors(n, names="AB", dtype="float"):
    return [enigma.Tensor(name, i, dtype, enigma.Layout(n)) for i, name in enumerate(names)]


def in_three_ways(compiled, inputs, shape, dtype=np.float32):
    """The output on the host, and by the Metal text compiled by clang; the same bytes."""
    host = HOST.execute(compiled, inputs, int(np.prod(shape)) * np.dtype(dtype).itemsize)
    out = np.zeros(shape, dtype)
    standin.compile(compiled.metal_source).run([*inputs, out], grid=compiled.grid, threads=compiled.block)
    assert out.tobytes() == host
    return out


def error_of(function, *args):
    with pytest.raises(enigma.EnigmaError) as caught:
        enigma.compile(function, *args)
    return str(caught.value)
