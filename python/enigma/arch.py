# SPDX-License-Identifier: MIT
"""Thread positions and sizes as (x, y, z), under the names of CuTe.

tx, ty, _ = enigma.arch.thread_idx()
"""

from enigma._enigma.arch import *
