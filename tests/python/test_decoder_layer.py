# SPDX-License-Identifier: MIT
"""The decoder layer of examples/ against NumPy in f64: on the host, by its Metal text, and by the hand-written one beside it.

Kernel by kernel, the generated text loads, stores, waits and computes indices no more than the hand-written one.
"""

import re

import numpy as np
import pytest

import enigma
from example_files import example, hand_written
from msl import standin
from msl.counts import Counts, count

LAYER = example("qwen3_layer")
SCRATCH = {"qkv": 4096, "q": 2048, "heads": 2048, "h": 1024, "act": 3072}

# The kernels of the hand-written text: what they take, in their order, and what they do.
BY_HAND = {
    "qkv": (
        "x norm wqkv qkv",
        Counts(loads=6, stores=1, wide_loads=2, wide_stores=1, integer=3, lanes=5),
    ),
    "rotate_heads": (
        "qkv q_gain k_gain cos sin position k_cache v_cache q",
        Counts(loads=9, stores=6, integer=12, lanes=1),
    ),
    "attend": (
        "position k_cache v_cache q heads",
        Counts(loads=4, stores=1, wide_loads=1, wide_stores=1, integer=12, local_loads=3, local_stores=3, barriers=1, lanes=1),
    ),
    "output": (
        "heads wo x h",
        Counts(loads=6, stores=1, wide_loads=2, wide_stores=1, integer=3, lanes=4),
    ),
    "gate": (
        "h norm2 wgate wup act",
        Counts(loads=6, stores=1, wide_loads=2, integer=3, lanes=5),
    ),
    "down": (
        "act wdown h out",
        Counts(loads=6, stores=1, wide_loads=2, wide_stores=1, integer=3, lanes=4),
    ),
}  # fmt: skip
NO_MORE = (
    "loads", "stores", "local_loads", "local_stores", "barriers", "lanes", "integer", "divisions", "allocas",
)  # fmt: skip


@pytest.fixture(scope="module")
def compiled():
    return LAYER.compiled_layer()


def by_hand(name):
    head, *kernels = re.split(r"(?m)^kernel void ", hand_written("qwen3_layer"))
    (text,) = (k for k in kernels if k.startswith(name + "("))
    return head + "kernel void " + text


def check(tensors):
    right, k, v = LAYER.reference(tensors)
    position = int(tensors["position"][0])
    np.testing.assert_allclose(tensors["out"], right, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(tensors["k_cache"][:, position], k, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(tensors["v_cache"][:, position], v, rtol=2e-3, atol=2e-3)
    assert np.isnan(tensors["k_cache"][:, position + 1 :]).all()  # nothing behind the position is written


@pytest.mark.parametrize("position", [0, 1, 7, 130, 4095])
def test_the_layer_is_numpys_on_the_host(compiled, position):
    tensors = LAYER.random_tensors(np.random.default_rng(position), position)
    enigma.HostRuntime().launch(compiled, list(tensors.values()))
    check(tensors)


def test_the_layer_is_numpys_by_its_metal_text(compiled):
    tensors = LAYER.random_tensors(np.random.default_rng(1), 37)
    scratch = [np.full(n, np.nan, np.float32) for n in SCRATCH.values()]
    for launch in compiled.launches:
        assert standin.check(launch.metal_source) == []
        arrays = [*tensors.values(), *scratch]
        standin.compile(launch.metal_source).run(arrays, grid=launch.grid, threads=launch.block)
    check(tensors)


def test_the_layer_is_numpys_by_hand(compiled):
    tensors = LAYER.random_tensors(np.random.default_rng(2), 37)
    arrays = {**tensors, **{name: np.full(n, np.nan, np.float32) for name, n in SCRATCH.items()}}
    for (name, (takes, _)), launch in zip(BY_HAND.items(), compiled.launches, strict=True):
        text = by_hand(name)
        assert standin.check(text) == []
        taken = [arrays[n] for n in takes.split()]
        standin.compile(text).run(taken, grid=launch.grid, threads=launch.block)
    check(tensors)


@pytest.mark.parametrize(("index", "name"), list(enumerate(BY_HAND)), ids=list(BY_HAND))
def test_each_kernel_does_no_more_than_the_hand_written_one(compiled, index, name):
    theirs = count(by_hand(name))
    assert theirs == BY_HAND[name][1]
    ours = count(compiled.launches[index].metal_source)
    for what in NO_MORE:
        assert getattr(ours, what) <= getattr(theirs, what), (what, ours, theirs)
    assert (ours.wide_loads, ours.wide_stores) == (theirs.wide_loads, theirs.wide_stores)
