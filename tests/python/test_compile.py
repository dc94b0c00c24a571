# SPDX-License-Identifier: MIT
"""enigma.compile: annotations, options, what it returns, and that it is never stale."""

import os
import stat

import pytest

import enigma
import enigma as en
from enigma import Constexpr, Scalar, f32
from marks import marked, notes, refused, sentence


@enigma.kernel
def vector_add(A: enigma.f32, B: enigma.f32, C: enigma.f32):
    """Adds."""
    tid = enigma.thread_position_in_grid
    C[tid] = A[tid] + B[tid]


@enigma.kernel
def scaled(A: enigma.f32, alpha: enigma.Scalar(enigma.f32), Out: enigma.f32, N: enigma.Constexpr = 4):
    i = enigma.thread_position_in_grid
    Out[i] = A[i] * alpha + N


# ---- What compile returns


def test_attributes_of_a_compiled_kernel():
    compiled = enigma.compile(scaled)
    assert compiled.kernel_name == "enigma_kernel_scaled"
    assert compiled.param_names == ["A", "alpha", "Out"]
    assert compiled.scalar_params == ["alpha"]
    assert compiled.outputs == ["Out"]
    assert compiled.kernel_source == compiled.metal_source
    assert "kernel void enigma_kernel_scaled(" in compiled.metal_source
    assert "enigma.kernel @" in compiled.mlir_source
    assert compiled.ir_source.startswith("kernel enigma_kernel_scaled(")
    assert (compiled.grid, compiled.block) == (None, None)
    assert compiled.vec_width == 1
    assert repr(compiled) == "<CompiledKernel scaled(A: f32, alpha: Scalar(f32), Out: f32 (written))>"


def test_without_metal_tools_there_is_text_and_no_library():
    compiled = enigma.compile(vector_add, emit_only=True)
    assert compiled.metallib_path is None
    assert compiled.metallib_bytes is None
    assert compiled.has_metallib is False


def test_a_kernel_keeps_its_name_and_docstring():
    assert (vector_add.__name__, vector_add.__doc__) == ("vector_add", "Adds.")
    assert repr(vector_add) == "<enigma.kernel vector_add>"


def test_emitted_text_is_the_same_every_time():
    first = enigma.compile(vector_add).metal_source
    en._enigma.clear_cache()
    assert enigma.compile(vector_add).metal_source == first


# ---- Options


def test_vec_width_4_uses_vectors():
    compiled = enigma.compile(vector_add, vec_width=4)
    assert "float4" in compiled.metal_source
    assert compiled.vec_width == 4
    assert "vec_width=4" in repr(compiled)


def test_dump_ir_and_dump_mlir_print(capsys):
    enigma.compile(vector_add, dump_ir=True)
    out = capsys.readouterr().out
    assert "kernel enigma_kernel_vector_add(" in out
    assert "load %A, %tid" in out
    assert "test_compile.py:" in out
    enigma.compile(vector_add, dump_mlir=True)
    out = capsys.readouterr().out
    assert "enigma.load" in out


def test_keep_metal_source_writes_into_the_work_dir(tmp_path):
    compiled = enigma.compile(vector_add, keep_metal_source=True, work_dir=str(tmp_path / "build"))
    path = tmp_path / "build" / "enigma_kernel_vector_add.metal"
    assert path.read_text() == compiled.metal_source
    assert compiled.work_dir == str(tmp_path / "build")


def test_keep_metal_source_without_a_folder_takes_a_temporary_one():
    compiled = enigma.compile(vector_add, keep_metal_source=True)
    path = os.path.join(compiled.work_dir, "enigma_kernel_vector_add.metal")
    with open(path) as file:
        assert file.read() == compiled.metal_source


def test_export_metal_returns_the_resolved_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compiled = enigma.compile(vector_add)
    path = compiled.export_metal("deep/er/add.metal")
    assert path == str((tmp_path / "deep/er/add.metal").resolve())
    assert (tmp_path / "deep/er/add.metal").read_text() == compiled.metal_source


def test_contract_decides_on_fma():
    def k(A: f32, B: f32, Out: f32):
        Out[0] = A[0] * B[0] + B[1]

    kernel = enigma.kernel(k)
    assert "fma" in enigma.compile(kernel).metal_source
    assert "fma" not in enigma.compile(kernel, contract=False).metal_source


def test_msl_version_limits_what_is_used():
    def k(A: enigma.bf16, Out: enigma.bf16):
        Out[0] = A[0]

    kernel = enigma.kernel(k)
    assert enigma.compile(kernel).msl_version == 31
    with pytest.raises(enigma.EnigmaError):
        enigma.compile(kernel, msl_version="2.4")
    assert enigma.compile(kernel, msl_version=3.1).msl_version == 31


@pytest.mark.parametrize("version", ["new", 31, "1.0", (3, 1)])
def test_an_unknown_msl_version_is_refused(version):
    with pytest.raises(
        enigma.CompileError, match=r"msl_version must be a version of Metal Shading Language such as '3\.1'"
    ):
        enigma.compile(vector_add, msl_version=version)


@pytest.mark.parametrize("width", [3, 8, -1, "4", True, 4.0])
def test_an_unknown_vec_width_is_refused(width):
    with pytest.raises(enigma.CompileError, match=r"vec_width must be 0, 1, 2 or 4, got"):
        enigma.compile(vector_add, vec_width=width)


def test_an_unknown_option_names_the_nearest():
    with pytest.raises(TypeError) as caught:
        enigma.compile(vector_add, vec_widht=4)
    assert (
        sentence(caught.value)
        == "compile: unknown option 'vec_widht'; kernel vector_add has no Constexpr parameters"
    )
    assert notes(caught.value) == ["did you mean vec_width?"]


def test_an_option_like_nothing_lists_all():
    with pytest.raises(TypeError) as caught:
        enigma.compile(scaled, zzz=4)
    assert "kernel scaled has Constexpr parameters N" in sentence(caught.value)
    assert notes(caught.value)[0].startswith("the options are vec_width, dump_ir")


def test_positional_arguments_are_refused():
    with pytest.raises(TypeError, match="compile takes no arguments for its buffers, got 1"):
        enigma.compile(vector_add, 3)


def test_a_plain_function_is_refused():
    def plain(A):
        pass

    with pytest.raises(TypeError) as caught:
        enigma.compile(plain)
    assert sentence(caught.value) == "compile: needs a kernel, got the function plain"
    assert notes(caught.value) == ["decorate the function with @enigma.kernel"]


def test_a_compiled_kernel_is_not_compiled_again():
    with pytest.raises(TypeError, match="vector_add is compiled already"):
        enigma.compile(enigma.compile(vector_add))


# ---- The Metal tools, with stand-ins for xcrun


def fake_xcrun(tmp_path, monkeypatch, script):
    tool = tmp_path / "bin" / "xcrun"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n" + script)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")


def test_a_metallib_is_built_when_it_is_asked_for(tmp_path, monkeypatch):
    fake_xcrun(
        tmp_path, monkeypatch, 'echo "$@" >> $(dirname $0)/log\nfor last; do :; done\nprintf MTLB > "$last"\n'
    )
    compiled = enigma.compile(vector_add, emit_only=False, work_dir=str(tmp_path / "work"))
    log = tmp_path / "bin" / "log"
    assert not log.exists()
    assert compiled.has_metallib
    assert compiled.metallib_path == str(tmp_path / "work" / "enigma_kernel_vector_add.metallib")
    assert compiled.metallib_bytes == b"MTLB"
    first, second = log.read_text().splitlines()
    assert first.startswith("-sdk macosx metal -std=metal2.2 -fno-fast-math -c ")
    assert second.startswith("-sdk macosx metallib ")
    assert compiled.metallib_bytes == b"MTLB"
    assert len(log.read_text().splitlines()) == 2


def test_a_failing_metal_compiler_is_quoted_with_the_numbered_source(tmp_path, monkeypatch):
    fake_xcrun(tmp_path, monkeypatch, "echo 'k.metal:3:1: error: no such thing' >&2\nexit 9\n")
    compiled = enigma.compile(vector_add, emit_only=False, work_dir=str(tmp_path / "work"))
    with pytest.raises(enigma.CompileError) as caught:
        compiled.metallib_path
    text = str(caught.value)
    assert "xcrun -sdk macosx metal failed with exit code 9" in text
    assert "k.metal:3:1: error: no such thing" in text
    assert "   1 | // MSL" in text
    assert "xcrun -sdk macosx metal -v" in text


def test_missing_metal_tools_are_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    compiled = enigma.compile(vector_add, emit_only=False, work_dir=str(tmp_path / "work"))
    with pytest.raises(enigma.CompileError, match="xcrun is not installed") as caught:
        compiled.metallib_bytes
    assert any("emit_only=True" in note for note in notes(caught.value))


# ---- Annotations


def test_all_twelve_types_declare_buffers():
    for name, metal in [
        ("f16", "half"),
        ("bf16", "bfloat"),
        ("f32", "float"),
        ("i8", "char"),
        ("u8", "uchar"),
        ("i16", "short"),
        ("u16", "ushort"),
        ("i32", "int"),
        ("u32", "uint"),
        ("i64", "long"),
        ("u64", "ulong"),
        ("b1", "bool"),
    ]:
        dtype = getattr(enigma, name)

        def k(A: dtype, s: Scalar(dtype), Out: dtype):
            Out[0] = A[0]
            Out[1] = s

        source = enigma.compile(enigma.kernel(k)).metal_source
        assert f"const device {metal}* A [[buffer(0)]]" in source
        assert f"constant {metal}& s [[buffer(1)]]" in source
        assert f" device {metal}* Out [[buffer(2)]]" in source


def test_annotations_may_be_text():
    def make(dtype):
        @enigma.kernel
        def k(A: "dtype", n: "en.Scalar(en.i32)", Out: "enigma.f32", N: "Constexpr"):
            Out[0] = A[n] + N

        return k

    for name in ("f16", "u8"):
        assert (
            f"(%A: buffer<{name}>, %n: i32, %Out: buffer<f32>)"
            in enigma.compile(make(getattr(enigma, name)), N=1).ir_source
        )


def test_annotations_of_a_module_with_future_annotations(tmp_path, monkeypatch):
    import importlib

    (tmp_path / "future_kernels.py").write_text(
        "from __future__ import annotations\n"
        "import enigma as en\n"
        "def make(dtype):\n"
        "    @en.kernel\n"
        "    def k(A: dtype, Out: Later, *, N: en.Constexpr[int] = 2):\n"
        "        Out[0] = A[0] * N\n"
        "    return k\n"
        "Later = en.f32\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("future_kernels")
    assert "%A: buffer<f16>, %Out: buffer<f32>" in enigma.compile(module.make(enigma.f16)).ir_source


def test_an_annotation_whose_name_is_unknown():
    def k(A: "nothing.f32"):  # noqa: F821
        A[0] = 1

    error = refused(k)
    assert (
        sentence(error)
        == "kernel k: the annotation of parameter A fails: NameError: name 'nothing' is not defined"
    )
    assert marked(error) == 'A: "nothing.f32"'


def test_a_missing_annotation_is_refused_at_the_parameter():
    def k(A, Out: f32):
        Out[0] = A[0]

    error = refused(k)
    assert sentence(error) == "kernel k: parameter A has no type"
    assert marked(error) == "A"
    assert notes(error) == ["write A: enigma.f32 for a buffer, A: enigma.Scalar(enigma.f32) for a number"]


def test_an_unknown_annotation_is_refused_at_the_parameter():
    def k(A: dict, Out: f32):
        Out[0] = 1

    error = refused(k)
    assert sentence(error) == "kernel k: parameter A has an annotation that is no type of Enigma: dict"
    assert marked(error) == "A: dict"


def test_pythons_number_types_are_no_annotations():
    def k(A: f32, n: int):
        A[0] = n

    assert notes(refused(k)) == [
        "write n: enigma.Scalar(enigma.i32) for a number, n: enigma.Constexpr for a constant"
    ]


def test_numpys_types_are_no_annotations():
    import numpy as np

    def k(A: np.float32):
        A[0] = 1

    assert notes(refused(k)) == ["write Enigma's type, such as enigma.f32"]


def test_scalar_may_be_written_with_brackets():
    def k(A: f32, n: Scalar[enigma.i32]):
        A[0] = n

    assert Scalar[enigma.i32] == Scalar(enigma.i32)
    assert "%n: i32" in enigma.compile(enigma.kernel(k)).ir_source


def test_scalar_needs_a_type():
    with pytest.raises(TypeError, match="Scalar: needs a type, got float"):
        Scalar(1.0)

    def k(A: f32, n: Scalar):
        A[0] = n

    assert notes(refused(k)) == ["write n: enigma.Scalar(enigma.f32)"]


def test_variadic_parameters_are_refused():
    def k(*buffers: f32):
        pass

    def named(A: f32, **more: f32):
        A[0] = 1

    assert sentence(refused(k)) == "kernel k: *args and **kwargs have no meaning for a kernel"
    assert sentence(refused(named)) == "kernel named: *args and **kwargs have no meaning for a kernel"


def test_defaults_are_for_constexpr_only():
    def k(A: f32, n: Scalar(f32) = 1):
        A[0] = n

    error = refused(k)
    assert (
        sentence(error)
        == "kernel k: parameter n has a default value, which only Constexpr parameters can have"
    )
    assert marked(error) == "n: Scalar(f32)"


def many_buffers(count):
    import linecache

    text = (
        "import enigma\n@enigma.kernel\ndef wide("
        + ", ".join(f"b{i}: enigma.f32" for i in range(count))
        + "):\n    b0[0] = 1\n"
    )
    name = f"<wide {count}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    space = {}
    exec(compile(text, name, "exec"), space)
    return space["wide"]


def test_31_buffers_are_the_most():
    assert len(enigma.compile(many_buffers(31)).param_names) == 31
    error = refused(many_buffers(32))
    assert sentence(error) == "kernel wide: 32 parameters, but Metal binds at most 31 buffers"
    assert marked(error) == "wide"


# ---- Constants


def test_each_constant_makes_a_kernel_of_its_own():
    assert "4.0f" in enigma.compile(scaled).metal_source
    assert "7.0f" in enigma.compile(scaled, N=7).metal_source
    assert "4.0f" in enigma.compile(scaled).metal_source


def test_a_missing_constant_is_named():
    def k(A: f32, N: Constexpr):
        A[0] = N

    with pytest.raises(TypeError, match="the Constexpr parameter N has no value") as caught:
        enigma.compile(enigma.kernel(k))
    assert notes(caught.value) == ["write enigma.compile(k, N=...)"]


def test_a_constant_may_declare_its_type():
    def k(A: f32, N: Constexpr[int]):
        A[0] = N

    with pytest.raises(TypeError, match="N must be int, got str"):
        enigma.compile(enigma.kernel(k), N="4")
    assert "4.0f" in enigma.compile(enigma.kernel(k), N=4).metal_source


def test_a_constant_is_any_python_value():
    def k(A: f32, *, make: Constexpr, rows: Constexpr = (1, 2)):
        for row in rows:
            A[row] = make(A[row])

    source = enigma.compile(enigma.kernel(k), make=enigma.sin).metal_source
    assert source.count("sin(") == 2


# ---- Never stale, and shared where it is the same


def test_a_changed_attribute_counts():
    class Settings:
        factor = 2.0

    @enigma.kernel
    def k(A: f32, Out: f32):
        Out[0] = A[0] * Settings.factor

    first = enigma.compile(k)
    Settings.factor = 4.0
    assert "2.0f" in first.metal_source
    assert "4.0f" in enigma.compile(k).metal_source


def test_an_unchanged_kernel_is_found_in_the_cache():
    enigma.compile(vector_add)
    before = en._enigma.cache_statistics()
    enigma.compile(vector_add)
    after = en._enigma.cache_statistics()
    assert after["hits"] == before["hits"] + 1
    assert after["misses"] == before["misses"]


def test_two_kernels_of_one_text_keep_their_own_lines():
    import numpy as np

    def make_first():
        @enigma.kernel
        def twin(A: f32, Out: f32):
            i = enigma.thread_position_in_grid
            Out[i] = A[i + 5]

        return twin

    def make_second():
        @enigma.kernel
        def twin(A: f32, Out: f32):
            i = enigma.thread_position_in_grid
            Out[i] = A[i + 5]

        return twin

    data = np.ones(8, np.float32)
    lines = []
    for make in (make_first, make_second):
        kernel = make()
        with pytest.raises(enigma.OutOfBoundsError) as caught:
            enigma.HostRuntime().execute(enigma.compile(kernel), [data], 32, 8, 8)
        lines.append(caught.value.line - kernel.__wrapped__.__code__.co_firstlineno)
        assert marked(caught.value) == "A[i + 5]"
    assert lines == [3, 3]


def test_a_kernel_may_compile_another_while_it_is_traced():
    found = []

    @enigma.kernel
    def outer(A: f32):
        x = A[0]
        found.append(enigma.compile(vector_add).kernel_name)
        A[1] = x

    assert "float x = A[0u];\n    A[1u] = x;" in enigma.compile(outer).metal_source
    assert found == ["enigma_kernel_vector_add"]


def test_a_failed_trace_leaves_nothing_behind():
    def bad(A: f32):
        A[0] = A[0] + "x"

    refused(bad)
    assert not en._enigma.is_tracing()
    assert "C[tid]" in enigma.compile(vector_add).metal_source
