# SPDX-License-Identifier: MIT
"""The caches of compiled kernels: in memory, and on disk for the next process.

enigma.cache.info()          # what they hold, and how often they helped
enigma.cache.clear()         # forgets everything

The environment is read when the first kernel is compiled: ENIGMA_CACHE=0 keeps nothing on disk,
ENIGMA_CACHE_DIR names the folder, ENIGMA_CACHE_SIZE its limit in MiB. docs/runtime.md says what an entry
depends on.
"""

from __future__ import annotations

from typing import NamedTuple

from enigma import _enigma

__all__ = ["CacheInfo", "DiskInfo", "MemoryInfo", "clear", "info"]


class MemoryInfo(NamedTuple):
    """What a cache in memory did in this process, and how much it holds."""

    hits: int
    misses: int
    entries: int


class DiskInfo(NamedTuple):
    """What this process did with the folder, and what lies in it now."""

    folder: str
    """Where the entries are; empty when there is no cache."""
    off: str
    """Why nothing is kept; empty while the cache works."""
    limit: int
    """Bytes that all files may take together."""
    entries: int
    bytes: int
    hits: int
    misses: int
    rejected: int
    """Files that did not match what they should hold, and were not used."""
    stores: int
    failures: int
    """Entries that could not be written."""
    evictions: int


class CacheInfo(NamedTuple):
    """What `info` gives."""

    kernels: MemoryInfo
    """Compiled kernels in memory."""
    host_code: MemoryInfo
    """Their code for the CPU in memory."""
    disk: DiskInfo
    contexts: int
    """MLIR contexts that this process has made: 0 as long as nothing had to be compiled."""


def info() -> CacheInfo:
    """How much the caches hold, and what they did in this process.

    >>> import enigma
    >>> enigma.cache.info().disk.limit % 2**20
    0
    """
    return CacheInfo(
        MemoryInfo(**_enigma.cache_statistics()),
        MemoryInfo(**_enigma.host_code_statistics()),
        DiskInfo(**_enigma.disk_cache_info()),
        _enigma.contexts_made(),
    )


def clear(*, memory: bool = True, disk: bool = True) -> None:
    """Forgets the compiled kernels in memory, and removes the entries on disk, those of other processes and
    versions too. Kernels that are compiled already go on working.
    """
    if memory:
        _enigma.clear_cache()
    if disk:
        _enigma.clear_disk_cache()
