# SPDX-License-Identifier: MIT
"""Installs a wheel into an empty environment, tries it there, and prints its size: `python tests/wheel/check.py enigma.whl`.

Part of ./dev wheel. Only NumPy may come along; kernels compile and run; the command line works; and a C++ application
finds the library inside the package.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOAL = 25  # MB

SMOKE = """
import numpy as np
import enigma

@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]

def main():
    n = 1000
    x, y = np.arange(n, dtype=np.float32), np.ones(n, np.float32)
    for width in (1, 4):
        compiled = enigma.compile(saxpy, vec_width=width)
        assert "kernel void enigma_kernel_saxpy(" in compiled.metal_source
        out = enigma.HostRuntime().execute(compiled, [x, 0.5, y], output_shapes=n, grid=n // width, threads=64)
        assert np.array_equal(out, 0.5 * x + y)
    try:
        enigma.HostRuntime().execute(compiled, [x[:4], 0.5, y], output_shapes=n, grid=n, threads=64)
    except enigma.OutOfBoundsError as error:
        assert "smoke.py" in str(error)
    else:
        raise SystemExit("an access out of bounds was not seen")
    assert str(enigma.Layout((4, 8))) == "(4,8):(1,4)"
    print("smoke test passed with", enigma.__version__)

if __name__ == "__main__":
    main()
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "LD_LIBRARY_PATH")}
    done = subprocess.run([str(c) for c in command], cwd=cwd, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        shown = " ".join(map(str, command))
        raise SystemExit(f"{shown}\nfailed:\n{done.stdout}{done.stderr}")
    return done.stdout


def print_size(wheel: Path) -> None:
    size = wheel.stat().st_size / 1e6
    print(f"{wheel.name}: {size:.1f} MB, goal {GOAL} MB")
    with zipfile.ZipFile(wheel) as archive:
        parts = sorted(archive.infolist(), key=lambda part: -part.compress_size)
    for part in parts[:4]:
        print(f"  {part.compress_size / 1e6:6.2f} MB of {part.file_size / 1e6:6.2f} MB  {part.filename}")
    rest = sum(part.compress_size for part in parts[4:]) / 1e6
    print(f"  {rest:6.2f} MB  {len(parts) - 4} further files")
    if size > GOAL:
        raise SystemExit(f"the wheel is larger than {GOAL} MB")


def try_in(folder: Path, wheel: Path) -> None:
    venv.create(folder / "env", with_pip=True)
    python = folder / "env" / "bin" / "python"
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", wheel, cwd=folder)  # fmt: skip
    listed = run(python, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check", cwd=folder)
    installed = {line.split("==")[0].lower() for line in listed.splitlines()} - {"pip", "setuptools", "wheel"}
    if installed != {"enigma", "numpy"}:
        raise SystemExit(f"only NumPy should come along, got {', '.join(sorted(installed))}")
    (folder / "smoke.py").write_text(SMOKE)
    print(run(python, "smoke.py", cwd=folder), end="")
    print(run(python, "-m", "enigma", cwd=folder), end="")
    header = run(python, "-m", "enigma", "compile", "smoke:saxpy", "--emit", "header", cwd=folder)
    if not header.startswith("// Made by Enigma") or "kernel void enigma_kernel_saxpy(" not in header:
        raise SystemExit(f"the header is no header:\n{header}")
    prefix = run(python, "-m", "enigma", "--cmake-dir", cwd=folder).strip()
    settings = ["-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler()}"]
    run("cmake", "-S", ROOT / "examples" / "embed", "-B", folder / "build", *settings, cwd=folder)
    run("cmake", "--build", folder / "build", cwd=folder)
    for program in ("saxpy", "matmul", "tiled"):
        print(run(folder / "build" / program, cwd=folder).splitlines()[-1])


def compiler() -> str:
    """Of the build of this checkout."""
    for line in (ROOT / "build" / "CMakeCache.txt").read_text().splitlines():
        if line.startswith("CMAKE_CXX_COMPILER:"):
            return line.partition("=")[2]
    raise SystemExit("the checkout is not configured: run ./dev wheel")


def main() -> None:
    (wheel,) = (Path(name).resolve() for name in sys.argv[1:])
    print_size(wheel)
    with tempfile.TemporaryDirectory() as folder:
        try_in(Path(folder), wheel)


if __name__ == "__main__":
    main()
