# SPDX-License-Identifier: MIT
"""How lit runs the tests of this folder: the tools come from the build, FileCheck from LLVM."""

import os

import lit.formats

config.name = "enigma"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.enigma_build_dir, "tests", "lit")
config.environment["PATH"] = os.pathsep.join(
    [os.path.join(config.enigma_build_dir, "bin"), config.llvm_tools_dir, os.environ["PATH"]]
)
