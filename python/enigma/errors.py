# SPDX-License-Identifier: MIT
"""The exceptions of Enigma, one hierarchy below EnigmaError.

A message is one sentence; the place in the user's source and what to write instead follow it:

    enigma.errors.TraceError: +: f16 and bf16 have no common type, got f16 and bf16
      --> kernels.py:8:14
      8 |     C[i] = A[i] + B[i]
        |            ^^^^^^^^^^^
    note: convert one of them, such as enigma.f32(x)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class EnigmaError(Exception):
    """Anything that Enigma raises. `str()` gives the whole text.

    message: the sentence alone. file, line, column: the place, from 1, or None. hints: what to write instead.
    """

    message: str
    file: str | None = None
    line: int | None = None
    column: int | None = None
    hints: tuple[str, ...] = ()

    def __init__(self, message: str, *, hints: Sequence[str] = ()) -> None:
        super().__init__("\n".join([message, *(f"note: {hint}" for hint in hints)]))
        self.message = message
        self.hints = tuple(hints)


class TraceError(EnigmaError, TypeError):
    """A kernel does something that cannot be traced: mixes types, branches on a value, ..."""


class TraceAttributeError(TraceError, AttributeError):
    """A traced value or buffer has no such attribute."""


class LayoutError(EnigmaError, ValueError):
    """A layout operation has no answer."""


class LayoutTypeError(LayoutError, TypeError):
    """An operand of a layout operation has the wrong type."""


class CompileError(EnigmaError):
    """An option, a pass or Apple's tools refuse the kernel."""


class LaunchError(EnigmaError, ValueError):
    """Arguments or sizes of a launch do not fit the kernel, or it ran out of time."""


class LaunchTypeError(EnigmaError, TypeError):
    """An argument of a launch has the wrong type."""


class OutOfBoundsError(EnigmaError, IndexError):
    """A kernel went past the end of a buffer."""


class DeviceError(EnigmaError, RuntimeError):
    """There is no such device, or it failed."""


class UnsupportedError(EnigmaError):
    """A kernel is right but cannot run on this target."""


def from_core(
    class_name: str,
    message: str,
    file: str,
    line: int,
    column: int,
    end_line: int,
    end_column: int,
    hints: Sequence[str],
) -> EnigmaError:
    """The exception for an error of the core; columns count bytes from 0, line 0 means no place."""
    error_class: Any = globals()[class_name]
    error: EnigmaError = error_class(message, hints=hints)
    if line:
        import linecache

        from enigma._enigma import render

        source = linecache.getline(file, line)
        if not end_column and source:  # Python runs without columns: mark the whole line
            text = source.rstrip("\n")
            column = len(text[: len(text) - len(text.lstrip())].encode())
            end_line, end_column = line, len(text.encode())
        error.args = (render(message, file, line, column, end_line, end_column, source, list(hints)),)
        error.file, error.line = file, line
        error.column = len(source.encode()[:column].decode(errors="replace")) + 1
    return error
