// SPDX-License-Identifier: MIT
//
// Register memory as values: where every access is at a constant index, and every store stands in the block
// of the allocation, what a load gives is known. A programmer would not have written the array; and values
// fold, vectorise and are shared where memory is not.
#include "enigma/Dialect/Enigma.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace enigma::transforms {
namespace {

using namespace dialect;

/// What an element holds: a value, or one component of a vector.
struct Element {
  Value value;
  int64_t component = -1;
  bool operator==(const Element &) const = default;
};

class Promotion {
public:
  explicit Promotion(RegisterAllocOp alloc)
      : alloc(alloc), count(static_cast<int64_t>(alloc.getCount())),
        elem(cast<BufferType>(alloc.getType()).getElementType()) {}

  /// Collects the accesses; false if one needs memory.
  bool isPossible() {
    for (Operation *user : alloc.getResult().getUsers()) {
      Value index;
      Type type;
      if (auto load = dyn_cast<LoadOp>(user)) {
        index = load.getIndex();
        type = load.getType();
      } else if (auto store = dyn_cast<StoreOp>(user); store && store.getBuffer() == alloc.getResult()) {
        if (store->getBlock() != alloc->getBlock())
          return false;
        index = store.getIndex();
        type = store.getValue().getType();
      } else {
        return false;
      }
      std::optional<int64_t> first = constantInt(index);
      if (!first || *first < 0 || *first + widthIn(type) > count)
        return false;
      if (type != elem && scalarOf(type) != elem)
        return false;
      // Accesses below a region of this block see what its operation sees: none of them stores.
      Operation *above = alloc->getBlock()->findAncestorOpInBlock(*user);
      if (!above)
        return false;
      accesses[above].push_back(user);
    }
    return true;
  }

  void run() {
    held.assign(count, {alloc.getFill()});
    for (Operation *op = alloc->getNextNode(); op; op = op->getNextNode()) {
      auto found = accesses.find(op);
      if (found == accesses.end())
        continue;
      Operation *next = op;
      for (Operation *access : found->second) {
        if (auto store = dyn_cast<StoreOp>(access))
          write(*constantInt(store.getIndex()), store.getValue());
        else
          replace(cast<LoadOp>(access));
        if (access == op)
          next = op->getPrevNode();
        access->erase();
      }
      op = next;
    }
    alloc->erase();
  }

private:
  /// Elements that an access covers.
  int64_t widthIn(Type type) const { return type == elem ? 1 : lanesOf(type); }

  void write(int64_t first, Value value) {
    const int64_t width = widthIn(value.getType());
    for (int64_t i = 0; i < width; ++i)
      held[first + i] = width == 1 ? Element{value} : Element{value, i};
  }

  void replace(LoadOp load) {
    const int64_t first = *constantInt(load.getIndex()), width = widthIn(load.getType());
    ArrayRef<Element> parts = ArrayRef(held).slice(first, width);
    OpBuilder builder(load);
    auto scalar = [&](const Element &part) -> Value {
      if (part.component < 0)
        return part.value;
      return ExtractOp::create(builder, load.getLoc(), elem, part.value,
                               builder.getI32IntegerAttr(static_cast<int32_t>(part.component)));
    };
    Value result;
    if (width == 1) {
      result = scalar(parts[0]);
    } else if (isWhole(parts, load.getType())) {
      result = parts[0].value;
    } else if (llvm::all_equal(parts)) {
      result = SplatOp::create(builder, load.getLoc(), load.getType(), scalar(parts[0]));
    } else {
      SmallVector<Value> components = llvm::map_to_vector(parts, scalar);
      result = MakeVectorOp::create(builder, load.getLoc(), load.getType(), components);
    }
    load.getResult().replaceAllUsesWith(result);
  }

  /// Whether these are all components of one vector, in their order.
  static bool isWhole(ArrayRef<Element> parts, Type type) {
    for (auto [i, part] : llvm::enumerate(parts))
      if (part != Element{parts[0].value, static_cast<int64_t>(i)})
        return false;
    return parts[0].value.getType() == type;
  }

  RegisterAllocOp alloc;
  int64_t count;
  Type elem;
  DenseMap<Operation *, SmallVector<Operation *, 2>> accesses; // by operation of the allocation's block
  std::vector<Element> held;
};

struct RegistersPass : PassWrapper<RegistersPass, OperationPass<KernelOp>> {
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(RegistersPass)
  StringRef getArgument() const override { return "enigma-registers"; }
  StringRef getDescription() const override { return "register memory at constant indices as values"; }

  void runOnOperation() override {
    SmallVector<RegisterAllocOp> allocs;
    getOperation().walk([&](RegisterAllocOp alloc) { allocs.push_back(alloc); });
    for (RegisterAllocOp alloc : allocs) {
      Promotion promotion(alloc);
      if (promotion.isPossible())
        promotion.run();
    }
  }
};

} // namespace

std::unique_ptr<Pass> createRegistersPass() { return std::make_unique<RegistersPass>(); }

} // namespace enigma::transforms
