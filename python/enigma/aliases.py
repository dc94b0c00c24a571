# SPDX-License-Identifier: MIT
"""Lists and objects that are one for some threads and two for others, and must not change after that.

    p = v                       # for tracing, after the branch p is a list of its own, made of both;
    if t > 5:                   # v and q are what they were. Reading them is right, but p[0] = 1 would
        p = q                   # have to change v or q as well, whichever p is: check() refuses it.

watch(site, label, [merged, v, q])      # what may be one object behind a block
check()                                 # when the kernel is traced: none of them may have changed since
"""

from __future__ import annotations

import threading
from typing import Any, NoReturn

from enigma.carry_objects import Snapshot, identical, parts_of
from enigma.carry_site import Label, Site, shown


class _Watched(threading.local):
    def __init__(self) -> None:
        self.groups: list[tuple[Site, Label, list[Any], list[dict[Any, Any]]]] = []


_watched = _Watched()


def contents(value: Any) -> dict[Any, Any]:
    return dict(parts_of(value) or {})


def is_changeable(value: Any) -> bool:
    """Whether a structure that a block carries can be changed in place."""
    from enigma.fragment import Fragment

    frozen = getattr(getattr(type(value), "__dataclass_params__", None), "frozen", False)
    return parts_of(value) is not None and not isinstance(value, (tuple, Fragment)) and not frozen


def begin() -> None:
    _watched.groups.clear()


def watch(site: Site, label: Label, objects: list[Any]) -> None:
    _watched.groups.append((site, label, objects, [contents(o) for o in objects]))


def check() -> None:
    """Raises TraceError where one of several objects that may be the same has changed."""
    groups = list(_watched.groups)
    begin()
    for site, label, objects, before in groups:
        if any(not identical(contents(o), b) for o, b in zip(objects, before, strict=True)):
            fail(site, label)


def fail(site: Site, label: Label) -> NoReturn:
    from enigma.rewrite import error_at

    name = shown(label)
    raise error_at(
        site.file,
        site.place(label),
        f"{name or 'the value'} is a list or object that has another name too, for some threads only, "
        "and one of them changes later: which one it is, is not known while tracing",
        [
            f"make a copy where the {site.what} assigns it, such as {name or 'x'} = list(...), "
            "or assign its elements"
        ],
    )


def shared(
    merged: list[tuple[Label, tuple[Any, ...], Any]],
    roots: list[tuple[Label, Any]],
    frame: Any,
    known: set[int],
) -> list[tuple[Label, list[Any]]]:
    """Of objects that a block made out of others, those that could be one with another object behind it.

    merged: label, what it was made of (one for each way through the block), and itself.
    roots: what lives behind the block. known: further objects that somebody may hold.
    """
    alive = Snapshot(roots, frame).seen | known
    groups = [objects for _, _, objects, _ in _watched.groups]
    found = []
    for label, sources, made in merged:
        held = [s for s in sources if id(s) in alive]
        for objects in groups:
            if any(s is o for s in sources for o in objects):
                held += objects
        for _, theirs, other in merged:
            if other is not made and any(a is b is not None for a, b in zip(sources, theirs, strict=True)):
                held.append(other)
        if held:
            found.append((label, [made, *held]))
    return found
