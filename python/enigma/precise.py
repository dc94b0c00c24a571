# SPDX-License-Identifier: MIT
"""Float functions of Metal's `precise` namespace: accurate also under fast_math=True."""

from enigma._enigma.precise import *
