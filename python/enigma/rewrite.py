# SPDX-License-Identifier: MIT
"""Rewrites the syntax tree of a kernel before it is traced.

Plain tracing cannot see the names that the user gives to values, so

    x, y = A[i], B[i]                x, y = name(A[i], "x"), name(B[i], "y")
    x += 1                     ->    x += 1; x = name(x, "x")
    with block() as v: ...           with block() as v: v = name(v, "v"); ...

and runs a body once, whatever its loops and branches: those are rewritten before, by rewrite_flow.py.

Lines and columns stay the user's, globals stay live and closures keep their cells: errors, tracebacks and
debuggers show the original text. Names that start with @ cannot clash with the user's.
"""

from __future__ import annotations
import __future__

import ast
import linecache
from types import CellType, CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from enigma._enigma import DType, Value, fail, name_value, set_component
from enigma.callees import has_flow
from enigma.errors import TraceError, from_core
from enigma.rewrite_components import rewrite_components

if TYPE_CHECKING:
    from enigma.rewrite_flow import FlowRewriter

Range = tuple[int, int, int, int]


class Source:
    """A rewritten function, without its globals and cells."""

    __slots__ = ("code", "hooks", "parameters", "place")

    def __init__(
        self,
        code: CodeType,
        place: Range,
        parameters: dict[str, Range],
        hooks: dict[str, Any],
    ) -> None:
        self.code = code
        self.hooks = hooks
        """What the names of its code that start with @ stand for."""
        self.place = place
        """Of its name: line from 1, column in bytes from 0, and the end."""
        self.parameters = parameters

    def bind(self, function: FunctionType) -> FunctionType:
        """The rewritten function with the globals and closure of the original; all parameters positional."""
        cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
        for name, hook in self.hooks.items():
            cells[name] = CellType(hook)
        closure = tuple(cells[name] for name in self.code.co_freevars)
        return FunctionType(self.code, function.__globals__, function.__name__, None, closure)

    def bind_called(self, function: FunctionType) -> FunctionType:
        """The same for a function that a kernel calls: parameters and defaults as they are."""
        out = self.bind(function)
        out.__defaults__, out.__kwdefaults__ = function.__defaults__, function.__kwdefaults__
        out.__qualname__ = function.__qualname__
        return out


def error_at(file: str, place: Range, message: str, hints: list[str]) -> TraceError:
    error = from_core("TraceError", message, file, *place, hints)
    assert isinstance(error, TraceError)
    return error


def range_of(node: Any) -> Range:
    return (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset)


# ---- What rewritten code calls


def _name_structure(value: Any, names: Any) -> Any:
    """Names the elements of a tuple or list that is unpacked: `a, (b, c) = pair()`."""
    if names is None:
        return value
    if isinstance(names, str):
        return name_value(value, names)
    if isinstance(value, Value) and value._lanes == len(names):
        value = tuple(value)
    if type(value) in (tuple, list) and len(value) == len(names):
        return type(value)(_name_structure(v, n) for v, n in zip(value, names, strict=True))
    return value


def _declare(value: Any, name: str, annotation: Any) -> Any:
    """`acc: enigma.f32 = 0.0` makes a value of the type; of another type it is an error."""
    try:
        declared = annotation()
    except NameError:  # Python never evaluates it either
        return name_value(value, name)
    if isinstance(declared, DType):
        if isinstance(value, Value):
            if value._type != declared.name:
                fail(
                    f"{name} is declared {declared.name}, but its value is {value._type}",
                    [f"convert it: {declared!r}(...)"],
                )
        elif isinstance(value, (bool, int, float)):
            value = declared(value)
    return name_value(value, name)


def _refuse_outer(value: Any, name: str) -> Any:
    if isinstance(value, Value):
        fail(
            f"a traced value cannot be kept in the variable {name} outside of the kernel",
            ["values exist only while the kernel is traced; store the result: Out[i] = value"],
        )
    return value


HOOKS = {
    "@component": set_component,
    "@name": name_value,
    "@names": _name_structure,
    "@declare": _declare,
    "@outer": _refuse_outer,
}


def _flow_hooks() -> dict[str, Any]:
    """HOOKS and those of control flow, which are imported by the first kernel that has some."""
    from enigma import flow_hooks

    return HOOKS | flow_hooks.HOOKS


# ---- The rewriting


class Rewriter(ast.NodeTransformer):
    def __init__(self, file: str, free: tuple[str, ...], is_kernel: bool = True) -> None:
        self.is_kernel = is_kernel
        self.file = file
        self.free = free
        self.depth = 0
        self.outer: set[str] = set()

    def _call(self, hook: str, like: ast.expr, *args: ast.expr) -> ast.expr:
        call = ast.Call(ast.Name(hook, ast.Load()), list(args), [])
        for node in (
            call,
            call.func,
            *(a for a in args if isinstance(a, (ast.Constant, ast.Lambda)) and not hasattr(a, "lineno")),
        ):
            ast.copy_location(node, like)
        return call

    def _named(self, value: ast.expr, name: str) -> ast.expr:
        return self._call("@name", value, value, ast.Constant(name))

    def _check_outer(self, names: list[str], like: ast.stmt) -> list[ast.stmt]:
        out: list[ast.stmt] = []
        for name in names:
            if name in self.outer:
                load = ast.Name(name, ast.Load())
                place: Any = like
                ast.copy_location(load, place)
                check = ast.Expr(self._call("@outer", load, load, ast.Constant(name)))
                out.append(ast.copy_location(check, like))
        return out

    # Functions

    def visit_function(self, node: Any) -> Any:
        saved = self.outer
        self.outer = self._outer_names(node)
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1
        self.outer = saved
        return node

    visit_FunctionDef = visit_function
    visit_AsyncFunctionDef = visit_function

    def _outer_names(self, function: Any) -> set[str]:
        names: set[str] = set()
        pending = list(function.body)
        while pending:
            node = pending.pop()
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
                continue
            if isinstance(node, ast.Global):
                names.update(node.names)
            elif isinstance(node, ast.Nonlocal):
                names.update(name for name in node.names if self.depth == 0 or name in self.free)
            pending.extend(ast.iter_child_nodes(node))
        return names

    def visit_Return(self, node: ast.Return) -> Any:
        is_none = node.value is None or (isinstance(node.value, ast.Constant) and node.value.value is None)
        if self.is_kernel and self.depth == 1 and not is_none:
            raise error_at(
                self.file, range_of(node), "a kernel returns no value", ["store the result: Out[i] = value"]
            )
        return self.generic_visit(node)

    # Bindings

    def _names_in(self, target: ast.expr) -> list[str]:
        return [n.id for n in ast.walk(target) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]

    def _structure(self, target: ast.expr) -> Any:
        if isinstance(target, ast.Name):
            return None if target.id.startswith("@") else target.id
        if isinstance(target, (ast.Tuple, ast.List)) and not any(
            isinstance(e, ast.Starred) for e in target.elts
        ):
            return tuple(self._structure(e) for e in target.elts)
        return None

    def _constant(self, structure: Any, like: ast.expr) -> ast.expr:
        return ast.copy_location(ast.Constant(structure), like)

    def _bound(self, target: ast.expr, value: ast.expr) -> ast.expr:
        if isinstance(target, ast.Name):
            if target.id.startswith("@"):  # of rewrite_components.py
                return value
            hook = "@outer" if target.id in self.outer else "@name"
            return self._call(hook, value, value, ast.Constant(target.id))
        if not isinstance(target, (ast.Tuple, ast.List)):
            return value
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
            starred = any(isinstance(e, ast.Starred) for e in [*target.elts, *value.elts])
            if not starred:
                value.elts = [self._bound(t, v) for t, v in zip(target.elts, value.elts, strict=True)]
                return value
        return self._call("@names", value, value, self._constant(self._structure(target), value))

    def visit_Assign(self, node: ast.Assign) -> Any:
        self.generic_visit(node)
        if getattr(node, "glue", False):  # of rewrite_flow.py
            return node
        for target in node.targets:
            if isinstance(target, (ast.Name, ast.Tuple, ast.List)):
                node.value = self._bound(target, node.value)
                break
        names = [name for target in node.targets for name in self._names_in(target)]
        return [node, *self._check_outer(names, node)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        self.generic_visit(node)
        if node.value is None or not isinstance(node.target, ast.Name):
            return node
        nothing = ast.arguments(posonlyargs=[], args=[], kwonlyargs=[], kw_defaults=[], defaults=[])
        annotation = ast.copy_location(ast.Lambda(nothing, node.annotation), node.annotation)
        node.value = self._call("@declare", node.value, node.value, ast.Constant(node.target.id), annotation)
        return [node, *self._check_outer([node.target.id], node)]

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name) or node.target.id.startswith("@"):
            return node
        name = node.target.id
        load = ast.copy_location(ast.Name(name, ast.Load()), node.target)
        rename = ast.Assign(
            [ast.copy_location(ast.Name(name, ast.Store()), node.target)], self._named(load, name)
        )
        return [node, ast.copy_location(rename, node), *self._check_outer([name], node)]

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        self.generic_visit(node)
        node.value = self._named(node.value, node.target.id)
        if node.target.id in self.outer:
            node.value = self._call("@outer", node.value, node.value, ast.Constant(node.target.id))
        return node

    def visit_With(self, node: ast.With) -> Any:
        self.generic_visit(node)
        naming: list[ast.stmt] = []
        for item in node.items:
            target: Any = item.optional_vars
            if target is None:
                continue
            for name in self._names_in(target):
                store = ast.copy_location(ast.Name(name, ast.Store()), target)
                load = ast.copy_location(ast.Name(name, ast.Load()), target)
                naming.append(ast.copy_location(ast.Assign([store], self._named(load, name)), target))
                naming += self._check_outer([name], target)
        node.body = naming + node.body
        return node


# ---- From a function to its tree and back


def _last_line(code: CodeType) -> int:
    last = max((end for _, end, _, _ in code.co_positions() if end), default=code.co_firstlineno)
    return max([last, *(_last_line(c) for c in code.co_consts if isinstance(c, CodeType))])


def _no_source(code: CodeType) -> TraceError:
    where = "in an interactive session" if code.co_filename == "<stdin>" else f"in {code.co_filename}"
    return TraceError(
        f"kernel {code.co_name}: its source is not available (it was defined {where}), and tracing reads it",
        hints=["put the kernel into a file or a notebook cell"],
    )


def _parse(code: CodeType) -> ast.FunctionDef:
    linecache.checkcache(code.co_filename)
    lines = linecache.getlines(code.co_filename)
    first, last = code.co_firstlineno, _last_line(code)
    if not lines or last > len(lines):
        raise _no_source(code)
    # The function alone where that parses (a block keeps its indentation under `if 1:`), else the whole file.
    block = lines[first - 1 : last]
    indented = block[0][:1] in (" ", "\t")
    for text, offset in (("if 1:\n" * indented + "".join(block), first - 1 - indented), ("".join(lines), 0)):
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == code.co_name:
                begin = node.decorator_list[0].lineno if node.decorator_list else node.lineno
                if begin + offset == first:
                    ast.increment_lineno(node, offset)
                    return node
    raise _no_source(code)


def _compile(
    node: ast.FunctionDef, original: CodeType, further: tuple[str, ...], imported: list[str]
) -> CodeType:
    """The code of a function whose free variables are those of the original and further ones.

    Calls of functions of an imported module are compiled in their own way, so `imported` says which names
    are.
    """
    names = [*original.co_freevars, *further]
    arguments = ast.arguments(
        posonlyargs=[], args=[ast.arg(n) for n in names], kwonlyargs=[], kw_defaults=[], defaults=[]
    )
    factory: Any = ast.FunctionDef(name="@factory", args=arguments, body=[node], decorator_list=[])
    if "type_params" in ast.FunctionDef._fields:  # Python 3.12
        factory.type_params = []
    imports = [ast.Import([ast.alias(name)]) for name in imported]
    module = ast.Module([*imports, factory], [])
    for part in (factory, *arguments.args, *imports, *(i.names[0] for i in imports)):
        ast.copy_location(part, node)
    flags = original.co_flags & __future__.annotations.compiler_flag
    code: CodeType = compile(module, original.co_filename, "exec", flags=flags, dont_inherit=True)
    for name in ("@factory", node.name):
        code = next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)
    return code


def _same(a: CodeType, b: CodeType) -> bool:
    if (a.co_names, a.co_varnames, a.co_freevars) != (b.co_names, b.co_varnames, b.co_freevars):
        return False
    if a.co_code != b.co_code and _steps(a) != _steps(b):
        return False
    return len(a.co_consts) == len(b.co_consts) and all(
        _same(x, y) if isinstance(x, CodeType) and isinstance(y, CodeType) else _text(x) == _text(y)
        for x, y in zip(a.co_consts, b.co_consts, strict=True)
    )


def _text(constant: Any) -> str:
    """A constant, without where a class is defined: the factory of _compile is around ours."""
    return constant.rpartition(".<locals>.")[2] if isinstance(constant, str) else repr(constant)


def _steps(code: CodeType) -> list[tuple[str, str]]:
    """The instructions, with calls of methods and of functions of imported modules alike."""
    import dis

    jumps = {*dis.hasjrel, *dis.hasjabs}
    return [
        (
            i.opname.replace("LOAD_METHOD", "LOAD_ATTR"),
            "" if i.opcode in jumps or isinstance(i.argval, CodeType) else repr(i.argval),
        )
        for i in dis.get_instructions(code)
        if i.opname not in ("PUSH_NULL", "NOP", "CACHE", "EXTENDED_ARG")
    ]


def _names(code: CodeType) -> set[str]:
    return set(code.co_names).union(*(_names(c) for c in code.co_consts if isinstance(c, CodeType)))


def _parse_lambda(function: FunctionType) -> ast.FunctionDef:
    """The lambda as a def, where it is the only one on its line that Python compiles to this code."""
    code = function.__code__
    linecache.checkcache(code.co_filename)
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        raise _no_source(code) from None
    found: dict[str, ast.FunctionDef] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda) and node.lineno == code.co_firstlineno:
            body = ast.copy_location(ast.Return(node.body), node.body)
            made: Any = ast.FunctionDef(name=code.co_name, args=node.args, body=[body], decorator_list=[])
            if "type_params" in ast.FunctionDef._fields:  # Python 3.12
                made.type_params = []
            ast.copy_location(made, node)
            _bare(made)
            if _same(_compile(made, code, (), _imported(function)), code):
                found[ast.dump(made)] = made
    if len(found) != 1:
        raise _no_source(code)
    return next(iter(found.values()))


def _imported(function: FunctionType) -> list[str]:
    names = function.__globals__
    return sorted(
        n for n in _names(function.__code__) if isinstance(names.get(n), ModuleType) and n.isidentifier()
    )


def _bare(node: ast.FunctionDef) -> None:
    """Leaves what is the function's own: annotations and defaults are evaluated outside of it."""
    args = node.args
    node.decorator_list, node.returns = [], None
    args.defaults, args.kw_defaults = [], [None] * len(args.kwonlyargs)
    for arg in [*args.posonlyargs, *args.args, *args.kwonlyargs]:
        arg.annotation = None


def _read(function: FunctionType, what: str) -> tuple[ast.FunctionDef, Source, list[str]]:
    """The tree of a function, where it is still what Python runs; its places; the names of imported
    modules in it."""
    code = function.__code__
    node = _parse_lambda(function) if code.co_name == "<lambda>" else _parse(code)
    args = node.args
    parameters = {a.arg: range_of(a) for a in [*args.posonlyargs, *args.args, *args.kwonlyargs]}
    column = node.col_offset + len("def ")
    place = (node.lineno, column, node.lineno, column + len(node.name.encode()))
    _bare(node)
    imported = _imported(function)
    instrumented = any(
        name.startswith("@py") for name in code.co_varnames
    )  # by pytest, which rewrites `assert`
    if not instrumented and not _same(_compile(node, code, (), imported), code):
        raise TraceError(
            f"{what} {node.name}: the text in {code.co_filename} is no longer what Python runs",
            hints=["the file changed after it was imported: reload it or restart Python"],
        )
    return node, Source(code, place, parameters, {}), imported


def _flow(function: FunctionType) -> FlowRewriter:
    from enigma.rewrite_flow import FlowRewriter

    file = function.__code__.co_filename

    def refuse(place: Range, message: str, hints: list[str]) -> NoReturn:
        raise error_at(file, place, message, hints)

    return FlowRewriter(function, file, refuse)


def rewrite(function: FunctionType) -> Source:
    """Reads and rewrites the source of a kernel. TraceError where there is none, or where it is no longer
    what Python runs."""
    code = function.__code__
    node, source, imported = _read(function, "kernel")
    rewrite_components(node)
    flow = has_flow(node, function)
    hooks = _flow_hooks() if flow else HOOKS
    if flow:
        _flow(function).function(node, set(), is_kernel=True)
    Rewriter(code.co_filename, code.co_freevars).visit(node)
    args = node.args
    args.args = [*args.posonlyargs, *args.args, *args.kwonlyargs]
    args.posonlyargs, args.kwonlyargs, args.kw_defaults = [], [], []
    new = _compile(node, code, tuple(hooks), imported)
    if flow:
        _remember(new)
    return Source(new, source.place, source.parameters, hooks)


def rewrite_called(function: FunctionType) -> FunctionType:
    """The rewritten form of a function that a kernel calls; itself where it has neither control flow nor
    calls that may have some."""
    code = function.__code__
    if _has_private_names(code):
        return function
    node, source, imported = _read(function, "function")
    before = ast.dump(node)
    rewrite_components(node)
    _flow(function).function(node, set())
    if ast.dump(node) == before:
        return function
    Rewriter(code.co_filename, code.co_freevars, is_kernel=False).visit(node)
    hooks = _flow_hooks()
    new = _compile(node, code, tuple(hooks), imported)
    _remember(new)
    return Source(new, source.place, source.parameters, hooks).bind_called(function)


def _remember(code: CodeType) -> None:
    from enigma.rewrite_flow import remember

    remember(code)


def _has_private_names(code: CodeType) -> bool:
    """Names such as _Class__x, which Python makes of __x in a class: the function alone would not give
    them."""
    names = (*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars)
    mangled = any(n.startswith("_") and "__" in n[1:] and not n.endswith("__") for n in names)
    return mangled or any(_has_private_names(c) for c in code.co_consts if isinstance(c, CodeType))
