# SPDX-License-Identifier: MIT
"""Enigma beside C and the tools that are installed, in one process, in turn (A B C A B C ...): a table and a plot.

    ./dev bench --peers                          # installs the tools, runs this, writes build/benchmarks/peers.md and .svg
    python benchmarks/peers/run.py --threads 1 --only SGEMM

Figures are the best of all rounds. "of C" is the median over the rounds of C's time to Enigma's in the same round, so
that other work on the machine, which slows both, does not count. Bounds checks are on. All results are checked.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    )
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="", help="workloads whose name has this in it")
    parser.add_argument("--small", action="store_true", help="sizes that only show that all of it works")
    parser.add_argument("--out", type=Path, default=Path("build/benchmarks"))
    return parser.parse_args()


def installed(tools, threads, folder):
    """The tools that can be had, and why not the others."""
    made, missing = {}, {}
    for name, make in tools.items():
        try:
            made[name] = make(threads, folder)
        except Exception as error:  # a tool that is not there, or not for this machine
            missing[name] = f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    return made, missing


def check(work, name, run):
    import numpy as np

    work.out.fill(0)
    got = run()
    if hasattr(run, "result"):
        run.result()
    if got is None or isinstance(got, list):
        got = work.out
    np.testing.assert_allclose(
        np.asarray(got),
        work.expected(),
        rtol=work.tolerance,
        atol=work.tolerance,
        err_msg=f"{name}: {work.name}",
    )


def measure(work, runs, rounds):
    """Seconds of each round, for each tool. A tool that needs seconds a run is asked less often."""
    seconds = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            if sum(seconds[name]) > 5 and name not in ("Enigma", "C"):
                continue
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def dispatch(runtime, launches):
    """Microseconds of one launch of saxpy on 1024 elements."""
    import numpy as np
    from workloads import saxpy_of

    x = np.ones(1024, np.float32)
    out, compiled = np.empty_like(x), saxpy_of(2.5)

    def best(run):
        times = []
        for _ in range(launches):
            start = time.perf_counter_ns()
            run()
            times.append(time.perf_counter_ns() - start)
        return min(times) / 1e3

    with runtime.prepare(compiled, inputs=[x, x], output_size=out.nbytes) as prepared:
        own = best(lambda: prepared.dispatch(grid=(1024, 1, 1), threads=(256, 1, 1)))
    return {
        "prepared": own,
        "NumPy arguments": best(lambda: runtime.launch(compiled, [x, x, out], 1024, 256)),
    }


def compile_times(runtime, variants):
    """Milliseconds from a function to callable code in a running process, for code that is new and for code that is on the
    disk. New each time are a number in the kernel, the rows, and the size of the matrices."""
    import numpy as np
    from enigma._enigma import clear_cache
    from workloads import example, saxpy_of, sgemm_of

    norm, x = example("rms_norm"), np.ones((16, 1024), np.float32)
    square, out = np.ones((1024, 1024), np.float32), np.empty((1024, 1024), np.float32)

    def sgemm(i):
        n = 64 * (9 + i)
        runtime.launch(sgemm_of(n), [square, square, out], (128, 1, 1), (128, 1, 1))

    cases = {
        "saxpy": lambda i: runtime.launch(saxpy_of(10.5 + i), [x[0], x[0], x[1].copy()], 1024, 256),
        "RMSNorm": lambda i: runtime.launch(norm.compiled_for(4 + i), [x[: 4 + i], x[0], x[: 4 + i].copy()]),
        "SGEMM": sgemm,
    }
    times = {}
    for name, run in cases.items():
        best = [float("inf")] * 2
        for i in range(variants):
            for known in range(2):
                clear_cache()
                start = time.perf_counter()
                run(i)
                best[known] = min(best[known], time.perf_counter() - start)
        times[name] = [1e3 * b for b in best]
    return times


def table(rows, names):
    """Markdown. rows: (workload, {tool: best amount per second}, ratio to C)."""
    lines = ["| | unit | Enigma | of C | " + " | ".join(n for n in names if n != "Enigma") + " |"]
    lines.append("|---|---|---" + "|---" * len(names) + "|")
    for work, rates, ratio in rows:
        cells = [f"{rates[n]:.3g}" if n in rates else "" for n in names if n != "Enigma"]
        lines.append(
            f"| {work.name} | {work.unit} | **{rates['Enigma']:.3g}** | {ratio:.2f} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def machine():
    model = ""
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), "")
    return model or os.uname().machine


def versions(names):
    from importlib.metadata import PackageNotFoundError, version

    packages = {
        "numba": "numba",
        "PoCL": "pocl-binary-distribution",
        "torch": "torch",
        "jax": "jax",
        "NumPy": "numpy",
    }
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(packages[name])}")
        except (KeyError, PackageNotFoundError):
            continue
    return ", ".join(found)


def main():
    options = arguments()
    for name in ("ENIGMA_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    os.environ["POCL_MAX_PTHREAD_COUNT"] = str(options.threads)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    cache = tempfile.TemporaryDirectory()
    os.environ["ENIGMA_CACHE_DIR"] = cache.name

    from plot import bars
    from tools import TOOLS, peak_gflops
    from workloads import all_workloads, en

    runtime = en.HostRuntime()
    rows = []
    with cache, tempfile.TemporaryDirectory() as folder:
        tools, missing = installed(TOOLS, options.threads, folder)
        if "C" not in tools:
            sys.exit(f"the C versions cannot be compiled: {missing['C']}")
        for work in all_workloads(options.small):
            if options.only not in work.name:
                continue
            runs = {"Enigma": work.enigma(runtime, work)}
            for name, tool in tools.items():
                run = tool(work)
                if run:
                    runs[name] = run
            for name in list(runs):
                try:
                    check(work, name, runs[name])
                except AssertionError:
                    raise
                except Exception as error:
                    if name in ("Enigma", "C"):
                        raise
                    missing[f"{name}'s {work.name}"] = f"{type(error).__name__}: {str(error).splitlines()[0]}"
                    del runs[name]
            seconds = measure(work, runs, options.rounds)
            rates = {name: work.amount / min(s) / 1e9 for name, s in seconds.items()}
            ratio = statistics.median(c / e for c, e in zip(seconds["C"], seconds["Enigma"], strict=True))
            rows.append((work, rates, ratio))
            print(
                f"{work.name:24} "
                + "  ".join(f"{n} {r:.3g}" for n, r in rates.items())
                + f"  {work.unit}, {ratio:.2f} of C",
                flush=True,
            )
        names = ["Enigma", *tools]
        peak = peak_gflops(folder)
        launches, compiles = (
            dispatch(runtime, 100 if options.small else 20000),
            compile_times(runtime, 1 if options.small else 7),
        )
    text = "\n".join([
        f"{options.threads} threads on {machine()}; one core does {peak:.0f} GFLOP/s from registers. {versions(names)}.",
        "Best of " + f"{options.rounds} rounds in turn; \"of C\" is the median of the rounds' ratios.", "",
        table(rows, names), "",
        "| one launch of 1024 threads | us |", "|---|---|", *(f"| {n} | {t:.2f} |" for n, t in launches.items()), "",
        "| function to callable code and first run | ms | from the disk |", "|---|---|---|",
        *(f"| {n} | {a:.1f} | {b:.1f} |" for n, (a, b) in compiles.items()), "",
    ])  # fmt: skip
    if missing:
        text += "\nNot here: " + "; ".join(f"{name} ({why})" for name, why in missing.items()) + "\n"
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "peers.md").write_text(text)
    (options.out / "peers.svg").write_text(
        bars([(w.name, {n: r / rates["C"] for n, r in rates.items()}) for w, rates, _ in rows], names)
    )
    print(f"\n{text}\nwritten: {options.out / 'peers.md'}, {options.out / 'peers.svg'}")


if __name__ == "__main__":
    main()
