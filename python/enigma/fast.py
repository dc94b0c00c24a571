# SPDX-License-Identifier: MIT
"""Float functions of Metal's `fast` namespace: less accurate, and without NaN and infinities. `enigma.fast.sin(x)`."""

from enigma._enigma.fast import *  # noqa: F403
