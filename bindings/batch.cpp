// SPDX-License-Identifier: MIT
//
// See batch.h. A launch that is recorded has no result yet, so what gives one at once is refused on the
// thread of the batch; other threads launch as ever.
#include "batch.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace enigma::bindings {
namespace {

struct OpenBatch {
  const runtime::Device *device;
  std::thread::id thread;
};
std::vector<OpenBatch> openBatches; // under the GIL

class PythonBatch {
public:
  explicit PythonBatch(const Runtime &runtime) : device(runtime.device) {}
  ~PythonBatch() { leave(); }

  void enter() {
    if (isOpen)
      throw Error(ErrorKind::Launch, "the batch is open already", {},
                  {"write with rt.batch(): for each of them"});
    thread = std::this_thread::get_id();
    openBatches.push_back({device.get(), thread});
    isOpen = true;
    nb::gil_scoped_release release;
    device->stream().hold();
  }
  void leave() {
    if (!isOpen)
      return;
    isOpen = false;
    const auto own = std::find_if(openBatches.begin(), openBatches.end(), [&](const OpenBatch &open) {
      return open.device == device.get() && open.thread == thread;
    });
    openBatches.erase(own);
    nb::gil_scoped_release release;
    device->stream().release();
  }

private:
  std::shared_ptr<runtime::Device> device;
  std::thread::id thread;
  bool isOpen = false;
};

} // namespace

bool isInBatch(const runtime::Device &device) {
  if (openBatches.empty())
    return false;
  const auto thread = std::this_thread::get_id();
  return std::any_of(openBatches.begin(), openBatches.end(),
                     [&](const OpenBatch &open) { return open.device == &device && open.thread == thread; });
}

void bindBatch(nb::module_ &module) {
  nb::class_<PythonBatch>(module, "Batch", "Launches that begin together, from Runtime.batch().")
      .def(nb::init<const Runtime &>(), nb::arg("runtime"))
      .def("_enter", &PythonBatch::enter)
      .def("_leave", &PythonBatch::leave);
  module.def(
      "start_capture", [](const Runtime &rt, const std::string &path) { rt.device->startCapture(path); },
      nb::arg("runtime"), nb::arg("path"), nb::call_guard<nb::gil_scoped_release>(),
      "Begins a .gputrace document.");
  module.def(
      "stop_capture", [](const Runtime &rt) { rt.device->stopCapture(); }, nb::arg("runtime"),
      nb::call_guard<nb::gil_scoped_release>(), "Writes the .gputrace document.");
}

} // namespace enigma::bindings
