// SPDX-License-Identifier: MIT
//
// Simdgroup matrices of a kernel. See KernelLowering.h; MatrixEmitter.h makes the code.
#include "KernelLowering.h"

namespace enigma::host {

void KernelLowering::lowerMatrix(mlir::Operation &op) {
  if (needsAllLanes(&op))
    checkLanes(op, GroupFault::Kind::Matrix);
  MatrixEmitter matrices(*frame, *lane, *memory, options.check);
  const auto part = [&](mlir::Value v) { return valueOf(v); };
  // A place is the same in all lanes: where nothing says so, the run does.
  const auto one = [&](mlir::Value v) {
    const Lanes x = part(v)[0];
    if (x.isUniform())
      return x;
    llvm::Value *lanes = lane->vector(x);
    const Lanes first = LaneBuilder::uniform(x.type, builder.CreateExtractElement(lanes, uint64_t(0)));
    llvm::Value *same = builder.CreateICmpEQ(lanes, lane->vector(first));
    frame->checkLanes(siteOf.lookup(&op), builder.CreateBitCast(same, builder.getInt32Ty()),
                      builder.getInt32(~0u), GroupFault::Kind::Place);
    return first;
  };
  const auto place = [&](mlir::Value buffer, mlir::Value index) {
    Access at = access(op, buffer, index, llvm::cast<BufferType>(buffer.getType()).getElementType());
    at.index = one(index);
    return at;
  };
  if (auto fill = llvm::dyn_cast<SimdgroupFillOp>(op)) {
    values[fill] = matrices.fromElements(part(fill.getX())[0], part(fill.getX())[0]);
  } else if (auto from = llvm::dyn_cast<SimdgroupFromElementsOp>(op)) {
    values[from] = matrices.fromElements(part(from.getFirst())[0], part(from.getSecond())[0]);
  } else if (auto elements = llvm::dyn_cast<SimdgroupElementsOp>(op)) {
    const Components both = matrices.elements(part(elements.getMatrix()));
    values[elements.getFirst()] = {both[0]};
    values[elements.getSecond()] = {both[1]};
  } else if (auto load = llvm::dyn_cast<SimdgroupLoadOp>(op)) {
    const Access from = place(load.getBuffer(), load.getIndex());
    const Lanes stride = one(load.getStride());
    if (runs.isLater(&op))
      laterLoads[&op] = {from, stride};
    else
      values[load] = matrices.load(from, stride, load.getTranspose());
  } else if (auto store = llvm::dyn_cast<SimdgroupStoreOp>(op)) {
    matrices.store(place(store.getBuffer(), store.getIndex()), part(store.getMatrix()),
                   one(store.getStride()), store.getTranspose());
  } else if (const MatrixRun *run = runs.endingAt(&op)) {
    lowerRun(*run, matrices);
  }
}

void KernelLowering::lowerRun(const MatrixRun &run, MatrixEmitter &matrices) {
  // Each factor is found once, and before all tiles: on the left and on the right it may be in different
  // places.
  llvm::DenseMap<mlir::Value, MatrixEmitter::Factor> factors[2];
  unsigned copies = 0;
  for (const MatrixTile &tile : run.tiles)
    for (const MatrixTile::Link &link : tile.links)
      for (mlir::Operation *product : link)
        for (unsigned side : {0u, 1u}) {
          const mlir::Value value = product->getOperand(side);
          if (factors[side].contains(value))
            continue;
          const unsigned copy = copies++;
          const auto later = laterLoads.find(value.getDefiningOp());
          if (later == laterLoads.end()) {
            factors[side].insert({value, matrices.factor(valueOf(value), copy)});
          } else {
            const auto &[from, stride] = later->second;
            const bool transpose = llvm::cast<SimdgroupLoadOp>(value.getDefiningOp()).getTranspose();
            factors[side].insert({value, matrices.factor(from, stride, transpose, side == 1, copy)});
          }
        }
  // Sums of tiles whose turn is not now wait in memory: more than the registers hold, they would be moved in
  // and out of them in the middle of a tile.
  llvm::DenseSet<mlir::Value> made;
  for (const MatrixTile &tile : run.tiles)
    for (const MatrixTile::Link &link : tile.links)
      for (mlir::Operation *product : link)
        made.insert(product->getResult(0));
  const auto startOf = [&](const MatrixTile &tile) {
    llvm::SmallVector<Components, 4> start;
    for (mlir::Operation *product : tile.links.front())
      start.push_back(product->getNumOperands() > 2 ? valueOf(product->getOperand(2)) : Components{});
    return matrices.sideBySide(start);
  };
  llvm::SmallVector<MatrixEmitter::Sums, 4> sums(run.tiles.size());
  llvm::SmallVector<unsigned, 4> place;
  for (auto [tile, own] : llvm::zip(run.tiles, sums)) {
    place.push_back(copies);
    copies += unsigned(tile.links.front().size());
    if (&own != &sums.front() && llvm::none_of(tile.links.front(), [&](mlir::Operation *product) {
          return product->getNumOperands() > 2 && made.contains(product->getOperand(2));
        })) {
      own = startOf(tile);
      matrices.putAway(own, place.back());
    }
  }
  const auto typeOf = [](const MatrixTile::Link &link) {
    return elementOf(llvm::cast<SimdgroupMatrixType>(link[0]->getResult(0).getType()).getElementType());
  };
  const auto bindResults = [&](const MatrixTile::Link &link, const MatrixEmitter::Sums &own) {
    for (auto [product, result] : llvm::zip(link, matrices.apart(own, typeOf(link))))
      values[product->getResult(0)] = result;
  };
  for (size_t t = 0; t < run.tiles.size(); ++t) {
    const MatrixTile &tile = run.tiles[t];
    if (sums[t].parts.empty())
      sums[t] = startOf(tile);
    else
      matrices.takeBack(sums[t], place[t]);
    for (const MatrixTile::Link &link : tile.links) {
      llvm::SmallVector<MatrixEmitter::Factor, 4> right;
      for (mlir::Operation *product : link)
        right.push_back(factors[1].find(product->getOperand(1))->second);
      matrices.addProducts(sums[t], factors[0].find(link[0]->getOperand(0))->second, right, typeOf(link));
      bindResults(link, sums[t]);
    }
    if (t + 1 < run.tiles.size())
      matrices.putAway(sums[t], place[t]);
  }
  for (size_t t = 0; t + 1 < run.tiles.size(); ++t) {
    matrices.takeBack(sums[t], place[t]);
    bindResults(run.tiles[t].links.back(), sums[t]);
  }
}

} // namespace enigma::host
