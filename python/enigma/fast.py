# SPDX-License-Identifier: MIT
"""Float functions of Metal's `fast` namespace: less accurate, NaN and infinities are not kept."""

from enigma._enigma.fast import *
