# SPDX-License-Identifier: MIT
"""Compiles the C++ sources to arm64 Mach-O on Linux:

    python macos_check.py [--jobs N] [--seconds N] <build folder> [<part of a path>...]

Every file that the build compiles, and those of lib/Runtime/Metal, goes through ziglang's clang with the headers of
macOS and its libc++, which shows what only Linux or libstdc++ accepts. Generated headers and metal-cpp come from the
build folder. After --seconds no further file is begun, and those left over are named. The Runtime and the extension are linked where
all of their files were compiled, with what comes from outside left open. Nothing runs.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CXX = [
    sys.executable, "-m", "ziglang", "c++", "-target", "aarch64-macos.14.0", "-std=c++20", "-fPIC", "-O1",
    "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror=return-type",
]  # fmt: skip


def flags_of(command: str) -> list[str]:
    words = shlex.split(command)
    kept = []
    for i, word in enumerate(words):
        if word in ("-isystem", "-I"):
            kept += [word, words[i + 1]]
        elif word.startswith(("-I", "-D")):
            kept.append(word)
    # The system's own headers are for Linux.
    return [f for f in kept if f not in ("/usr/include", "-I/usr/include")]


def units(build: Path) -> dict[Path, list[str]]:
    """Source files below the root and the flags that they need."""
    found: dict[Path, list[str]] = {}
    for entry in json.loads((build / "compile_commands.json").read_text()):
        path = Path(entry["file"])
        inside = path.is_relative_to(ROOT / "lib") or path.is_relative_to(ROOT / "bindings")
        if inside and "EnigmaFakeMetal" not in entry["command"] and path.name != "NoMetalDevice.cpp":
            found[path] = flags_of(entry["command"])
    metal = next((build / "metal-cpp").glob("*/Metal/Metal.hpp"), None)
    for path in sorted((ROOT / "lib/Runtime/Metal").glob("*.cpp")) if metal else []:
        found[path] = ["-I", str(ROOT / "include"), "-isystem", str(metal.parents[1])]
    if not metal:
        print("skipped: lib/Runtime/Metal, for which the build folder has no metal-cpp")
    return found


def compile_unit(path: Path, flags: list[str], made: Path) -> str:
    stubs = ["-isystem", str(ROOT / "tests/metal/stubs")]
    command = [*CXX, *flags, *stubs, "-c", str(path), "-o", str(made)]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        return result.stderr or f"exit status {result.returncode}"
    magic = made.read_bytes()[:8]
    if magic != bytes.fromhex("cffaedfe0c000001"):  # MH_MAGIC_64, CPU_TYPE_ARM64
        return f"the object is no arm64 Mach-O: {magic.hex()}"
    return ""


# What is linked if all of its files were compiled, and a symbol that it must export. What comes from Apple, Python,
# nanobind and the rest of libenigma stays open.
LIBRARIES = [
    ("Runtime.dylib", ("lib/Runtime", "lib/Support"), "__ZN6enigma7runtime11metalDeviceE"),
    ("_enigma.so", ("bindings/",), "_PyInit__enigma"),
]


def link(made: Path, objects: list[Path], export: str) -> str:
    command = [*CXX, "-dynamiclib", "-Wl,-undefined,dynamic_lookup", *map(str, objects), "-o", str(made)]
    linked = subprocess.run(command, capture_output=True, text=True)
    if linked.returncode:
        return linked.stderr or f"exit status {linked.returncode}"
    content = made.read_bytes()
    if content[:8] != bytes.fromhex("cffaedfe0c000001"):
        return f"it is no arm64 Mach-O: {content[:8].hex()}"
    return "" if export.encode() in content else f"it has no {export}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("build", type=Path)
    parser.add_argument("files", nargs="*", help="parts of paths; all files without any")
    given = parser.parse_args()
    known = units(given.build)
    chosen = {
        path: flags
        for path, flags in known.items()
        if not given.files or any(part in str(path) for part in given.files)
    }
    if not chosen:
        print(f"no source file matches {given.files}")
        return 1
    failed = skipped = 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(given.jobs) as pool:
        made = {path: Path(folder) / f"{i}.o" for i, path in enumerate(chosen)}
        end = time.monotonic() + given.seconds

        def check(path: Path) -> str | None:
            return compile_unit(path, chosen[path], made[path]) if time.monotonic() < end else None

        for path, problem in zip(chosen, pool.map(check, chosen), strict=True):
            name = path.relative_to(ROOT)
            skipped += problem is None
            verdict = "skipped: out of time" if problem is None else "FAILED" if problem else "ok"
            print(f"{name}: {verdict}", flush=True)
            if problem:
                failed += 1
                print(problem)
        for name, rooms, export in LIBRARIES:
            parts = [p for p in known if any(room in str(p) for room in rooms)]
            if not failed and not skipped and parts and all(p in chosen for p in parts):
                problem = link(Path(folder) / name, [made[p] for p in parts], export)
                failed += bool(problem)
                print(f"{name}: {problem or 'ok'}")
    left = f", {skipped} not looked at" if skipped else ""
    print(f"{len(chosen) - failed - skipped} of {len(chosen)} files compile for arm64 macOS{left}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
