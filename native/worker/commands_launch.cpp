// Launching kernels: the path that counts.
#include <cstring>
#include <utility>

#include "worker/connection.h"

namespace aliquot::worker {

using namespace opencl;

namespace {

static_assert(sizeof(size_t) == sizeof(uint64_t), "sizes travel as u64 and are used in place");

constexpr uint32_t kHasLocal = 1;
constexpr uint32_t kHasOffset = 2;
constexpr uint32_t kIsTask = 4;

struct ArgumentHeader {
  uint32_t index;
  uint32_t argument_class;
  uint32_t bytes;
  uint32_t buffer;
};

}  // namespace

cl_int Connection::set_arguments(KernelObject& kernel, cl_context context,
                                 std::span<const uint8_t> arguments) {
  cl_int result = CL_SUCCESS;
  while (!arguments.empty()) {
    ArgumentHeader header;
    if (arguments.size() < sizeof header) {
      broke_protocol("A launch's arguments end in the middle of one.");
      return CL_INVALID_KERNEL_ARGS;
    }
    std::memcpy(&header, arguments.data(), sizeof header);
    arguments = arguments.subspan(sizeof header);
    const auto argument_class = static_cast<ArgumentClass>(header.argument_class);
    const uint8_t* value = arguments.data();
    if (argument_class == ArgumentClass::kValue) {
      if (header.bytes > arguments.size() || protocol::padded(header.bytes) > arguments.size()) {
        broke_protocol("A launch's argument is longer than its frame.");
        return CL_INVALID_KERNEL_ARGS;
      }
      arguments = arguments.subspan(protocol::padded(header.bytes));
    }
    if (header.index >= kernel.arguments.size()) {
      result = CL_INVALID_ARG_INDEX;
      continue;
    }
    KernelObject::Setting setting;
    cl_int status = CL_SUCCESS;
    if (!argument_fits(kernel.arguments[header.index], header.argument_class, header.bytes)) {
      status = CL_INVALID_ARG_SIZE;
    } else if (argument_class == ArgumentClass::kBuffer) {
      cl_mem memory = nullptr;
      if (header.buffer != 0) {
        BufferObject* buffer = nullptr;
        status = find_buffer(header.buffer, buffer);
        if (status == CL_SUCCESS && buffer->context != context) status = CL_INVALID_MEM_OBJECT;
        if (status == CL_SUCCESS) {
          memory = buffer->memory;
          setting.buffer = header.buffer;
          setting.serial = buffer->serial;
        }
      }
      if (status == CL_SUCCESS) {
        status = calls_.clSetKernelArg(kernel.kernel, header.index, sizeof memory, &memory);
      }
    } else {
      status = calls_.clSetKernelArg(
          kernel.kernel, header.index, header.bytes,
          argument_class == ArgumentClass::kLocal ? nullptr : value);
    }
    setting.set = status == CL_SUCCESS;
    setting.bytes = header.bytes;
    KernelObject::Setting& before = kernel.settings[header.index];
    kernel.unset += (before.set ? 1 : 0) - (setting.set ? 1 : 0);
    setting.value.swap(before.value);  // keeps its memory
    if (argument_class == ArgumentClass::kValue) setting.value.assign(value, value + header.bytes);
    before = std::move(setting);
    if (status != CL_SUCCESS) result = status;
  }
  return result;
}

// The driver keeps the handles of buffer arguments, not the buffers: one that was released since
// must not be launched with.
cl_int Connection::check_settings(KernelObject& kernel) {
  if (kernel.unset != 0) return CL_INVALID_KERNEL_ARGS;
  if (kernel.checked_release == buffers_released_) return CL_SUCCESS;
  for (const KernelObject::Setting& setting : kernel.settings) {
    if (setting.buffer == 0) continue;
    const BufferObject* buffer = buffers_.find(setting.buffer);
    if (buffer == nullptr || buffer->serial != setting.serial) return CL_INVALID_MEM_OBJECT;
  }
  kernel.checked_release = buffers_released_;
  return CL_SUCCESS;
}

cl_int Connection::launch(Enqueue& enqueue, const LaunchCommand& command, KernelObject*& kernel) {
  kernel = kernels_table_.find(command.kernel);
  if (kernel == nullptr) return CL_INVALID_KERNEL;
  QueueObject& queue = *enqueue.queue;
  if (kernel->program->context != queue.context) return CL_INVALID_CONTEXT;
  cl_int status = set_arguments(*kernel, queue.context, command.arguments);
  if (status == CL_SUCCESS) status = check_settings(*kernel);
  if (status != CL_SUCCESS) return status;
  const uint32_t dimensions = command.dimensions;
  if (dimensions < 1 || dimensions > 3) return CL_INVALID_WORK_DIMENSION;
  const bool has_local = (command.flags & kHasLocal) != 0;
  const bool has_offset = (command.flags & kHasOffset) != 0;
  const size_t parts = size_t{1} + (has_local ? 1 : 0) + (has_offset ? 1 : 0);
  if ((command.flags & ~(kHasLocal | kHasOffset | kIsTask)) != 0 ||
      command.shape.size() != parts * dimensions) {
    return CL_INVALID_VALUE;
  }
  const auto* shape = reinterpret_cast<const size_t*>(command.shape.data());
  const size_t* local = has_local ? shape + dimensions : nullptr;
  const size_t* offset = has_offset ? shape + (has_local ? 2 : 1) * dimensions : nullptr;
  for (uint32_t i = 0; i < dimensions; ++i) {
    size_t end = 0;
    if (local != nullptr && local[i] == 0) return CL_INVALID_WORK_GROUP_SIZE;
    if (offset != nullptr && __builtin_add_overflow(offset[i], shape[i], &end)) {
      return CL_INVALID_GLOBAL_OFFSET;
    }
  }
  if (context_.prints != nullptr && kernel->program->prints.load(std::memory_order_relaxed)) {
    context_.prints->expect(publisher_);
  }
  uint64_t items = 1;
  for (uint32_t i = 0; i < dimensions; ++i) {
    if (__builtin_mul_overflow(items, shape[i], &items)) items = ~uint64_t{0};
  }
  LaunchRange range;
  range.dimensions = dimensions;
  for (uint32_t i = 0; i < dimensions; ++i) {
    range.offset[i] = offset != nullptr ? offset[i] : 0;
    range.size[i] = shape[i];
  }
  enqueue.work.unsplit = unsplit_reason(enqueue, *kernel, range, local);
  const bool splits = enqueue.work.unsplit == UnsplitReason::kNone;
  const uint64_t pieces = splits ? pieces_wanted(enqueue, *kernel, items) : 1;
  if (pieces <= 1) return launch_range(enqueue, *kernel, dimensions, offset, shape, local, items);
  return launch_in_pieces(enqueue, *kernel, divide_launch(range, local, pieces), local);
}

cl_int Connection::launch_range(Enqueue& enqueue, KernelObject& kernel, uint32_t dimensions,
                                const size_t* offset, const size_t* size, const size_t* local,
                                uint64_t items) {
  enqueue.work.kernel = true;
  if (!may_begin(enqueue, kernel.cost, items)) return CL_OUT_OF_RESOURCES;
  const bool hide = enqueue.event_id == 0 && enqueue.wait_count == 0 && may_hide(enqueue);
  return calls_.clEnqueueNDRangeKernel(enqueue.queue->queue, kernel.kernel, dimensions, offset,
                                       size, local, enqueue.wait_count, enqueue.wait,
                                       hide ? nullptr : &enqueue.event);
}

// Why the launch can't be made in pieces.
UnsplitReason Connection::unsplit_reason(const Enqueue& enqueue, const KernelObject& kernel,
                                         const LaunchRange& range, const size_t* local) const {
  if (!context_.splits) return UnsplitReason::kForbidden;
  const UnsplitReason by_program = kernel.program->unsplit.load(std::memory_order_relaxed);
  if (by_program != UnsplitReason::kNone) return by_program;
  if (local == nullptr) return UnsplitReason::kNoGroupSize;
  bool several = false;
  for (uint32_t i = 0; i < range.dimensions; ++i) {
    if (range.size[i] % local[i] != 0) return UnsplitReason::kUneven;
    several = several || range.size[i] > local[i];
  }
  if (!several) return UnsplitReason::kOneGroup;
  const QueueObject& queue = *enqueue.queue;
  if (!queue.in_order) return UnsplitReason::kOutOfOrder;
  // The times of an event are those of the last piece alone, which a program that asks must not see.
  if (queue.profiled && enqueue.event_id != 0) return UnsplitReason::kTimed;
  return enqueue.blocks.empty() ? UnsplitReason::kNone : UnsplitReason::kUserEvent;
}

// In how many launches of about a turn a kernel that permits it should be launched; 1 where nobody
// else has wanted the device lately, or where nothing is known of its time.
uint64_t Connection::pieces_wanted(const Enqueue& enqueue, const KernelObject& kernel,
                                   uint64_t items) {
  if (enqueue.queue->lane == nullptr) return 1;
  const uint64_t most = context_.gate->longest_piece_ns();
  if (most == 0) return 1;
  Work work;
  work.cost = kernel.cost;
  work.amount = items;
  const uint64_t expected = context_.gate->expected_ns(work);
  return expected < 2 * most ? 1 : (expected + most - 1) / most;
}

// All but the last are commands of their own, which the program knows nothing of.
cl_int Connection::launch_in_pieces(Enqueue& enqueue, KernelObject& kernel,
                                    const std::vector<LaunchRange>& pieces, const size_t* local) {
  for (size_t i = 0; i + 1 < pieces.size(); ++i) {
    const LaunchRange& range = pieces[i];
    Enqueue piece;
    piece.queue = enqueue.queue;
    piece.queue_id = enqueue.queue_id;
    if (i == 0) {
      piece.wait = enqueue.wait;
      piece.wait_count = enqueue.wait_count;
    }
    const cl_int status = launch_range(piece, kernel, range.dimensions, range.offset.data(),
                                       range.size.data(), local, range.items());
    if (status != CL_SUCCESS) {
      if (piece.passed) context_.gate->passed(piece.work);
      return status;
    }
    finish_enqueue(piece, status, kernel.name);
  }
  if (pieces.size() > 1) enqueue.wait_count = 0;
  const LaunchRange& last = pieces.back();
  return launch_range(enqueue, kernel, last.dimensions, last.offset.data(), last.size.data(), local,
                      last.items());
}

void Connection::on(const LaunchCommand& command) {
  Enqueue enqueue;
  KernelObject* kernel = nullptr;
  cl_int status = begin_enqueue(enqueue, command.queue, command.event, command.wait);
  if (status == CL_SUCCESS) {
    status = launch(enqueue, command, kernel);
    kernels_.store(kernels_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  } else if (KernelObject* unlaunched = kernels_table_.find(command.kernel)) {
    // The guest driver sends an argument once: later launches build on those of this one.
    set_arguments(*unlaunched, unlaunched->program->context, command.arguments);
  }
  finish_enqueue(enqueue, status, kernel != nullptr ? kernel->name : nullptr);
}

}  // namespace aliquot::worker
