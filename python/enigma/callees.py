# SPDX-License-Identifier: MIT
"""What the calls in a kernel go to: functions of the user, which may have control flow, or of a library.

resolve = Resolver(function)
needs_rewriting(resolve(call.func))        # True for a function of the user's
"""

from __future__ import annotations

import ast
import builtins
import functools
import os
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from enigma._enigma import set_component

UNKNOWN: Any = object()


class Resolver:
    """What an expression of a kernel refers to, as far as it is known before it runs."""

    def __init__(self, function: FunctionType) -> None:
        self.globals = function.__globals__
        self.cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=False))
        self.locals: set[str] = set()

    def __call__(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Name):
            if node.id == "@component":  # of rewrite_components.py
                return set_component
            if node.id in self.locals or node.id.startswith("@"):
                return UNKNOWN
            if node.id in self.cells:
                try:
                    return self.cells[node.id].cell_contents
                except ValueError:
                    return UNKNOWN
            return self.globals.get(node.id, getattr(builtins, node.id, UNKNOWN))
        if isinstance(node, ast.Attribute):
            base = self(node.value)
            return getattr(base, node.attr, UNKNOWN) if isinstance(base, ModuleType) else UNKNOWN
        return UNKNOWN


# Enigma, and Python's own library (where os lies; asking sysconfig costs a millisecond).
LIBRARIES = [os.path.dirname(os.path.abspath(file)) for file in (__file__, getattr(os, "__file__", __file__))]


@functools.cache
def _is_users_file(file: str) -> bool:
    path = os.path.abspath(file)
    site = os.path.join(LIBRARIES[1], "site-packages")
    if (
        path.startswith(LIBRARIES[0] + os.sep)
        or f"{os.sep}numpy{os.sep}" in path
        or file.startswith("<frozen")
    ):
        return False
    return path.startswith(site) or not path.startswith(LIBRARIES[1] + os.sep)


_kernel_code: set[CodeType] = set()


def kernel_code(function: Any) -> Any:
    """Marks a function of the package that is written in the kernel language, with loops of the GPU."""
    _kernel_code.add(function.__code__)
    return function


def is_users(code: CodeType) -> bool:
    return _is_users_file(code.co_filename) or code in _kernel_code


GENERATOR_FLAGS = 0x20 | 0x80 | 0x200


def needs_rewriting(value: Any) -> bool:
    """Whether calling it may run Python code of the user, so that the call asks for the rewritten
    function."""
    if isinstance(value, MethodType):
        value = value.__func__
    if isinstance(value, FunctionType):
        return is_users(value.__code__)
    return not isinstance(value, (BuiltinFunctionType, type)) and type(value).__module__ not in (
        "enigma._enigma",
        "nanobind",
        "builtins",
    )


def decides(value: Any) -> bool:
    """Whether it is one of Python's functions that compare their arguments."""
    return isinstance(value, BuiltinFunctionType) and value in DECIDING


# ---- Whether there is anything to rewrite

# Python's functions that builtin_calls.py replaces.
DECIDING: frozenset[Any] = frozenset({builtins.min, builtins.max, builtins.any, builtins.all})

FLOW = (
    ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.IfExp, ast.BoolOp, ast.Not,
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, ast.Try, ast.Match, ast.Assert,
    ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Delete,
)  # fmt: skip


def has_flow(node: ast.FunctionDef, function: FunctionType) -> bool:
    """Whether a kernel has anything that rewrite_flow.py could change; most have not, and need none of it."""
    resolve = Resolver(function)
    resolve.locals = {*function.__code__.co_varnames, *function.__code__.co_cellvars}
    for statement in node.body:
        for part in ast.walk(statement):
            if isinstance(part, FLOW):
                return True
            if isinstance(part, ast.Compare) and (
                len(part.ops) > 1 or isinstance(part.ops[0], (ast.In, ast.NotIn))
            ):
                return True
            if isinstance(part, ast.Call):
                known = resolve(part.func)
                if known is UNKNOWN or decides(known) or needs_rewriting(known):
                    return True
    return False
