// SPDX-License-Identifier: MIT
// Registers the operations of the dialect; their definitions are compiled in shards (enigma_add_dialect).
#include "enigma/Dialect/Enigma.h"

#include "enigma/Dialect/EnigmaDialect.cpp.inc"

void enigma::dialect::EnigmaDialect::initialize() { registerEnigmaDialectOperations(this); }
