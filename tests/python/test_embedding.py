# SPDX-License-Identifier: MIT
"""A C++ application on the installed package: the example, the headers, and the blocks of docs/embedding.md.

`python tests/python/test_embedding.py <prefix>` writes what the blocks print now into the page, to be read before it is committed.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import enigma

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(enigma._enigma.__file__).parent
BUILD = PACKAGE.parent.parent
PAGE = ROOT / "docs" / "embedding.md"
BLOCK = re.compile(r"^```cpp\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)


def cache_entry(name: str) -> str:
    """A value from the CMake cache of the build under test."""
    return re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)[1]


def run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    """Where the build under test is installed."""
    folder = tmp_path_factory.mktemp("prefix")
    run(cache_entry("CMAKE_COMMAND"), "--install", BUILD, "--prefix", folder)
    return folder


def test_the_example_builds_against_the_installed_package_and_runs(prefix, tmp_path):
    cmake, compiler = cache_entry("CMAKE_COMMAND"), cache_entry("CMAKE_CXX_COMPILER")
    settings = [f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={compiler}", "-GNinja"]
    run(cmake, "-S", ROOT / "examples" / "embed", "-B", tmp_path, *settings)
    run(cmake, "--build", tmp_path)
    printed = run(tmp_path / "saxpy")
    assert "fma(alpha, X[tid], Y[tid])" in printed
    assert f"enigma {enigma.__version__} on" in printed
    assert printed.endswith("all right\n")
    assert run(tmp_path / "matmul").endswith("all right\n")
    assert run(tmp_path / "tiled").endswith("all right\n")


def test_the_installed_headers_compile_in_any_order_and_without_llvm(prefix, tmp_path):
    headers = sorted((prefix / "include").rglob("*.h"))
    rooms = {h.relative_to(prefix / "include" / "enigma").parts[0] for h in headers}
    assert rooms == {"Support", "Layout", "IR", "Language", "Runtime", "Compile"}
    assert [h for h in headers if re.search(r"#include .(mlir|llvm|nanobind|Metal)", h.read_text())] == []
    lines = [f'#include "{h.relative_to(prefix / "include")}"\n' for h in headers]
    (tmp_path / "forwards.cpp").write_text("".join(lines * 2))
    (tmp_path / "backwards.cpp").write_text("".join(reversed(lines)))
    flags = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror"]
    files = [tmp_path / "forwards.cpp", tmp_path / "backwards.cpp"]
    run(cache_entry("CMAKE_CXX_COMPILER"), *flags, f"-I{prefix / 'include'}", *files)


def test_every_function_of_the_table_is_there_in_cpp(prefix):
    text = (prefix / "include/enigma/Language/Operations.h").read_text()
    operations = json.loads((PACKAGE / "_ops.json").read_text())
    names = [f["name"] for op in operations for f in op["functions"] if op["kind"] == "slots"]
    names += [op["name"] for op in operations if op["kind"] in ("query", "atomic", "barrier")]
    assert len(names) > 100
    declared = re.findall(r"^(?:void|Value|std::pair<Value, Value>) (\w+)\(", text, re.MULTILINE)
    assert sorted(set(names) - set(declared)) == []


PROGRAM = """#include <enigma/Compile/Kernel.h>
#include <iostream>
using namespace enigma;
void build(KernelBuilder &k) {
#line 1 "example.cpp"
@BLOCK@
}
int main() try { Kernel kernel("example", build); } catch (const Error &e) { std::cout << e.what() << "\\n"; }
"""


def outputs(prefix: Path, folder: Path):
    """Of each block of the page: where its text block is, what that says, what the program prints."""
    for number, block in enumerate(BLOCK.finditer(PAGE.read_text())):
        place = folder / str(number)
        place.mkdir()
        source = block[1] if "int main" in block[1] else PROGRAM.replace("@BLOCK@", block[1].rstrip("\n"))
        (place / "main.cpp").write_text(source)
        (place / "example.cpp").write_text(block[1])
        library = next(prefix.glob("lib*/libenigma.*")).parent
        flags = ["-std=c++20", f"-I{prefix / 'include'}", f"-L{library}", "-lenigma", f"-Wl,-rpath,{library}"]
        run(cache_entry("CMAKE_CXX_COMPILER"), place / "main.cpp", *flags, "-o", place / "main")
        yield block.span(2), block[2], run(place / "main", cwd=place)


def test_the_blocks_of_the_page_compile_run_and_print_what_is_shown(prefix, tmp_path):
    count = 0
    for _, shown, printed in outputs(prefix, tmp_path):
        assert printed == (shown or "")
        count += 1
    assert count == 7


def main() -> None:
    text = PAGE.read_text()
    with tempfile.TemporaryDirectory() as folder:
        blocks = list(outputs(Path(sys.argv[1]), Path(folder)))
    for (begin, end), shown, printed in reversed(blocks):
        if shown is not None:
            text = text[:begin] + printed + text[end:]
        elif printed:
            raise SystemExit(f"a block prints, and shows nothing: {printed}")
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
