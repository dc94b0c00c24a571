# SPDX-License-Identifier: MIT
"""Runs a program of typed_programs.py on the host and as Metal text, and compares memory.

compiled = traced(program.text, program)
differences(expected(program.text, program), on_host(compiled, program))     # sentences, none if all is well
"""

import linecache

import numpy as np

import enigma as en
from elements import DTYPES, FLOATS
from typed_arguments import N, arguments, shape, sizes
from typed_expressions import COUNTERS, SLOTS
from typed_values import FUNCTIONS, Value, Vector


def exact(program):
    """Whether Python can say what comes out: it knows nothing of products that are rounded with their sum."""
    return not (program.contract and any(t in FLOATS for t in program.scalars))


def _active(lane):
    """What an inactive lane gives is any number."""
    return (en.simd_active_threads_mask() >> en.u32(lane)) % 2 == 1


LANES = {
    "sum": en.simd_sum, "max": en.simd_max, "min": en.simd_min, "or": en.simd_or, "and": en.simd_and, "xor": en.simd_xor,
    "first": en.simd_broadcast_first, "before": en.simd_prefix_exclusive_sum, "through": en.simd_prefix_inclusive_sum,
    "quad_sum": en.quad_sum, "quad_max": en.quad_max, "any": en.simd_any, "all": en.simd_all,
    "quad_any": en.quad_any, "quad_all": en.quad_all,
    "shuffle": lambda x, lane: en.select_(_active(lane), en.simd_shuffle(x, lane), _zero(x)),
    "flipped": lambda x, bits: en.select_(
        _active(en.i32(en.thread_index_in_simdgroup()) ^ bits), en.simd_shuffle_xor(x, bits), _zero(x)
    ),
}  # fmt: skip


def _zero(x):
    return getattr(en, x._type)(0)


def _lane(name, *operands):
    return LANES[name](*operands)


def _loop(*bounds, dtype="i32"):
    return en.range(*bounds, dtype=getattr(en, dtype))


class Thing:
    def __init__(self, x, y):
        self.x, self.y = x, y


TRACED = {
    "absolute": en.abs, "least": en.min, "most": en.max, "some": en.any, "every": en.all, "row": lambda *x: list(x),
    "thing": Thing, "loop": _loop, "lane": _lane, "barrier": en.barrier, "if_": en.if_, "else_": en.else_,
    "for_range": en.for_range, "while_": en.while_, "enigma": en,
    **{name: getattr(en, name) for name in FUNCTIONS if hasattr(en, name)},
    **{f"{t}x{n}": en.vec(getattr(en, t), n) for t in DTYPES if t != "b1" for n in (2, 3, 4)},
    **{f"atomic_{name}": getattr(en, f"atomic_fetch_{name}") for name in COUNTERS},
}  # fmt: skip


def positions(program):
    group = [f"i32(enigma.threadgroup_position_in_grid('{c}'))" for c in "xy"]
    return [
        "    x, y = (enigma.thread_position_in_grid_xyz(c) for c in 'xy')",
        f"    t = i32(y) * {shape(program)[0][0]} + i32(x)",
        "    lid = i32(enigma.thread_index_in_threadgroup())",
        f"    u = {group[0]} + {group[1]} * 2",
    ]


def kernel_text(program):
    params = [f"{name}: {t}" for name, (t, _) in sizes(program).items()]
    lines = [f"def k(n: enigma.Scalar(i32), {', '.join(params)}):"]
    if program.together_:
        lines += [
            f"    T = enigma.threadgroup_alloc({SLOTS}, {program.memory['T']})",
            f"    S = enigma.threadgroup_alloc(6, {program.memory['S']})",
        ]
    lines += positions(program)
    lines += [f"    r = enigma.register_tensor(4, {program.memory['r']}, 0)"]
    if program.together_:
        lines += [
            "    if lid == 0:",
            f"        for i in enigma.range({SLOTS}):",
            f"            T[i] = {program.memory['T']}(0)",
        ]
        lines += [
            "        for i in range(6):",
            f"            S[i] = {program.memory['S']}(0)",
            "    barrier()",
        ]
    lines += [
        f"    results = f({', '.join(program.memory)}, t, lid, n, u)".replace(", r, T, S,", ", T, S, r,")
    ]
    lines += [f"    O{k}[t] = results[{k}]" for k in range(len(program.out))]
    return "\n".join(lines) + "\n"


def traced(text, program):
    file = f"<typed program {program.seed}>"
    text = f"{text}\n\n{kernel_text(program)}"
    linecache.cache[file] = (len(text), None, text.splitlines(True), file)
    names = dict(TRACED)
    exec(compile(text, file, "exec"), names)
    fast = not any(t in FLOATS for t in program.scalars)
    return en.compile(en.kernel(names["k"]), contract=program.contract, fast_math=fast)


def on_host(compiled, program):
    arrays = arguments(program)
    en.HostRuntime().launch(compiled, [N, *arrays.values()], *shape(program))
    return arrays


def in_metal_text(library_kernel, program):
    arrays = arguments(program)
    library_kernel.run([N, *arrays.values()], *shape(program))
    return arrays


def listed(arrays, program):
    """Arrays as expected() has them."""
    rows = {}
    for name, (t, n) in sizes(program).items():
        e, lanes = t.split("x") if "x" in t else (t, 0)
        if name[0] not in "OWZ":
            continue
        items = [[Value(e, x) for x in row] for row in arrays[name].reshape(n, -1).tolist()]
        rows[name] = [Vector(tuple(row[: int(lanes)])) if lanes else row[0] for row in items]
    return rows


def differences(want, arrays):
    """Where the arrays are not what Python has; any NaN is any other."""
    found = []
    for name, items in want.items():
        got = arrays[name]
        for k, x in enumerate(items):
            parts = x.items if isinstance(x, Vector) else (x,)
            for c, part in enumerate(parts):
                y = got[k] if got.ndim == 1 else got[k, c]
                if part.t in FLOATS:
                    y = float(y)
                    same = (np.isnan(y) and np.isnan(part.v)) or (
                        y == part.v and np.signbit(y) == np.signbit(part.v)
                    )
                else:
                    same = int(y) == int(part.v)
                if not same:
                    found.append(f"{name}[{k}]{f'.{c}' if len(parts) > 1 else ''}: {y}, Python has {part.v}")
    return found
