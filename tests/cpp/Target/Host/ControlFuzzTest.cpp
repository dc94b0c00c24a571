// SPDX-License-Identifier: MIT
//
// Random programs of nested branches and loops, with carried values of several types, loads and stores inside
// and now and then an index out of bounds, compared with Interpreter.h. ENIGMA_FUZZ_SEED and
// ENIGMA_FUZZ_COUNT choose others.
#include "Interpreter.h"
#include "enigma/Convert/IRToMLIR.h"
#include "enigma/IR/Builder.h"
#include "enigma/Target/Host/Executable.h"

#include "mlir/IR/MLIRContext.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

using namespace enigma;
using namespace enigma::ir;

namespace {

constexpr uint32_t kThreads = 70, kOwn = 4;
constexpr uint64_t kInputs = 128;

constexpr Type kI32 = Type::value(Elem::i32), kU32 = Type::value(Elem::u32), kF32 = Type::value(Elem::f32),
               kB1 = Type::value(Elem::b1), kI64 = Type::value(Elem::i64), kU8 = Type::value(Elem::u8),
               kI32x2 = Type::value(Elem::i32, 2), kF32x3 = Type::value(Elem::f32, 3);
constexpr Type kTypes[] = {kI32, kI32, kU32, kF32, kF32, kB1, kI64, kU8, kI32x2, kF32x3};

/// Makes one program. Threads write to places of their own only, so that their order does not matter.
class Generator {
public:
  Generator(Function &f, uint64_t seed) : fn(f), b(f), random(seed) {
    ints = f.addParam({"A", Type::buffer(Elem::i32)});
    reals = f.addParam({"F", Type::buffer(Elem::f32)});
    ownInts = f.addParam({"Out", Type::buffer(Elem::i32)});
    ownReals = f.addParam({"OutF", Type::buffer(Elem::f32)});
    thread = b.query(Opcode::thread_position_in_grid, 0);
    scope = {thread, b.cast(thread, Elem::i32)};
    statements(0, 4 + below(8));
    for (int i = 0; i < 3; ++i)
      b.store(ownInts, ownPlace(ownInts), value(kI32));
    b.store(ownReals, ownPlace(ownReals), value(kF32));
  }

private:
  uint32_t below(uint32_t n) { return uint32_t(random() % n); }
  bool chance(uint32_t percent) { return below(100) < percent; }
  Value keep(Value v) {
    scope.push_back(v);
    return v;
  }
  Value number(Type t, int n) {
    if (t.elem == Elem::b1)
      return b.constant(Literal(n % 2 != 0), t);
    if (isFloat(t.elem))
      return b.constant(Literal(n * 0.75), t);
    return b.constant(Literal(isSigned(t.elem) ? n : std::abs(n)), t);
  }
  Value splat(Value x, Type t) {
    const uint32_t op = fn.append(Opcode::splat, {&x, 1}, {&t, 1}, 0, 0);
    return fn.result(fn.op(op));
  }

  /// Something of the type: mostly what is there already.
  Value value(Type t) {
    if (chance(75)) {
      std::vector<Value> fit;
      for (const Value v : scope)
        if (fn.type(v) == t)
          fit.push_back(v);
      if (!fit.empty())
        return fit[chance(50) ? fit.size() - 1 - below(uint32_t(std::min<size_t>(3, fit.size())))
                              : below(uint32_t(fit.size()))];
    }
    if (t.lanes > 1)
      return splat(value(Type::value(t.elem)), t);
    return chance(50) ? number(t, int(below(12)) - 4) : fresh(t);
  }

  Value low(int mask) { return b.emit(Opcode::and_, {value(kI32), number(kI32, mask)}); }

  Value index() {
    switch (below(16)) {
    case 0: // out of bounds, most likely
      return value(chance(50) ? kI32 : kI64);
    case 1:
    case 2:
    case 3:
      return number(chance(50) ? kU32 : kI32, int(below(kInputs)));
    case 4:
    case 5:
    case 6:
    case 7:
      return b.emit(Opcode::add, {thread, number(kU32, int(below(kInputs - kThreads + 3)))});
    case 8:
    case 9:
    case 10:
      return b.emit(Opcode::and_, {b.emit(Opcode::add, {value(kI32), scope[1]}), number(kI32, kInputs - 1)});
    case 11:
    case 12:
      return b.emit(Opcode::add, {scope[1], low(15)});
    case 13:
      return b.cast(value(kU8), Elem::u8);
    default:
      return low(kInputs - 1);
    }
  }

  /// Lane after lane for the integers, four places together for the reals.
  Value ownPlace(Value buffer) {
    const Value which = b.emit(
        Opcode::and_, {chance(50) ? number(kU32, int(below(kOwn))) : value(kU32), number(kU32, kOwn - 1)});
    if (buffer == ownInts)
      return b.emit(Opcode::add, {b.emit(Opcode::mul, {which, number(kU32, kThreads)}), thread});
    return b.emit(Opcode::add, {b.emit(Opcode::mul, {thread, number(kU32, kOwn)}), which});
  }

  Value loaded(Type t) {
    const bool isReal = t == kF32;
    const Value own = isReal ? ownReals : ownInts;
    if (chance(25))
      return b.load(own, ownPlace(own));
    const Value from = isReal ? reals : ints;
    if (chance(30)) {
      const Value at = index(), mask = value(kB1);
      return b.loadIf(from, at, mask, value(t));
    }
    return b.load(from, index());
  }

  Value fresh(Type t) {
    if (t.lanes > 1 && chance(30))
      return splat(value(Type::value(t.elem)), t);
    if (chance(15)) {
      const Value condition = value(kB1), x = value(t);
      if (t.lanes == 1)
        return b.emit(Opcode::select, {condition, x, value(t)});
    }
    if (t == kB1) {
      const Type of = kTypes[below(8)];
      if (of == kB1)
        return b.emit(Opcode::xor_, {value(kB1), value(kB1)});
      constexpr Opcode kinds[] = {Opcode::cmp_lt, Opcode::cmp_eq, Opcode::cmp_ne, Opcode::cmp_lt};
      return b.emit(kinds[below(4)], {value(of), value(of)});
    }
    if ((t == kI32 || t == kF32) && chance(35))
      return loaded(t);
    if (t.lanes == 1 && chance(25)) {
      const Type from = kTypes[below(8)];
      if (from != t && !(from == kF32 && t == kU8))
        return b.cast(value(from), t.elem);
      if (t == kI32 || t == kF32) {
        const Value vector = value(t == kI32 ? kI32x2 : kF32x3);
        const uint32_t op =
            fn.append(Opcode::extract, {&vector, 1}, {&t, 1}, below(fn.type(vector).lanes), 0);
        return fn.result(fn.op(op));
      }
    }
    constexpr Opcode onInts[] = {Opcode::add,  Opcode::sub, Opcode::mul, Opcode::and_, Opcode::or_,
                                 Opcode::xor_, Opcode::min, Opcode::max, Opcode::add};
    const Opcode op = onInts[isFloat(t.elem) ? below(3) : below(9)];
    const Value x = value(t);
    return b.emit(op, {x, value(t)});
  }

  std::vector<Type> someTypes(uint32_t most) {
    std::vector<Type> types(below(most + 1));
    for (Type &t : types)
      t = kTypes[below(std::size(kTypes))];
    return types;
  }
  std::vector<Value> valuesOf(const std::vector<Type> &types) {
    std::vector<Value> all;
    for (const Type t : types)
      all.push_back(value(t));
    return all;
  }

  void statements(int depth, uint32_t count) {
    for (uint32_t i = 0; i < count; ++i)
      statement(depth);
  }

  void statement(int depth) {
    const uint32_t what = below(100);
    if (what < 45 || depth > 3 || (what >= 60 && fn.numOps() > 400)) {
      keep(fresh(kTypes[below(std::size(kTypes))]));
    } else if (what < 60) {
      const bool isReal = chance(40);
      const Value to = isReal ? ownReals : ownInts, at = ownPlace(to), x = value(isReal ? kF32 : kI32);
      if (chance(30))
        b.storeIf(to, at, x, value(kB1));
      else
        b.store(to, at, x);
    } else if (what < 76) {
      branch(depth);
    } else if (what < 90) {
      forLoop(depth);
    } else {
      whileLoop(depth);
    }
  }

  uint32_t region(const std::vector<Type> &args, auto fill) {
    const size_t outside = scope.size();
    const uint32_t id = b.openRegion(args);
    for (const Value v : fn.region(id).args)
      scope.push_back(v);
    b.closeRegion(fill(fn.region(id).args));
    scope.resize(outside);
    return id;
  }

  void branch(int depth) {
    const Value condition = chance(50) ? value(kB1) : fresh(kB1);
    const std::vector<Type> types = someTypes(3);
    const auto arm = [&] {
      return region({}, [&](auto) {
        statements(depth + 1, below(5));
        return valuesOf(types);
      });
    };
    const uint32_t thenRegion = arm(), elseRegion = arm();
    for (const Value v : b.ifElse(condition, thenRegion, elseRegion))
      keep(v);
  }

  void forLoop(int depth) {
    constexpr Type kinds[] = {kI32, kI32, kU32, kI64, kU8};
    const Type t = kinds[below(5)];
    const auto bound = [&]() -> Value {
      switch (below(5)) {
      case 0:
        return b.cast(thread, t.elem);
      case 1:
        return b.cast(b.emit(Opcode::and_, {value(kI32), number(kI32, 7)}), t.elem);
      case 2:
        return b.emit(Opcode::add, {b.cast(thread, t.elem), number(t, int(below(5)))});
      default:
        return number(t, int(below(6)));
      }
    };
    const Value lower = bound(), upper = bound();
    const Value step = chance(70) ? number(t, int(below(4)) + (chance(25) ? -3 : 1))
                                  : b.cast(b.emit(Opcode::sub, {low(3), number(kI32, 1)}), t.elem);
    const std::vector<Type> types = someTypes(4);
    const std::vector<Value> initial = valuesOf(types);
    std::vector<Type> args = types;
    args.insert(args.begin(), t);
    const uint32_t body = region(args, [&](auto) {
      statements(depth + 1, 1 + below(5));
      return valuesOf(types);
    });
    for (const Value v : b.forLoop(lower, upper, step, initial, body))
      keep(v);
  }

  void whileLoop(int depth) {
    std::vector<Type> types = someTypes(3);
    std::vector<Value> initial = valuesOf(types);
    // A count that ends it, first.
    types.insert(types.begin(), kI32);
    initial.insert(initial.begin(), number(kI32, 0));
    const Value bound = chance(50) ? number(kI32, int(below(6))) : low(7);
    const uint32_t condition = region(types, [&](std::vector<Value> args) {
      statements(depth + 2, below(3));
      Value runs = b.emit(Opcode::cmp_lt, {args[0], bound});
      if (chance(60))
        runs = b.emit(Opcode::and_, {runs, value(kB1)});
      std::vector<Value> passed = chance(70) ? args : valuesOf(types);
      passed[0] = args[0];
      passed.insert(passed.begin(), runs);
      return passed;
    });
    const uint32_t body = region(types, [&](std::vector<Value> args) {
      statements(depth + 1, 1 + below(4));
      std::vector<Value> next = valuesOf(types);
      next[0] = b.emit(Opcode::add, {args[0], number(kI32, 1)});
      return next;
    });
    for (const Value v : b.whileLoop(initial, condition, body))
      keep(v);
  }

  Function &fn;
  Builder b;
  std::mt19937_64 random;
  std::vector<Value> scope; ///< the thread's position as u32 and i32 first
  Value ints, reals, ownInts, ownReals, thread;
};

struct Memory {
  std::vector<int32_t> a;
  std::vector<float> f;
  std::vector<int32_t> out = std::vector<int32_t>(kThreads * kOwn);
  std::vector<float> outF = std::vector<float>(kThreads * kOwn);
  explicit Memory(uint64_t seed) : a(kInputs), f(kInputs) {
    std::mt19937_64 random(seed);
    for (int32_t &x : a)
      x = int32_t(random() % 40) - 8;
    for (float &x : f)
      x = float(int(random() % 64) - 24) * 0.25f;
  }
  std::vector<hostabi::BufferArg> args() {
    return {{a.data(), a.size()}, {f.data(), f.size()}, {out.data(), out.size()}, {outF.data(), outF.size()}};
  }
};

uint64_t fromEnvironment(const char *name, uint64_t fallback) {
  const char *text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : fallback;
}

/// Whether the program was short enough to run; reports where it differs.
bool check(uint64_t seed) {
  Function function("fuzz");
  Generator(function, seed);
  verify(function);
  Memory want(seed), got(seed);
  host::testing::Interpreter reference(function, want.args(), 400000);
  for (uint32_t thread = 0; thread < kThreads; ++thread)
    if (!reference.run(thread))
      return false;

  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  auto module = convert::Converter(context)(function);
  host::HostOptions options;
  options.keepIr = seed % 8 == 0; // which verifies it
#if defined(__x86_64__)
  // Masks are made in other ways where the CPU has no registers for them.
  options.cpu = seed % 4 == 1 ? "x86-64-v3" : seed % 4 == 2 ? "x86-64" : "";
#endif
  auto code = host::compileForHost(*module, options);
  hostabi::OutOfBoundsRecord record;
  hostabi::LaunchContext launch;
  const auto args = got.args();
  launch.args = args.data();
  launch.outOfBounds = &record;
  launch.grid[0] = kThreads;
  launch.blocksPerRow = (kThreads + 31) / 32;
  code->descriptor().entry(&launch, 0, launch.blocksPerRow);

  std::string difference;
  const auto differ = [&](const std::string &what, size_t i, auto x, auto y) {
    if (difference.empty())
      difference =
          what + "[" + std::to_string(i) + "] is " + std::to_string(x) + ", not " + std::to_string(y);
  };
  for (size_t i = 0; i < want.out.size(); ++i) {
    if (got.out[i] != want.out[i])
      differ("Out", i, got.out[i], want.out[i]);
    const bool areNaN = std::isnan(got.outF[i]) && std::isnan(want.outF[i]);
    if (!areNaN && std::bit_cast<uint32_t>(got.outF[i]) != std::bit_cast<uint32_t>(want.outF[i]))
      differ("OutF", i, got.outF[i], want.outF[i]);
  }
  if (record.count != reference.outOfBounds)
    differ("out of bounds", 0, record.count.load(), reference.outOfBounds);
  if (record.firstThread != reference.firstThread)
    differ("first thread", 0, record.firstThread.load(), reference.firstThread);
  EXPECT_EQ(difference, "") << "seed " << seed << "\n" << function.str();
  return true;
}

TEST(ControlFuzz, RandomProgramsAgreeWithTheInterpreter) {
  const uint64_t first = fromEnvironment("ENIGMA_FUZZ_SEED", 1),
                 count = fromEnvironment("ENIGMA_FUZZ_COUNT", 120);
  uint64_t ran = 0;
  for (uint64_t seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed)
    ran += check(seed);
  EXPECT_GE(ran, count - count / 4) << "too many programs run too long to be compared";
}

} // namespace
