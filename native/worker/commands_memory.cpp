// Buffers and what they cost.
#include "worker/connection.h"

namespace aliquot::worker {

using namespace opencl;

// Follows one buffer of the driver from its creation to the moment when the driver frees it, which
// may be long after its release: commands that use it keep it.
struct BufferCharge {
  std::shared_ptr<MemoryQuota> quota;
  std::shared_ptr<std::atomic<uint64_t>> held;
  std::shared_ptr<Arena> arena;  // whose pages hold the buffer's contents
  uint64_t bytes = 0;
  bool followed = false;  // the driver will tell when it frees the buffer
  std::atomic<bool> condemned{false};

  ~BufferCharge() {
    if (condemned.load()) quota->absolve(bytes);
    quota->refund(bytes);
    held->fetch_sub(bytes);
  }
  static void CL_CALLBACK freed(cl_mem, void* data) { delete static_cast<BufferCharge*>(data); }
};

namespace {

constexpr uint64_t kAccessFlags = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
// What the host may do is the guest driver's to check: it reads and writes for its own ends too.
constexpr uint64_t kHostFlags =
    CL_MEM_HOST_WRITE_ONLY | CL_MEM_HOST_READ_ONLY | CL_MEM_HOST_NO_ACCESS;
constexpr uint64_t kSharedAlignment = 64;              // of a buffer's place in an arena
constexpr uint64_t kMemoryPatienceNs = 1'000'000'000;  // for memory that is about to be freed

}  // namespace

cl_int Connection::make_buffer(const CreateBufferCommand& command, BufferObject& buffer) {
  const cl_context context = find_context(command.context);
  if (context == nullptr) return CL_INVALID_CONTEXT;
  if ((command.flags & ~(kAccessFlags | kHostFlags)) != 0) return CL_INVALID_VALUE;
  if (command.size == 0 || command.size > largest_buffer_) return CL_INVALID_BUFFER_SIZE;
  std::shared_ptr<Arena> arena;
  void* pages = nullptr;
  cl_mem_flags flags = command.flags & kAccessFlags;
  if (command.arena != 0) {
    arena = arenas_.find(command.arena);
    pages = arena != nullptr ? arena->range(command.offset, command.size) : nullptr;
    if (pages == nullptr || command.offset % kSharedAlignment != 0) return CL_INVALID_HOST_PTR;
    flags |= CL_MEM_USE_HOST_PTR;
  }
  if (!context_.quota->charge(command.size)) {
    give_back_idle_events();
    if (!context_.quota->charge_patiently(command.size, kMemoryPatienceNs, stop_)) {
      return CL_MEM_OBJECT_ALLOCATION_FAILURE;
    }
  }
  bytes_held_->fetch_add(command.size);
  auto charge = std::make_unique<BufferCharge>();
  charge->quota = context_.quota;
  charge->held = bytes_held_;
  charge->arena = std::move(arena);
  charge->bytes = command.size;
  cl_int status = CL_SUCCESS;
  buffer.memory = calls_.clCreateBuffer(context, flags, command.size, pages, &status);
  if (buffer.memory == nullptr) {
    return status != CL_SUCCESS ? status : CL_MEM_OBJECT_ALLOCATION_FAILURE;
  }
  charge->followed = calls_.clSetMemObjectDestructorCallback != nullptr &&
                     calls_.clSetMemObjectDestructorCallback(buffer.memory, BufferCharge::freed,
                                                             charge.get()) == CL_SUCCESS;
  buffer.charge = charge.release();
  buffer.context = context;
  buffer.size = command.size;
  return CL_SUCCESS;
}

void Connection::on(const CreateBufferCommand& command) {
  BufferObject* buffer = buffers_.insert(command.buffer);
  if (buffer == nullptr) return;  // the id is taken: whatever has it stays what it is
  buffer->serial = next_serial_++;
  buffer->of = command.context;
  buffer->arena = command.arena;
  buffer->flags = command.flags;
  buffer->offset = command.offset;
  buffer->error = make_buffer(command, *buffer);
}

void Connection::on(const CreateSubBufferCommand& command) {
  BufferObject* buffer = buffers_.insert(command.buffer);
  if (buffer == nullptr) return;
  buffer->serial = next_serial_++;
  buffer->sub_buffer = true;
  buffer->of = command.parent;
  buffer->flags = command.flags;
  buffer->offset = command.origin;
  BufferObject* parent = nullptr;
  buffer->error = find_buffer(command.parent, parent);
  if (buffer->error != CL_SUCCESS) return;
  buffer->error = CL_INVALID_MEM_OBJECT;
  if (parent->sub_buffer) return;
  buffer->error = CL_INVALID_VALUE;
  if ((command.flags & ~(kAccessFlags | kHostFlags)) != 0) return;
  if (command.origin > parent->size || command.size > parent->size - command.origin) return;
  buffer->error = CL_INVALID_BUFFER_SIZE;
  if (command.size == 0) return;
  const cl_buffer_region region{command.origin, command.size};
  cl_int status = CL_SUCCESS;
  buffer->memory = calls_.clCreateSubBuffer(parent->memory, command.flags & kAccessFlags,
                                            CL_BUFFER_CREATE_TYPE_REGION, &region, &status);
  if (buffer->memory == nullptr && status == CL_SUCCESS) status = CL_OUT_OF_RESOURCES;
  buffer->error = status;
  buffer->context = parent->context;
  buffer->size = command.size;
}

void Connection::release_buffer(uint32_t id) {
  BufferObject* object = buffers_.find(id);
  if (object == nullptr) return;
  const BufferObject buffer = *object;
  buffers_.erase(id);
  ++buffers_released_;
  if (buffer.memory == nullptr) return;
  const bool followed = buffer.charge != nullptr && buffer.charge->followed;
  if (followed) {
    context_.quota->condemn(buffer.charge->bytes);
    buffer.charge->condemned.store(true);
  }
  calls_.clReleaseMemObject(buffer.memory);  // the charge may be gone after this
  if (!followed) delete buffer.charge;
}

void Connection::on(const DropArenaCommand& command) {
  // Transfers under way read and write its pages.
  const std::shared_ptr<const void> arena = arenas_.take(command.arena);
  if (arena == nullptr) return;
  if (hidden_ != nullptr) cover_hidden(*hidden_);
  for_each_progress([&](QueueProgress& progress) { progress.hold(arena); });
}

void Connection::give_back_idle_events() {
  for_each_progress([](QueueProgress& progress) { progress.prune(); });
  if (context_.gate != nullptr) context_.gate->prune();
}

}  // namespace aliquot::worker
