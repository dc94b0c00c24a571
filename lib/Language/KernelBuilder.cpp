// SPDX-License-Identifier: MIT
//
// Parameters first, then operations, then the finished function.
#include "enigma/Language/KernelBuilder.h"

#include "State.h"

namespace enigma {

using language::State;

KernelBuilder::KernelBuilder(std::string_view name, std::source_location place)
    : state(std::make_shared<State>(std::string(name))) {
  if (name.empty())
    throw Error(ErrorKind::Trace, "a kernel needs a name", language::locOf(place));
  state->function.place = state->placeOf(place);
  language::enter(state);
}

KernelBuilder::~KernelBuilder() { state->finished = true; }

namespace {
ir::Value parameter(State &s, std::string_view name, ir::Type type, const std::source_location &place) {
  return s.at(place, [&](ir::Builder &b) {
    if (s.function.numOps())
      b.fail("parameter " + std::string(name) + ": parameters come before the first operation");
    if (name.empty())
      b.fail("a parameter needs a name");
    for (const ir::Param &other : s.function.params())
      if (other.name == name)
        b.fail("there are two parameters " + std::string(name), {"give each parameter a name of its own"});
    return s.function.addParam({std::string(name), type, b.place});
  });
}
} // namespace

Buffer KernelBuilder::buffer(std::string_view name, ElementType type, std::source_location place) {
  return Buffer(state->wrap(parameter(*state, name, ir::Type::buffer(type.type()), place)).in());
}

Value KernelBuilder::scalar(std::string_view name, ElementType type, std::source_location place) {
  return state->wrap(parameter(*state, name, type.type(), place));
}

ir::Function KernelBuilder::finish() {
  if (state->error)
    std::rethrow_exception(state->error);
  if (state->finished)
    throw Error(ErrorKind::Trace, "kernel " + state->function.name() + " is finished already",
                state->function.locate(state->function.place), {"make a Kernel of it once, and keep that"});
  state->finished = true;
  return state->function; // a copy: handles still ask for types
}

} // namespace enigma
