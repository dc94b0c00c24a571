# SPDX-License-Identifier: MIT
"""What ./dev says and does when the machine lacks something, on a PATH where every tool is a stand-in.

Each test copies the script into an empty project and gives it a PATH with the basic POSIX tools and the
stand-ins that it names, so nothing is installed, downloaded or built.
"""

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BASIC = ["sh", "awk", "cat", "cksum", "dirname", "env", "grep", "mkdir", "rm", "sed", "sort", "tr"]
PACKAGES = "cmake ninja-build ccache clang-22 lld-22 llvm-22-dev libmlir-22-dev mlir-22-tools"

INSTALLED = 'printf "install ok installed"'
NOTHING_INSTALLED = "exit 1"
ROOMY = 'printf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9 9 99999999 1%% /\\n"'
FULL = 'printf "Filesystem 1024-blocks Used Available Capacity Mounted\\n/dev/x 9 9 1048576 1%% /\\n"'
# A Python that passes for a good one, and an environment of it whose pip cannot reach anything.
PYTHON = r"""case "$*" in
  *ensurepip*) echo /stand-in/python3 ;;
  '-m venv '*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  '-m pip '*) echo 'could not connect'; exit 1 ;;
esac"""


class Machine:
    """An empty project with ./dev in it, and a PATH of stand-ins."""

    def __init__(self, folder: Path):
        self.root = folder / "project"
        self.bin = folder / "bin"
        self.log = folder / "log"
        self.bin.mkdir()
        (self.root / "requirements").mkdir(parents=True)
        (self.root / "requirements" / "dev.txt").write_text("numpy==1\n")
        shutil.copy(ROOT / "dev", self.root / "dev")
        for name in [*BASIC, "cp"]:
            (self.bin / name).symlink_to(shutil.which(name))
        self.tool("uname", "echo Linux")
        self.tool("id", "echo 0")
        self.tool("df", ROOMY)
        self.tool("dpkg-query", INSTALLED)
        self.tool("apt-get", 'echo "apt-get $*" >>"$LOG"')
        self.tool("apt-cache", "echo found")

    def tool(self, name: str, body: str) -> None:
        file = self.bin / name
        file.write_text(f"#!{shutil.which('sh')}\n{body}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    def without(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def dev(self, *words: str, **environment: str) -> subprocess.CompletedProcess:
        """Runs ./dev with these words; no real Python is found unless a test says otherwise."""
        settings = {"PATH": str(self.bin), "LOG": str(self.log), "PYTHON": "no-such-python", **environment}
        return subprocess.run(
            ["./dev", *words],
            cwd=self.root,
            env=settings,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def calls(self) -> str:
        return self.log.read_text() if self.log.exists() else ""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def refused(result: subprocess.CompletedProcess) -> str:
    """The message of a run that must have failed, with the command to go on with."""
    assert result.returncode == 1, result.stdout + result.stderr
    assert "dev: " in result.stderr
    return result.stderr


def test_without_a_command_it_lists_them(machine):
    result = machine.dev()
    assert result.returncode == 0
    for command in ["demo", "test", "format", "lint", "bench", "docs", "fuzz", "clean"]:
        assert f"\n  {command} " in result.stdout


def test_an_unknown_command_is_refused(machine):
    assert "no such command: tset" in refused(machine.dev("tset"))


def test_no_package_manager_names_the_packages(machine):
    machine.without("apt-get")
    message = refused(machine.dev("demo"))
    assert "no apt-get" in message
    assert PACKAGES in message
    assert "ENIGMA_SKIP_PACKAGES=1 ./dev demo" in message


def test_no_brew_names_the_formulae(machine):
    machine.tool("uname", "echo Darwin")
    message = refused(machine.dev("test"))
    assert "Homebrew" in message
    assert "llvm cmake ninja ccache googletest google-benchmark" in message


def test_missing_packages_without_root_or_sudo(machine):
    machine.tool("id", "echo 1000")
    machine.tool("dpkg-query", 'case "$*" in *clang-22*|*lld-22*) exit 1 ;; *) ' + INSTALLED + " ;; esac")
    message = refused(machine.dev("test"))
    assert "needs root or sudo: clang-22 lld-22\n" in message
    assert "apt-get install --no-install-recommends clang-22 lld-22\n" in message
    assert machine.calls() == ""


def test_sudo_that_refuses(machine):
    machine.tool("id", "echo 1000")
    machine.tool("dpkg-query", NOTHING_INSTALLED)
    machine.tool("sudo", 'echo "sudo $*" >>"$LOG"; exit 1')
    message = refused(machine.dev("test"))
    assert "sudo refuses" in message
    assert PACKAGES in message
    assert machine.calls() == "sudo -n true\n"  # it never waits for a password without a terminal


def test_sudo_runs_apt_get_with_the_missing_packages_only(machine):
    machine.tool("id", "echo 1000")
    machine.tool("dpkg-query", 'case "$*" in *ccache*) exit 1 ;; *) ' + INSTALLED + " ;; esac")
    machine.tool("sudo", 'echo "sudo $*" >>"$LOG"; shift; "$@"')
    machine.tool("python3", PYTHON)
    machine.dev("test", PYTHON="python3")
    calls = machine.calls()
    assert "apt-get update -q" in calls
    assert "apt-get install -q -y --no-install-recommends ccache\n" in calls


def test_a_full_disk_is_noticed_before_anything_is_installed(machine):
    machine.tool("dpkg-query", NOTHING_INSTALLED)
    machine.tool("df", FULL)
    message = refused(machine.dev("demo"))
    assert "installing packages needs about 6 GB" in message
    assert "has 1 GB free" in message
    assert machine.calls() == ""


def test_a_full_disk_is_noticed_before_the_environment_is_made(machine):
    machine.tool("df", FULL)
    machine.tool("python3", PYTHON)
    message = refused(machine.dev("demo", PYTHON="python3"))
    assert "building needs about 2 GB" in message
    assert not (machine.root / ".venv").exists()


def test_no_network_for_apt_get(machine):
    machine.tool("dpkg-query", NOTHING_INSTALLED)
    machine.tool("apt-get", "exit 100")
    message = refused(machine.dev("test"))
    assert "could not fetch the package lists" in message
    assert "network" in message
    assert PACKAGES in message


def test_a_system_whose_sources_lack_a_package(machine):
    machine.tool("dpkg-query", NOTHING_INSTALLED)
    machine.tool("apt-cache", 'case "$*" in *clang-22*) ;; *) echo found ;; esac')
    message = refused(machine.dev("test"))
    assert "have no clang-22" in message
    assert "Debian 12" in message
    assert "install" not in machine.calls()


def test_apt_get_that_breaks_off(machine):
    machine.tool("dpkg-query", NOTHING_INSTALLED)
    machine.tool("apt-get", '[ "$1" = update ]')
    message = refused(machine.dev("test"))
    assert "could not install the packages" in message
    assert "run ./dev test again" in message


def test_no_network_for_pip_and_a_second_try(machine):
    machine.tool("python3", PYTHON)
    message = refused(machine.dev("test", PYTHON="python3"))
    assert "pip could not install" in message
    assert "network" in message
    # Nothing half made counts as done.
    assert not (machine.root / ".venv" / "enigma-stamp").exists()
    again = machine.dev("test", PYTHON="python3")
    assert "pip could not install" in refused(again)


def test_no_suitable_python(machine):
    message = refused(machine.dev("test"))
    assert "Python 3.11 or newer" in message
    assert "python3-dev python3-venv" in message


def test_with_every_package_there_apt_get_is_not_called(machine):
    machine.tool("python3", PYTHON)
    machine.dev("test", PYTHON="python3")
    assert machine.calls() == ""


def test_clean_removes_what_was_built_and_nothing_else(machine):
    machine.tool("find", "exit 0")
    for name in ["build", ".venv", "dist", "examples"]:
        (machine.root / name).mkdir()
    assert machine.dev("clean").returncode == 0
    assert sorted(os.listdir(machine.root)) == ["dev", "examples", "requirements"]
