# SPDX-License-Identifier: MIT
"""Python's own errors in a kernel, told as ours: what was wrong, and where in the user's source.

try: ...
except (RecursionError, TypeError) as error:
    better = placed(error, "kernel k")      # `error` itself where nothing better is known
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice
from types import CodeType, TracebackType

from enigma.callees import is_users
from enigma.errors import from_core

_DEEP = 10
"""As often does a function stand on the stack before it counts as endless."""


def placed(error: Exception, what: str) -> Exception:
    """The error with a place; `error` itself where it is not of the kinds that this module knows."""
    if isinstance(error, RecursionError):
        return _endless(error, what)
    if error.__class__ is TypeError and ": incompatible function arguments." in str(error):
        return _signature(error)
    return error


def _at(error: Exception, code: CodeType, instruction: int, message: str, hints: list[str]) -> Exception:
    line, end_line, column, end_column = next(islice(code.co_positions(), instruction // 2, None))
    first = line or code.co_firstlineno
    return from_core(
        "TraceError", message, code.co_filename, first, column or 0, end_line or first, end_column or 0, hints
    )


def _frames(traceback: TracebackType | None) -> list[tuple[CodeType, int]]:
    """The user's frames, outermost first, and the instruction that each is at."""
    out = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_users(code):
            out.append((code, traceback.tb_lasti))
        traceback = traceback.tb_next
    return out


def _endless(error: RecursionError, what: str) -> Exception:
    """At the call by which the function that stands most often on the stack reaches itself."""
    frames = _frames(error.__traceback__)
    counts = Counter(code for code, _ in frames).most_common(1)
    if not counts or counts[0][1] < _DEEP:
        return error
    code, times = counts[0]
    instruction = next(at for frame, at in frames if frame is code)
    return _at(
        error,
        code,
        instruction,
        f"{what}: {code.co_name} calls itself without end: {times} deep when Python gave up",
        [
            "a kernel's functions are traced inline, so a recursion must end by a Python value, such as a "
            "Constexpr parameter; a condition on a traced value never ends it",
            "write a loop: while condition: ...",
        ],
    )


def _signature(error: TypeError) -> Exception:
    """Of a function of the extension: the arguments that it takes, without the types of the C++ side."""
    frames = _frames(error.__traceback__)
    if not frames:
        return error
    text = str(error)
    name = text.partition("(")[0]
    forms = [
        re.sub(r": [^,()=]*(?=[,)=])", lambda m: " " if m.string[m.end()] == "=" else "", form)
        for form in re.findall(r"^ +\d+\. (.*?)(?: -> .*)?$", text, re.MULTILINE)
    ]
    got = text.rpartition("Invoked with types: ")[2].strip()
    got = re.sub(r"\b(?:enigma|_enigma|nanobind)\.", "", got).replace("_enigma.", "")
    return _at(
        error,
        *frames[-1],
        f"{name}: does not take these arguments: {got or 'none'}",
        [f"it is {form}" for form in forms],
    )
