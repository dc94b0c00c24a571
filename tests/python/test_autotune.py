# SPDX-License-Identifier: MIT
"""enigma.autotune: it tries what it should, keeps the fastest, stops early, and remembers; time is injected."""

import io
import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import enigma
from enigma import tuning

X = np.arange(64, dtype=np.float32)


@enigma.kernel
def scale(A: enigma.f32, each: enigma.Constexpr[int], factor: enigma.Constexpr[float], B: enigma.f32):
    i = enigma.thread_position_in_grid
    for k in range(each):
        B[i * each + k] = A[i * each + k] * factor


@enigma.jit
def doubled(A, B, each, block):
    gA, gB = (enigma.tensor_zipped_divide(t, each) for t in (A, B))

    @enigma.kernel
    def inner(a, b):
        i = enigma.thread_position_in_grid
        b[None, i].store(a[None, i].load() * 2.0)

    inner(gA, gB).launch(grid=A.size // each, block=block)


A, B = (enigma.Tensor(name, i, "float", 64) for i, name in enumerate("AB"))


class Meter:
    """Times by configuration, and a record of what was asked."""

    def __init__(self, seconds):
        self.seconds, self.asked = seconds, []

    def __call__(self, trial):
        self.asked.append(tuple(trial.config.values()))
        times = self.seconds[self.asked[-1]]
        return times[self.asked.count(self.asked[-1]) - 1] if isinstance(times, list) else times


def tune(seconds, space=None, **options):
    meter = Meter(seconds)
    space = {"each": [1, 2, 4], "block": [8, 16]} if space is None else space
    arrays = [X, np.zeros_like(X)]
    return enigma.autotune(doubled, space, tensors=[A, B], arrays=arrays, measure=meter, **options), meter


ALL = {(1, 8): 9.0, (1, 16): 8.0, (2, 8): 3.0, (2, 16): 4.0, (4, 8): 5.0, (4, 16): 3.5}


def test_the_fastest_of_all_combinations_wins_and_is_compiled():
    best, meter = tune(ALL)
    assert best.config == {"each": 2, "block": 8}
    assert best.seconds == 3.0 and not best.from_cache
    assert list(dict.fromkeys(meter.asked)) == list(itertools.product([1, 2, 4], [8, 16]))
    assert (best.grid, best.threads) == ((32, 1, 1), (8, 1, 1)) == (best.compiled.grid, best.compiled.block)
    out = enigma.HostRuntime().execute(best.compiled, [X], 256)
    np.testing.assert_array_equal(np.frombuffer(out, np.float32), 2 * X)
    assert best.table().splitlines()[0].split() == ["3000.0000", "ms", "each=2", "block=8"]


def test_a_clearly_slower_configuration_is_measured_once():
    _, meter = tune(ALL, repeats=3, give_up=1.2)
    counts = {config: meter.asked.count(config) for config in ALL}
    # 8 is better than 9; 3 is better than 8; 4 and 5 are beyond 1.2 * 3, 3.5 is not.
    assert counts == {(1, 8): 3, (1, 16): 3, (2, 8): 3, (2, 16): 1, (4, 8): 1, (4, 16): 3}


def test_the_least_of_the_measurements_counts():
    best, _ = tune(
        {(1, 8): [5.0, 4.0, 1.0], (1, 16): [2.0, 2.0, 2.0]}, {"each": [1], "block": [8, 16]}, repeats=3
    )
    assert (best.config["block"], best.seconds) == (8, 1.0)


def test_a_list_of_configurations_is_tried_as_it_stands():
    best, meter = tune(
        {(4, 8): 2.0, (1, 16): 1.0}, [{"each": 4, "block": 8}, {"each": 1, "block": 16}], repeats=1
    )
    assert meter.asked == [(4, 8), (1, 16)] and best.config == {"each": 1, "block": 16}


def test_configurations_that_do_not_compile_are_refused_and_named():
    best, meter = tune({(4, 8): 1.0}, {"each": [4, 128], "block": [8]}, repeats=1)
    assert meter.asked == [(4, 8)]
    refused = best.trials[1]
    assert refused.seconds is None and "tiler exceeds tensor" in refused.refused
    assert "refused  each=128 block=8: tiler exceeds tensor" in best.table()


def test_where_none_can_be_launched_the_reasons_are_told():
    with pytest.raises(enigma.CompileError, match="none of 2 configurations can be launched") as caught:
        tune({}, {"each": [128, 256], "block": [8]})
    assert "each=128 block=8: tiler exceeds tensor" in str(caught.value)


@pytest.mark.parametrize(
    ("space", "options", "message"),
    [
        ([], {}, "no configuration"),
        ({"each": [], "block": [8]}, {}, "no configuration"),
        ({"each": 4}, {}, "each needs a list of values to try, got 4"),
        ({"each": "48"}, {}, "each needs a list of values to try, got '48'"),
        ({"each": [4], "block": [8]}, {"repeats": 0}, "at least 1"),
        ({"each": [4], "block": [8]}, {"give_up": 0.5}, "at least 1"),
    ],
)
def test_a_mistaken_search_says_what_is_wrong(space, options, message):
    with pytest.raises(enigma.CompileError, match=message):
        tune({}, space, **options)


def test_a_kernel_takes_its_grid_from_the_configuration():
    meter = Meter({(1, 2.0): 3.0, (4, 2.0): 1.0})
    out = np.zeros_like(X)
    best = enigma.autotune(
        scale,
        {"each": [1, 4], "factor": [2.0]},
        arrays=[X, out],
        grid=lambda c: 64 // c["each"],
        threads=16,
        measure=meter,
    )
    assert (best.config, best.grid, best.threads) == ({"each": 4, "factor": 2.0}, 16, 16)
    enigma.HostRuntime().launch(best.compiled, [X, out], best.grid, best.threads)
    np.testing.assert_array_equal(out, 2 * X)


def test_the_clock_is_read_around_launches_on_copies():
    """A clock that advances by one second each time it is read: whatever runs takes a second."""
    ticks = itertools.count()
    out = np.full_like(X, -1)
    best = enigma.autotune(
        doubled,
        {"each": [4], "block": [8]},
        tensors=[A, B],
        arrays=[X, out],
        runtime=enigma.HostRuntime(),
        clock=lambda: next(ticks),
        use_cache=False,
    )
    assert best.seconds == 1.0
    assert next(ticks) == 2 * (2 + 5)  # two launches to begin with, and five that count
    assert (out == -1).all()


def test_short_launches_are_measured_many_at_a_time():
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    clock = Clock()

    class Runtime:
        launches = 0

        def array(self, x):
            return x

        def launch(self, compiled, arrays, grid, threads, timeout=None):
            self.launches += 1
            clock.now += 1e-4

        def synchronize(self):
            pass

        def device_capabilities(self):
            return enigma.HostRuntime().device_capabilities()

    runtime = Runtime()
    best = enigma.autotune(
        doubled,
        {"each": [4], "block": [8]},
        tensors=[A, B],
        arrays=[X, X],
        runtime=runtime,
        repeats=3,
        clock=clock,
        use_cache=False,
    )
    assert best.seconds == pytest.approx(1e-4)
    assert runtime.launches == 2 + 3 * 20  # 2 ms a measurement


def test_a_launch_that_fails_refuses_its_configuration():
    def measure(trial):
        if trial.config["each"] == 4:
            raise enigma.LaunchError("the launch was stopped after 0.1 s")
        return 1.0

    best = enigma.autotune(
        doubled, {"each": [4, 2], "block": [8]}, tensors=[A, B], arrays=[X, X], measure=measure
    )
    assert best.config["each"] == 2 and best.trials[0].refused == "the launch was stopped after 0.1 s"


# ---- What an earlier search found

SEARCH = """
import itertools, json, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
import enigma, test_autotune as t

ticks = itertools.count()
n = int(sys.argv[2])
best = enigma.autotune(t.doubled, {"each": [1, 2], "block": [8]}, arrays=[np.ones(n, np.float32), np.ones(n, np.float32)],
                       tensors=[enigma.Tensor(x, i, "float", n) for i, x in enumerate("AB")], clock=lambda: next(ticks) ** 2)
print(json.dumps([best.config, best.from_cache, next(ticks), best.seconds, [t.seconds for t in best.trials]]))
"""


def test_the_next_process_knows_and_another_size_does_not(tmp_path):
    import os

    def search(n):
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(enigma.__file__).parents[1]), *sys.path]),
            "ENIGMA_CACHE_DIR": str(tmp_path / "cache"),
            "ENIGMA_CACHE": "1",
        }
        folder = str(Path(__file__).parent)
        done = subprocess.run(
            [sys.executable, "-c", SEARCH, folder, str(n)], capture_output=True, text=True, env=environment
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    first, second, other = search(64), search(64), search(128)
    assert not first[1] and first[2] > 0
    assert second[1] and second[2] == 0  # the clock was never read
    assert (second[0], second[3:]) == (first[0], first[3:])
    assert not other[1]


# ---- The bar


def test_the_bar_shows_what_is_tried_and_the_best_so_far(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    tune({(1, 8): 0.002, (2, 8): 0.001}, {"each": [1, 2], "block": [8]}, progress=True)
    shown = stream.getvalue().split("\r")
    assert shown[1].rstrip() == "[" + "." * 24 + "] 0/2  each=1 block=8"
    assert (
        shown[2].rstrip()
        == "[" + "#" * 12 + "." * 12 + "] 1/2  each=2 block=8  best 2.0000 ms: each=1 block=8"
    )
    assert shown[3].strip() == "" and shown[4] == ""  # and is gone


def test_no_bar_where_nobody_looks(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    tune(ALL)
    assert stream.getvalue() == ""


def test_results_show_themselves():
    best, _ = tune({(2, 8): 0.25}, {"each": [2], "block": [8]})
    assert (
        repr(best) == "<Tuned each=2 block=8: 250.0000 ms>"
        and repr(best.trials[0]) == "<Trial each=2 block=8>"
    )
    assert isinstance(best, tuning.Tuned)
