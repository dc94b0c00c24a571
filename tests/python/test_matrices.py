# SPDX-License-Identifier: MIT
"""float2x2 ... half4x4, on the host and as Metal text, against NumPy."""

import numpy as np
import pytest

import enigma as en
from marks import notes, refused, sentence
from three_ways import both

N = 40
SIZES = [(c, r) for c in (2, 3, 4) for r in (2, 3, 4)]


def width(rows):
    return 4 if rows == 3 else rows


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def random(rng, columns, rows, dtype=np.float32):
    """N matrices as Metal keeps them: columns of rows, with the gap of vectors of 3."""
    memory = np.zeros((N * columns, width(rows)), dtype)
    memory[:, :rows] = rng.integers(-8, 9, (N * columns, rows)) / 4
    return memory


def matrices(memory, columns, rows):
    """As NumPy has them: [n, row, column]."""
    return memory.reshape(N, columns, -1)[:, :, :rows].transpose(0, 2, 1).astype(np.float64)


def types(columns, rows, name="float"):
    return getattr(en, f"{name}{columns}x{rows}"), getattr(en, f"{name}{rows}")


@pytest.mark.parametrize(("columns", "rows"), SIZES)
@pytest.mark.parametrize("name", ["float", "half"])
def test_products_sums_and_transposes(name, columns, rows, rng):
    """The numbers are small enough for every result to be exact in f16."""
    dtype = {"float": np.float32, "half": np.float16}[name]
    kind, column = types(columns, rows, name)
    row = getattr(en, f"{name}{columns}")
    a, b = random(rng, columns, rows, dtype), random(rng, columns, rows, dtype)
    v, u = random(rng, 1, columns, dtype), random(rng, 1, rows, dtype)

    def k(
        A: column, B: column, V: row, U: column, MV: column, UM: row, Sum: column, Square: column, Turned: row
    ):
        i = en.thread_position_in_grid
        m, n = kind.load(A, i), kind.load(B, i)
        MV[i] = m * V[i]
        UM[i] = U[i] * m
        (2 * (m + n) - m / 2).store(Sum, i)
        square = m * en.transpose(n)
        for c in range(rows):
            Square[i * rows + c] = square[c]
        en.transpose(m).store(Turned, i)

    outs = [np.zeros((N, width(rows)), dtype), np.zeros((N, width(columns)), dtype), np.zeros_like(a)]
    outs += [np.zeros((N * rows, width(rows)), dtype), np.zeros((N * rows, width(columns)), dtype)]
    # Metal does not say with which zero a sum of products begins.
    arguments = [a, b, v, u, *outs]
    *_, mv, um, sums, squares, turned = both(en.kernel(k), arguments, N, either_zero=True)
    m, n = matrices(a, columns, rows), matrices(b, columns, rows)
    x, y = v[:, :columns].astype(np.float64), u[:, :rows].astype(np.float64)
    np.testing.assert_array_equal(mv[:, :rows], np.einsum("nrc,nc->nr", m, x))
    np.testing.assert_array_equal(um[:, :columns], np.einsum("nr,nrc->nc", y, m))
    np.testing.assert_array_equal(matrices(sums, columns, rows), 2 * (m + n) - m / 2)
    np.testing.assert_array_equal(matrices(squares, rows, rows), m @ n.transpose(0, 2, 1))
    np.testing.assert_array_equal(matrices(turned, rows, columns), m.transpose(0, 2, 1))


@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("name", ["float", "half"])
def test_determinants(name, size, rng):
    dtype = {"float": np.float32, "half": np.float16}[name]
    kind, column = types(size, size, name)
    scalar = kind.element
    a = random(rng, size, size, dtype)

    def k(A: column, Out: scalar):
        i = en.thread_position_in_grid
        Out[i] = en.determinant(kind.load(A, i))

    out = both(en.kernel(k), [a, np.zeros(N, dtype)], N)[-1]
    want = np.round(np.linalg.det(matrices(a, size, size)) * 4**size) / 4**size  # multiples of 4**-size
    np.testing.assert_array_equal(out, want.astype(dtype))


def test_a_matrix_is_made_of_a_number_of_columns_and_of_numbers():
    @en.kernel
    def k(Out: en.float3):
        i = en.thread_position_in_grid
        x = en.f32(i)
        en.float2x3(x).store(Out, 0)
        en.float2x3(en.make_float3(1, 2, 3), en.make_float3(x)).store(Out, 1)
        en.float2x3(1, 2, 3, 4, 5, x).store(Out, 2)
        en.float2x3(en.half2x3(0.5)).store(Out, 3)

    out = both(k, [np.zeros((8, 4), np.float32)], 1)[0]
    want = [[0, 0, 0], [0, 0, 0], [1, 2, 3], [0, 0, 0], [1, 2, 3], [4, 5, 0], [0.5, 0, 0], [0, 0.5, 0]]
    np.testing.assert_array_equal(out[:, :3], np.float32(want))


def test_loops_and_branches_carry_matrices(rng):
    """A power of a matrix, by squaring."""
    a = random(rng, 2, 2)

    @en.kernel
    def k(A: en.float2, P: en.u32, Out: en.float2):
        i = en.thread_position_in_grid
        base, power, left = en.float2x2.load(A, i), en.float2x2(1.0), P[i]
        while left > 0:
            if left % 2 == 1:
                power = power * base
            base = base * base
            left = left // 2
        power.store(Out, i)

    powers = (np.arange(N) % 4).astype(np.uint32)
    out = both(k, [a, powers, np.zeros_like(a)], N)[-1]
    m = matrices(a, 2, 2)
    want = np.stack([np.linalg.matrix_power(x, int(p)) for x, p in zip(m, powers, strict=True)])
    np.testing.assert_array_equal(matrices(out, 2, 2), want)


def test_a_column_is_taken_by_a_computed_number(rng):
    a = random(rng, 3, 2)

    @en.kernel
    def k(A: en.float2, Out: en.float2, One: en.f32):
        i = en.thread_position_in_grid
        m = en.float3x2.load(A, i)
        Out[i] = m[i % 3]
        One[i] = m[i % 3][1] + len(m)

    _, out, one = both(k, [a, np.zeros((N, 2), np.float32), np.zeros(N, np.float32)], N)
    want = a.reshape(N, 3, 2)[np.arange(N), np.arange(N) % 3]
    np.testing.assert_array_equal(out, want)
    np.testing.assert_array_equal(one, want[:, 1] + 3)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("en.float2x2(1, 2, 3)", "float2x2: needs 2 columns of 2, 4 numbers column by column, or one number"),
        (
            "en.float2x2(1.0) * en.float3x3(1.0)",
            "*: a float2x2 times a float3x3: the first has 2 columns, the second 3",
        ),
        (
            "en.float2x2(1.0) * en.make_float3(1)",
            "*: a float2x2 times a vector needs 2 components, got f32x3",
        ),
        (
            "en.make_float3(1) * en.float2x2(1.0)",
            "*: a vector times a float2x2 needs 2 components, got f32x3",
        ),
        ("en.float2x2(1.0) + 1.0", "+: needs a matrix of 2 columns and 2 rows, got float"),
        ("en.determinant(en.float2x3(1.0))", "determinant: needs a square matrix, got float2x3"),
        ("en.transpose(A[0])", "transpose: needs a matrix, got f32x2"),
        ("en.float2x2(en.float3x3(1.0))", "float2x2: a float3x3 has another size"),
        ("en.float2x2(1.0) / en.float2x2(1.0)", "/: a matrix is divided by one number, got float2x2"),
    ],
)
def test_what_matrices_cannot_do_is_an_error(body, message, tmp_path):
    source = tmp_path / "kernel.py"
    source.write_text(f"import enigma as en\n\ndef k(A: en.float2, Out: en.float2):\n    m = {body}\n")
    names = {}
    exec(compile(source.read_text(), str(source), "exec"), names)
    error = refused(names["k"])
    assert sentence(error).startswith(message)
    assert "4 |" in str(error)


@pytest.mark.parametrize("kind", ["float2x2", "float3x2", "float4x4", "float2x3", "half4x3", "half3x3"])
def test_a_parameter_that_holds_matrices(kind, rng):
    """Array [i, c, r] is row r of column c of matrix i; a column of 3 has a gap behind it."""
    type_ = getattr(en, kind)
    c, r = type_.columns, type_.rows
    width = 4 if r == 3 else r
    dtype = np.float16 if kind.startswith("half") else np.float32
    a = rng.integers(-4, 5, (N, c, width)).astype(dtype)

    @en.kernel
    def k(A: type_, Twice: type_, Sum: type_):
        i = en.thread_position_in_grid
        m = A[i]
        if i % 2 == 1:
            m = m * 3
        Twice[i] = m + A[i]
        Sum[i] = A[N - 1 - i]
        Sum[i] += type_(1.0)

    _, twice, total = both(k, [a, np.zeros_like(a), np.zeros_like(a)], N)
    used = a[:, :, :r]
    factor = np.where(np.arange(N) % 2 == 1, 4, 2)[:, None, None]
    np.testing.assert_array_equal(twice[:, :, :r], used * factor)
    np.testing.assert_array_equal(total[:, :, :r], used[::-1] + np.eye(c, r, dtype=dtype))


def test_a_matrix_parameter_times_vectors_is_numpys_transposed_product(rng):
    m = rng.integers(-4, 5, (4, 4)).astype(np.float32)
    x = rng.integers(-4, 5, (N, 4)).astype(np.float32)

    @en.kernel
    def k(M: en.float4x4, X: en.float4, Out: en.float4, Row: en.float4):
        i = en.thread_position_in_grid
        Out[i] = M[0] * X[i]
        Row[i] = X[i] * en.transpose(M[0]) + M.columns[1]

    # Metal keeps a matrix column by column, so NumPy's rows are its columns.
    _, _, out, row = both(k, [m.T.copy(), x, np.zeros_like(x), np.zeros_like(x)], N)
    np.testing.assert_array_equal(out, x @ m.T)
    np.testing.assert_array_equal(row, x @ m.T + m[:, 1])
    assert "const device float4* M [[buffer(0)]]" in en.compile(k).metal_source


def test_what_a_parameter_of_matrices_refuses():
    def number(M: en.float2x2):
        M[0] = 1.0

    def other(M: en.float2x2):
        M[0] = en.float3x3(1.0)

    def loop(M: en.float2x2):
        for _ in M:
            pass

    assert sentence(refused(number)) == "store: the buffer holds float2x2, got float"
    assert notes(refused(number)) == ["a number on the diagonal is enigma.float2x2(x)"]
    assert sentence(refused(other)) == "store: the buffer holds float2x2, got float3x3"
    assert "cannot be iterated over" in sentence(refused(loop))
    with pytest.raises(en.TraceError, match=r"declare a buffer of matrices, M: enigma\.float4x4"):
        en.Scalar(en.float4x4)


def test_a_matrix_that_a_loop_rebinds_stays_what_its_columns_say(rng):
    """Early exits, swaps of matrices, and a matrix bound in both arms."""
    a = random(rng, 2, 2)

    @en.kernel
    def k(A: en.float2x2, Out: en.float2x2, n: en.Scalar(en.i32)):
        i = en.thread_position_in_grid
        one, two = A[i], en.float2x2(2.0)
        for j in en.range(n):
            one, two = two, one
            if j == 2:
                break
            if i % 3 == 0:  # noqa: SIM108
                three = one + two
            else:
                three = one - two
            one = three
        Out[i] = one

    for n in (0, 1, 2, 5):
        out = both(k, [a, np.zeros_like(a), n], N)[1]
        want = []
        for i, m in enumerate(a.reshape(N, 2, 2)):
            one, two = m, 2 * np.eye(2, dtype=np.float32)
            for j in range(n):
                one, two = two, one
                if j == 2:
                    break
                one = one + two if i % 3 == 0 else one - two
            want.append(one)
        np.testing.assert_array_equal(out.reshape(N, 2, 2), want)


def test_a_column_is_not_assigned():
    def k(A: en.float2, Out: en.float2):
        m = en.float2x2(1.0)
        m[0] = A[0]

    error = refused(k)
    assert sentence(error) == "a matrix is a value: its columns are not assigned"
    assert notes(error) == ["make a new one: enigma.float2x2(m[0], ...)"]
