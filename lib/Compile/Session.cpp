// SPDX-License-Identifier: MIT
//
// The pool of MLIR contexts and the run of the pipeline.
#include "Session.h"

#include "enigma/Dialect/Enigma.h"
#include "enigma/Transforms/Passes.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

#include <atomic>
#include <mutex>
#include <vector>

using namespace mlir;

namespace enigma::compile {
namespace {

std::atomic<uint64_t> sessions{0};

} // namespace

uint64_t contextsMade() { return sessions.load(std::memory_order_relaxed); }

Session::Session() : converter(context) { sessions.fetch_add(1, std::memory_order_relaxed); }

OwningOpRef<ModuleOp> Session::lower(const ir::Function &f, const Options &options,
                                     convert::Locations locations) {
  load += f.numOps();
  OwningOpRef<ModuleOp> module = converter(f, locations);
  if (options.grid[0])
    for (auto kernel : module->getOps<dialect::KernelOp>()) {
      int64_t sizes[6];
      std::copy_n(options.grid.begin(), 3, sizes);
      std::copy_n(options.threads.begin(), 3, sizes + 3);
      kernel->setAttr(transforms::launchAttr, DenseI64ArrayAttr::get(&context, sizes));
    }
  if (options.fastMath)
    for (auto kernel : module->getOps<dialect::KernelOp>())
      kernel.setFastMath(true);

  std::string message;
  Location where = UnknownLoc::get(&context);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &d) {
    if (message.empty()) {
      message = d.str();
      where = d.getLocation();
    }
    return success();
  });
  auto fail = [&] {
    uint32_t site = locations == convert::Locations::sites ? dialect::siteOf(where) : ~0u;
    std::vector<uint32_t> order = f.programOrder();
    ir::Place place = site < order.size() ? f.op(order[site]).place : f.place;
    throw Error(ErrorKind::Compile, message.empty() ? "a pass failed without a word" : message,
                f.locate(place));
  };
  if (failed(mlir::verify(*module)))
    fail();
  int width = options.vecWidth > 1 ? options.vecWidth : 1;
  auto &pipeline = pipelines[width];
  if (!pipeline) {
    pipeline = std::make_unique<PassManager>(&context);
    // Verified after conversion, here, and by the tests after each pass; not between passes of every user's
    // compile.
    pipeline->enableVerifier(false);
    transforms::buildPipeline(*pipeline, width);
  }
  if (failed(pipeline->run(*module)))
    fail();
  return module;
}

namespace {

struct Pool {
  std::mutex mutex;
  std::vector<std::unique_ptr<Session>> idle;
};
// Never destroyed: compiles may run while the process ends.
Pool &pool() {
  static auto *instance = new Pool;
  return *instance;
}
constexpr size_t longestLoad = 4'000'000;

} // namespace

BorrowedSession::BorrowedSession() {
  Pool &p = pool();
  {
    std::lock_guard lock(p.mutex);
    if (!p.idle.empty()) {
      session = std::move(p.idle.back());
      p.idle.pop_back();
    }
  }
  if (!session)
    session = std::make_unique<Session>();
}

BorrowedSession::~BorrowedSession() {
  if (session->load > longestLoad)
    return;
  Pool &p = pool();
  std::lock_guard lock(p.mutex);
  p.idle.push_back(std::move(session));
}

} // namespace enigma::compile
