// Markers, barriers, and the calls of OpenCL 1.0 that came before them.
#include "generated/opencl_functions.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

enum class Point { kMarker, kBarrier };

/// A command that waits for the list, or without one for all commands before it.
cl_int enqueue_point(cl_command_queue handle, Point point, cl_uint count, const cl_event* list,
                     cl_event* event) {
  Queue* queue;
  cl_int status = check_queue(handle, &queue);
  if (status != CL_SUCCESS) return status;
  WaitList wait;
  status = collect_wait_list(*queue->context, count, list, &wait);
  if (status != CL_SUCCESS) return status;
  const cl_command_type type =
      point == Point::kMarker ? CL_COMMAND_MARKER : CL_COMMAND_BARRIER;
  if (wait.failed) return finish_failed(*queue, type, event);
  // A list whose events have all ended leaves nothing to wait for but the place in the queue;
  // without a list the command waits for everything before it.
  if (count != 0 && wait.ids.empty()) return order_only(*queue, type, wait, event);
  if (wait.ids.empty() && queue->idle() && (event == nullptr || !queue->profiling())) {
    if (!peer_alive(*queue->connection)) return CL_OUT_OF_RESOURCES;
    return finish_locally(*queue, type, event);
  }
  // In order, everything waits for what came before anyway; a marker that nobody sees is nothing.
  if (event == nullptr && wait.ids.empty() && queue->in_order()) return CL_SUCCESS;
  if (event == nullptr && point == Point::kMarker && !queue->in_order()) return CL_SUCCESS;
  if (point == Point::kMarker) {
    MarkerCommand command{};
    return enqueue(*queue, command, type, wait, event, nullptr);
  }
  BarrierCommand command{};
  return enqueue(*queue, command, type, wait, event, nullptr);
}

}  // namespace

cl_int CL_API_CALL EnqueueMarkerWithWaitList(cl_command_queue queue, cl_uint count,
                                             const cl_event* list, cl_event* event) {
  return enqueue_point(queue, Point::kMarker, count, list, event);
}

cl_int CL_API_CALL EnqueueBarrierWithWaitList(cl_command_queue queue, cl_uint count,
                                              const cl_event* list, cl_event* event) {
  return enqueue_point(queue, Point::kBarrier, count, list, event);
}

cl_int CL_API_CALL EnqueueMarker(cl_command_queue queue, cl_event* event) {
  if (event == nullptr) {
    return from_handle<Queue>(queue) == nullptr ? CL_INVALID_COMMAND_QUEUE : CL_INVALID_VALUE;
  }
  return enqueue_point(queue, Point::kMarker, 0, nullptr, event);
}

cl_int CL_API_CALL EnqueueBarrier(cl_command_queue queue) {
  return enqueue_point(queue, Point::kBarrier, 0, nullptr, nullptr);
}

cl_int CL_API_CALL EnqueueWaitForEvents(cl_command_queue queue, cl_uint count,
                                        const cl_event* list) {
  if (from_handle<Queue>(queue) == nullptr) return CL_INVALID_COMMAND_QUEUE;
  if (count == 0 || list == nullptr) return CL_INVALID_VALUE;
  for (cl_uint i = 0; i < count; i++) {
    if (from_handle<Event>(list[i]) == nullptr) return CL_INVALID_EVENT;
  }
  return enqueue_point(queue, Point::kBarrier, count, list, nullptr);
}

}  // namespace aliquot::guest::opencl
