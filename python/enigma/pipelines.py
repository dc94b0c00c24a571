# SPDX-License-Identifier: MIT
"""Tiles that go through threadgroup memory while the one before is computed with.

enigma.pipeline([(tAgA, tAsA), (tBgB, tBsB)], lambda tile, stage: enigma.gemm(
    tiled_mma, acc, tCsA[None, None, None, stage], tCsB[None, None, None, stage], acc))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from enigma import flow as _flow
from enigma import layout as _layout
from enigma._enigma import TensorView, fail, must_wait
from enigma.callees import kernel_code
from enigma.dtypes import as_dtype
from enigma.functions import barrier
from enigma.mma import CopyAtom, TiledCopy, check_width
from enigma.tensor import Tensor

__all__ = ["pipeline"]
U32 = as_dtype("u32")


@kernel_code
def pipeline(
    copies: Any, compute: Callable[[Any, Any], Any], tiles: Any = None, prefetch: bool = True
) -> None:
    """Computes with tile after tile, each through threadgroup memory.

    copies: (source, target) or (tiled_copy, source, target) for each tensor. source: what this thread copies
    of device memory, its last mode the tiles. target: where to, of threadgroup memory, its last mode the
    stages: 2 so that a tile is written while the one before is read, with one barrier for each tile; 1 for
    half the memory and two barriers. All sources have as many tiles.
    compute: is called with the number of the tile and the stage that it is in. Ints, or traced.
    tiles: how many of the tiles, from 1 on, where that is fewer than there are; the same in all threads.
    prefetch: reads the next tile into registers while this one is computed with. The last one is then
    computed with behind the loop, so that compute is called, and printed, twice. Without, a tile is read when
    the one before is done, and compute is printed once.

    All threads of the threadgroup come here. The memory of the targets is the pipeline's until it ends; a
    second one on the same memory, or one in a loop, waits first.

    Errors: TraceError for copies that do not fit together.
    """
    rows, all_tiles, stages = _plan(copies)
    tiles = _count(tiles, all_tiles)
    if must_wait(_views(rows)):
        barrier()
    if not prefetch:
        for tile in _flow.range(tiles, dtype=U32):
            stage = _stage(tile, stages)
            _put(rows, stage, _fetch(rows, tile))
            barrier()
            compute(tile, stage)
            if stages == 1:
                barrier()
        return
    _put(rows, 0, _fetch(rows, 0))
    barrier()
    if all_tiles > 1:
        for tile in _flow.range(tiles - 1, dtype=U32):
            parts = _fetch(rows, tile + 1)
            compute(tile, _stage(tile, stages))
            if stages == 1:
                barrier()
            _put(rows, _stage(tile + 1, stages), parts)
            barrier()
    compute(tiles - 1, _stage(tiles - 1, stages))


def _stage(tile: Any, stages: int) -> Any:
    return 0 if stages == 1 else tile % stages


def _count(tiles: Any, most: int) -> Any:
    if tiles is None:
        return most
    if isinstance(tiles, int) and not 1 <= tiles <= most:
        fail(f"pipeline: the tensors have 1 to {most} tiles, got tiles={tiles}")
    return tiles


def _last(tensor: Tensor) -> int:
    shape = tensor.shape
    return int(_layout.size(shape[-1] if isinstance(shape, tuple) else shape))


def _plan(copies: Any) -> tuple[list[tuple[CopyAtom | None, Tensor, Tensor]], int, int]:
    rows: list[tuple[CopyAtom | None, Tensor, Tensor]] = []
    for row in copies:
        first = row[0] if len(row) == 3 else None
        source, target = row[-2:]
        if not isinstance(source, Tensor) or not isinstance(target, Tensor):
            fail(
                f"pipeline: a copy is of two tensors, "
                f"got {type(source).__name__} and {type(target).__name__}",
                ["write enigma.pipeline([(tiled_copy, tAgA, tAsA), ...], compute)"],
            )
        rows.append((first.atom if isinstance(first, TiledCopy) else first, source, target))
    if not rows:
        fail("pipeline: needs a copy, got none")
    tiles, stages = _last(rows[0][1]), _last(rows[0][2])
    for _, source, target in rows:
        if len(source.shape) != len(target.shape):
            fail(
                f"pipeline: {source.name} has the shape {source.shape}, {target.name} {target.shape}",
                ["the last mode of the source counts tiles, of the target stages; the others are the same"],
            )
        if (_last(source), _last(target)) != (tiles, stages):
            fail(
                f"pipeline: {source.name} has {_last(source)} tiles in {_last(target)} stages, "
                f"{rows[0][1].name} {tiles} in {stages}",
                ["all tensors go through the pipeline together"],
            )
        if target._view.kind != "array":
            fail(
                f"pipeline: {target.name} is device memory, which threads of other threadgroups write too",
                ["the target is of threadgroup memory: enigma.threadgroup_alloc"],
            )
    return rows, tiles, stages


def _views(rows: Any) -> list[TensorView]:
    return [target._view for _, _, target in rows]


def _at(tensor: Tensor, index: Any) -> Tensor:
    part: Tensor = tensor[(*(None for _ in tensor.shape[1:]), index)]
    return part


def _fetch(rows: Any, tile: Any) -> list[Any]:
    out = []
    for atom, source, _ in rows:
        out.append(_at(source, tile).load())
        check_width(atom, source)
    return out


def _put(rows: Any, stage: Any, parts: list[Any]) -> None:
    for (_, _, target), part in zip(rows, parts, strict=True):
        _at(target, stage).store(part)
