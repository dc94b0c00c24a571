# SPDX-License-Identifier: MIT
"""The examples as modules, and the Metal text by hand beside them."""

import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

EXAMPLES = Path(__file__).parents[2] / "examples"


@cache
def example(name: str) -> ModuleType:
    """examples/NN_<name>.py"""
    (path,) = EXAMPLES.glob(f"[0-9][0-9]_{name}.py")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def hand_written(name: str) -> str:
    return (EXAMPLES / "metal" / f"{name}.metal").read_text()
