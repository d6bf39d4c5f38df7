// A small OpenCL driver for tests: every object checks that it is alive when it is used and
// aborts the process otherwise, so that a fuzzer or ThreadSanitizer sees at once what the worker
// hands to a driver. Commands run on one thread a queue, as in real drivers.
//
// What it computes: a kernel adds 1 to each 32-bit integer of every buffer argument, for as many
// integers as there are work-items. Kernels, their names and their arguments' classes are read
// from the program's source: `kernel void NAME(global int* a, local int* b, int c)`.
#pragma once

#define CL_TARGET_OPENCL_VERSION 300
#define CL_USE_DEPRECATED_OPENCL_1_0_APIS
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#define CL_USE_DEPRECATED_OPENCL_1_2_APIS
#define CL_USE_DEPRECATED_OPENCL_2_0_APIS
#define CL_USE_DEPRECATED_OPENCL_2_1_APIS
#define CL_USE_DEPRECATED_OPENCL_2_2_APIS
#include <CL/cl.h>
#include <CL/cl_icd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace aliquot::stub {

extern const cl_icd_dispatch kDispatch;

constexpr uint32_t kAlive = 0x57'0b'a1'1e;
constexpr uint32_t kDead = 0xdead'0b'1e;

/** How many objects there are, the platform and the root device apart. */
int living();
extern std::atomic<int> g_living;

/** First member of every object; the dispatch pointer must come first for ICD loaders. */
struct Base {
  Base() { g_living.fetch_add(1, std::memory_order_relaxed); }
  ~Base() { g_living.fetch_sub(1, std::memory_order_relaxed); }
  const cl_icd_dispatch* dispatch = &kDispatch;
  uint32_t magic = kAlive;
  std::atomic<int> references{1};
};

/** Aborts when the object is not a living stub object: the worker must never get here. */
inline void check(const Base* object) {
  if (object == nullptr || object->magic != kAlive) std::abort();
}

inline void retain(Base* object) {
  check(object);
  object->references.fetch_add(1, std::memory_order_relaxed);
}

}  // namespace aliquot::stub

struct _cl_platform_id : aliquot::stub::Base {};
struct _cl_device_id : aliquot::stub::Base {
  cl_uint units = 4;
  cl_device_id parent = nullptr;
};
struct _cl_context : aliquot::stub::Base {
  std::vector<cl_device_id> devices;
};

struct _cl_mem : aliquot::stub::Base {
  cl_context context = nullptr;
  cl_mem parent = nullptr;
  cl_mem_flags flags = 0;
  size_t origin = 0;
  size_t size = 0;
  unsigned char* data = nullptr;
  bool owns_data = false;
  std::atomic<int> maps{0};
  std::mutex lock;
  std::vector<std::pair<void(CL_CALLBACK*)(cl_mem, void*), void*>> destructors;
};

struct _cl_program : aliquot::stub::Base {
  cl_context context = nullptr;
  std::string source;
  bool built = false;
};

struct StubArgument {
  enum Class { kValue, kBuffer, kLocal } argument_class = kValue;
  std::string name;
  bool set = false;
  cl_mem buffer = nullptr;
};

struct _cl_kernel : aliquot::stub::Base {
  cl_program program = nullptr;
  std::string name;
  std::vector<StubArgument> arguments;
};

struct _cl_event : aliquot::stub::Base {
  cl_context context = nullptr;
  cl_command_queue queue = nullptr;
  cl_command_type type = 0;
  std::mutex lock;
  std::condition_variable changed;
  cl_int status = CL_QUEUED;
  cl_ulong times[4] = {};
  struct Callback {
    cl_int level;
    void(CL_CALLBACK* function)(cl_event, cl_int, void*);
    void* user;
  };
  std::vector<Callback> callbacks;
};

struct _cl_command_queue : aliquot::stub::Base {
  cl_context context = nullptr;
  cl_device_id device = nullptr;
  cl_command_queue_properties properties = 0;
  struct Command {
    cl_event event;
    std::vector<cl_event> wait;
    std::function<void()> run;
  };
  std::mutex lock;
  std::condition_variable changed;
  std::deque<Command> commands;
  bool running = false;
  bool stopping = false;
  std::thread thread;
};

namespace aliquot::stub {

void release_event(cl_event event);
void release_memory(cl_mem memory);
/** Moves an event to `status` and calls what waits for it. */
void set_status(cl_event event, cl_int status);
/** Blocks until the event is complete or failed; returns its status. */
cl_int wait_for(cl_event event);
void start(cl_command_queue queue);
/** Gives up one reference; each command in flight holds another, the last one ends the thread. */
void release_queue(cl_command_queue queue);
/** Waits until nothing is enqueued. */
void finish(cl_command_queue queue);
/** Appends a command; stores its event in `*out` when asked. */
cl_int enqueue(cl_command_queue queue, cl_command_type type, cl_uint wait_count,
               const cl_event* wait, cl_event* out, std::function<void()> run);
/** Reads the kernel `name` out of a program's source; false when there is none. */
bool parse_kernel(const std::string& source, const std::string& name,
                  std::vector<StubArgument>* arguments);
std::vector<std::string> kernel_names(const std::string& source);

template <class T>
cl_int answer(const T& value, size_t capacity, void* out, size_t* size) {
  if (size != nullptr) *size = sizeof(T);
  if (out == nullptr) return CL_SUCCESS;
  if (capacity < sizeof(T)) return CL_INVALID_VALUE;
  __builtin_memcpy(out, &value, sizeof(T));
  return CL_SUCCESS;
}

cl_int answer_bytes(const void* data, size_t bytes, size_t capacity, void* out, size_t* size);

template <class Object>
cl_int retain_object(Object object) {
  retain(object);
  return CL_SUCCESS;
}

inline void set_error(cl_int* out, cl_int code) {
  if (out != nullptr) *out = code;
}

inline cl_int answer_text(const char* text, size_t capacity, void* out, size_t* size) {
  return answer_bytes(text, __builtin_strlen(text) + 1, capacity, out, size);
}

/** The only root device. */
extern _cl_device_id root_device;
cl_int retain_device(cl_device_id device);
cl_int release_device(cl_device_id device);
cl_int release_program(cl_program program);
/** Keeps a buffer alive while a command that uses it is enqueued. */
std::shared_ptr<_cl_mem> hold(cl_mem memory);

// Each file of entry points fills its part of the table.
void add_device_functions(cl_icd_dispatch* table);
void add_context_functions(cl_icd_dispatch* table);
void add_memory_functions(cl_icd_dispatch* table);
void add_program_functions(cl_icd_dispatch* table);
void add_kernel_functions(cl_icd_dispatch* table);
void add_event_functions(cl_icd_dispatch* table);
/** Puts calls that write a line each before the functions of commands, where a log is wanted. */
void log_calls(cl_icd_dispatch* table);

}  // namespace aliquot::stub
