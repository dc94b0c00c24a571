// SPDX-License-Identifier: MIT
//
// Every operation of the enigma dialect: the one declaration from which the rest is generated.
#ifndef ENIGMA_OPS_TD
#define ENIGMA_OPS_TD

include "enigma/Dialect/EnigmaAtomicOps.td"
include "enigma/Dialect/EnigmaConstantOps.td"
include "enigma/Dialect/EnigmaControlOps.td"
include "enigma/Dialect/EnigmaCoreOps.td"
include "enigma/Dialect/EnigmaExamples.td"
include "enigma/Dialect/EnigmaFloatOps.td"
include "enigma/Dialect/EnigmaIntegerOps.td"
include "enigma/Dialect/EnigmaMatrixOps.td"
include "enigma/Dialect/EnigmaMemoryOps.td"
include "enigma/Dialect/EnigmaSimdOps.td"
include "enigma/Dialect/EnigmaVectorOps.td"

#endif // ENIGMA_OPS_TD
