# SPDX-License-Identifier: MIT
"""`python -m enigma`: what it tells, what it compiles, its errors, and the blocks of docs/aot.md.

`python tests/python/test_command_line.py` writes what the blocks print now into the page, to be read before it is committed.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import enigma

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(enigma._enigma.__file__).parents[1]
PAGE = ROOT / "docs" / "aot.md"
BLOCK = re.compile(r"^```(python|sh|cpp)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)
CLANG = next((c for c in ("clang++-22", "/usr/lib/llvm-22/bin/clang++", "clang++") if shutil.which(c)), "c++")

KERNELS = """
import enigma

def decorated_later(): ...

@enigma.jit
def centred(A: enigma.Tensor, Out: enigma.Tensor, factor=1):
    rows, columns = A.shape[0], A.shape[1]
    means = enigma.scratch(rows, enigma.f32, name="means")

    @enigma.kernel
    def mean(a, m):
        row = enigma.thread_position_in_grid
        total = enigma.f32(0)
        for j in enigma.range(columns):
            total = total + a[row, j]
        m[row] = total / columns

    @enigma.kernel
    def subtract(a, m, out):
        i = enigma.thread_position_in_grid
        out[i // columns, i % columns] = (a[i // columns, i % columns] - m[i // columns]) * factor

    mean(A, means).launch(grid=rows, block=rows)
    subtract(A, means, Out).launch(grid=rows * columns, block=32)

class Group:
    @enigma.kernel
    def negate(A: enigma.i16):
        i = enigma.thread_position_in_grid
        A[i] = -A[i]

@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    tid = enigma.thread_position_in_grid
    Out[tid] = alpha * X[tid] + Y[tid]

@enigma.kernel
def double(int: enigma.u8, N: enigma.Constexpr(int), T: enigma.Constexpr = enigma.u8):
    i = enigma.thread_position_in_grid
    int[i] = T(int[i] * N)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "kernels.py").write_text(KERNELS)
    return tmp_path


def call(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "enigma", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


def output(folder: Path, *arguments: str) -> str:
    done = call(folder, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_alone_it_tells_version_devices_and_cache(folder):
    lines = output(folder).splitlines()
    assert lines[0].startswith(f"enigma {enigma.__version__} (LLVM 22.")
    assert lines[1] == f"host device: {enigma.HostRuntime().device_capabilities().name}"
    assert lines[2].startswith("Metal device: ")
    assert lines[3] == "cache: " + output_of_cache(folder)
    assert output(folder, "--version") == f"enigma {enigma.__version__}\n"


def output_of_cache(folder: Path) -> str:
    code = "import enigma; d = enigma.cache.info().disk; print(f'off, {d.off}' if d.off else d.folder)"
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    return done.stdout.rstrip("\n")


def test_texts_are_those_of_compile(folder):
    sys.path.insert(0, str(folder))
    try:
        import kernels
    finally:
        sys.path.remove(str(folder))
        sys.modules.pop("kernels", None)
    plain = enigma.compile(kernels.saxpy)
    wide = enigma.compile(kernels.saxpy, vec_width=4, fast_math=True)
    assert output(folder, "compile", "kernels:saxpy") == plain.metal_source
    assert output(folder, "compile", "kernels.py:saxpy", "--emit", "msl") == plain.metal_source
    assert output(folder, "compile", "kernels:saxpy", "--vec-width", "4", "--fast-math") == wide.metal_source
    assert output(folder, "compile", "kernels:saxpy", "--emit", "ir") == plain.ir_source
    assert "enigma.kernel @enigma_kernel_saxpy" in output(
        folder, "compile", "kernels:saxpy", "--emit", "mlir"
    )
    uncontracted = output(folder, "compile", "kernels:saxpy", "--no-contract")
    assert "fma(" in plain.metal_source
    assert "fma(" not in uncontracted
    assert "negate" in output(folder, "compile", "kernels:Group.negate")
    assert output(folder, "compile", "kernels:saxpy", "-o", "made/saxpy.metal") == ""
    assert (folder / "made" / "saxpy.metal").read_text() == plain.metal_source


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("kernels", "error: a kernel is given as module:kernel, got 'kernels'\nnote: such as "),
        ("kernel:saxpy", "error: there is no module kernel\nnote: modules are looked for in the working folder"),
        ("kernel.py:saxpy", "error: there is no file kernel.py\nnote: the working folder is "),
        ("kernels:saxpi", "error: kernels has no kernel saxpi\nnote: did you mean saxpy?\n"),
        ("kernels:other", "error: kernels has no kernel other\nnote: its kernels are centred, saxpy, double\n"),
        ("kernels:decorated_later", "error: kernels:decorated_later is no kernel but function\nnote: decorate it with @enigma.kernel\n"),
        ("kernels:centred", "error: jit function centred needs A, Out\nnote: add A=... Out=... to the command; tensors as A=f32[64,32]\n"),
        ("kernels:centred B=f32[4]", "error: jit function centred has no parameter B\nnote: it has A, Out, factor\n"),
        ("kernels:centred A=f32[4,x] Out=f32[4,4]", "error: the tensor A is f32[4,x], which is no type and layout\nnote: such as "),
        ("kernels:centred A=f99[4] Out=f32[4]", "error: the value f99[4] is neither a Python literal nor a type of Enigma\n"),
        ("kernels:centred A=f32[4,4] Out=f32[4,4] --vec-width 4", "error: vec_width is for kernels: the jit function centred vectorises by its layouts"),
        ("kernels:centred A=f32[4,4] Out=f32[4,4] --emit header --threads 4", "error: jit function centred: its launches have their own threads, got --threads\nnote: "),
        ("kernels:double", "error: kernel double needs N\nnote: add N=... to the command\n"),
        ("kernels:double n=1", "error: kernel double has no Constexpr parameter n\n"),
        ("kernels:saxpy N=1", "error: kernel saxpy has no Constexpr parameter N\nnote: it has none\n"),
        ("kernels:double N", "error: a constant is given as NAME=VALUE, got 'N'\n"),
        ("kernels:double N=abc", "error: the value abc is neither a Python literal nor a type of Enigma\n"),
        ("kernels:double N=0.5", "error: kernel double: N must be int, got float\n"),
        ("kernels:saxpy --vec-width 3", "error: vec_width must be 0, 1, 2 or 4, got 3\n"),
        ("kernels:saxpy --threads 32", "error: --threads is for --emit header, got --emit msl\n"),
        ("kernels:saxpy -o kernels.py/a", "error: cannot write kernels.py/a: "),
    ],
)  # fmt: skip
def test_an_error_is_a_sentence_and_what_to_write(folder, arguments, message):
    done = call(folder, "compile", *shlex.split(arguments))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(message)


@pytest.mark.skipif(sys.platform == "darwin", reason="there Apple's tools may be installed")
def test_a_metallib_needs_apples_tools(folder):
    done = call(folder, "compile", "kernels:saxpy", "--emit", "metallib", "-o", "saxpy.metallib")
    assert done.returncode == 1
    assert "xcrun is not installed, so no metallib can be built" in done.stderr
    assert not (folder / "saxpy.metallib").exists()


def test_an_error_of_the_module_itself_is_shown_as_it_is(folder):
    (folder / "broken.py").write_text("import not_there_at_all\n")
    done = call(folder, "compile", "broken:saxpy")
    assert done.returncode == 1
    assert "No module named 'not_there_at_all'" in done.stderr


# ---- The header

USE = r"""
#include "saxpy.h"
#include "double.h"
#include <cstdio>
#include <cstring>
#include <string_view>

namespace s = enigma_kernels::saxpy;
namespace d = app::doubling;
static_assert(std::string_view(s::function_name) == "enigma_kernel_saxpy");
static_assert(std::size(s::parameters) == 4 && std::size(d::parameters) == 1);
static_assert(s::index::X == 0 && s::index::alpha == 1 && s::index::Y == 2 && s::index::Out == 3);
static_assert(d::index::int_ == 0);
static_assert(std::string_view(d::parameters[0].name) == "int" && std::string_view(d::parameters[0].type) == "u8");
static_assert(d::parameters[0].element_size == 1 && d::parameters[0].is_read && d::parameters[0].is_written);
static_assert(s::parameters[0].is_buffer && s::parameters[0].is_read && !s::parameters[0].is_written);
static_assert(!s::parameters[1].is_buffer && s::parameters[1].element_size == 4);
static_assert(s::parameters[3].is_buffer && !s::parameters[3].is_read && s::parameters[3].is_written);
static_assert(s::positions_per_thread == 4 && d::positions_per_thread == 1);
static_assert(s::grid(1024, 2).x == 256 && s::grid(1024, 2).y == 2 && s::grid(1024).z == 1);
static_assert(d::grid(7).x == 7);
static_assert(s::threads_per_threadgroup.x == 64 && s::threads_per_threadgroup.y == 2);
static_assert(s::fast_math && !d::fast_math);

int main([[maybe_unused]] int count, char **) {
  std::fwrite(s::source, 1, std::strlen(s::source), stdout);
#if defined(__cpp_exceptions)
  try {
    s::grid(1021 + count - 1);
    return 1;
  } catch (const std::invalid_argument &) {
  }
#endif
}
"""


@pytest.mark.parametrize("flags", [["-std=c++17"], ["-std=c++20", "-fno-exceptions"]], ids=["c++17", "no exceptions"])  # fmt: skip
def test_a_program_without_enigma_compiles_and_uses_the_header(folder, flags):
    options = ["--vec-width", "4", "--fast-math"]
    output(
        folder, "compile", "kernels:saxpy", "--emit", "header", "-o", "saxpy.h", "--threads", "64,2", *options
    )
    named = ["N=3", "--emit", "header", "--namespace", "app::doubling", "-o", "double.h"]
    output(folder, "compile", "kernels:double", *named)
    (folder / "use.cpp").write_text(USE)
    command = [CLANG, *flags, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "use.cpp", "-o", "use"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ran = subprocess.run([folder / "use"], capture_output=True, text=True)
    assert ran.returncode == 0
    assert ran.stdout == output(folder, "compile", "kernels:saxpy", *options)
    first = (folder / "saxpy.h").read_text().splitlines()[0]
    assert first.startswith(
        f"// Made by Enigma {enigma.__version__} from kernels:saxpy, vec_width=4, fast_math=True."
    )


OPEN = """
import enigma

@enigma.kernel
def open(Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = enigma.function_constant(enigma.f32, 3, "SCALE", default=2) * enigma.function_constant(enigma.i32, 5)
"""
USE_OPEN = r"""
#include "open.h"
#include <string_view>
namespace k = enigma_kernels::open;
static_assert(std::size(k::function_constants) == 2);
static_assert(std::string_view(k::function_constants[0].name) == "SCALE" && k::function_constants[0].index == 3);
static_assert(std::string_view(k::function_constants[0].type) == "f32" && !k::function_constants[0].is_required);
static_assert(k::function_constants[1].index == 5 && k::function_constants[1].is_required);
int main() {}
"""


def test_function_constants_are_bound_or_listed(folder):
    (folder / "opened.py").write_text(OPEN)
    output(folder, "compile", "opened:open", "--emit", "header", "-o", "open.h")
    (folder / "use.cpp").write_text(USE_OPEN)
    command = [CLANG, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "use.cpp"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    bound = ["--function-constant", "SCALE=0.25", "--function-constant", "constant_5=4"]
    text = output(folder, "compile", "opened:open", *bound)
    assert "function_constant" not in text and "Out[i] = 1.0f;" in text
    header = output(folder, "compile", "opened:open", "--emit", "header", *bound)
    assert "function_constants[]" not in header
    assert "from opened:open, function_constants={'SCALE': 0.25, 'constant_5': 4}." in header
    wrong = call(folder, "compile", "opened:open", "--function-constant", "SCAL=1")
    assert wrong.stderr.startswith("error: kernel open: no function constant 'SCAL'")


JIT = ["kernels:centred", "A=f32[8,16]", "Out=f32[(8,16):(1,8)]", "factor=0.5"]
USE_JIT = r"""
#include "centred.h"
#include <cstdio>
#include <cstring>
#include <string_view>

namespace c = enigma_kernels::centred;
static_assert(c::index::A == 0 && c::index::Out == 1 && c::index::means == 2);
static_assert(std::size(c::buffers) == 3 && std::size(c::launches) == 2);
static_assert(c::buffers[0].bytes == 8 * 16 * 4 && c::buffers[2].bytes == 8 * 4 && c::buffers[1].element_size == 4);
static_assert(!c::buffers[0].is_scratch && !c::buffers[1].is_scratch && c::buffers[2].is_scratch);
static_assert(std::string_view(c::buffers[2].name) == "means" && std::string_view(c::buffers[0].type) == "f32");
constexpr const c::Launch &first = c::launches[0], &second = c::launches[1];
static_assert(std::string_view(first.function_name) == "enigma_kernel_centred_mean");
static_assert(std::string_view(second.function_name) == "enigma_kernel_centred_subtract");
static_assert(first.grid.x == 8 && first.grid.y == 1 && first.threads_per_threadgroup.x == 8);
static_assert(second.grid.x == 128 && second.threads_per_threadgroup.x == 32);
static_assert(first.binding_count == 3 && second.binding_count == 3);
static_assert(first.bindings[0].is_read && !first.bindings[0].is_written && first.bindings[2].is_written);
static_assert(!first.bindings[1].is_read && !first.bindings[1].is_written);
static_assert(second.bindings[2].is_read && !second.bindings[2].is_written && second.bindings[1].is_written);
int main() { std::fwrite(c::source, 1, std::strlen(c::source), stdout); }
"""


def test_a_jit_function_has_all_outputs(folder):
    import numpy as np

    from msl import standin

    source = output(folder, "compile", *JIT)
    assert source.count("kernel void") == 2
    assert (
        output(folder, "compile", *JIT, "--emit", "mlir").count("enigma.kernel @enigma_kernel_centred_") == 2
    )
    assert output(folder, "compile", *JIT, "--emit", "ir").count("kernel enigma_kernel_centred_") == 2
    assert output(folder, "compile", *JIT, "--emit", "header", "-o", "centred.h") == ""
    (folder / "use.cpp").write_text(USE_JIT)
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    done = subprocess.run([CLANG, *flags, "use.cpp", "-o", "use"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert subprocess.run([folder / "use"], capture_output=True, text=True).stdout == source
    # What the header says is enough to run it: the launches in order, buffers by index.
    a, means = np.arange(128, dtype=np.float32).reshape(8, 16) ** 2, np.zeros(8, np.float32)
    out = np.zeros((16, 8), np.float32)
    for name, grid, threads in (("mean", 8, 8), ("subtract", 128, 32)):
        standin.compile(one_kernel(source, name)).run([a, out, means], grid=grid, threads=threads)
    assert np.array_equal(out.T, (a - a.mean(1, keepdims=True)) * np.float32(0.5))


def one_kernel(source: str, name: str) -> str:
    """The text with one of its kernels."""
    head, *kernels = source.split("kernel void ")
    return head + "kernel void " + next(k for k in kernels if k.startswith(f"enigma_kernel_centred_{name}("))


@pytest.mark.skipif(sys.platform == "darwin", reason="there Apple's tools may be installed")
def test_a_metallib_of_a_jit_function_needs_apples_tools(folder):
    done = call(folder, "compile", *JIT, "--emit", "metallib", "-o", "centred.metallib")
    assert done.returncode == 1
    assert "xcrun is not installed, so no metallib can be built" in done.stderr


def test_names_that_cpp_reserves_are_changed(folder):
    text = output(folder, "compile", "kernels:double", "N=3", "--emit", "header")
    assert "namespace enigma_kernels::double_ {" in text
    assert "enum : unsigned { int_ = 0 };" in text


# ---- The page


def outputs(folder: Path):
    """Of each block of the page: where its text block is, what that says, what is printed."""
    for block in BLOCK.finditer(PAGE.read_text()):
        language, source, shown = block.groups()
        printed = ""
        if language == "python":
            name = re.match(r"# (\w+\.py)\n", source)[1]
            (folder / name).write_text(source)
        elif language == "cpp":
            (folder / "app.cpp").write_text(source)
        else:
            words = shlex.split(source)
            assert words[:3] == ["python", "-m", "enigma"]
            done = call(folder, *words[3:])
            printed = done.stdout + done.stderr
        yield block.span(3), shown, printed


def test_the_blocks_of_the_page_print_what_is_shown(tmp_path):
    count = 0
    for _, shown, printed in outputs(tmp_path):
        assert printed == (shown or "")
        count += 1
    assert count == 7


METAL_CPP = next((p.parents[1] for p in (PACKAGE.parent / "metal-cpp").rglob("Metal/Metal.hpp")), None)


@pytest.mark.skipif(METAL_CPP is None, reason="the build has no metal-cpp")
def test_the_use_of_the_header_that_the_page_shows_fits_metal_cpp(tmp_path):
    for _ in outputs(tmp_path):
        pass
    stand_in = ROOT / "tests" / "metal"
    folders = [f"-isystem{path}" for path in (stand_in / "headers", stand_in / "stubs", METAL_CPP)]
    command = [CLANG, "-std=c++17", "-fsyntax-only", "-fblocks", "-Wall", *folders, "app.cpp"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def main() -> None:
    text = PAGE.read_text()
    with tempfile.TemporaryDirectory() as folder:
        blocks = list(outputs(Path(folder)))
    for (begin, end), shown, printed in reversed(blocks):
        if shown is not None:
            text = text[:begin] + printed + text[end:]
        elif printed:
            raise SystemExit(f"a block prints, and shows nothing: {printed}")
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
