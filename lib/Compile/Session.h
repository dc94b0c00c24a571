// SPDX-License-Identifier: MIT
//
// An MLIR context with what is expensive to set up beside it. A context serves one thread at a time: each
// compile takes a session from the pool and puts it back.
#pragma once

#include "enigma/Compile/Compile.h"
#include "enigma/Convert/IRToMLIR.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include <map>
#include <memory>

namespace enigma::compile {

class Session {
public:
  Session();

  /// Converts and runs the pipeline. Errors of passes come at the user's line.
  mlir::OwningOpRef<mlir::ModuleOp> lower(const ir::Function &f, const Options &options,
                                          convert::Locations locations);

  /// How many operations the context has seen: it never forgets an attribute, so it is replaced in time.
  size_t load = 0;

private:
  mlir::MLIRContext context{mlir::MLIRContext::Threading::DISABLED};
  convert::Converter converter;
  std::map<int, std::unique_ptr<mlir::PassManager>> pipelines; ///< by vec_width
};

/// A session for the time of one compile.
class BorrowedSession {
public:
  BorrowedSession();
  ~BorrowedSession();
  BorrowedSession(const BorrowedSession &) = delete;
  Session *operator->() { return session.get(); }

private:
  std::unique_ptr<Session> session;
};

} // namespace enigma::compile
