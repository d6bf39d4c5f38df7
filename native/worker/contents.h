// The contents of buffers, from and to the image, while nothing else is under way. By mapping, so that
// where the device computes on the processor the decode thread itself copies, in the sight of the
// device host.
#pragma once

#include <CL/cl_icd.h>

#include <map>

#include "worker/driver.h"

namespace aliquot::worker {

class Contents {
 public:
  explicit Contents(const cl_icd_dispatch& calls) : calls_(calls) {}
  ~Contents() {
    for (const auto& [context, queue] : queues_) calls_.clReleaseCommandQueue(queue);
  }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  /// Copies a buffer of `context`, whose devices include `device`, out or in. False: the driver refused.
  bool read(cl_context context, cl_device_id device, cl_mem memory, uint64_t bytes, void* out) {
    return copy(context, device, memory, bytes, CL_MAP_READ, out, nullptr);
  }
  bool write(cl_context context, cl_device_id device, cl_mem memory, uint64_t bytes,
             const void* in) {
    return copy(context, device, memory, bytes, CL_MAP_WRITE, nullptr, in);
  }

 private:
  bool copy(cl_context context, cl_device_id device, cl_mem memory, uint64_t bytes,
            cl_map_flags flags, void* out, const void* in);

  const cl_icd_dispatch& calls_;
  std::map<cl_context, cl_command_queue> queues_;  // of its own, since a context may have none
};

}  // namespace aliquot::worker
