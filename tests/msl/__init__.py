# SPDX-License-Identifier: MIT
"""Metal Shading Language without a Mac: check and run it (standin.py, README.md)."""
