# SPDX-License-Identifier: MIT
"""Says which function of a kernel called itself without end, where Python has only its RecursionError.

except RecursionError as error:
    raise endless(error, "kernel k") from None
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from types import CodeType

from enigma.callees import is_users
from enigma.errors import EnigmaError, from_core


def endless(error: RecursionError, what: str) -> EnigmaError | RecursionError:
    """An error at the call by which the function of the user's that stands most often on the stack reaches
    itself; the RecursionError itself where there is none, and so the fault is not the user's."""
    depth: Counter[CodeType] = Counter()
    last: dict[CodeType, int] = {}
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if is_users(code):
            depth[code] += 1
            last.setdefault(code, traceback.tb_lasti)
        traceback = traceback.tb_next
    if not depth:
        return error
    code, times = depth.most_common(1)[0]
    if times < 10:
        return error
    line, end_line, column, end_column = next(islice(code.co_positions(), last[code] // 2, None))
    return from_core(
        "TraceError",
        f"{what}: {code.co_name} calls itself without end: {times} deep when Python gave up",
        code.co_filename, line or code.co_firstlineno, column or 0, end_line or line or 0, end_column or 0,
        [
            "a kernel's functions are traced inline, so a recursion must end by a Python value, such as a "
            "Constexpr parameter; a condition on a traced value never ends it",
            "write a loop: while condition: ...",
        ],
    )  # fmt: skip
