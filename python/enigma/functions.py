# SPDX-License-Identifier: MIT
"""The functions of the language, from the table of operations: enigma.sin, enigma.where, ... (types in functions.pyi)."""

from enigma._enigma.functions import *  # noqa: F403
