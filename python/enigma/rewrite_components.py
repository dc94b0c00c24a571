# SPDX-License-Identifier: MIT
"""Rewrites assignments to components of vectors, before anything else looks at the tree.

A vector is a value and never changes, so the variable takes a new one:

    v.x = e                v = component(e, v, "x")
    v.xy += e        ->    t = v.xy; t += e; v = component(t, v, "xy")
    v.x, w.y = a, b        t, u = a, b; v = component(t, v, "x"); w = component(u, w, "y")

so that loops and branches carry the variable as they carry any that is assigned. What `v` is, is known only
when the kernel is traced: of any other object the attribute is set as ever, and `v` stays bound to it. Only
variables of the function itself are rewritten; assigning elsewhere is refused by the vector.
"""

from __future__ import annotations

import ast
from typing import Any

from enigma.flow_names import SCOPES, assigned, outer_names

POSITIONS, COLOURS = frozenset("xyzw"), frozenset("rgba")


def is_swizzle(name: str) -> bool:
    """Whether an attribute may be components of a vector: up to four of xyzw or of rgba."""
    return 1 <= len(name) <= 4 and (POSITIONS.issuperset(name) or COLOURS.issuperset(name))


def rewrite_components(function: ast.FunctionDef) -> None:
    """Rewrites the function in place, with the functions in it."""
    _Components().visit(function)


class _Components(ast.NodeTransformer):
    def __init__(self) -> None:
        self.local: set[str] = set()
        self.temporaries = 0

    def visit_FunctionDef(self, node: Any) -> Any:
        saved = self.local
        args = node.args
        named = {a.arg for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
        self.local = (named | set(assigned(node.body))) - outer_names(node.body)
        self.generic_visit(node)
        self.local = saved
        return node

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815

    def visit_ClassDef(self, node: ast.ClassDef) -> Any:
        return node

    def _is_component(self, target: ast.AST) -> bool:
        return (
            isinstance(target, ast.Attribute)
            and is_swizzle(target.attr)
            and isinstance(target.value, ast.Name)
            and target.value.id in self.local
        )

    def _assign(self, target: Any, value: Any, like: ast.stmt) -> ast.stmt:
        """`v = component(value, v, "x")` for the target `v.x`."""
        name = target.value.id
        call = ast.Call(
            ast.Name("@component", ast.Load()),
            [value, ast.Name(name, ast.Load()), ast.Constant(target.attr)],
            [],
        )
        for part in (call, call.func, call.args[1], call.args[2]):
            ast.copy_location(part, target)
        store = ast.copy_location(ast.Name(name, ast.Store()), target.value)
        return ast.copy_location(ast.Assign([store], call), like)

    def _temporary(self, like: ast.expr, ctx: ast.expr_context) -> ast.Name:
        return ast.copy_location(ast.Name(f"@component{self.temporaries}", ctx), like)

    def visit_Assign(self, node: ast.Assign) -> Any:
        if len(node.targets) == 1 and self._is_component(node.targets[0]):
            return self._assign(node.targets[0], node.value, node)
        after: list[ast.stmt] = []
        node.targets = [self._replaced(target, after, node) for target in node.targets]
        return [node, *after]

    def _replaced(self, target: Any, after: list[ast.stmt], like: ast.stmt) -> Any:
        """The target with variables for the components in it, whose assignment follows."""
        if self._is_component(target):
            self.temporaries += 1
            after.append(self._assign(target, self._temporary(target, ast.Load()), like))
            return self._temporary(target, ast.Store())
        if isinstance(target, (ast.Tuple, ast.List)):
            target.elts = [self._replaced(t, after, like) for t in target.elts]
        elif isinstance(target, ast.Starred):
            target.value = self._replaced(target.value, after, like)
        return target

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        if not self._is_component(node.target):
            return node
        target: Any = node.target
        self.temporaries += 1
        name = ast.copy_location(ast.Name(target.value.id, ast.Load()), target.value)
        read = ast.copy_location(ast.Attribute(name, target.attr, ast.Load()), target)
        first = ast.copy_location(ast.Assign([self._temporary(target, ast.Store())], read), node)
        node.target = self._temporary(target, ast.Store())
        last = self._assign(target, self._temporary(target, ast.Load()), node)
        return [first, node, last]

    def generic_visit(self, node: ast.AST) -> ast.AST:
        # Lambdas and expressions assign no attributes.
        if isinstance(node, ast.expr) and not isinstance(node, SCOPES):
            return node
        return super().generic_visit(node)
