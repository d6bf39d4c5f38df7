// Contexts and queues of the stub driver.
#include <algorithm>
#include <cstring>

#include "stub_objects.h"

namespace aliquot::stub {

namespace {

cl_context CreateContext(const cl_context_properties*, cl_uint count, const cl_device_id* devices,
                         void(CL_CALLBACK*)(const char*, const void*, size_t, void*), void*,
                         cl_int* error) {
  auto* context = new _cl_context;
  for (cl_uint i = 0; i < count; ++i) {
    retain_device(devices[i]);
    context->devices.push_back(devices[i]);
  }
  set_error(error, CL_SUCCESS);
  return context;
}

cl_int ReleaseContext(cl_context context) {
  check(context);
  if (context->references.fetch_sub(1) != 1) return CL_SUCCESS;
  for (cl_device_id id : context->devices) release_device(id);
  context->magic = kDead;
  delete context;
  return CL_SUCCESS;
}

cl_int GetContextInfo(cl_context context, cl_context_info name, size_t capacity, void* out,
                      size_t* size) {
  check(context);
  if (name != CL_CONTEXT_DEVICES) return CL_INVALID_VALUE;
  return answer_bytes(context->devices.data(), context->devices.size() * sizeof(cl_device_id),
                      capacity, out, size);
}

cl_command_queue CreateCommandQueue(cl_context context, cl_device_id id,
                                    cl_command_queue_properties properties, cl_int* error) {
  check(context);
  check(id);
  auto* queue = new _cl_command_queue;
  queue->context = context;
  queue->device = id;
  queue->properties = properties;
  start(queue);
  set_error(error, CL_SUCCESS);
  return queue;
}

cl_command_queue CreateCommandQueueWithProperties(cl_context context, cl_device_id id,
                                                  const cl_queue_properties* list, cl_int* error) {
  cl_command_queue_properties properties = 0;
  for (; list != nullptr && list[0] != 0; list += 2) {
    if (list[0] == CL_QUEUE_PROPERTIES) properties = list[1];
  }
  return CreateCommandQueue(context, id, properties, error);
}

cl_int ReleaseCommandQueue(cl_command_queue queue) {
  release_queue(queue);
  return CL_SUCCESS;
}

cl_int Flush(cl_command_queue queue) {
  check(queue);
  return CL_SUCCESS;
}

cl_int Finish(cl_command_queue queue) {
  check(queue);
  finish(queue);
  return CL_SUCCESS;
}

}  // namespace

void add_context_functions(cl_icd_dispatch* table) {
  table->clCreateContext = CreateContext;
  table->clRetainContext = retain_object<cl_context>;
  table->clReleaseContext = ReleaseContext;
  table->clGetContextInfo = GetContextInfo;
  table->clCreateCommandQueue = CreateCommandQueue;
  table->clCreateCommandQueueWithProperties = CreateCommandQueueWithProperties;
  table->clRetainCommandQueue = retain_object<cl_command_queue>;
  table->clReleaseCommandQueue = ReleaseCommandQueue;
  table->clFlush = Flush;
  table->clFinish = Finish;
}

}  // namespace aliquot::stub
