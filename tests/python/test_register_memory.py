# SPDX-License-Identifier: MIT
"""Register tensors and constant arrays: the host, the Metal text and NumPy agree."""

import ml_dtypes
import numpy as np
import pytest

import enigma as en
from msl import standin
from three_ways import both_ways, numbers


@pytest.mark.parametrize("n", [64, 50, 1])
def test_registers_indexed_by_python_ints(n):
    @en.kernel
    def polynomials(X: en.f32, Out: en.f32, n: en.Scalar(en.u32)):
        acc = en.register_tensor(4, en.f32, fill=1.0)
        gid = en.thread_position_in_grid
        for i in range(4):
            for _ in range(i):
                acc[i] *= X[gid]
        for i in range(4):
            Out[i * n + gid] = acc[i]

    compiled, x = en.compile(polynomials), numbers(n)
    wanted = np.stack([x**i for i in range(4)])
    assert "acc" not in compiled.metal_source and "1.0f;" in compiled.metal_source  # values, not an array
    for run in (
        lambda out: en.HostRuntime().launch(compiled, [x, out, n], n, 32),
        lambda out: standin.compile(compiled.metal_source).run([x, out, n], grid=n, threads=32),
    ):
        out = np.zeros((4, n), np.float32)
        run(out)
        np.testing.assert_array_equal(out, wanted)


def test_registers_written_under_a_condition_stay_an_array():
    @en.kernel
    def k(X: en.f32, Out: en.f32):
        acc = en.register_tensor(2, en.f32, fill=1.0)
        gid = en.thread_position_in_grid
        acc[1] = X[gid]
        if X[gid] > 0:
            acc[0] = X[gid]
        Out[gid] = acc[0] - acc[1]

    x = numbers(50)
    assert "float acc[2] = {1.0f, 1.0f};" in en.compile(k).metal_source
    np.testing.assert_array_equal(both_ways(k, [x], np.zeros_like(x), 50, 32), np.where(x > 0, 0, 1 - x))


def test_a_matrix_product_of_registers_in_a_loop():
    @en.kernel
    def product(A: en.f32, B: en.f32, K: en.Scalar(en.i32), Out: en.f32):
        """Each thread has 2 x 4 elements of C = A @ B; A has 8 rows and B 16 columns."""
        row, column = en.thread_position_in_grid_xyz("y") * 2, en.thread_position_in_grid_xyz("x") * 4
        c = en.register_tensor((2, 4), en.f32)
        for k in en.range(K):
            for i in range(2):
                for j in range(4):
                    c[i, j] += A[(row + i) * en.u32(K) + en.u32(k)] * B[en.u32(k) * 16 + column + j]
        for i in range(2):
            for j in range(4):
                Out[(row + i) * 16 + column + j] = c[i, j]

    a, b = numbers(8, 7), numbers(7, 16, seed=1)
    out = both_ways(product, [a, b, np.int32(7)], np.zeros((8, 16), np.float32), (4, 4, 1), (4, 4, 1))
    np.testing.assert_array_equal(out, a @ b)


def test_registers_indexed_by_the_position_of_a_loop_and_by_data():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        """A histogram of eight numbers by each thread, then its prefix sums."""
        count = en.register_tensor(8, en.i32)
        gid = en.thread_position_in_grid
        for i in en.range(8):
            count[X[gid * 8 + en.u32(i)]] += 1
        for i in en.range(7):
            count[i + 1] += count[i]
        for i in en.range(8):
            Out[gid * 8 + en.u32(i)] = count[i]

    x = np.random.default_rng(5).integers(0, 8, (70, 8)).astype(np.int32)
    out = both_ways(k, [x], np.zeros((70, 8), np.int32), 70, 64)
    wanted = np.stack([np.cumsum(np.bincount(row, minlength=8)) for row in x])
    np.testing.assert_array_equal(out, wanted)


def test_registers_under_conditions_that_differ():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        r = en.register_tensor(2, en.i32, fill=-1)
        gid = en.thread_position_in_grid
        if X[gid] > 0:
            r[0] = X[gid]
            if X[gid] > 4:
                r[X[gid] & 1] = 100
        else:
            r[1] = X[gid]
        en.store_if(r, 0, 7, gid == 3)
        Out[gid] = r[0] * 1000 + en.load_if(r, 1, gid != 5, 9)

    x = numbers(77).astype(np.int32)
    wanted = []
    for t, v in enumerate(x.tolist()):
        r = [-1, -1]
        if v > 0:
            r[0] = v
            if v > 4:
                r[v & 1] = 100
        else:
            r[1] = v
        if t == 3:
            r[0] = 7
        wanted.append(r[0] * 1000 + (r[1] if t != 5 else 9))
    np.testing.assert_array_equal(both_ways(k, [x], np.zeros(77, np.int32), 77, 32), wanted)


def test_registers_are_filled_in_each_round_and_keep_apart_across_barriers():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        tile = en.threadgroup_alloc(96, en.i32)
        kept = en.register_tensor(3, en.i32)
        gid, lid = en.thread_position_in_grid, en.thread_position_in_threadgroup("x")
        for i in en.range(3):
            fresh = en.register_tensor(2, en.i32, fill=X[gid])
            fresh[1] += i
            tile[lid] = fresh[0] + fresh[1]
            en.barrier()
            kept[i] = tile[95 - lid]
            en.barrier()
            fresh[0] = 12345
        Out[gid] = kept[0] + 100 * kept[1] + 10000 * kept[2]

    x = np.random.default_rng(1).integers(0, 20, 192).astype(np.int32)
    out = both_ways(k, [x], np.zeros(192, np.int32), 192, 96)
    other = x.reshape(2, 96)[:, ::-1].ravel() * 2
    np.testing.assert_array_equal(out, other + 100 * (other + 1) + 10000 * (other + 2))


@pytest.mark.parametrize(
    "name", ["b1", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f16", "bf16", "f32"]
)
def test_registers_of_every_type(name):
    @en.kernel
    def k(X: en.i32, Out: en.i32, T: en.Constexpr):
        gid = en.thread_position_in_grid
        r = en.register_tensor(5, T)
        value = X[gid] != 0 if T is en.b1 else T(X[gid])
        r[X[gid] % 5] = value
        r[3] = r[X[gid] % 5]
        Out[gid] = en.i32(r[3])

    x = np.arange(40, dtype=np.int32) % 7
    out = both_ways(k, [x], np.zeros(40, np.int32), 40, 32, T=getattr(en, name))
    np.testing.assert_array_equal(out, (x != 0) if name == "b1" else x)


def test_a_large_fill_and_a_computed_one():
    @en.kernel
    def k(X: en.f32, Out: en.f32):
        gid = en.thread_position_in_grid
        a = en.register_tensor(100, en.f32, fill=X[gid] + 1.0)
        total = en.f32(0.0)
        for i in en.range(100):
            total += a[i]
        Out[gid] = total

    x = numbers(40)
    np.testing.assert_array_equal(both_ways(k, [x], np.zeros(40, np.float32), 40, 40), (x + 1) * 100)


def test_an_access_past_the_end_of_registers_is_reported():
    @en.kernel
    def k(X: en.i32, Out: en.i32):
        r = en.register_tensor(4, en.i32)
        gid = en.thread_position_in_grid
        r[X[gid]] = 5  # here
        Out[gid] = r[0]

    x = np.zeros(64, np.int32)
    x[7] = -3
    out = np.zeros(64, np.int32)
    with pytest.raises(en.OutOfBoundsError) as caught:
        en.HostRuntime().launch(en.compile(k), [x, out], 64, 64)
    assert "store to array r is out of bounds: index -3, size 4, thread (7, 0, 0)" in str(caught.value)
    assert "# here" in str(caught.value)
    np.testing.assert_array_equal(out, np.where(x == 0, 5, 0))

    @en.kernel
    def uniform(n: en.Scalar(en.i32), Out: en.i32):
        r = en.register_tensor(4, en.i32, fill=3)
        Out[en.thread_position_in_grid] = r[n]  # here

    with pytest.raises(en.OutOfBoundsError) as caught:
        en.HostRuntime().launch(en.compile(uniform), [4, out], 64, 64)
    assert "load from array r is out of bounds: index 4, size 4, thread (0, 0, 0)" in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("(1025, en.f32)", "register_tensor: does not fit: 1025 elements of f32 are 4100 bytes"),
        ("(4, en.i32, 1.5)", "1.5"),
        ("(4, en.i32, X[0])", "the fill must be i32 like the elements, got f32"),
        ("(0, en.i32)", "a size must be 1 or more, got 0"),
    ],
)
def test_register_tensors_that_are_refused(arguments, words, tmp_path):
    source = (
        "import enigma as en\n@en.kernel\ndef k(X: en.f32):\n"
        f"    r = en.register_tensor{arguments}  # here\n    X[0] = en.f32(r[0])\n"
    )
    text = refusal(source, tmp_path)
    assert words in text and "# here" in text


def refusal(source, tmp_path):
    file = tmp_path / "kernel.py"
    file.write_text(source)
    names = {"np": np}
    exec(compile(source, str(file), "exec"), names)
    with pytest.raises(en.EnigmaError) as caught:
        en.compile(names["k"])
    return str(caught.value)


TABLES = [
    ([1, 2, 3, 5, 8], None, "int"),
    ([0.5, 1, 2, 4, 8], None, "float"),
    ([True, False, True, True, False], None, "bool"),
    ([1, 2, 3, 4, 250], en.u8, "uchar"),
    (np.array([1, -2, 3, -4, 5], np.int16), None, "short"),
    (np.array([1, 2, 3, 2**63, 5], np.uint64), None, "ulong"),
    (np.array([1.5, -2, 3, 4, 0.1], np.float16), None, "half"),
    (np.array([1.5, -2, 3, 4, 0.1], ml_dtypes.bfloat16), None, "bfloat"),
    (np.array([1, 2, 3, 4, 5], np.int64), "float", "float"),
]


@pytest.mark.parametrize(("values", "dtype", "metal"), TABLES, ids=[row[2] for row in TABLES])
def test_constant_arrays_of_every_kind(values, dtype, metal):
    @en.kernel
    def k(X: en.i32, Out: en.f32):
        table = en.constant_array(values, dtype)
        gid = en.thread_position_in_grid
        Out[gid] = en.f32(table[X[gid]]) + en.f32(table[2])

    assert f"constant {metal} table[5] = {{" in en.compile(k).metal_source
    x = np.arange(50, dtype=np.int32) % 5
    out = both_ways(k, [x], np.zeros(50, np.float32), 50, 32)
    numbers = np.asarray(values).astype(np.float32)
    np.testing.assert_array_equal(out, numbers[x] + numbers[2])


def test_a_constant_array_of_two_dimensions():
    stencil = [[0, 1, 0], [1, -4, 1], [0, 1, 0]]

    @en.kernel
    def laplacian(X: en.f32, w: en.Scalar(en.i32), h: en.Scalar(en.i32), Out: en.f32):
        weights = en.constant_array(stencil, en.f32)
        x = en.i32(en.thread_position_in_grid)
        y = en.i32(en.thread_position_in_grid_xyz("y"))
        total = en.f32(0.0)
        for i in en.range(3):
            for j in range(3):
                inside = (y + i > 0) & (y + i <= h) & (x + j > 0) & (x + j <= w)
                total += weights[i, j] * en.load_if(X, (y + i - 1) * w + x + j - 1, inside)
        Out[y * w + x] = total

    x = numbers(9, 37)
    p = np.pad(x, 1)
    wanted = p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:] - 4 * x
    out = both_ways(laplacian, [x, np.int32(37), np.int32(9)], np.zeros_like(x), (37, 9, 1), (16, 4, 1))
    np.testing.assert_array_equal(out, wanted)


def test_kernels_that_differ_in_a_constant_array_alone_are_different():
    def make(values):
        @en.kernel
        def k(Out: en.i32):
            table = en.constant_array(values)
            gid = en.thread_position_in_grid
            Out[gid] = table[gid]

        return k

    for values in ([1, 2, 3], [1, 2, 4], [1, 2, 3, 0]):
        out = np.zeros(3, np.int32)
        en.HostRuntime().launch(en.compile(make(values)), [out], 3, 3)
        assert out.tolist() == values[:3]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("en.constant_array([1, [2]])", "the rows have different lengths"),
        ("en.constant_array([[1, 2], [3]])", "the rows have different lengths"),
        ("en.constant_array([1, 300], en.u8)", "the number 300 does not fit u8"),
        ("en.constant_array([1, X[0]])", "needs numbers, got enigma"),
        ("en.constant_array(3)", "needs a list of numbers"),
        ("en.constant_array([])", "needs at least one element"),
        ("en.constant_array(np.zeros(3))", "NumPy's type float64"),
        ("en.constant_array([1.0]); t[0] = 2.0", "a constant array cannot be written"),
    ],
)
def test_constant_arrays_that_are_refused(code, words, tmp_path):
    source = (
        "import enigma as en\n@en.kernel\ndef k(X: en.f32):\n"
        f"    t = {code}  # here\n    X[0] = en.f32(t[0])\n"
    )
    text = refusal(source, tmp_path)
    assert words in text and "# here" in text
