// The stub driver's log: a line for each call that a command comes to, with every number in it, in
// the file that ALIQUOT_STUB_LOG names. Tests read there what a program's calls have become.
#include <cstdarg>
#include <cstdio>

#include "stub_objects.h"

namespace aliquot::stub {

namespace {

std::FILE* g_file = nullptr;
cl_icd_dispatch g_real{};
std::mutex g_lock;

[[gnu::format(printf, 1, 2)]] void line(const char* format, ...) {
  std::scoped_lock hold(g_lock);
  va_list arguments;
  va_start(arguments, format);
  std::vfprintf(g_file, format, arguments);
  va_end(arguments);
  std::fputc('\n', g_file);
  std::fflush(g_file);  // a worker may end by a signal
}

// "1,2,3", or "-" for a null pointer.
std::string list(const size_t* numbers, size_t count) {
  if (numbers == nullptr) return "-";
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    if (i != 0) text += ',';
    text += std::to_string(numbers[i]);
  }
  return text;
}

std::string bytes(const void* data, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    char pair[3];
    std::snprintf(pair, sizeof pair, "%02x", static_cast<const unsigned char*>(data)[i]);
    text += pair;
  }
  return text;
}

cl_mem CL_API_CALL create_buffer(cl_context context, cl_mem_flags flags, size_t size, void* host,
                                 cl_int* error) {
  line("create buffer size=%zu", size);
  return g_real.clCreateBuffer(context, flags, size, host, error);
}

cl_mem CL_API_CALL create_sub_buffer(cl_mem parent, cl_mem_flags flags, cl_buffer_create_type type,
                                     const void* info, cl_int* error) {
  const auto* region = static_cast<const cl_buffer_region*>(info);
  line("create sub-buffer origin=%zu size=%zu", region->origin, region->size);
  return g_real.clCreateSubBuffer(parent, flags, type, info, error);
}

cl_int CL_API_CALL build_program(cl_program program, cl_uint count, const cl_device_id* devices,
                                 const char* options,
                                 void(CL_CALLBACK* notify)(cl_program, void*), void* data) {
  line("build options=%s", options);
  return g_real.clBuildProgram(program, count, devices, options, notify, data);
}

cl_int CL_API_CALL set_argument(cl_kernel kernel, cl_uint index, size_t size, const void* value) {
  const StubArgument::Class kind = index < kernel->arguments.size()
                                       ? kernel->arguments[index].argument_class
                                       : StubArgument::kValue;
  line("argument index=%u size=%zu value=%s", index, size,
       kind == StubArgument::kValue ? bytes(value, size).c_str()
       : value == nullptr           ? "-"
                                    : "buffer");
  return g_real.clSetKernelArg(kernel, index, size, value);
}

cl_int CL_API_CALL launch(cl_command_queue queue, cl_kernel kernel, cl_uint dimensions,
                          const size_t* offset, const size_t* global, const size_t* local,
                          cl_uint waits, const cl_event* wait, cl_event* event) {
  line("launch kernel=%s offset=%s global=%s local=%s waits=%u", kernel->name.c_str(),
       list(offset, dimensions).c_str(), list(global, dimensions).c_str(),
       list(local, dimensions).c_str(), waits);
  return g_real.clEnqueueNDRangeKernel(queue, kernel, dimensions, offset, global, local, waits,
                                       wait, event);
}

cl_int CL_API_CALL fill(cl_command_queue queue, cl_mem buffer, const void* pattern,
                        size_t pattern_size, size_t offset, size_t size, cl_uint waits,
                        const cl_event* wait, cl_event* event) {
  line("fill pattern=%s offset=%zu size=%zu waits=%u", bytes(pattern, pattern_size).c_str(), offset,
       size, waits);
  return g_real.clEnqueueFillBuffer(queue, buffer, pattern, pattern_size, offset, size, waits, wait,
                                    event);
}

cl_int CL_API_CALL copy(cl_command_queue queue, cl_mem source, cl_mem target, size_t source_offset,
                        size_t target_offset, size_t size, cl_uint waits, const cl_event* wait,
                        cl_event* event) {
  line("copy from=%zu to=%zu size=%zu waits=%u", source_offset, target_offset, size, waits);
  return g_real.clEnqueueCopyBuffer(queue, source, target, source_offset, target_offset, size,
                                    waits, wait, event);
}

cl_int CL_API_CALL copy_rectangle(cl_command_queue queue, cl_mem source, cl_mem target,
                                  const size_t* from, const size_t* to, const size_t* region,
                                  size_t source_row, size_t source_slice, size_t target_row,
                                  size_t target_slice, cl_uint waits, const cl_event* wait,
                                  cl_event* event) {
  line("copy rectangle from=%s to=%s region=%s pitches=%zu,%zu,%zu,%zu waits=%u",
       list(from, 3).c_str(), list(to, 3).c_str(), list(region, 3).c_str(), source_row,
       source_slice, target_row, target_slice, waits);
  return g_real.clEnqueueCopyBufferRect(queue, source, target, from, to, region, source_row,
                                        source_slice, target_row, target_slice, waits, wait, event);
}

cl_int CL_API_CALL write(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                         size_t size, const void* data, cl_uint waits, const cl_event* wait,
                         cl_event* event) {
  line("write offset=%zu size=%zu waits=%u", offset, size, waits);
  return g_real.clEnqueueWriteBuffer(queue, buffer, blocking, offset, size, data, waits, wait,
                                     event);
}

cl_int CL_API_CALL read(cl_command_queue queue, cl_mem buffer, cl_bool blocking, size_t offset,
                        size_t size, void* data, cl_uint waits, const cl_event* wait,
                        cl_event* event) {
  line("read offset=%zu size=%zu waits=%u", offset, size, waits);
  return g_real.clEnqueueReadBuffer(queue, buffer, blocking, offset, size, data, waits, wait,
                                    event);
}

cl_int CL_API_CALL migrate(cl_command_queue queue, cl_uint count, const cl_mem* buffers,
                           cl_mem_migration_flags flags, cl_uint waits, const cl_event* wait,
                           cl_event* event) {
  line("migrate count=%u flags=%llu waits=%u", count, static_cast<unsigned long long>(flags),
       waits);
  return g_real.clEnqueueMigrateMemObjects(queue, count, buffers, flags, waits, wait, event);
}

}  // namespace

void log_calls(cl_icd_dispatch* table) {
  const char* path = std::getenv("ALIQUOT_STUB_LOG");
  if (path == nullptr || (g_file = std::fopen(path, "w")) == nullptr) return;
  g_real = *table;
  table->clCreateBuffer = create_buffer;
  table->clCreateSubBuffer = create_sub_buffer;
  table->clBuildProgram = build_program;
  table->clSetKernelArg = set_argument;
  table->clEnqueueNDRangeKernel = launch;
  table->clEnqueueFillBuffer = fill;
  table->clEnqueueCopyBuffer = copy;
  table->clEnqueueCopyBufferRect = copy_rectangle;
  table->clEnqueueWriteBuffer = write;
  table->clEnqueueReadBuffer = read;
  table->clEnqueueMigrateMemObjects = migrate;
}

}  // namespace aliquot::stub
