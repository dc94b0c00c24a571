# SPDX-License-Identifier: MIT
"""What a barrier orders: enigma.barrier(enigma.mem_flags.mem_device | enigma.mem_flags.mem_threadgroup)."""

from enum import IntFlag


class mem_flags(IntFlag):  # noqa: N801  Metal's name
    """Metal's mem_flags (specification 6.9.1), which add up with |."""

    mem_none = 0
    """Waits only."""
    mem_device = 1
    """Buffers."""
    mem_threadgroup = 2
    """Threadgroup memory."""


__all__ = ["mem_flags"]
