# SPDX-License-Identifier: MIT
"""Cuts a Python text down to the part that matters.

    small = shrunk(text, fails, limit=300)

Statements are left out, blocks take the place of what surrounds them, and expressions that of what they stand in, as
long as `fails(text)` stays true. `limit` is the number of texts that may be tried.
"""

import ast
import itertools
from collections.abc import Callable, Iterator


def _replacements(tree: ast.AST) -> Iterator[Callable[[], None]]:
    """What can be simpler, the larger parts first; each changes the tree."""
    for node in ast.walk(tree):
        for field in ("body", "orelse"):
            block = getattr(node, field, None)
            if not isinstance(block, list):
                continue
            for k in reversed(range(len(block))):
                yield lambda block=block, k=k, node=node, field=field: _leave_out(block, k, node, field)
                for inner in ("body", "orelse"):
                    part = getattr(block[k], inner, None)
                    if isinstance(part, list) and part and not isinstance(block[k], ast.FunctionDef):
                        yield lambda block=block, k=k, part=part: block.__setitem__(slice(k, k + 1), part)
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            values = value if isinstance(value, list) else [value]
            for k, child in enumerate(values):
                if not isinstance(child, ast.expr) or isinstance(getattr(child, "ctx", None), ast.Store):
                    continue
                for inner in ast.walk(child):
                    if inner is not child and isinstance(inner, ast.expr):
                        if isinstance(value, list):
                            yield lambda value=value, k=k, inner=inner: value.__setitem__(k, inner)
                        else:
                            yield lambda node=node, field=field, inner=inner: setattr(node, field, inner)


def _leave_out(block: list[ast.stmt], k: int, node: ast.AST, field: str) -> None:
    del block[k]
    if not block and field == "body" and not isinstance(node, ast.Module):
        block.append(ast.Pass())


def _candidate(text: str, number: int) -> str | None:
    """The text with one replacement made, the text itself where that gives no program, None past the last one."""
    tree = ast.parse(text)
    change = next(itertools.islice(_replacements(tree), number, None), None)
    if change is None:
        return None
    change()
    try:
        made = ast.unparse(tree) + "\n"
        ast.parse(made)
    except (ValueError, SyntaxError, AttributeError):
        return text
    return made


def shrunk(text: str, fails: Callable[[str], bool], limit: int = 300) -> str:
    """The smallest text found that still fails; the text itself if nothing can go."""
    text = ast.unparse(ast.parse(text)) + "\n"
    tried, progress = {text}, True
    while progress:
        progress, number = False, 0
        while (candidate := _candidate(text, number)) is not None:
            if candidate in tried or len(candidate) >= len(text):
                number += 1
                continue
            if limit == 0:
                return text
            limit -= 1
            tried.add(candidate)
            if fails(candidate):
                text, progress = candidate, True  # the same number now means the part behind
            else:
                number += 1
    return text
