# SPDX-License-Identifier: MIT
"""The examples in the docstrings run and print what they say."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["annotations", "compiled", "decorators", "dtypes", "runtime"])
def test_examples_of_a_module_run(name):
    result = doctest.testmod(importlib.import_module(f"enigma.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
