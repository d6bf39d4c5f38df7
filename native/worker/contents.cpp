#include "worker/contents.h"

#include <cstring>

namespace aliquot::worker {

bool Contents::copy(cl_context context, cl_device_id device, cl_mem memory, uint64_t bytes,
                    cl_map_flags flags, void* out, const void* in) {
  cl_command_queue& queue = queues_[context];
  cl_int status = CL_SUCCESS;
  if (queue == nullptr) {
    queue = calls_.clCreateCommandQueueWithProperties != nullptr
                ? calls_.clCreateCommandQueueWithProperties(context, device, nullptr, &status)
                : calls_.clCreateCommandQueue(context, device, 0, &status);
  }
  if (queue == nullptr) {
    queues_.erase(context);
    return false;
  }
  void* mapped = calls_.clEnqueueMapBuffer(queue, memory, CL_TRUE, flags, 0, bytes, 0, nullptr,
                                           nullptr, &status);
  if (mapped == nullptr || status != CL_SUCCESS) return false;
  if (out != nullptr) std::memcpy(out, mapped, bytes);
  if (in != nullptr) std::memcpy(mapped, in, bytes);
  return calls_.clEnqueueUnmapMemObject(queue, memory, mapped, 0, nullptr, nullptr) ==
             CL_SUCCESS &&
         calls_.clFinish(queue) == CL_SUCCESS;
}

}  // namespace aliquot::worker
