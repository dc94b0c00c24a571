# SPDX-License-Identifier: MIT
"""Tensors: a buffer and a layout. They are divided, composed and sliced, and load and store whole tiles.

A = enigma.Tensor("A", 0, "float", enigma.Layout((256, 512), (512, 1)))
gA = enigma.tensor_zipped_divide(A, (16, 256))      # ((16,256),(16,2)):((512,1),(8192,256))
tile = gA[(None, None), (3, 1)]                     # (16,256):(512,1) from element 24832 on

In a kernel coordinates may be traced, `load()` gives a Fragment and `store()` takes one. The arithmetic is
C++ (lib/IR/Tensor.cpp); here is what users call.
"""

from __future__ import annotations

from typing import Any

from enigma import layout as _layout
from enigma._enigma import TensorView
from enigma.dtypes import as_dtype
from enigma.errors import LayoutError
from enigma.fragment import Fragment, full, full_like, make_fragment

__all__ = [
    "Fragment",
    "Tensor",
    "full",
    "full_like",
    "local_partition",
    "local_tile",
    "make_fragment",
    "make_identity_tensor",
    "make_tensor",
    "size",
    "tensor_composition",
    "tensor_logical_divide",
    "tensor_zipped_divide",
]


def _plain(coord: Any) -> Any:
    return tuple(_plain(c) for c in coord) if isinstance(coord, (tuple, list)) else coord


def _keeps(coord: Any) -> bool:
    """Whether a coordinate leaves a mode open."""
    return any(map(_keeps, coord)) if isinstance(coord, tuple) else coord is None


class Tensor:
    """A buffer parameter and a layout.

    name: what the parameter is called in Metal and in errors.
    buffer_index: which buffer it is: 0, 1, ... in the order of the inputs and outputs of a launch.
    dtype: the element type: enigma.f32, "float", a NumPy type.
    layout: where each coordinate lies, in elements.
    base_offset: elements before the first one.

    Errors: LayoutError for a layout that a buffer cannot have, a coordinate outside of its mode.

    >>> import enigma
    >>> A = enigma.Tensor("A", 0, "float", enigma.Layout((8, 24), (24, 1)))
    >>> A
    Tensor(A: f32 (8,24):(24,1))
    >>> A[2, None]
    Tensor(A: f32 (24):(1) at 48)
    """

    __slots__ = ("_view",)

    def __init__(self, name: str, buffer_index: int, dtype: Any, layout: Any, base_offset: int = 0) -> None:
        if not isinstance(name, str) or not name.isidentifier():
            raise LayoutError(
                f"Tensor: the name must be an identifier, got {name!r}",
                hints=['write Tensor("A", 0, enigma.f32, layout)'],
            )
        for what, number in (("buffer_index", buffer_index), ("base_offset", base_offset)):
            if type(number) is not int or number < 0:
                raise LayoutError(f"Tensor {name}: {what} must be an int of at least 0, got {number!r}")
        if isinstance(layout, (int, tuple, list)):
            layout = _layout.Layout(_plain(layout))
        self._view = TensorView.make(name, buffer_index, as_dtype(dtype), layout, base_offset, "buffer")

    @classmethod
    def _of(cls, view: TensorView) -> Tensor:
        out = object.__new__(cls)
        out._view = view
        return out

    @property
    def name(self) -> str:
        """The name of the memory."""
        return self._view.name

    @property
    def buffer_index(self) -> int:
        """The buffer that it binds to; -1 for a tensor without one."""
        return self._view.buffer_index

    @property
    def dtype(self) -> Any:
        """The element type."""
        return self._view.dtype

    @property
    def element_type(self) -> Any:
        """The same as dtype, by CuTe's name."""
        return self._view.dtype

    @property
    def layout(self) -> Any:
        """The layout from coordinates to elements."""
        return self._view.layout

    @property
    def shape(self) -> Any:
        """The shape of the layout."""
        return self._view.shape

    @property
    def stride(self) -> Any:
        """The strides of the layout, in elements."""
        return self._view.layout.stride

    @property
    def size(self) -> int:
        """How many elements it has."""
        size: int = self._view.size
        return size

    @property
    def offset(self) -> Any:
        """Elements from the start of the buffer to the first one; traced if a coordinate was."""
        return self._view.offset

    def __getitem__(self, coord: Any) -> Any:
        """The part at a coordinate: `None` keeps a mode, integers and traced integers choose in it.

        With no mode left, the element: a value in a kernel; of an identity tensor its coordinate.
        """
        coord = _plain(coord)
        part = Tensor._of(self._view.slice(coord))
        if _keeps(coord):
            return part
        if part._view.kind == "coordinates":
            return part.coordinate()
        return part.load()[0]

    def __setitem__(self, coord: Any, value: Any) -> None:
        Tensor._of(self._view.slice(_plain(coord))).store(value)

    def coordinate(self) -> Any:
        """Where the first element lies in the whole tensor: a tuple like its shape."""
        leaves = self._view.coordinates()
        return leaves[0] if len(leaves) == 1 else leaves

    def load(self, default: Any = 0) -> Fragment:
        """All elements, by the widest accesses that the layout allows.

        Elements past the end of the buffer's tensor are not read and are `default`.
        """
        return Fragment(*self._view.load(default))

    def store(self, value: Any) -> None:
        """Stores a fragment of the same shape, or one number everywhere; nothing past the end."""
        if isinstance(value, Fragment):
            self._view.store(value.values, value.arrangement)
        elif isinstance(value, Tensor):
            self.store(value.load())
        else:
            self._view.fill(value)

    def fill(self, value: Any) -> None:
        """Stores one number everywhere."""
        self._view.fill(value)

    def __repr__(self) -> str:
        return f"Tensor({self._view!r})"

    def __iter__(self) -> Any:
        raise TypeError(f"the tensor {self.name} is not iterated: load() gives its elements")

    def _arithmetic(self, *_: Any) -> Any:
        raise TypeError(
            f"the tensor {self.name} is memory: compute with its elements, {self.name}.load(), "
            "and store() the result"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _arithmetic
    __truediv__ = __rtruediv__ = __neg__ = _arithmetic


def _tensor(what: str, tensor: Any) -> TensorView:
    if isinstance(tensor, Tensor):
        return tensor._view
    raise TypeError(f"{what}: needs a Tensor, got {type(tensor).__name__}")


def tensor_zipped_divide(tensor: Tensor, tiler: Any) -> Tensor:
    """The tensor in tiles: ((tile), (tiles)). What does not divide hangs over, and is masked when accessed.

    Errors: LayoutError "tiler exceeds tensor".

    >>> import enigma
    >>> A = enigma.Tensor("A", 0, "float", enigma.Layout((8, 24), (24, 1)))
    >>> enigma.tensor_zipped_divide(A, (4, 8))
    Tensor(A: f32 ((4,8),(2,3)):((24,1),(96,8)))
    """
    return Tensor._of(_tensor("tensor_zipped_divide", tensor).zipped_divide(tiler))


def tensor_logical_divide(tensor: Tensor, tiler: Any) -> Tensor:
    """The tensor in tiles, mode by mode: ((tile, tiles), (tile, tiles), ...)."""
    return Tensor._of(_tensor("tensor_logical_divide", tensor).logical_divide(tiler))


def tensor_composition(tensor: Tensor, layout: Any, tiler: Any = None) -> Tensor:
    """The tensor seen through a layout: element i of the result is element layout(i) of the tensor.

    With a tiler, the layout is of (thread, value) over one tile. A tensor that is one tile becomes
    (thread, value); one that tensor_zipped_divide divided by the tiler becomes ((thread, tile), value), so
    that a position in the whole grid chooses a thread of a tile.

    >>> import enigma
    >>> A = enigma.Tensor("A", 0, "float", enigma.Layout((8, 8), (8, 1)))
    >>> tiler, tv = enigma.make_layout_tv(enigma.Layout((2, 2), (2, 1)), enigma.Layout((2, 2), (2, 1)))
    >>> enigma.tensor_composition(enigma.tensor_zipped_divide(A, tiler), tv, tiler).shape
    (((2, 2), (2, 2)), (2, 2))
    """
    view = _tensor("tensor_composition", tensor)
    return Tensor._of(view.composition(layout) if tiler is None else view.thread_value(layout, tiler))


def make_tensor(buffer: Any, layout: Any, base_offset: int = 0) -> Tensor:
    """A tensor of a buffer or array that a kernel has: a parameter `A: enigma.f32`, threadgroup memory.

    Where a jit function launches the kernel, coordinates are checked against the launch. Elsewhere its size
    is not known, and accesses are masked wherever a coordinate is traced.

    >>> import enigma
    >>> @enigma.kernel
    ... def double(A: enigma.f32, B: enigma.f32):
    ...     i = enigma.thread_position_in_grid
    ...     a, b = (enigma.make_tensor(x, enigma.Layout((8, 4), (4, 1))) for x in (A, B))
    ...     b[i, None].store(a[i, None].load() * 2)
    >>> "float4" in enigma.compile(double).metal_source
    True
    """
    if isinstance(layout, (int, tuple, list)):
        layout = _layout.Layout(_plain(layout))
    return Tensor._of(TensorView.of_buffer(buffer, layout, base_offset))


def make_identity_tensor(shape: Any) -> Tensor:
    """A tensor whose elements are their own coordinates; it has no memory.

    Divided and sliced like another tensor, it says which element a thread has.

    >>> import enigma
    >>> c = enigma.tensor_zipped_divide(enigma.make_identity_tensor((8, 24)), (4, 8))
    >>> c[(1, 2), (1, 2)]
    (5, 18)
    """
    shape = _plain(shape)

    return Tensor._of(
        TensorView.make("coordinates", -1, as_dtype("i32"), _layout.Layout(shape), 0, "coordinates")
    )


def local_tile(tensor: Any, tiler: Any, coord: Any, proj: Any = None) -> Any:
    """The tile at a coordinate of the grid of tiles. Of a layout, the tile's layout and offset.

    proj: drops the modes of tiler and coordinate where it is None.

    >>> import enigma
    >>> A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    >>> enigma.local_tile(A, (4, 8), (1, 2))
    Tensor(A: f32 (4,8):(32,1) at 144)
    """
    if not isinstance(tensor, Tensor):
        return _layout.local_tile(tensor, tiler, coord, proj)
    if proj is not None:
        keep = [i for i, p in enumerate(proj) if p is not None]
        tiler, coord = tuple(tiler[i] for i in keep), tuple(coord[i] for i in keep)
    divided = tensor_zipped_divide(tensor, tiler)
    inner = tuple(None for _ in divided.shape[0]) if isinstance(divided.shape[0], tuple) else None
    return divided[inner, coord]


def local_partition(tensor: Any, thr: Any, index: Any) -> Any:
    """What thread number `index` of a thread layout gets of a tile. Of a layout, its layout and offset.

    >>> import enigma
    >>> A = enigma.Tensor("A", 0, "float", enigma.Layout((16, 32), (32, 1)))
    >>> enigma.local_partition(A, enigma.Layout((4, 8), (8, 1)), 9)
    Tensor(A: f32 (4,4):(128,8) at 33)
    """
    if not isinstance(tensor, Tensor):
        return _layout.local_partition(tensor, thr, index)
    divided = tensor_zipped_divide(tensor, _layout.product_each(thr.shape))
    inner = _layout.idx2crd(index, thr.shape, thr.stride)
    outer = tuple(None for _ in divided.shape[1]) if isinstance(divided.shape[1], tuple) else None
    return divided[inner, outer]


def size(x: Any, mode: Any = None) -> Any:
    """How many elements a tensor, layout, shape or fragment has; with `mode`, in that mode.

    >>> import enigma
    >>> A = enigma.Tensor("A", 0, "float", enigma.Layout((8, 24), (24, 1)))
    >>> enigma.size(A), enigma.size(A, mode=[1])
    (192, 24)
    """
    if isinstance(x, (Tensor, Fragment)):
        x = x.shape
    return _layout.size(x) if mode is None else _layout.size(x, mode)
