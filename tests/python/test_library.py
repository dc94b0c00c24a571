# SPDX-License-Identifier: MIT
"""What libenigma shows to the outside: names of namespace enigma, and no LLVM. As a CMake package: test_embedding.py."""

import subprocess
import tomllib
from pathlib import Path

import pytest

import enigma

HERE = Path(__file__).resolve().parent
PACKAGE = Path(enigma._enigma.__file__).parent
BUILD = PACKAGE.parent.parent
LIBRARY = next(p for p in PACKAGE.iterdir() if p.stem == "libenigma")
EXTENSION = Path(enigma._enigma.__file__)


def cache_entry(name: str) -> str:
    """A value from the CMake cache of the build under test."""
    for line in (BUILD / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.split("=", 1)[1]
    raise KeyError(name)


def symbols(file: Path, *options: str) -> list[str]:
    """Demangled dynamic symbols, as LLVM's own nm prints them: `<address> <kind> <name>`."""
    nm = Path(cache_entry("LLVM_DIR")).parents[2] / "bin" / "llvm-nm"
    command = [str(nm), "--dynamic", "--demangle", "--format=posix", *options, str(file)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def test_it_exports_names_of_enigma_and_nothing_else():
    exported = symbols(LIBRARY, "--defined-only")
    assert any(line.startswith("enigma::support::version") for line in exported)
    prefixes = ("enigma::", "typeinfo for enigma::", "typeinfo name for enigma::", "vtable for enigma::")
    assert [line for line in exported if not line.startswith(prefixes)] == []


@pytest.mark.parametrize("file", [LIBRARY, EXTENSION], ids=["library", "extension"])
def test_it_takes_no_llvm_from_elsewhere(file):
    needed = symbols(file, "--undefined-only")
    assert len(needed) > 10
    assert [line for line in needed if "llvm::" in line or "mlir::" in line or "Z3_" in line] == []


def test_the_extension_holds_no_llvm_of_its_own():
    assert EXTENSION.stat().st_size < LIBRARY.stat().st_size
    assert b"LLVMContext" not in EXTENSION.read_bytes()


def test_the_version_is_the_same_everywhere():
    project = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())["project"]
    assert project["version"] == enigma.__version__ == cache_entry("CMAKE_PROJECT_VERSION")
