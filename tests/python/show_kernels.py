# SPDX-License-Identifier: MIT
"""Nine kernels that every course on GPUs has, as a user of the library writes them, for arrays of any size.

    sums = tree_reduction(run, x)          # run(kernel, arguments, grid, threads) launches

Each function beside a kernel makes the launches and gives the result; NumPy's answer is in test_show_kernels.py.
"""

import numpy as np

import enigma as en

THREADS = 64  # of each threadgroup; more work than that goes to several
KERNELS = {}


def show(function):
    KERNELS[function.__name__] = kernel = en.kernel(function)
    return kernel


def rounded_up(n, unit):
    return -(-n // unit) * unit


# ---- Sum of an array: a tree in each threadgroup, then the sums of those


@show
def tree_sums(X: en.i32, n: en.Scalar(en.u32), Sums: en.i32):
    tile = en.threadgroup_alloc(THREADS, en.i32)
    lid = en.thread_position_in_threadgroup("x")
    gid = en.thread_position_in_grid
    tile[lid] = en.load_if(X, gid, gid < n)
    en.barrier()
    half = en.u32(THREADS // 2)
    while half > 0:
        if lid < half:
            tile[lid] += tile[lid + half]
        en.barrier()
        half //= 2
    if lid == 0:
        Sums[en.threadgroup_position_in_grid("x")] = tile[0]


def tree_reduction(run, x):
    while True:
        sums = np.zeros(rounded_up(len(x), THREADS) // THREADS, np.int32)
        run(tree_sums, [x, len(x), sums], len(sums) * THREADS, THREADS)
        if len(sums) == 1:
            return sums[0]
        x = sums


# ---- Each block of an array turned around; the last one is shorter


@show
def reverse_blocks(X: en.f32, Out: en.f32):
    tile = en.threadgroup_alloc(THREADS, en.f32)
    lid = en.thread_position_in_threadgroup("x")
    gid = en.thread_position_in_grid
    tile[lid] = X[gid]
    en.barrier()
    Out[gid] = tile[en.threads_per_threadgroup("x") - 1 - lid]


def block_reversal(run, x):
    out = np.zeros_like(x)
    run(reverse_blocks, [x, out], len(x), THREADS)
    return out


# ---- Histogram: counted in threadgroup memory, then added up

BINS = 100  # more than threads


@show
def count_values(Values: en.u8, n: en.Scalar(en.u32), Bins: en.u32):
    own = en.threadgroup_alloc(BINS, en.u32)
    lid = en.thread_position_in_threadgroup("x")
    for b in en.range(lid, BINS, THREADS, dtype=en.u32):
        en.atomic_store(own, b, 0)
    en.barrier()
    for i in en.range(en.thread_position_in_grid, n, en.threads_per_grid("x"), dtype=en.u32):
        if Values[i] < BINS:
            en.atomic_fetch_add(own, Values[i], 1)
    en.barrier()
    for b in en.range(lid, BINS, THREADS, dtype=en.u32):
        count = en.atomic_load(own, b)
        if count > 0:
            en.atomic_fetch_add(Bins, b, count)


def histogram(run, values):
    bins = np.zeros(BINS, np.uint32)
    run(count_values, [values, len(values), bins], 3 * THREADS, THREADS)
    return bins


# ---- Prefix sums: over simdgroups, then over those of a threadgroup, then over threadgroups


@show
def scan_blocks(X: en.i32, n: en.Scalar(en.u32), Out: en.i32, Totals: en.i32):
    per_simdgroup = en.threadgroup_alloc(THREADS // 32, en.i32)
    gid = en.thread_position_in_grid
    simdgroup = en.simdgroup_index_in_threadgroup()
    x = en.load_if(X, gid, gid < n)
    before = en.simd_prefix_exclusive_sum(x)
    if en.thread_index_in_simdgroup() == 31:
        per_simdgroup[simdgroup] = before + x
    en.barrier()
    for s in range(simdgroup):
        before += per_simdgroup[s]
    en.store_if(Out, gid, before + x, gid < n)
    if en.thread_position_in_threadgroup("x") == THREADS - 1:
        Totals[en.threadgroup_position_in_grid("x")] = before + x


@show
def add_totals(Out: en.i32, Totals: en.i32):
    group = en.threadgroup_position_in_grid("x")
    if group > 0:
        Out[en.thread_position_in_grid] += Totals[group - 1]


def prefix_scan(run, x):
    out, totals = np.zeros_like(x), np.zeros(rounded_up(len(x), THREADS) // THREADS, np.int32)
    run(scan_blocks, [x, len(x), out, totals], len(totals) * THREADS, THREADS)
    if len(totals) > 1:
        run(add_totals, [out, prefix_scan(run, totals)], len(x), THREADS)
    return out


# ---- Bitonic sort: what lies within a block of two elements per thread in threadgroup memory, the rest in the array

BLOCK = 2 * THREADS


def pair_of(t, distance, flip):
    """The elements that thread t compares: `distance` apart, or mirrored in blocks of 2 * distance."""
    low = t // distance * 2 * distance + t % distance
    if flip:
        return low, low ^ (2 * distance - 1)
    return low, low + distance


def in_order(A, low, high, n):
    """Elements past the end count as larger than all, and so stay where they are."""
    if high < n:
        a, b = A[low], A[high]
        if b < a:
            A[low], A[high] = b, a


@show
def sort_block(X: en.f32, n: en.Scalar(en.u32), first: en.Scalar(en.u32)):
    """Merges runs of `first` elements and more, up to a block; of a whole block only the end of the merge."""
    tile = en.threadgroup_alloc(BLOCK, en.f32)
    lid = en.thread_position_in_threadgroup("x")
    start = en.threadgroup_position_in_grid("x") * BLOCK
    for i in (lid, lid + THREADS):
        tile[i] = en.load_if(X, start + i, start + i < n)
    inside = en.min(n - start, BLOCK)
    en.barrier()
    run = first
    while run <= THREADS:
        flip = first < THREADS
        distance = run
        while distance > 0:
            low, high = pair_of(lid, distance, flip)
            in_order(tile, low, high, inside)
            en.barrier()
            distance //= 2
            flip = en.b1(False)
        run *= 2
    for i in (lid, lid + THREADS):
        en.store_if(X, start + i, tile[i], start + i < n)


@show
def sort_step(X: en.f32, n: en.Scalar(en.u32), distance: en.Scalar(en.u32), flip: en.Scalar(en.b1)):
    low, high = pair_of(en.thread_position_in_grid, distance, flip)
    in_order(X, low, high, n)


def bitonic_sort(run, x):
    x, n = x.copy(), len(x)
    pairs = rounded_up(n, BLOCK) // 2
    run(sort_block, [x, n, 1], pairs, THREADS)
    size = BLOCK
    while size < n:
        distance = size
        while distance >= BLOCK:
            run(sort_step, [x, n, distance, distance == size], rounded_up(pairs, size), THREADS)
            distance //= 2
        run(sort_block, [x, n, THREADS], pairs, THREADS)
        size *= 2
    return x


# ---- Matrix product: a simdgroup has an 8x8 tile of the result; tiles at the edge are filled up with zeros


@show
def multiply_tiles(
    A: en.f32, B: en.f32, C: en.f32, M: en.Scalar(en.u32), N: en.Scalar(en.u32), K: en.Scalar(en.u32)
):
    tiles = en.threadgroup_alloc((THREADS // 32, 2, 8, 8), en.f32)
    lane, own = en.thread_index_in_simdgroup(), en.simdgroup_index_in_threadgroup()
    group_x, group_y, _ = en.arch.block_idx()
    row, column = group_y * 8, (group_x * (THREADS // 32) + own) * 8
    of_a, of_b = own * 128, own * 128 + 64
    acc = en.make_filled_simdgroup_matrix(en.f32, 0.0)
    for k in en.range(0, K, 8, dtype=en.u32):
        for element in (lane, lane + 32):
            r, c = element // 8, element % 8
            inside_a = (row + r < M) & (k + c < K)
            inside_b = (k + r < K) & (column + c < N)
            tiles[own, 0, r, c] = en.load_if(A, (row + r) * K + k + c, inside_a)
            tiles[own, 1, r, c] = en.load_if(B, (k + r) * N + column + c, inside_b)
        en.simd_barrier(en.mem_flags.mem_threadgroup)
        a, b = en.simdgroup_load(tiles, of_a, 8), en.simdgroup_load(tiles, of_b, 8)
        acc = en.simdgroup_multiply_accumulate(a, b, acc)
        en.simd_barrier(en.mem_flags.mem_threadgroup)
    en.simdgroup_store(acc, tiles, of_a, 8)
    en.simd_barrier(en.mem_flags.mem_threadgroup)
    for element in (lane, lane + 32):
        r, c = element // 8, element % 8
        inside = (row + r < M) & (column + c < N)
        en.store_if(C, (row + r) * N + column + c, tiles[own, 0, r, c], inside)


def tiled_matmul(run, a, b):
    (m, k), n = a.shape, b.shape[1]
    c = np.zeros((m, n), np.float32)
    grid = (rounded_up(n, 8 * THREADS // 32) * 4, rounded_up(m, 8) // 8)
    run(multiply_tiles, [a, b, c, m, n, k], grid, (THREADS, 1))
    return c


# ---- Second difference of a row, with 0 beyond the ends


@show
def second_difference(X: en.f32, Out: en.f32, n: en.Scalar(en.i32)):
    i = en.i32(en.thread_position_in_grid)
    left = X[i - 1] if i > 0 else 0.0
    right = X[i + 1] if i < n - 1 else 0.0
    Out[i] = left - 2.0 * X[i] + right


def laplacian(run, x):
    out = np.zeros_like(x)
    run(second_difference, [x, out, len(x)], len(x), THREADS)
    return out


# ---- Heat in a plate that loses none at its border: a threadgroup reads its cells and those around them once

SIDE = 8


@show
def heat_cells(
    X: en.f32, rows: en.Scalar(en.i32), columns: en.Scalar(en.i32), rate: en.Scalar(en.f32), Out: en.f32
):
    tile = en.threadgroup_alloc((SIDE + 2, SIDE + 2), en.f32)
    lx, ly, _ = (en.i32(k) for k in en.arch.thread_idx())
    bx, by, _ = (en.i32(k) for k in en.arch.block_idx())
    for k in range(ly * SIDE + lx, (SIDE + 2) * (SIDE + 2), SIDE * SIDE):
        y = en.clamp(by * SIDE + k // (SIDE + 2) - 1, 0, rows - 1)
        x = en.clamp(bx * SIDE + k % (SIDE + 2) - 1, 0, columns - 1)
        tile[k // (SIDE + 2), k % (SIDE + 2)] = X[y * columns + x]
    en.barrier()
    x, y = bx * SIDE + lx, by * SIDE + ly
    around = tile[ly, lx + 1] + tile[ly + 2, lx + 1] + tile[ly + 1, lx] + tile[ly + 1, lx + 2]
    own = tile[ly + 1, lx + 1]
    if x < columns and y < rows:
        Out[y * columns + x] = own + rate * (around - 4.0 * own)


def heat(run, plate, steps, rate):
    rows, columns = plate.shape
    now, after = plate.copy(), np.zeros_like(plate)
    grid = (rounded_up(columns, SIDE), rounded_up(rows, SIDE))
    for _ in range(steps):
        run(heat_cells, [now, rows, columns, rate, after], grid, (SIDE, SIDE))
        now, after = after, now
    return now


# ---- Softmax of rows that are read twice rather than three times: the sum follows the maximum


@show
def softmax_rows(X: en.f32, n: en.Scalar(en.u32), Out: en.f32):
    lane = en.thread_index_in_simdgroup()
    first = en.threadgroup_position_in_grid("x") * n
    top, total = en.f32(-float("inf")), 0.0
    for i in en.range(lane, n, 32, dtype=en.u32):
        x = X[first + i]
        if x > top:
            total = total * en.exp(top - x)
            top = x
        total += en.exp(x - top)
    highest = en.simd_max(top)
    scale = 0.0
    if total > 0.0:  # lanes past the end of a short row have seen nothing
        scale = total * en.exp(top - highest)
    scale = 1.0 / en.simd_sum(scale)
    for i in en.range(lane, n, 32, dtype=en.u32):
        Out[first + i] = en.exp(X[first + i] - highest) * scale


def online_softmax(run, x):
    out = np.zeros_like(x)
    run(softmax_rows, [x, x.shape[1], out], 32 * len(x), 32)
    return out
