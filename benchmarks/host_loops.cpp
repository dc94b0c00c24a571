// SPDX-License-Identifier: MIT
//
// Loops on the host beside the same ones in C, on one thread, interleaved in one process: sums of rows (a
// thread per row, so that lanes are far apart), sums of columns, a 1-D stencil, and a loop that lanes leave
// one by one. Prints the best of each.
//
//   build/bin/HostLoopsBenchmark
#include "enigma/Dialect/Enigma.h"
#include "enigma/Target/Host/Executable.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

using namespace enigma;
using Clock = std::chrono::steady_clock;

extern "C" {
void plainRowSum(const float *a, int n, float *out, int rows);
void plainColumnSum(const float *a, int n, float *out, int columns);
void plainStencil(const float *a, const float *weights, int width, float *out, int n);
void plainCollatz(int32_t *steps, int n);
}

namespace {

/// The sum over k below %n of what `term` makes %next of, from %k, %acc and the position %t.
std::string sumOver(const std::string &params, const std::string &term) {
  const std::string f32 = "!enigma.buffer<f32, device>";
  return "enigma.kernel @sum(" + params + ", %n: i32, %Out: " + f32 + R"() writes [3] {
  %i = enigma.thread_position_in_grid x
  %t = enigma.cast %i : ui32 to i32
  %zero = enigma.constant 0 : i32
  %one = enigma.constant 1 : i32
  %start = enigma.constant 0.0 : f32
  %sum = enigma.for %zero, %n, %one carry(%start : f32) : i32 -> f32 {
  ^bb0(%k: i32, %acc: f32):
)" + term +
         R"(    enigma.yield %next : f32
  }
  enigma.store %sum, %Out[%i] : f32, )" +
         f32 + ", ui32\n}";
}
constexpr const char *kRowTerm = R"(    %row = enigma.mul %t, %n : i32
    %j = enigma.add %row, %k : i32
    %a = enigma.load %A[%j] : !enigma.buffer<f32, device>, i32 -> f32
    %next = enigma.add %acc, %a : f32
)";
constexpr const char *kColumnTerm = R"(    %row = enigma.mul %k, %columns : i32
    %j = enigma.add %row, %t : i32
    %a = enigma.load %A[%j] : !enigma.buffer<f32, device>, i32 -> f32
    %next = enigma.add %acc, %a : f32
)";
constexpr const char *kStencilTerm = R"(    %j = enigma.add %t, %k : i32
    %a = enigma.load %A[%j] : !enigma.buffer<f32, device>, i32 -> f32
    %w = enigma.load %W[%k] : !enigma.buffer<f32, device>, i32 -> f32
    %next = enigma.fma %a, %w, %acc : f32
)";
constexpr const char *kCollatz = R"(
enigma.kernel @collatz(%Steps: !enigma.buffer<i32, device>) writes [0] {
  %i = enigma.thread_position_in_grid x
  %zero = enigma.constant 0 : i32
  %one = enigma.constant 1 : i32
  %onu = enigma.constant 1 : ui32
  %three = enigma.constant 3 : ui32
  %first = enigma.add %i, %onu : ui32
  %r:2 = enigma.while %first, %zero : ui32, i32 -> ui32, i32 {
  ^bb0(%x: ui32, %n: i32):
    %c = enigma.cmp_ne %x, %onu : ui32
    enigma.yield %c, %x, %n : i1, ui32, i32
  } do {
  ^bb0(%x: ui32, %n: i32):
    %bit = enigma.and %x, %onu : ui32
    %odd = enigma.cmp_eq %bit, %onu : ui32
    %y = enigma.if %odd -> ui32 {
      %m = enigma.mul %x, %three : ui32
      %m1 = enigma.add %m, %onu : ui32
      enigma.yield %m1 : ui32
    } else {
      %h = enigma.shr %x, %onu : ui32
      enigma.yield %h : ui32
    }
    %n1 = enigma.add %n, %one : i32
    enigma.yield %y, %n1 : ui32, i32
  }
  enigma.store %r#1, %Steps[%i] : i32, !enigma.buffer<i32, device>, ui32
})";

class Kernel {
public:
  explicit Kernel(const std::string &text) : context(mlir::MLIRContext::Threading::DISABLED) {
    context.loadDialect<dialect::EnigmaDialect>();
    module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module)
      throw Error(ErrorKind::Compile, "the benchmark's kernel does not parse");
    code = host::compileForHost(*module);
  }
  void operator()(const std::vector<hostabi::BufferArg> &args, int n) const {
    hostabi::OutOfBoundsRecord record;
    hostabi::LaunchContext launch;
    launch.args = args.data();
    launch.outOfBounds = &record;
    launch.grid[0] = uint32_t(n);
    launch.blocksPerRow = (uint32_t(n) + 31) / 32;
    code->descriptor().entry(&launch, 0, launch.blocksPerRow);
    if (record.count)
      throw Error(ErrorKind::OutOfBounds, "the benchmark's kernel is out of bounds");
  }

private:
  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::shared_ptr<host::Executable> code;
};

template <class F>
double milliseconds(F f) {
  const auto start = Clock::now();
  f();
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

template <class X, class Y>
void compare(const char *name, X ours, Y plain) {
  double best[2] = {1e9, 1e9};
  for (int round = 0; round < 15; ++round) {
    best[0] = std::min(best[0], milliseconds(ours));
    best[1] = std::min(best[1], milliseconds(plain));
  }
  std::printf("%-22s %9.3f ms   C %9.3f ms   %5.2f of C\n", name, best[0], best[1], best[1] / best[0]);
}

void run() {
  const std::string f32 = "!enigma.buffer<f32, device>", two = "%A: " + f32 + ", %W: " + f32;
  std::vector<float> out(1 << 16), weights(64, 0.5f);
  {
    const Kernel kernel(sumOver(two, kRowTerm));
    int rows = 4096, n = 1000;
    std::vector<float> a(size_t(rows) * size_t(n), 1);
    compare(
        "row sums 4096 x 1000",
        [&] {
          kernel({{a.data(), a.size()}, {weights.data(), 64}, {&n, 1}, {out.data(), size_t(rows)}}, rows);
        },
        [&] { plainRowSum(a.data(), n, out.data(), rows); });
  }
  {
    const Kernel kernel(sumOver("%A: " + f32 + ", %columns: i32", kColumnTerm));
    int columns = 4096, n = 1000;
    std::vector<float> a(size_t(columns) * size_t(n), 1);
    compare(
        "column sums 1000 x 4096",
        [&] {
          kernel({{a.data(), a.size()}, {&columns, 1}, {&n, 1}, {out.data(), size_t(columns)}}, columns);
        },
        [&] { plainColumnSum(a.data(), n, out.data(), columns); });
  }
  const Kernel stencil(sumOver(two, kStencilTerm));
  for (int width : {3, 9, 33}) {
    const int n = 1 << 16;
    std::vector<float> a(size_t(n + width), 1);
    compare(("stencil of " + std::to_string(width)).c_str(),
            [&] {
              stencil({{a.data(), a.size()}, {weights.data(), 64}, {&width, 1}, {out.data(), out.size()}}, n);
            },
            [&] { plainStencil(a.data(), weights.data(), width, out.data(), n); });
  }
  const Kernel collatz(kCollatz);
  std::vector<int32_t> steps(1 << 16);
  compare(
      "collatz 65536", [&] { collatz({{steps.data(), steps.size()}}, 1 << 16); },
      [&] { plainCollatz(steps.data(), 1 << 16); });
}

} // namespace

int main() {
  try {
    run();
  } catch (const Error &error) {
    std::fprintf(stderr, "%s\n", error.message().c_str());
    return 1;
  }
}
