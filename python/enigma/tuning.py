# SPDX-License-Identifier: MIT
"""Which constexpr parameters are fastest on this device: all are tried once, and the answer is kept.

best = enigma.autotune(
    matvec, {"rows": [1, 2, 4, 8], "simdgroups": [1, 4, 8]},
    tensors=[Q, S, X, Out], arrays=[q, s, x, out],
)
best.config                       # {"rows": 4, "simdgroups": 8}
best.compiled                     # what enigma.compile gives for it

A configuration that is clearly slower than the best so far is dropped after one measurement. The answer is
kept in the disk cache under the Metal text of all configurations, the sizes and the device.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TextIO

from enigma import _enigma
from enigma.errors import CompileError, EnigmaError

__all__ = ["Tuned", "autotune"]

Config = dict[str, Any]
BATCH = 0.002  # seconds that one measurement lasts at least, in as many launches as that takes
MOST_LAUNCHES = 64  # of one measurement


class Trial:
    """A configuration as it is measured.

    config: its parameters. compiled: the kernel for it, None where it cannot be compiled.
    grid, threads: how it is launched. seconds: of one launch, the least that was measured; None for none.
    refused: why it cannot be compiled or launched; empty where it can.
    """

    __slots__ = ("compiled", "config", "grid", "refused", "seconds", "threads")

    def __init__(self, config: Config) -> None:
        self.config = config
        self.compiled: Any = None
        self.grid: Any = None
        self.threads: Any = None
        self.seconds: float | None = None
        self.refused = ""

    def __repr__(self) -> str:
        return f"<Trial {_shown(self.config)}>"


class Tuned:
    """What `autotune` found.

    config: the fastest configuration. compiled: the kernel compiled with it.
    seconds: of one launch of it, when it was measured.
    trials: all configurations, in the order in which they were tried.
    from_cache: whether an earlier search on the same device said so, so that nothing was measured.
    """

    __slots__ = ("compiled", "config", "from_cache", "seconds", "trials")

    def __init__(self, best: Trial, seconds: float, trials: list[Trial], from_cache: bool = False) -> None:
        self.config, self.compiled, self.seconds = best.config, best.compiled, seconds
        self.trials, self.from_cache = trials, from_cache

    @property
    def grid(self) -> Any:
        """The grid that it was launched with, in threads."""
        return self._own().grid

    @property
    def threads(self) -> Any:
        """The threads of a threadgroup that it was launched with."""
        return self._own().threads

    def _own(self) -> Trial:
        return next(t for t in self.trials if t.config == self.config)

    def __repr__(self) -> str:
        return f"<Tuned {_shown(self.config)}: {1e3 * self.seconds:.4f} ms>"

    def table(self) -> str:
        """All configurations with their times, the fastest first, and why others were refused."""
        measured = sorted((t for t in self.trials if t.seconds is not None), key=lambda t: t.seconds or 0)
        rows = [f"{1e3 * (t.seconds or 0):10.4f} ms  {_shown(t.config)}" for t in measured]
        rows += [f"{'refused':>13}  {_shown(t.config)}: {t.refused}" for t in self.trials if t.refused]
        return "\n".join(rows)


def autotune(
    function: Any,
    space: Mapping[str, Sequence[Any]] | Sequence[Mapping[str, Any]],
    *,
    arrays: Sequence[Any],
    tensors: Sequence[Any] = (),
    grid: Any = None,
    threads: Any = None,
    runtime: Any = None,
    repeats: int = 5,
    give_up: float = 1.5,
    timeout: float | None = None,
    progress: bool | None = None,
    use_cache: bool = True,
    measure: Callable[[Trial], float] | None = None,
    clock: Callable[[], float] = time.perf_counter,
    **options: Any,
) -> Tuned:
    """Compiles a kernel or jit function for each configuration, launches it, and gives the fastest.

    function: decorated with @enigma.kernel or @enigma.jit.
    space: for each parameter its values, all combinations of which are tried; or the configurations
        themselves, as a list of dicts. Parameters are `Constexpr` parameters of a kernel, or arguments of a
        jit function that are no tensors; `vec_width` and other options of `enigma.compile` may be among them.
    arrays: one array, or number for a scalar, for each parameter of the compiled kernel. Launches use copies.
    tensors: the tensors that a jit function takes, before the parameters.
    grid, threads: of a kernel: threads in all and of a threadgroup; or functions of the configuration that
        give them.
    runtime: where it runs; enigma.default_runtime() by default.
    repeats: measurements of each configuration, of which the least counts.
    give_up: a configuration that takes this many times as long as the best is measured no more.
    timeout: seconds after which a launch is stopped, and its configuration refused.
    progress: shows a bar on stderr; by default where that is a terminal.
    use_cache: takes the answer of an earlier search, and keeps this one's.
    measure: seconds of one launch of a Trial, instead of the clock's; for tests and for other meters.
    clock: seconds, for measuring.
    options: further arguments of enigma.compile, for all configurations.

    Result: a Tuned: config, compiled, seconds, trials.
    Errors: CompileError for a space without a configuration, and where every configuration is refused: what
    enigma.compile or the launch says of each.

    >>> import enigma, numpy as np
    >>> @enigma.kernel
    ... def scale(X: enigma.f32, each: enigma.Constexpr[int], Out: enigma.f32):
    ...     i = enigma.thread_position_in_grid
    ...     for k in range(each):
    ...         Out[i * each + k] = X[i * each + k] * 2.0
    >>> x = np.ones(1024, np.float32)
    >>> best = enigma.autotune(scale, {"each": [1, 2, 4]}, arrays=[x, np.zeros_like(x)],
    ...                        grid=lambda c: 1024 // c["each"], threads=256)
    >>> best.config["each"] in (1, 2, 4)
    True
    """
    from enigma.runtime import default_runtime

    name = getattr(function, "__name__", type(function).__name__)
    configs = _configurations(name, space)
    if repeats < 1 or give_up < 1:
        raise CompileError(
            f"autotune {name}: repeats and give_up are at least 1, got {repeats} and {give_up}"
        )
    runtime = default_runtime() if runtime is None else runtime
    trials = [_compiled(function, tensors, options, config, grid, threads) for config in configs]
    identity = _identity(trials, arrays, runtime)
    known = _from_cache(identity, trials) if use_cache and measure is None else None
    if known is not None:
        return known

    meter = measure or _Meter(runtime, arrays, timeout, clock)
    bar = _Bar(len(trials), sys.stderr if progress or (progress is None and sys.stderr.isatty()) else None)
    best: Trial | None = None
    try:
        for number, trial in enumerate(trials):
            bar.show(number, trial.config, best)
            if trial.refused:
                continue
            limit = None if best is None or best.seconds is None else give_up * best.seconds
            try:
                _measure(trial, meter, repeats, limit)
            except EnigmaError as error:
                trial.refused, trial.seconds = _first_line(error), None
                continue
            if best is None or (trial.seconds or 0) < (best.seconds or 0):
                best = trial
    finally:
        bar.close()
    if best is None or best.seconds is None:
        raise CompileError(
            f"autotune {name}: none of {len(trials)} configurations can be launched",
            hints=[f"{_shown(t.config)}: {t.refused}" for t in trials[:4]],
        )
    found = Tuned(best, best.seconds, trials)
    if use_cache and measure is None:
        _enigma.disk_cache_store("autotune", identity, _packed(found))
    return found


def _configurations(name: str, space: Any) -> list[Config]:
    if isinstance(space, Mapping):
        for key, values in space.items():
            if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
                raise CompileError(
                    f"autotune {name}: {key} needs a list of values to try, got {values!r}",
                    hints=[f'write {{"{key}": [{values!r}, ...]}}'],
                )
        configs = [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]
    else:
        configs = [dict(c) for c in space]
    if not configs:
        raise CompileError(f"autotune {name}: the space has no configuration")
    return configs


def _compiled(function: Any, tensors: Any, options: Config, config: Config, grid: Any, threads: Any) -> Trial:
    from enigma.compiled import compile

    trial = Trial(config)
    try:
        trial.compiled = compile(function, *tensors, **options, **config)
        own = getattr(trial.compiled, "grid", None), getattr(trial.compiled, "block", None)
        sizes = [s(config) if callable(s) else s for s in (grid, threads)]
        trial.grid, trial.threads = (o if s is None else s for s, o in zip(sizes, own, strict=True))
    except EnigmaError as error:
        trial.refused = _first_line(error)
    return trial


def _measure(trial: Trial, meter: Callable[[Trial], float], repeats: int, limit: float | None) -> None:
    for _ in range(repeats):
        seconds = meter(trial)
        trial.seconds = seconds if trial.seconds is None else min(trial.seconds, seconds)
        if limit is not None and trial.seconds > limit:
            return


class _Meter:
    """Seconds of one launch, by a clock, on copies of the arrays in the device's memory."""

    def __init__(self, runtime: Any, arrays: Sequence[Any], timeout: float | None, clock: Any) -> None:
        self.runtime, self.timeout, self.clock = runtime, timeout, clock
        self.arrays = [runtime.array(a) if hasattr(a, "shape") and a.shape else a for a in arrays]
        self.launches: dict[int, int] = {}

    def run(self, trial: Trial, launches: int) -> float:
        start = self.clock()
        for _ in range(launches):
            self.runtime.launch(trial.compiled, self.arrays, trial.grid, trial.threads, timeout=self.timeout)
        self.runtime.synchronize()
        return float(self.clock() - start)

    def __call__(self, trial: Trial) -> float:
        launches = self.launches.get(id(trial))
        if launches is None:  # the first launch makes the code, the second tells how long one takes
            self.run(trial, 1)
            once = self.run(trial, 1)
            launches = 1 if once <= 0 else min(MOST_LAUNCHES, max(1, round(BATCH / once)))
            self.launches[id(trial)] = launches
        return self.run(trial, launches) / launches


# ---- The answer in the cache


def _identity(trials: list[Trial], arrays: Sequence[Any], runtime: Any) -> str:
    import hashlib

    device = runtime.device_capabilities()
    lines = [device.backend, device.name, str(device.compute_units)]
    for array in arrays:
        lines.append(f"{array.dtype} {tuple(array.shape)}" if hasattr(array, "shape") else repr(array))
    for t in trials:
        text = t.refused or hashlib.sha256(t.compiled.metal_source.encode()).hexdigest()
        lines.append(f"{_shown(t.config)} {t.grid} {t.threads} {text}")
    return "\n".join(lines)


def _packed(found: Tuned) -> bytes:
    import json

    return json.dumps([found.trials.index(found._own()), [t.seconds for t in found.trials]]).encode()


def _from_cache(identity: str, trials: list[Trial]) -> Tuned | None:
    import json

    data = _enigma.disk_cache_load("autotune", identity)
    if data is None:
        return None
    index, seconds = json.loads(data)
    for trial, s in zip(trials, seconds, strict=True):
        trial.seconds = s
    best = trials[index]
    return Tuned(best, seconds[index], trials, from_cache=True)


# ---- What the user sees


def _shown(config: Config) -> str:
    return " ".join(f"{key}={value}" for key, value in config.items())


def _first_line(error: EnigmaError) -> str:
    return str(error).partition("\n")[0]


class _Bar:
    """One line on a terminal: how many were tried, which one is next, and the best so far."""

    WIDTH = 24

    def __init__(self, count: int, stream: TextIO | None) -> None:
        self.count, self.stream, self.longest = count, stream, 0

    def show(self, done: int, config: Config, best: Trial | None) -> None:
        if self.stream is None:
            return
        full = self.WIDTH * done // self.count
        text = f"[{'#' * full}{'.' * (self.WIDTH - full)}] {done}/{self.count}  {_shown(config)}"
        if best is not None:
            text += f"  best {1e3 * (best.seconds or 0):.4f} ms: {_shown(best.config)}"
        self.stream.write("\r" + text.ljust(self.longest))
        self.stream.flush()
        self.longest = max(self.longest, len(text))

    def close(self) -> None:
        if self.stream is not None:
            self.stream.write("\r" + " " * self.longest + "\r")
            self.stream.flush()
