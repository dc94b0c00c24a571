# SPDX-License-Identifier: MIT
"""The functions of the language: enigma.sin, enigma.where, ... Their types are in functions.pyi."""

from enigma._enigma.functions import *
