# SPDX-License-Identifier: MIT
"""The decoder layer of examples/14_qwen3_layer.py: six launches from Python to Metal text, their code for the CPU, and a token.

Warm: Enigma has compiled before, and this layer is in no cache.
"""

import importlib.util
import os
import time
from pathlib import Path

os.environ["ENIGMA_CACHE"] = "0"

import numpy as np
from enigma._enigma import clear_cache
from kernels import best_us

import enigma

EXAMPLE = Path(__file__).parents[1] / "examples" / "14_qwen3_layer.py"


def main():
    spec = importlib.util.spec_from_file_location("qwen3_layer", EXAMPLE)
    layer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layer)

    def texts():
        clear_cache()
        for launch in layer.compiled_layer().launches:
            assert launch.metal_source

    start = time.perf_counter()
    texts()
    print(
        f"Qwen3-0.6B layer to Metal text, first of the process {1e3 * (time.perf_counter() - start):8.2f} ms"
    )
    print(f"Qwen3-0.6B layer to Metal text, warm {best_us(texts) / 1e3:8.2f} ms   goal 10 ms")
    print(f"Qwen3-0.6B layer, known already {best_us(layer.compiled_layer) / 1e3:8.2f} ms")

    position = 500
    tensors = list(layer.random_tensors(np.random.default_rng(0), position).values())
    rt = enigma.HostRuntime()
    clear_cache()
    compiled = layer.compiled_layer()
    start = time.perf_counter()
    rt.launch(compiled, tensors)
    first = time.perf_counter() - start
    token = best_us(lambda: rt.launch(compiled, tensors))
    print(f"Qwen3-0.6B layer, code for the CPU {1e3 * first - token / 1e3:8.1f} ms   goal 500 ms")
    print(f"Qwen3-0.6B layer, one token at position {position} on the CPU {token / 1e3:8.2f} ms")


if __name__ == "__main__":
    main()
