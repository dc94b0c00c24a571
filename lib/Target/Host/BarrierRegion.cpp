// SPDX-License-Identifier: MIT
//
// See BarrierRegion.h. Dominators by Cooper, Harvey and Kennedy's iteration.
#include "BarrierRegion.h"

#include "BarrierSplit.h"

#include "llvm/IR/CFG.h"

#include <algorithm>

using namespace llvm;

namespace enigma::host {

CallInst *barrierOf(BasicBlock *block) {
  Instruction *last = block->getTerminator()->getPrevNode();
  auto *call = dyn_cast_or_null<CallInst>(last);
  return call && call->getCalledFunction() && call->getCalledFunction()->getName() == kWaitName ? call
                                                                                                : nullptr;
}

BarrierRegion::BarrierRegion(ArrayRef<BasicBlock *> from) : entries(from) {
  // Depth first; a block is done after those that it leads to.
  SmallVector<std::pair<BasicBlock *, unsigned>, 32> path;
  DenseMap<BasicBlock *, bool> seen;
  const auto enter = [&](BasicBlock *block) {
    if (seen.try_emplace(block, true).second)
      path.push_back({block, 0});
  };
  for (BasicBlock *start : reverse(entries)) {
    enter(start);
    while (!path.empty()) {
      auto &[block, next] = path.back();
      Instruction *end = block->getTerminator();
      if (barrierOf(block) || next == end->getNumSuccessors()) {
        order.push_back(block);
        path.pop_back();
      } else {
        enter(end->getSuccessor(next++));
      }
    }
  }
  std::reverse(order.begin(), order.end());
  for (unsigned i = 0; i < order.size(); ++i)
    number[order[i]] = i;

  constexpr unsigned kUnknown = ~0u - 1;
  dominator.assign(order.size(), kUnknown);
  for (BasicBlock *start : entries)
    dominator[number.lookup(start)] = kRoot;
  for (bool isChanged = true; isChanged;) {
    isChanged = false;
    for (unsigned i = 0; i < order.size(); ++i) {
      unsigned above = dominator[i] == kRoot ? kRoot : kUnknown;
      for (BasicBlock *before : predecessors(order[i])) {
        if (above == kRoot || !leads(before, order[i]))
          continue;
        const unsigned p = number.lookup(before);
        if (dominator[p] != kUnknown)
          above = above == kUnknown ? p : meet(above, p);
      }
      isChanged |= dominator[i] != above;
      dominator[i] = above;
    }
  }
}

unsigned BarrierRegion::meet(unsigned x, unsigned y) const {
  while (x != y) {
    if (x == kRoot || y == kRoot)
      return kRoot;
    unsigned &later = x > y ? x : y;
    later = dominator[later];
  }
  return x;
}

bool BarrierRegion::leads(BasicBlock *from, BasicBlock *to) const {
  return contains(from) && contains(to) && !barrierOf(from);
}

bool BarrierRegion::dominates(BasicBlock *above, BasicBlock *below) const {
  const unsigned wanted = number.lookup(above);
  unsigned at = number.lookup(below);
  while (at != kRoot && at > wanted)
    at = dominator[at];
  return at == wanted;
}

size_t BarrierRegion::instructions() const {
  size_t count = 0;
  for (BasicBlock *block : order)
    count += block->size();
  return count;
}

} // namespace enigma::host
