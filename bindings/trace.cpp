// SPDX-License-Identifier: MIT
//
// The current trace, and the table that turns instruction offsets into lines and columns.
#include "trace.h"

#include "tensor.h"
#include "value.h"

#include <atomic>
#include <mutex>
#include <utility>

namespace enigma::bindings {

constinit thread_local Trace *currentTrace = nullptr;

namespace {

constexpr ir::Place fixedBit = ir::Place(1) << 63;

// A kernel may be dropped by any thread, with or without the GIL. What it held of Python waits here for the
// next trace.
std::mutex droppedMutex;
std::vector<PyObject *> dropped;

void releaseDropped() {
  std::vector<PyObject *> objects;
  {
    std::lock_guard lock(droppedMutex);
    objects.swap(dropped);
  }
  for (PyObject *object : objects)
    Py_DECREF(object);
}

// The folder of an imported package with a slash, or nothing.
std::string folderOf(const char *package) {
  PyObject *module = PyDict_GetItemString(PyImport_GetModuleDict(), package);
  if (!module)
    return {};
  nb::object folder = nb::object(nb::borrow(module).attr("__path__"))[0];
  return std::string(utf8(folder.ptr())) + "/";
}

// Whether a code object belongs to this package or to NumPy, whose frames are not the user's.
bool isOwnCode(PyObject *code) {
  static std::string ours, numpys; // under the GIL
  if (ours.empty())
    ours = folderOf("enigma");
  if (numpys.empty())
    numpys = folderOf("numpy");
  nb::object file = nb::borrow(code).attr("co_filename");
  std::string_view path = utf8(file.ptr());
  return path.starts_with(ours) || (!numpys.empty() && path.starts_with(numpys));
}

#if defined(Py_LIMITED_API) // the frame's fields are not in the stable interface; its attributes are

nb::object codeOf(nb::handle frame) { return frame.attr("f_code"); }
int offsetOf(nb::handle frame) { return nb::cast<int>(frame.attr("f_lasti")); }
nb::object callerOf(nb::handle frame) {
  nb::object back = frame.attr("f_back");
  return back.is_none() ? nb::object() : back;
}

#else

nb::object codeOf(nb::handle frame) {
  return nb::steal(
      reinterpret_cast<PyObject *>(PyFrame_GetCode(reinterpret_cast<PyFrameObject *>(frame.ptr()))));
}
int offsetOf(nb::handle frame) { return PyFrame_GetLasti(reinterpret_cast<PyFrameObject *>(frame.ptr())); }
nb::object callerOf(nb::handle frame) {
  return nb::steal(
      reinterpret_cast<PyObject *>(PyFrame_GetBack(reinterpret_cast<PyFrameObject *>(frame.ptr()))));
}

#endif

} // namespace

CodeTable::~CodeTable() {
  std::lock_guard lock(droppedMutex);
  for (const Entry &entry : codes)
    dropped.push_back(entry.code);
}

uint32_t CodeTable::indexOf(PyObject *code) {
  for (uint32_t i = 0; i < codes.size(); ++i)
    if (codes[i].code == code)
      return i;
  bool own = isOwnCode(code);
  Py_INCREF(code);
  codes.push_back({code, own});
  return codes.size() - 1;
}

ir::Place CodeTable::here() {
  auto *frame = reinterpret_cast<PyObject *>(PyEval_GetFrame());
  nb::object held;
  while (frame) {
    nb::object code = codeOf(frame);
    if (code.ptr() != lastCode) {
      lastIndex = indexOf(code.ptr());
      lastCode = codes[lastIndex].code;
    }
    if (!codes[lastIndex].own)
      return ir::Place(lastIndex + 1) << 32 | static_cast<uint32_t>(offsetOf(frame));
    held = callerOf(frame);
    frame = held.ptr();
  }
  return 0;
}

ir::Place CodeTable::add(SourceLoc loc) {
  fixed.push_back(std::move(loc));
  return fixedBit | fixed.size();
}

SourceLoc CodeTable::resolve(ir::Place place) const {
  if (place & fixedBit) {
    uint64_t index = place & ~fixedBit;
    return index && index <= fixed.size() ? fixed[index - 1] : SourceLoc{};
  }
  uint32_t index = place >> 32;
  if (!index || index > codes.size() || !Py_IsInitialized())
    return {};
  nb::gil_scoped_acquire gil;
  nb::error_scope keep;
  try {
    nb::object code = nb::borrow(codes[index - 1].code);
    SourceLoc loc;
    loc.file = nb::cast<nb::str>(code.attr("co_filename")).c_str();
    uint32_t instruction = static_cast<uint32_t>(place) / 2; // code units have two bytes
    for (nb::handle row : code.attr("co_positions")()) {
      if (instruction--)
        continue;
      auto number = [&](int i) { return row[i].is_none() ? 0u : nb::cast<uint32_t>(row[i]); };
      loc.line = number(0);
      loc.endLine = number(1);
      loc.col = number(2);
      loc.endCol = number(3);
      break;
    }
    return loc;
  } catch (nb::python_error &) {
    return {};
  }
}

Trace::Trace(std::string name, ir::LaunchSize launch)
    : function(std::move(name)), launch(launch), outer(currentTrace) {
  static std::atomic<uint64_t> next{1};
  serial = next++;
  releaseDropped();
  function.setLocations(places);
  currentTrace = this;
}

Trace::~Trace() { currentTrace = outer; }

void Trace::widen() {
  auto &narrowed = scopes.back().narrowed;
  for (; !narrowed.empty(); narrowed.pop_back())
    tensorState->space.restore(narrowed.back().first, narrowed.back().second);
  if (std::exchange(scopes.back().isDead, false))
    tensorState->space.leaveDead();
}

void Trace::popScopes(size_t count) {
  while (scopes.size() > count) {
    widen();
    scopes.pop_back();
  }
}

TensorState &Trace::tensors() {
  if (!tensorState)
    tensorState = std::make_unique<TensorState>(builder, launch);
  return *tensorState;
}

void Trace::forget(uint32_t values) {
  for (uint32_t &count : kept)
    count = std::min(count, values);
  kept.push_back(~0u);
  if (ended.size() > values)
    ended.resize(values);
  std::erase_if(memories, [&](const auto &row) { return row.second.id >= values; });
  if (tensorState) {
    tensorState->space.forget(values);
    tensorState->access.forget(values);
  }
}

Trace::State Trace::state(ir::Value value, uint32_t epoch) const {
  if (value.id >= kept[epoch])
    return State::forgotten;
  return value.id < ended.size() && ended[value.id] ? State::ended : State::usable;
}

Trace::State Trace::state(const ValueHandle &handle) const { return state(handle.value, handle.epoch); }

SourceLoc callerLocation() {
  if (currentTrace)
    return currentTrace->places->resolve(currentTrace->places->here());
  CodeTable places;
  return places.resolve(places.here());
}

Trace &requireTrace(std::string_view what) {
  if (currentTrace)
    return *currentTrace;
  throw Error(ErrorKind::Trace, std::string(what) + ": works only while a kernel is traced", callerLocation(),
              {"use it in a function decorated with @enigma.kernel, or called by one, and compile that with "
               "enigma.compile(...)"});
}

void callKernel(Trace &trace, const SourceLoc &place, nb::handle function,
                const std::vector<PyObject *> &arguments, const char *result) {
  const std::string kernel = "kernel " + trace.function.name();
  nb::object returned =
      nb::steal(PyObject_Vectorcall(function.ptr(), arguments.data(), arguments.size(), nullptr));
  if (!returned)
    throw nb::python_error();
  if (trace.error) { // the kernel caught it, so what it traced is not what was written
    PyErr_SetObject(trace.error.type().ptr(), trace.error.ptr());
    throw nb::python_error();
  }
  if (!trace.scopes.empty())
    throw Error(ErrorKind::Trace,
                kernel + ": an exception left a loop or branch and was caught outside of it", place,
                {"the block was traced in part only; do not catch exceptions across it"});
  if (!returned.is_none())
    throw Error(ErrorKind::Trace, kernel + " returns a value", place,
                {std::string("a kernel gives its results by storing them: ") + result});
}

SourceLoc locFrom(const std::string &file, nb::handle range) {
  auto number = [&](int i) { return nb::cast<uint32_t>(range[i]); };
  return {file, number(0), number(1), number(2), number(3)};
}

} // namespace enigma::bindings
