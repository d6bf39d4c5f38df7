// Commands of the guest driver's fuzzer.
#include "guest_program.h"

namespace aliquot::fuzz {

namespace {
// Transfers may go on after the call, so their memory lives for ever.
alignas(4096) unsigned char g_memory[3 << 20];
constexpr size_t kMost = sizeof g_memory;
}  // namespace

cl_event* GuestProgram::event_place(protocol::ByteSource& source) {
  const uint8_t choice = source.byte();
  const size_t place = choice / 2 % kEach;
  if (choice % 2 == 0 || events_[place] != nullptr) return nullptr;
  return &events_[place];
}

cl_uint GuestProgram::wait_list(protocol::ByteSource& source, cl_event (&list)[kEach]) {
  const uint8_t which = source.byte();
  cl_uint count = 0;
  for (size_t i = 0; i < kEach; ++i) {
    if ((which >> i & 1) != 0 && events_[i] != nullptr) list[count++] = events_[i];
  }
  return count;
}

void GuestProgram::transfer(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const cl_command_queue queue = pick(queues_, what / 16);
  const cl_mem buffer = pick(buffers_, what / 64);
  if (queue == nullptr || buffer == nullptr) return;
  const size_t offset = source.byte() % 4 == 0 ? source.value<uint16_t>() : 0;
  const size_t size = (1 + size_t{source.value<uint16_t>()}) % kMost;
  cl_event waits[kEach];
  const cl_uint count = wait_list(source, waits);
  const cl_event* list = count != 0 ? waits : nullptr;
  cl_event* event = event_place(source);
  // A call that blocks behind a user event of this very program would be the program's own fault.
  bool open = false;
  for (const bool user : user_) open = open || user;
  const cl_bool blocking = what % 2 == 0 && !open ? CL_TRUE : CL_FALSE;
  switch (what % 16 / 2) {
    case 0:
    case 1:
      calls_.clEnqueueWriteBuffer(queue, buffer, blocking, offset, size, g_memory, count, list,
                                  event);
      return;
    case 2:
    case 3:
      calls_.clEnqueueReadBuffer(queue, buffer, blocking, offset, size, g_memory, count, list,
                                 event);
      return;
    case 4: {
      const cl_mem other = pick(buffers_, source.byte());
      if (other == nullptr) return;
      calls_.clEnqueueCopyBuffer(queue, buffer, other, offset, source.byte(), size, count, list,
                                 event);
      return;
    }
    case 5: {
      const uint32_t pattern = source.value<uint32_t>();
      calls_.clEnqueueFillBuffer(queue, buffer, &pattern, sizeof pattern, offset & ~size_t{3},
                                 size & ~size_t{3}, count, list, event);
      return;
    }
    default: {
      const size_t buffer_origin[3] = {source.byte() % 16u, source.byte() % 4u, 0};
      const size_t host_origin[3] = {source.byte() % 16u, 0, 0};
      const size_t region[3] = {1u + source.byte() % 32u, 1u + source.byte() % 8u, 1};
      if (what % 16 / 2 == 6) {
        calls_.clEnqueueReadBufferRect(queue, buffer, blocking, buffer_origin, host_origin, region,
                                       64, 0, 64, 0, g_memory, count, list, event);
      } else {
        calls_.clEnqueueWriteBufferRect(queue, buffer, blocking, buffer_origin, host_origin, region,
                                        64, 0, 64, 0, g_memory, count, list, event);
      }
    }
  }
}

void GuestProgram::launch(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const cl_command_queue queue = pick(queues_, what / 4);
  const cl_kernel kernel = pick(kernels_, what / 16);
  if (kernel == nullptr) return;
  if (what % 4 == 0) {
    const uint8_t index = source.byte() % 4;
    const uint8_t kind = source.byte();
    const cl_mem buffer = pick(buffers_, kind / 4);
    if (kind % 4 == 0) calls_.clSetKernelArg(kernel, index, 1 + source.byte(), nullptr);
    else if (kind % 4 == 1) calls_.clSetKernelArg(kernel, index, 4, g_memory);
    else calls_.clSetKernelArg(kernel, index, sizeof buffer, &buffer);
    return;
  }
  if (queue == nullptr) return;
  const size_t global[3] = {1 + source.byte() * size_t{4}, 1, 1};
  const size_t local[3] = {1 + source.byte() % 8u, 1, 1};
  cl_event waits[kEach];
  const cl_uint count = wait_list(source, waits);
  calls_.clEnqueueNDRangeKernel(queue, kernel, 1 + what % 3, nullptr, global,
                                what % 8 < 4 ? nullptr : local, count, count != 0 ? waits : nullptr,
                                event_place(source));
}

void GuestProgram::enqueue(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const cl_command_queue queue = pick(queues_, what / 8);
  if (queue == nullptr) return;
  cl_event waits[kEach];
  const cl_uint count = wait_list(source, waits);
  const cl_event* list = count != 0 ? waits : nullptr;
  bool open = false;
  for (const bool user : user_) open = open || user;
  switch (what % 8) {
    case 0:
      calls_.clEnqueueMarkerWithWaitList(queue, count, list, event_place(source));
      return;
    case 1:
      calls_.clEnqueueBarrierWithWaitList(queue, count, list, event_place(source));
      return;
    case 2:
      calls_.clFlush(queue);
      return;
    case 3: {
      const cl_mem buffer = pick(buffers_, source.byte());
      if (buffer == nullptr) return;
      calls_.clEnqueueMigrateMemObjects(queue, 1, &buffer, 0, count, list, event_place(source));
      return;
    }
    default:
      if (!open) calls_.clFinish(queue);
  }
}

void GuestProgram::map(protocol::ByteSource& source) {
  const uint8_t what = source.byte();
  const size_t place = what / 2 % kEach;
  if (what % 2 == 0 || maps_[place].pointer != nullptr) return unmap(place);
  const cl_command_queue queue = pick(queues_, source.byte());
  const cl_mem buffer = pick(buffers_, source.byte());
  if (queue == nullptr || buffer == nullptr) return;
  const size_t size = 1 + source.byte() * size_t{16};
  static constexpr cl_map_flags kFlags[] = {CL_MAP_READ, CL_MAP_WRITE, CL_MAP_READ | CL_MAP_WRITE,
                                            CL_MAP_WRITE_INVALIDATE_REGION};
  const cl_map_flags flags = kFlags[source.byte() % 4];
  cl_event waits[kEach];
  const cl_uint count = wait_list(source, waits);
  bool open = false;
  for (const bool user : user_) open = open || user;
  void* pointer = calls_.clEnqueueMapBuffer(
      queue, buffer, what >= 128 && !open ? CL_TRUE : CL_FALSE, flags, source.byte(), size, count,
      count != 0 ? waits : nullptr, event_place(source), nullptr);
  if (pointer != nullptr) maps_[place] = {pointer, buffer, queue};
}

void GuestProgram::unmap(size_t index) {
  Map& mapped = maps_[index];
  if (mapped.pointer == nullptr) return;
  calls_.clEnqueueUnmapMemObject(mapped.queue, mapped.buffer, mapped.pointer, 0, nullptr, nullptr);
  mapped = {};
}

}  // namespace aliquot::fuzz
