// SPDX-License-Identifier: MIT
//
// The generated table of operations.
#include "enigma/IR/Opcode.h"

namespace enigma::ir {
namespace {

constexpr OpInfo table[] = {
#define ENIGMA_OP_TABLE
#include "enigma/IR/OpTable.inc"
#undef ENIGMA_OP_TABLE
};

constexpr PythonFunction functions[] = {
#define ENIGMA_PYTHON_FUNCTIONS
#include "enigma/IR/OpTable.inc"
#undef ENIGMA_PYTHON_FUNCTIONS
};

} // namespace

const OpInfo &info(Opcode op) { return table[static_cast<size_t>(op)]; }
std::span<const OpInfo> allOps() { return table; }
std::span<const PythonFunction> pythonFunctions() { return functions; }

} // namespace enigma::ir
