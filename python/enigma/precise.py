# SPDX-License-Identifier: MIT
"""Float functions of Metal's `precise` namespace, accurate also under fast_math=True. `enigma.precise.sin(x)`."""

from enigma._enigma.precise import *  # noqa: F403
