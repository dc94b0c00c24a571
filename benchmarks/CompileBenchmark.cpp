// SPDX-License-Identifier: MIT
// From a C++ builder to Metal text: how long a new kernel takes, one that is known, and one of 10,000
// operations. Minima over many runs; see benchmarks/README.md.
#include "enigma/Compile/Compile.h"
#include "enigma/IR/Builder.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace enigma;
using namespace enigma::ir;

namespace {

Function saxpy() {
  Function f("saxpy");
  Value x = f.addParam({"X", Type::buffer(Elem::f32)}), alpha = f.addParam({"alpha", Type::value(Elem::f32)});
  Value y = f.addParam({"Y", Type::buffer(Elem::f32)}), out = f.addParam({"Out", Type::buffer(Elem::f32)});
  Builder b(f);
  Value tid = b.query(Opcode::thread_position_in_grid, 0);
  f.setName(tid, "tid");
  Value product = b.binary(Operator::mul, alpha, b.load(x, tid));
  b.store(out, tid, b.binary(Operator::add, product, b.load(y, tid)));
  return f;
}

// A chain that no pass can shorten: x = x * a + x / (x + c), with names now and then.
Function chain(int operations) {
  Function f("chain");
  Value in = f.addParam({"A", Type::buffer(Elem::f32)}), out = f.addParam({"Out", Type::buffer(Elem::f32)});
  Builder b(f);
  Value tid = b.query(Opcode::thread_position_in_grid, 0);
  Value a = b.load(in, tid), x = a;
  for (int i = 0; f.numOps() < size_t(operations); ++i) {
    x = b.binary(Operator::add, b.binary(Operator::mul, x, a),
                 b.binary(Operator::truediv, x, b.binary(Operator::add, x, Literal(0.5 + i))));
    if (i % 3 == 0)
      f.setName(x, "x");
  }
  b.store(out, tid, x);
  return f;
}

template <class F>
double minimumMs(int runs, F run) {
  double best = 1e9;
  for (int i = 0; i < runs; ++i) {
    auto start = std::chrono::steady_clock::now();
    run();
    best = std::min(
        best, std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

} // namespace

int main() {
  setenv("ENIGMA_CACHE", "0", 1); // what is on disk is not compiled
  double first = minimumMs(1, [] { compile::compile(saxpy()); });
  double warm = minimumMs(300, [] {
    compile::clearCache();
    compile::compile(saxpy());
  });
  double hit = minimumMs(1000, [] { compile::compile(saxpy()); });
  std::printf("saxpy to MSL: first %.2f ms (goal 3), warm %.3f ms (goal 0.5), hit %.4f ms\n", first, warm,
              hit);
  for (int n : {100, 1000, 10000, 40000}) {
    double build = minimumMs(10, [&] { chain(n); });
    double ms = minimumMs(10, [&] {
      compile::clearCache();
      compile::compile(chain(n));
    });
    std::printf("%6d operations: built %.2f ms, to MSL %.2f ms, %.2f us each%s\n", n, build, ms,
                1000 * ms / n, n == 10000 ? " (goal 60 ms)" : "");
  }
}
