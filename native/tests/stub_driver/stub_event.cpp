// Event entry points of the stub driver.
#include <algorithm>
#include <cstring>

#include "stub_objects.h"

namespace aliquot::stub {

namespace {

cl_event CreateUserEvent(cl_context context, cl_int* error) {
  check(context);
  auto* event = new _cl_event;
  event->context = context;
  event->type = CL_COMMAND_USER;
  event->status = CL_SUBMITTED;
  set_error(error, CL_SUCCESS);
  return event;
}

cl_int SetUserEventStatus(cl_event event, cl_int status) {
  check(event);
  if (event->type != CL_COMMAND_USER) return CL_INVALID_EVENT;
  if (status > 0) return CL_INVALID_VALUE;
  set_status(event, status);
  return CL_SUCCESS;
}

cl_int ReleaseEvent(cl_event event) {
  release_event(event);
  return CL_SUCCESS;
}

cl_int WaitForEvents(cl_uint count, const cl_event* events) {
  for (cl_uint i = 0; i < count; ++i) wait_for(events[i]);
  return CL_SUCCESS;
}

cl_int SetEventCallback(cl_event event, cl_int level,
                        void(CL_CALLBACK* function)(cl_event, cl_int, void*), void* user) {
  check(event);
  cl_int status = 0;
  {
    std::scoped_lock hold(event->lock);
    status = event->status;
    if (status > level) {
      event->callbacks.push_back({level, function, user});
      return CL_SUCCESS;
    }
  }
  function(event, status < 0 ? status : level, user);
  return CL_SUCCESS;
}

cl_int GetEventInfo(cl_event event, cl_event_info name, size_t capacity, void* out, size_t* size) {
  check(event);
  switch (name) {
    case CL_EVENT_COMMAND_EXECUTION_STATUS: {
      std::scoped_lock hold(event->lock);
      return answer<cl_int>(event->status, capacity, out, size);
    }
    case CL_EVENT_COMMAND_TYPE: return answer<cl_command_type>(event->type, capacity, out, size);
    case CL_EVENT_REFERENCE_COUNT:
      return answer<cl_uint>(static_cast<cl_uint>(event->references.load()), capacity, out, size);
    default: return CL_INVALID_VALUE;
  }
}

cl_int GetEventProfilingInfo(cl_event event, cl_profiling_info name, size_t capacity, void* out,
                             size_t* size) {
  check(event);
  std::scoped_lock hold(event->lock);
  if (event->status != CL_COMPLETE) return CL_PROFILING_INFO_NOT_AVAILABLE;
  if (name < CL_PROFILING_COMMAND_QUEUED || name > CL_PROFILING_COMMAND_END) {
    return CL_INVALID_VALUE;
  }
  return answer<cl_ulong>(event->times[name - CL_PROFILING_COMMAND_QUEUED], capacity, out, size);
}

cl_int GetDeviceAndHostTimer(cl_device_id id, cl_ulong* device_time, cl_ulong* host_time) {
  check(id);
  *device_time = *host_time = 1;
  return CL_SUCCESS;
}

}  // namespace

void add_event_functions(cl_icd_dispatch* table) {
  table->clCreateUserEvent = CreateUserEvent;
  table->clSetUserEventStatus = SetUserEventStatus;
  table->clRetainEvent = retain_object<cl_event>;
  table->clReleaseEvent = ReleaseEvent;
  table->clWaitForEvents = WaitForEvents;
  table->clSetEventCallback = SetEventCallback;
  table->clGetEventInfo = GetEventInfo;
  table->clGetEventProfilingInfo = GetEventProfilingInfo;
  table->clGetDeviceAndHostTimer = GetDeviceAndHostTimer;
}

}  // namespace aliquot::stub
