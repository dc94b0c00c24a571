// SPDX-License-Identifier: MIT
//
// The host device on saxpy: the parts of a warm compilation, a small dispatch, and 16 Mi elements beside a C
// loop on as many threads, interleaved (A B A B) in one process. Prints raw samples and the median of the
// ratios.
//
//   build/bin/host_saxpy
#include "enigma/Dialect/Enigma.h"
#include "enigma/Runtime/HostDevice.h"
#include "enigma/Target/Host/Executable.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

using namespace enigma;
using Clock = std::chrono::steady_clock;

extern "C" void plainSaxpy(const float *x, float alpha, const float *y, float *out, size_t n);

namespace {

constexpr const char *kSaxpy = R"(
enigma.kernel @saxpy(%X: !enigma.buffer<f32, device>, %alpha: f32, %Y: !enigma.buffer<f32, device>,
                     %Out: !enigma.buffer<f32, device>) writes [3] {
  %i = enigma.thread_position_in_grid x
  %x = enigma.load %X[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %y = enigma.load %Y[%i] : !enigma.buffer<f32, device>, ui32 -> f32
  %r = enigma.fma %alpha, %x, %y : f32
  enigma.store %r, %Out[%i] : f32, !enigma.buffer<f32, device>, ui32
})";

/// A load every 16 operations, arithmetic between them, one store.
std::string chainOf(int length) {
  std::string text = "enigma.kernel @chain(%X: !enigma.buffer<f32, device>, %Out: !enigma.buffer<f32, "
                     "device>) writes [1] {\n"
                     "%i = enigma.thread_position_in_grid x\n%v0 = enigma.cast %i : ui32 to f32\n";
  for (int n = 1; n < length; ++n) {
    const std::string v = std::to_string(n), u = std::to_string(n - 1), w = std::to_string(n > 5 ? n - 5 : 0);
    if (n % 16 == 1)
      text += "%c" + v + " = enigma.constant " + v + " : ui32\n%j" + v + " = enigma.add %i, %c" + v +
              " : ui32\n%v" + v + " = enigma.load %X[%j" + v +
              "] : !enigma.buffer<f32, device>, ui32 -> f32\n";
    else
      text += "%v" + v + " = enigma." + (n % 3 ? "add" : "mul") + " %v" + u + ", %v" + w + " : f32\n";
  }
  return text + "enigma.store %v" + std::to_string(length - 1) +
         ", %Out[%i] : f32, !enigma.buffer<f32, device>, ui32\n}";
}

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

} // namespace

int main() {
  mlir::MLIRContext context(mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<dialect::EnigmaDialect>();
  auto module = mlir::parseSourceString<mlir::ModuleOp>(kSaxpy, &context);
  auto device = runtime::hostDevice();
  std::printf("%s, %u threads\n", device->capabilities().name.c_str(), device->capabilities().computeUnits);

  std::shared_ptr<host::Executable> code;
  for (int round = 0; round < 8; ++round) {
    code = host::compileForHost(*module);
    const auto &t = code->times();
    std::printf("compile %d: lower %.2f, optimize %.2f, generate %.2f, link %.2f, total %.2f ms\n", round,
                t.lower, t.optimize, t.generate, t.link, t.total());
  }
  auto pipeline = device->createPipeline({.kernel = code->descriptor(), .owner = code});

  for (const int length : {10, 100, 1000, 10000}) {
    auto chain = mlir::parseSourceString<mlir::ModuleOp>(chainOf(length), &context);
    host::CompileTimes best;
    for (int round = 0; round < (length > 1000 ? 1 : 4); ++round)
      if (const auto t = host::compileForHost(*chain)->times(); round == 0 || t.total() < best.total())
        best = t;
    std::printf("compile %d operations: lower %.2f, optimize %.2f, generate %.2f, link %.2f, total %.2f ms\n",
                length, best.lower, best.optimize, best.generate, best.link, best.total());
  }

  {
    auto x = device->allocate(4096), y = device->allocate(4096), out = device->allocate(4096);
    const runtime::Argument args[] = {runtime::Argument::of(x), runtime::Argument::scalar(2.0f),
                                      runtime::Argument::of(y), runtime::Argument::of(out)};
    auto prepared = device->prepare(pipeline, args);
    double best = 1e9, bestUnprepared = 1e9;
    for (int round = 0; round < 20; ++round) {
      auto start = Clock::now();
      for (int i = 0; i < 1000; ++i)
        prepared->run({1024}, {256});
      best = std::min(best, since(start));
      start = Clock::now();
      for (int i = 0; i < 1000; ++i)
        device->run(*pipeline, args, {1024}, {256});
      bestUnprepared = std::min(bestUnprepared, since(start));
    }
    std::printf("dispatch of n = 1024: prepared %.3f us, unprepared %.3f us\n", best, bestUnprepared);
  }

  const size_t n = 16 << 20;
  auto x = device->allocate(n * 4), y = device->allocate(n * 4), out = device->allocate(n * 4);
  auto *px = static_cast<float *>(x->data()), *py = static_cast<float *>(y->data()),
       *po = static_cast<float *>(out->data());
  for (size_t i = 0; i < n; ++i) {
    px[i] = float(i % 1000);
    py[i] = 1.0f;
  }
  const runtime::Argument args[] = {runtime::Argument::of(x), runtime::Argument::scalar(2.0f),
                                    runtime::Argument::of(y), runtime::Argument::of(out)};
  auto prepared = device->prepare(pipeline, args);
  const unsigned threads = device->capabilities().computeUnits;
  const double bytes = 12.0 * double(n);
  std::vector<double> ratios;
  double bestOurs = 0, bestC = 0;
  for (int round = 0; round < 15; ++round) {
    auto start = Clock::now();
    std::vector<std::thread> others;
    for (unsigned t = 1; t < threads; ++t)
      others.emplace_back([=] {
        plainSaxpy(px + n / threads * t, 2.0f, py + n / threads * t, po + n / threads * t, n / threads);
      });
    plainSaxpy(px, 2.0f, py, po, n / threads);
    for (auto &other : others)
      other.join();
    const double c = bytes / since(start) / 1e6;
    start = Clock::now();
    prepared->run({int64_t(n)}, {256});
    const double ours = bytes / since(start) / 1e6;
    std::printf("16 Mi: C %.1f GB/s, Enigma %.1f GB/s\n", c, ours);
    bestOurs = std::max(bestOurs, ours);
    bestC = std::max(bestC, c);
    if (round >= 3)
      ratios.push_back(ours / c);
  }
  std::sort(ratios.begin(), ratios.end());
  std::printf("best: C %.1f, Enigma %.1f GB/s; median ratio %.3f\n", bestC, bestOurs,
              ratios[ratios.size() / 2]);
}
