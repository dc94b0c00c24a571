# SPDX-License-Identifier: MIT
"""The names of values reach the trace, and the rewriting that does it changes nothing else."""

from contextlib import contextmanager
from fractions import Fraction

import numpy as np
import pytest

import enigma as en
from marks import marked, notes, refused, sentence

F = en.f32


def trace(function, **options):
    return en.compile(en.kernel(function), **options).ir_source


def names_in(text):
    """Names of the results in a trace, in order, numbered ones apart."""
    results = [line.split(" = ")[0].strip() for line in text.splitlines() if " = " in line]
    return [n.lstrip("%") for r in results for n in r.split(", ") if not n.lstrip("%").isdigit()]


def test_an_assignment_names_its_value():
    def k(A: F, Out: F):
        tid = en.thread_position_in_grid
        x = A[tid]
        Out[tid] = x

    assert names_in(trace(k)) == ["tid", "x"]


def test_the_first_name_stays():
    def k(A: F, Out: F):
        x = A[0]
        y = x
        Out[0] = y

    assert names_in(trace(k)) == ["x"]


def test_parameters_keep_their_names():
    def k(A: F, alpha: en.Scalar(F), Out: F):
        beta = alpha
        Out[0] = beta

    assert "(%A: buffer<f32>, %alpha: f32, %Out: buffer<f32>)" in trace(k)


def test_tuples_name_their_parts():
    def pair(A):
        return A[2], [A[3], A[4]]

    def k(A: F, Out: F):
        a, b = A[0], A[1]
        c, (d, e) = pair(A)
        first, *rest = [A[5], A[6]]
        Out[0] = a + b + c + d + e + first + rest[0]

    assert names_in(trace(k)) == ["a", "b", "c", "d", "e"]


def test_a_swap_swaps():
    def k(A: F, Out: F):
        a, b = A[0], A[1]
        a, b = b, a
        Out[0] = a
        Out[1] = b

    text = trace(k)
    assert text.index("store %b") < text.index("store %a")


def test_chained_augmented_annotated_and_walrus_assignments_name():
    def k(A: F, Out: F):
        a = b = A[0]
        c = A[1]
        c += b
        d: en.f32 = a * 2
        Out[0] = (e := d + c) * e

    assert names_in(trace(k, contract=False)) == ["a", "c", "c.1", "d", "e"]


def test_with_names_what_it_binds():
    @contextmanager
    def block(value):
        yield value

    def k(A: F, Out: F):
        with block(A[0]) as x, block((A[1], A[2])) as (y, z):
            Out[0] = x + y + z

    assert names_in(trace(k)) == ["x", "y", "z"]


def test_names_in_nested_functions_count():
    def k(A: F, Out: F):
        def inner(v):
            doubled = v * 2
            return doubled

        Out[0] = inner(A[0])

    assert "doubled" in names_in(trace(k))


def test_python_values_pass_through_unchanged():
    seen = []

    def k(A: F, Out: F):
        n = 3
        n += 1
        text = "a"
        text += "b"
        items = [1]
        items += [2]
        p, q = 1, 2
        (r, s), t = (3, 4), 5
        head, *tail = range(3)
        a: int = 7
        b: "no such type" = 8  # noqa: F722
        c: undefined = 9  # noqa: F821
        if (m := len(items)) == 2:
            seen.append((n, text, items, p, q, r, s, t, head, tail, a, b, c, m))
        Out[0] = 1

    trace(k)
    assert seen == [(4, "ab", [1, 2], 1, 2, 3, 4, 5, 0, [1, 2], 7, 8, 9, 2)]


def test_augmented_assignment_keeps_the_identity_of_lists():
    shared = [1]

    def k(Out: F):
        mine = shared
        mine += [2]
        Out[0] = len(shared)

    assert "Out[0u] = 2.0f" in en.compile(en.kernel(k)).metal_source


def test_an_annotated_literal_has_the_type():
    def k(A: en.i32, Out: F):
        acc: en.f32 = 0
        half: en.f16 = 0.5
        Out[0] = acc + half + A[0]

    text = trace(k)
    assert "%acc = constant 0.0 : f32" in text
    assert "%half = constant 0.5 : f16" in text


def test_an_annotation_of_another_type_is_refused():
    def k(A: en.i32, Out: F):
        x: en.f32 = A[0]
        Out[0] = x

    error = refused(k)
    assert sentence(error) == "x is declared f32, but its value is i32"
    assert notes(error) == ["convert it: enigma.f32(...)"]


def test_closures_are_live():
    factor = 2.0

    @en.kernel
    def k(A: F, Out: F):
        Out[0] = A[0] * factor

    assert "2.0f" in en.compile(k).metal_source
    factor = 3.0
    assert "3.0f" in en.compile(k).metal_source


GLOBAL = 2.0


@en.kernel
def uses_a_global(A: F, Out: F):
    Out[0] = A[0] * GLOBAL


def test_globals_are_live(monkeypatch):
    assert "2.0f" in en.compile(uses_a_global).metal_source
    monkeypatch.setitem(globals(), "GLOBAL", 5.0)
    assert "5.0f" in en.compile(uses_a_global).metal_source


def test_kernels_of_one_factory_keep_their_own_closures():
    def make(factor):
        @en.kernel
        def k(A: F, Out: F):
            Out[0] = A[0] * factor

        return k

    two, three = make(2.0), make(3.0)
    assert "2.0f" in en.compile(two).metal_source
    assert "3.0f" in en.compile(three).metal_source
    assert "2.0f" in en.compile(two).metal_source


def test_a_kernel_in_deep_indentation_keeps_its_columns():
    if True:
        for _ in range(1):
            with np.errstate():

                def k(A: F,
                      Out: F):  # fmt: skip
                    text = """
not indented
"""
                    Out[0] = A[0] + text

    error = refused(k)
    assert marked(error) == "A[0] + text"


def test_non_ascii_names_and_text_keep_their_columns():
    def k(größe: F, Ω: F):
        λ = größe[0]
        Ω[0] = λ + "é"

    error = refused(k)
    assert marked(error) == 'λ + "é"'


def test_methods_of_modules_compile_as_they_do_in_the_users_file():
    import math

    def k(A: F, Out: F):
        Out[0] = A[0] * math.floor(2.5) + en.fma(A[0], A[0], math.pi)

    assert "fma" in trace(k)


def test_functions_of_classes_and_loops_compile_as_in_the_users_file():
    from types import SimpleNamespace

    def k(A: F, Out: F):
        total = A[0]
        for i in range(1, 4):
            if i == 2:
                continue
            half = float(Fraction.from_float(0.5))
            total = total + en.fma(A[i], half, sum(Numbers.double(j) for j in range(i)))
        Out[0] = SimpleNamespace(x=total).x

    assert "fma" in trace(k)


class Numbers:
    double = staticmethod(lambda x: 2 * x)


def test_decorated_over_several_lines():
    def plain(function):
        return function

    @en.kernel
    @plain
    def k(
        A: F,
        Out: F,
    ):
        """A docstring."""
        Out[0] = A[0]

    assert k.__doc__ == "A docstring."
    assert "Out[0u] = A[0u]" in en.compile(k).metal_source


def test_asserts_of_a_kernel_survive_pytest():
    def k(A: F, Out: F, n: en.Constexpr):
        assert n == 4
        Out[0] = n

    assert "4.0f" in en.compile(en.kernel(k), n=4).metal_source
    with pytest.raises(AssertionError):
        en.compile(en.kernel(k), n=5)


def test_a_file_that_changed_after_import_is_refused(tmp_path, monkeypatch):
    import importlib

    path = tmp_path / "changing_kernel.py"
    path.write_text("import enigma\n\n\n@enigma.kernel\ndef k(A: enigma.f32):\n    A[0] = A[1] + A[2]\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("changing_kernel")
    path.write_text("import enigma\n\n\n@enigma.kernel\ndef k(A: enigma.f32):\n    A[0] = A[1] - A[2]\n")
    error = refused(module.k)
    assert "is no longer what Python runs" in sentence(error)
    assert "reload it or restart Python" in notes(error)[0]


def test_lines_added_above_after_import_are_refused(tmp_path, monkeypatch):
    import importlib

    path = tmp_path / "moving_kernel.py"
    text = "import enigma\n\n\n@enigma.kernel\ndef k(A: enigma.f32):\n    A[0] = A[1] + A[2]\n"
    path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("moving_kernel")
    path.write_text("# one more\n" + text)
    with pytest.raises(en.TraceError):
        en.compile(module.k)


def test_without_source_the_error_says_so():
    space = {"enigma": en}
    exec("@enigma.kernel\ndef k(A: enigma.f32):\n    A[0] = 1\n", space)
    error = refused(space["k"])
    assert (
        sentence(error)
        == "kernel k: its source is not available (it was defined in <string>), and tracing reads it"
    )
    assert notes(error) == ["put the kernel into a file or a notebook cell"]


def test_source_in_the_line_cache_is_enough(monkeypatch):
    """As notebooks have it."""
    import linecache

    text = "import enigma\n@enigma.kernel\ndef cell(A: enigma.f32):\n    A[0] = A[1] + 'x'\n"
    name = "<ipython-input-7-0123456789ab>"
    monkeypatch.setitem(linecache.cache, name, (len(text), None, text.splitlines(True), name))
    space = {}
    exec(compile(text, name, "exec"), space)
    error = refused(space["cell"])
    assert marked(error) == "A[1] + 'x'"
    assert f"{name}:4:12" in str(error)


def test_a_kernel_read_from_standard_input_says_so():
    import os
    import subprocess
    import sys

    code = "import enigma\n@enigma.kernel\ndef k(A: enigma.f32):\n    A[0] = 1\nenigma.compile(k)\n"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-"], input=code, text=True, capture_output=True, env=env)
    assert "its source is not available" in result.stderr
