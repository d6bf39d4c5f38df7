#include "scripted_driver.h"

#include <unistd.h>

namespace aliquot::test {

using EventCallback = void(CL_CALLBACK*)(cl_event, cl_int, void*);

ScriptedDriver* ScriptedDriver::g_this = nullptr;

struct ScriptedDriver::Event {
  cl_int status = CL_QUEUED;
  cl_ulong start = 0, end = 0;
  std::vector<std::pair<EventCallback, void*>> callbacks;
  cl_event handle() { return reinterpret_cast<cl_event>(this); }
};

// Handles other than events stand for nothing but themselves.
struct ScriptedDriver::Table {
  template <class Handle>
  static Handle some() {
    static int place;
    return reinterpret_cast<Handle>(&place);
  }
  template <class Handle>
  static cl_int CL_API_CALL do_nothing(Handle) {
    return CL_SUCCESS;
  }

  static cl_int CL_API_CALL device_info(cl_device_id, cl_device_info what, size_t size, void* out,
                                        size_t* out_size) {
    if (size != sizeof(cl_ulong)) return CL_INVALID_VALUE;
    const bool native = what == CL_DEVICE_EXECUTION_CAPABILITIES && g_this->says_native_kernels_;
    *static_cast<cl_ulong*>(out) = native ? CL_EXEC_NATIVE_KERNEL : 1 << 20;
    if (out_size != nullptr) *out_size = size;
    return CL_SUCCESS;
  }
  static cl_context CL_API_CALL create_context(
      const cl_context_properties*, cl_uint, const cl_device_id*,
      void(CL_CALLBACK*)(const char*, const void*, size_t, void*), void*, cl_int* status) {
    *status = CL_SUCCESS;
    g_this->contexts_.fetch_add(1);
    return some<cl_context>();
  }
  static cl_int CL_API_CALL retain_context(cl_context) {
    g_this->contexts_.fetch_add(1);
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL release_context(cl_context) {
    g_this->contexts_.fetch_sub(1);
    return CL_SUCCESS;
  }
  static cl_program CL_API_CALL create_program(cl_context, cl_uint, const char**, const size_t*,
                                               cl_int* status) {
    *status = CL_SUCCESS;
    g_this->programs_.fetch_add(1);
    return some<cl_program>();
  }
  static cl_int CL_API_CALL build_program(cl_program, cl_uint, const cl_device_id*, const char*,
                                          void(CL_CALLBACK*)(cl_program, void*), void*) {
    {
      const std::lock_guard guard(g_this->mutex_);
      g_this->build_threads_.insert(std::this_thread::get_id());
    }
    g_this->builds_.fetch_add(1);
    while (!g_this->builds_may_end_.load()) ::usleep(1000);
    g_this->builds_.fetch_sub(1);
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL build_info(cl_program, cl_device_id, cl_program_build_info, size_t,
                                       void*, size_t* out_size) {
    if (out_size != nullptr) *out_size = 0;
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL release_program(cl_program) {
    g_this->programs_.fetch_sub(1);
    return CL_SUCCESS;
  }
  static cl_command_queue CL_API_CALL create_queue(cl_context, cl_device_id,
                                                   cl_command_queue_properties, cl_int* status) {
    *status = CL_SUCCESS;
    return some<cl_command_queue>();
  }
  static cl_int enqueue(cl_event* event) {
    if (event != nullptr) *event = g_this->make_event();
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL enqueue_marker(cl_command_queue, cl_uint, const cl_event*,
                                           cl_event* event) {
    return g_this->refuses_markers_ ? CL_OUT_OF_RESOURCES : enqueue(event);
  }
  static cl_int CL_API_CALL enqueue_barrier(cl_command_queue, cl_uint, const cl_event*,
                                            cl_event* event) {
    return enqueue(event);
  }
  static cl_int CL_API_CALL enqueue_fill(cl_command_queue, cl_mem, const void*, size_t, size_t,
                                         size_t, cl_uint, const cl_event*, cl_event* event) {
    g_this->fills_.fetch_add(1);
    return enqueue(event);
  }
  static cl_mem CL_API_CALL create_buffer(cl_context, cl_mem_flags, size_t, void*,
                                          cl_int* status) {
    *status = CL_SUCCESS;
    return some<cl_mem>();
  }
  static cl_event CL_API_CALL create_user_event(cl_context, cl_int* status) {
    *status = CL_SUCCESS;
    return g_this->make_event();
  }
  static cl_int CL_API_CALL set_user_event(cl_event event, cl_int status) {
    g_this->move(event, status);
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL profiling_info(cl_event event, cl_profiling_info what, size_t,
                                           void* out, size_t*) {
    const std::lock_guard guard(g_this->mutex_);
    const auto* object = reinterpret_cast<Event*>(event);
    const bool end = what == CL_PROFILING_COMMAND_END;
    *static_cast<cl_ulong*>(out) = end ? object->end : object->start;
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL enqueue_native(cl_command_queue, void(CL_CALLBACK* function)(void*),
                                           void* arguments, size_t bytes, cl_uint, const cl_mem*,
                                           const void**, cl_uint, const cl_event*, cl_event*) {
    const std::lock_guard guard(g_this->mutex_);
    if (g_this->refuses_native_kernels_) return CL_OUT_OF_RESOURCES;
    const auto* begin = static_cast<unsigned char*>(arguments);
    g_this->native_kernels_.emplace_back(function, std::vector(begin, begin + bytes));
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL wait_for_events(cl_uint, const cl_event*) { return CL_SUCCESS; }
  static cl_int CL_API_CALL event_info(cl_event event, cl_event_info, size_t, void* out, size_t*) {
    *static_cast<cl_int*>(out) = g_this->status(event);
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL set_callback(cl_event event, cl_int, EventCallback function,
                                         void* data) {
    cl_int status = CL_QUEUED;
    {
      const std::lock_guard guard(g_this->mutex_);
      auto* object = reinterpret_cast<Event*>(event);
      status = object->status;
      if (status > CL_COMPLETE) object->callbacks.emplace_back(function, data);
    }
    if (status <= CL_COMPLETE) function(event, status, data);
    return CL_SUCCESS;
  }
  static cl_int CL_API_CALL finish(cl_command_queue) {
    for (bool busy = true; busy; ::usleep(1000)) {
      const std::lock_guard guard(g_this->mutex_);
      busy = false;
      for (const auto& event : g_this->events_) busy = busy || event->status > CL_COMPLETE;
    }
    return CL_SUCCESS;
  }
};

void ScriptedDriver::run_native_kernels() {
  decltype(native_kernels_) enqueued;
  {
    const std::lock_guard guard(mutex_);
    enqueued.swap(native_kernels_);
  }
  for (auto& [function, arguments] : enqueued) function(arguments.data());
}

size_t ScriptedDriver::build_threads() {
  const std::lock_guard guard(mutex_);
  return build_threads_.size();
}

size_t ScriptedDriver::native_kernels() {
  const std::lock_guard guard(mutex_);
  return native_kernels_.size();
}

ScriptedDriver::ScriptedDriver(bool says_native_kernels)
    : says_native_kernels_(says_native_kernels) {
  g_this = this;
  cl_icd_dispatch table{};
  table.clGetDeviceInfo = Table::device_info;
  table.clCreateContext = Table::create_context;
  table.clRetainContext = Table::retain_context;
  table.clReleaseContext = Table::release_context;
  table.clCreateProgramWithSource = Table::create_program;
  table.clBuildProgram = Table::build_program;
  table.clGetProgramBuildInfo = Table::build_info;
  table.clReleaseProgram = Table::release_program;
  table.clCreateCommandQueue = Table::create_queue;
  table.clRetainCommandQueue = Table::do_nothing<cl_command_queue>;
  table.clReleaseCommandQueue = Table::do_nothing<cl_command_queue>;
  table.clFlush = Table::do_nothing<cl_command_queue>;
  table.clFinish = Table::finish;
  table.clEnqueueMarkerWithWaitList = Table::enqueue_marker;
  table.clEnqueueBarrierWithWaitList = Table::enqueue_barrier;
  table.clEnqueueFillBuffer = Table::enqueue_fill;
  table.clCreateBuffer = Table::create_buffer;
  table.clReleaseMemObject = Table::do_nothing<cl_mem>;
  table.clCreateUserEvent = Table::create_user_event;
  table.clSetUserEventStatus = Table::set_user_event;
  table.clGetEventProfilingInfo = Table::profiling_info;
  table.clEnqueueNativeKernel = Table::enqueue_native;
  table.clWaitForEvents = Table::wait_for_events;
  table.clGetEventInfo = Table::event_info;
  table.clSetEventCallback = Table::set_callback;
  table.clRetainEvent = Table::do_nothing<cl_event>;
  table.clReleaseEvent = Table::do_nothing<cl_event>;
  driver_ = std::make_unique<worker::Driver>(table, 12, Table::some<cl_platform_id>(),
                                             Table::some<cl_device_id>());
}

ScriptedDriver::~ScriptedDriver() { g_this = nullptr; }

cl_event ScriptedDriver::make_event() {
  const std::lock_guard guard(mutex_);
  events_.push_back(std::make_unique<Event>());
  return events_.back()->handle();
}

size_t ScriptedDriver::events() {
  const std::lock_guard guard(mutex_);
  return events_.size();
}

cl_int ScriptedDriver::status(cl_event event) {
  const std::lock_guard guard(mutex_);
  return reinterpret_cast<Event*>(event)->status;
}

cl_int ScriptedDriver::status_of(size_t number) {
  const std::lock_guard guard(mutex_);
  return events_[number]->status;
}

void ScriptedDriver::set_times(size_t number, cl_ulong start, cl_ulong end) {
  const std::lock_guard guard(mutex_);
  events_[number]->start = start;
  events_[number]->end = end;
}

void ScriptedDriver::set(size_t number, cl_int status) {
  cl_event handle = nullptr;
  {
    const std::lock_guard guard(mutex_);
    handle = events_[number]->handle();
  }
  move(handle, status);
}

void ScriptedDriver::move(cl_event handle, cl_int status) {
  std::vector<std::pair<EventCallback, void*>> due;
  {
    const std::lock_guard guard(mutex_);
    auto* event = reinterpret_cast<Event*>(handle);
    event->status = status;
    if (status <= CL_COMPLETE) due.swap(event->callbacks);
  }
  for (const auto& [function, data] : due) function(handle, status, data);
}

}  // namespace aliquot::test
