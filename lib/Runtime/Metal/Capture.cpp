// SPDX-License-Identifier: MIT
//
// See Capture.h.
#include "Capture.h"

#include "Failures.h"
#include "System.h"

namespace enigma::runtime::metal {

void startCapture(MTL::Device &device, const std::string &path) {
  MTL::CaptureManager *manager = MTL::CaptureManager::sharedCaptureManager();
  if (!manager->supportsDestination(MTL::CaptureDestinationGPUTraceDocument))
    throw Error(ErrorKind::Device, "capture: Metal does not write traces in this process", {},
                {"set MTL_CAPTURE_ENABLED=1 before the program starts"});
  if (manager->isCapturing())
    throw Error(ErrorKind::Device, "capture: another capture is under way");
  auto descriptor = owned(MTL::CaptureDescriptor::alloc()->init());
  descriptor->setCaptureObject(reinterpret_cast<NS::Object *>(&device));
  descriptor->setDestination(MTL::CaptureDestinationGPUTraceDocument);
  descriptor->setOutputURL(urlOf(path).get());
  NS::Error *error = nullptr;
  if (!manager->startCapture(descriptor.get(), &error))
    throw pipelineError("capture", "Metal cannot write " + path, error);
}

void stopCapture() { MTL::CaptureManager::sharedCaptureManager()->stopCapture(); }

} // namespace enigma::runtime::metal
