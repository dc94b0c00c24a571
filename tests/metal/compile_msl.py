# SPDX-License-Identifier: MIT
"""Compiles one Metal source for the fake Metal: python compile_msl.py <source file> [<index>=<value>...], with the
values of its function constants.

Prints what FakeKernels.cpp reads, one thing per line:
    runtime <path>                                  the shared object with msl_dispatch
    library <path>                                  the shared object with the kernels
    kernel <name> <entry symbol> <group memory symbol, which need not exist>
    buffer <index> <slot> <1 if the kernel may write it>     of the kernel before
or, with exit status 1, the diagnostics as Metal's compiler words them.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from msl import standin
from msl.toolchain import runtime_library


def main(path: str, *constants: str) -> int:
    values = {int(index): float.fromhex(value) if "x" in value else int(value)
              for index, value in (constant.split("=") for constant in constants)}  # fmt: skip
    source = Path(path).read_text()
    problems = standin.check(source)
    if problems:
        print("\n".join(f"program_source:{p}" for p in problems))
        return 1
    library, kernels = standin.shared_object(source, values)
    print(f"runtime {runtime_library()}\nlibrary {library}")
    for kernel in kernels:
        print(f"kernel {kernel.name} {kernel.symbol} msl_bounds_k0")
        for p in kernel.buffers:
            print(f"buffer {p.attribute('buffer').argument} {kernel.slots[p.name]} {int(p.writable)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
