# SPDX-License-Identifier: MIT
"""Every example runs, checks its own result, and emits Metal text that the strict check accepts."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

import enigma
from msl import standin

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_example_runs_and_checks_itself(path):
    environment = {**os.environ, "PYTHONPATH": str(Path(enigma.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, str(path)], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kernel void enigma_kernel_" in done.stdout


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_metal_text_of_the_example_passes_the_strict_check(path):
    spec = importlib.util.spec_from_file_location(path.stem.lstrip("0123456789_"), path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if hasattr(module, "kernels"):  # an example of tensors says for which sizes
        compiled = module.kernels()
    else:
        kernels = [k for k in vars(module).values() if isinstance(k, enigma.KernelFunction)]
        compiled = [enigma.compile(kernel) for kernel in kernels]
    assert compiled
    for kernel in compiled:
        assert standin.check(kernel.metal_source) == []
