# SPDX-License-Identifier: MIT
"""Enigma: Apple Metal compute kernels in Python, with CuTe-style layouts."""

from enigma._enigma import version as _version

__version__ = _version()
