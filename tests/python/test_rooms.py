# SPDX-License-Identifier: MIT
"""The rooms of the house: every `#include` of include/, lib/ and bindings/ goes through an allowed door.

A room is a folder of include/enigma and lib; ARCHITECTURE.md has the table. DOORS names the rooms that each
one may use, and OUTSIDE the third-party headers; a room that is not listed is an error, so that a new one has
to state its doors here.
"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

DOORS = {
    "Support": set(),
    "Layout": {"Support"},
    "IR": {"Support", "Layout"},
    "Language": {"Support", "Layout", "IR"},
    "Dialect": {"Support", "Layout"},
    "Convert": {"Support", "Layout", "IR", "Dialect"},
    "Transforms": {"Support", "Layout", "Dialect"},
    "Target/MSL": {"Support", "Layout", "Dialect"},
    "Target/Host": {"Support", "Layout", "Dialect"},
    "Runtime": {"Support"},
}
DOORS["Compile"] = set(DOORS)
# Only public headers: nothing of these may show MLIR, LLVM or Metal.
DOORS["bindings"] = {"Support", "Layout", "IR", "Runtime", "Compile"}

OUTSIDE = {
    "Dialect": {"mlir", "llvm"},
    "Convert": {"mlir", "llvm"},
    "Transforms": {"mlir", "llvm"},
    "Target/MSL": {"mlir", "llvm"},
    "Target/Host": {"mlir", "llvm"},
    "Compile": {"mlir", "llvm"},
    "Runtime": {"Foundation", "Metal", "QuartzCore"},
    "bindings": {"nanobind"},
}
LIBRARIES = {"mlir", "mlir-c", "llvm", "llvm-c", "nanobind", "Foundation", "Metal", "QuartzCore"}

# A header of these rooms is compiled by applications, which have no MLIR.
PUBLIC_HEADERS = {"Support", "Layout", "IR", "Language", "Runtime", "Compile"}

INCLUDE = re.compile(r'^\s*#\s*(?:include|import)\s*[<"]([^>"]+)[>"]')
SUFFIXES = {".h", ".hpp", ".cpp", ".mm", ".inc"}


def room_of(path: Path) -> str:
    """The room of a file that is given relative to the root, by the longest folder that DOORS knows."""
    parts = path.parts
    if parts[0] == "bindings":
        return "bindings"
    folders = parts[2:-1] if parts[0] == "include" else parts[1:-1]
    for length in (2, 1):
        name = "/".join(folders[:length])
        if name in DOORS:
            return name
    return "/".join(folders)


def wrong_includes(path: Path, text: str) -> list[str]:
    """The includes of one file that its room has no door to, each as `file:line: why`."""
    room = room_of(path)
    if room not in DOORS:
        return [f"{path}: {room or 'the top folder'} is no room: add it to DOORS"]
    public = path.parts[0] == "include" and room in PUBLIC_HEADERS
    wrong = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match[1]
        first = target.split("/")[0]
        if first == "enigma":
            other = room_of(Path("include") / target)
            if other != room and other not in DOORS[room]:
                wrong.append(f"{path}:{number}: {room} may not use {other}")
        elif first in LIBRARIES:
            if first not in OUTSIDE.get(room, set()):
                wrong.append(f"{path}:{number}: {room} may not use {first}")
            elif public:
                wrong.append(f"{path}:{number}: a public header may not show {first}")
    return wrong


def sources() -> list[Path]:
    files = []
    for folder in ("include/enigma", "lib", "bindings"):
        files += [p.relative_to(ROOT) for p in (ROOT / folder).rglob("*") if p.suffix in SUFFIXES]
    # lib/Precompiled.h is no room's: it only makes the compilation of rooms with MLIR faster.
    return sorted(p for p in files if p != Path("lib/Precompiled.h"))


def test_every_include_goes_through_a_door():
    files = sources()
    assert len(files) > 5
    wrong = [line for p in files for line in wrong_includes(p, (ROOT / p).read_text())]
    assert not wrong, "\n".join(wrong)


def test_the_table_has_no_cycle():
    order = list(DOORS)
    for room, doors in DOORS.items():
        for other in doors - {room}:
            assert order.index(other) < order.index(room), f"{room} -> {other}"


@pytest.mark.parametrize(
    ("path", "line", "why"),
    [
        ("lib/Layout/A.cpp", '#include "enigma/IR/Function.h"', "Layout may not use IR"),
        ("lib/IR/A.cpp", '#include "mlir/IR/Builders.h"', "IR may not use mlir"),
        ("lib/Support/A.cpp", '#include "llvm/ADT/StringRef.h"', "Support may not use llvm"),
        (
            "lib/Target/MSL/A.cpp",
            '#include "enigma/Target/Host/Executable.h"',
            "Target/MSL may not use Target/Host",
        ),
        ("include/enigma/Compile/A.h", '#include "mlir/IR/Builders.h"', "a public header may not show mlir"),
        ("bindings/a.cpp", "#include <Metal/Metal.hpp>", "bindings may not use Metal"),
        ("bindings/a.cpp", '#include "enigma/Dialect/Enigma.h"', "bindings may not use Dialect"),
        ("lib/Attic/A.cpp", "", "Attic is no room"),
    ],
)
def test_a_wrong_include_is_found(path, line, why):
    (found,) = wrong_includes(Path(path), line + "\n")
    assert why in found


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("lib/IR/A.cpp", '#include "enigma/Layout/Layout.h"'),
        ("lib/Layout/A.cpp", "#include <vector>"),
        ("lib/Compile/A.cpp", '#include "enigma/Target/MSL/Emit.h"'),
        ("lib/Target/Host/A.cpp", '#include "llvm/IR/Module.h"'),
        ("bindings/a.cpp", '#include "enigma/Compile/Compile.h"'),
    ],
)
def test_a_right_include_passes(path, line):
    assert wrong_includes(Path(path), line) == []
