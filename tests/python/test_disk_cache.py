# SPDX-License-Identifier: MIT
"""The cache on disk, as processes see it: a warm start compiles nothing, and whatever happens to the folder, no
kernel is wrong. What single files go through is in tests/cpp/Compile/DiskCacheTest.cpp."""

import json
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

HERE = Path(__file__).parent

PROGRAM = """
import json, numpy as np, enigma

@enigma.kernel
def saxpy(X: enigma.f32, alpha: enigma.Scalar(enigma.f32), Y: enigma.f32, Out: enigma.f32):
    i = enigma.thread_position_in_grid
    Out[i] = alpha * X[i] + Y[i]

compiled = enigma.compile(saxpy)
x, out = np.arange(100, dtype=np.float32), np.zeros(100, np.float32)
enigma.HostRuntime().launch(compiled, [x, 2.0, x, out], grid=100, threads=32)
assert np.array_equal(out, 3 * x)
try:
    enigma.HostRuntime().launch(compiled, [x, 2.0, x, out[:50]], grid=100, threads=32)
except enigma.OutOfBoundsError as error:
    place = str(error)
info = enigma.cache.info()
print(json.dumps([info.disk._asdict(), info.contexts, compiled.metal_source, place]))
"""


def run(folder, **environment):
    """What PROGRAM prints in a process of its own."""
    program = Path(folder).parent / "program.py"
    program.write_text(PROGRAM)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ENIGMA_CACHE")}
    result = subprocess.run(
        [sys.executable, str(program)],
        env={**inherited, "ENIGMA_CACHE_DIR": str(folder), **environment},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def test_a_warm_start_compiles_nothing(tmp_path):
    folder = tmp_path / "cache"
    cold, contexts, text, place = run(folder)
    assert (cold["hits"], cold["misses"], cold["stores"], cold["entries"]) == (0, 2, 2, 2)
    assert contexts == 1
    assert "program.py:6" in place or "program.py:7" in place
    warm, contexts, warm_text, warm_place = run(folder)
    assert (warm["hits"], warm["misses"], warm["stores"], warm["entries"]) == (2, 0, 0, 2)
    assert contexts == 0
    assert (warm_text, warm_place) == (text, place)


def test_entries_of_another_kernel_place_or_option_are_not_taken(tmp_path):
    folder = tmp_path / "cache"
    run(folder)
    text = PROGRAM.replace("saxpy)", "saxpy, vec_width=2)").replace("grid=100", "grid=50")
    program = tmp_path / "other.py"
    program.write_text(text)
    environment = {**os.environ, "ENIGMA_CACHE": "1", "ENIGMA_CACHE_DIR": str(folder)}
    result = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    disk, contexts, _, place = json.loads(result.stdout)
    assert (disk["hits"], disk["stores"], contexts) == (0, 2, 1)
    assert "other.py" in place


def test_no_cache_when_it_is_switched_off(tmp_path):
    folder = tmp_path / "cache"
    disk, contexts, _, _ = run(folder, ENIGMA_CACHE="0")
    assert disk["off"] == "ENIGMA_CACHE=0" and contexts == 1
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ENIGMA_CACHE", "off", "ENIGMA_CACHE must be 0 or 1, got 'off'"),
        (
            "ENIGMA_CACHE_SIZE",
            "1G",
            "ENIGMA_CACHE_SIZE must be a number of MiB from 1 to 1048576, got '1G'",
        ),
        ("ENIGMA_CACHE_SIZE", "-1", "ENIGMA_CACHE_SIZE must be a number of MiB from 1 to 1048576, got '-1'"),
        ("ENIGMA_CACHE_DIR", "cache", "ENIGMA_CACHE_DIR must be an absolute path, got 'cache'"),
    ],
)
def test_a_wrong_setting_means_no_cache_and_is_explained(tmp_path, name, value, reason):
    disk, contexts, _, _ = run(tmp_path / "cache", **{name: value})
    assert disk["off"] == reason
    assert contexts == 1


def test_the_folder_is_the_platforms_by_default(tmp_path):
    home = tmp_path / "home"
    disk, *_ = run(tmp_path / "unused", ENIGMA_CACHE_DIR="", HOME=str(home), XDG_CACHE_HOME="")
    where = home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "enigma"
    assert disk["folder"] == str(where)
    assert len(list(where.iterdir())) == 2


@pytest.mark.parametrize("place", ["/proc/enigma-cache", "/dev/null/cache"])
def test_a_folder_that_cannot_be_made_breaks_nothing(tmp_path, place):
    disk, contexts, _, _ = run(tmp_path / "cache", ENIGMA_CACHE_DIR=place)
    assert disk["failures"] == 2 and contexts == 1


def test_damaged_entries_are_replaced(tmp_path):
    folder = tmp_path / "cache"
    run(folder)
    for file in folder.iterdir():
        data = bytearray(file.read_bytes())
        data[-3] ^= 64
        file.write_bytes(data)
    disk, contexts, _, _ = run(folder)
    assert (disk["rejected"], disk["hits"], disk["stores"], contexts) == (2, 0, 2, 1)
    disk, contexts, _, _ = run(folder)
    assert (disk["rejected"], disk["hits"], contexts) == (0, 2, 0)


def test_clear_empties_memory_and_disk(tmp_path):
    folder = tmp_path / "cache"
    run(folder)
    clear = "import enigma; enigma.cache.clear(); print(enigma.cache.info().disk.entries)"
    environment = {**os.environ, "ENIGMA_CACHE": "1", "ENIGMA_CACHE_DIR": str(folder)}
    done = subprocess.run([sys.executable, "-c", clear], env=environment, capture_output=True, text=True)
    assert done.stdout == "0\n"
    assert list(folder.iterdir()) == []


def test_metallibs_are_kept_for_one_version_of_the_tools(tmp_path):
    tool = tmp_path / "bin" / "xcrun"
    tool.parent.mkdir()
    tool.write_text(
        "#!/bin/sh\n"
        '[ "$4" = --version ] && { echo "$METAL_VERSION"; exit; }\n'
        'echo "$3" >> $(dirname $0)/log\nfor last; do :; done\nprintf MTLB > "$last"\n'
    )
    tool.chmod(0o755)
    program = tmp_path / "library.py"
    program.write_text(
        "import enigma\n"
        "@enigma.kernel\n"
        "def one(Out: enigma.f32):\n"
        "    Out[enigma.thread_position_in_grid] = 1.0\n"
        "assert enigma.compile(one, emit_only=False).metallib_bytes == b'MTLB'\n"
    )
    log = tmp_path / "bin" / "log"
    for version, calls in (("32.1", 2), ("32.1", 2), ("33.0", 4)):
        environment = {**os.environ, "ENIGMA_CACHE": "1", "ENIGMA_CACHE_DIR": str(tmp_path / "cache"),
                       "METAL_VERSION": version, "PATH": f"{tool.parent}:{os.environ['PATH']}"}  # fmt: skip
        done = subprocess.run([sys.executable, str(program)], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert len(log.read_text().splitlines()) == calls


def damage(folder, chance):
    """Does to a file of the folder, or to all, what disks, users and other programs do."""
    try:
        files = list(folder.iterdir())
        deed = chance.randrange(9)
        if deed == 0 and chance.random() < 0.2:
            shutil.rmtree(folder, ignore_errors=True)
        if deed == 1 and chance.random() < 0.3:
            for file in files:
                file.unlink()
        if not files:
            return
        file, other = chance.choice(files), chance.choice(files)
        data = bytearray(file.read_bytes())
        if deed in (2, 3) and data:  # in place, under the eyes of readers
            with file.open("r+b") as open_file:
                open_file.seek(chance.randrange(len(data)))
                open_file.write(bytes([chance.randrange(256)]))
        elif deed == 4:
            os.truncate(file, chance.randrange(len(data) + 1))
        elif deed == 5:
            file.write_bytes(other.read_bytes())
        elif deed == 6:
            file.write_bytes(bytes(chance.randrange(256) for _ in range(200)))
        elif deed == 7:
            file.unlink()
            file.symlink_to(other)
        elif deed == 8:
            os.rename(file, other)
    except OSError:
        pass  # another process was faster


def test_processes_share_a_folder_that_is_cleared_and_damaged(tmp_path):
    """ENIGMA_CACHE_COMPILES compiles in all by eight processes; ./dev fuzz asks for 10,000."""
    compiles = int(os.environ.get("ENIGMA_CACHE_COMPILES", "240"))
    folder = tmp_path / "cache"
    environment = {**os.environ, "ENIGMA_CACHE": "1", "ENIGMA_CACHE_DIR": str(folder),
                   "ENIGMA_NUM_THREADS": "1"}  # fmt: skip
    workers = [
        subprocess.Popen(
            [sys.executable, str(HERE / "cache_worker.py"), str(seed), str(compiles // 8)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for seed in range(8)
    ]  # fmt: skip
    stopped = threading.Event()

    def disturb():
        chance = random.Random(1)
        while not stopped.is_set():
            damage(folder, chance)
            time.sleep(0.01)

    disturber = threading.Thread(target=disturb)
    disturber.start()
    try:
        results = [worker.communicate(timeout=3000) for worker in workers]
    finally:
        stopped.set()
        disturber.join()
        for worker in workers:
            worker.kill()
    for worker, (_, problems) in zip(workers, results, strict=True):
        assert worker.returncode == 0, problems
    disks = [json.loads(output) for output, _ in results]
    total = {name: sum(disk[name] for disk in disks) for name in ("hits", "misses", "rejected", "stores")}
    assert total["hits"] + total["misses"] + total["rejected"] == 2 * 8 * (compiles // 8)
    assert total["hits"] > compiles // 10 and total["rejected"] > 0, total
    print(total)
