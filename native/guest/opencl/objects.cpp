// Counting references, holds and pins; see the top of objects.h.
#include "guest/opencl/objects.h"

#include "generated/opencl_icd_table.h"
#include "guest/opencl/platform.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

Object::Object(Kind object_kind, Connection* of)
    : dispatch(&kDispatchTable),
      dispatch_data(loader_data()),
      magic(magic_of(object_kind)),
      kind(object_kind),
      connection(of) {}

namespace {

/// Only the memory is left: frees it. Contexts and queues have nothing but their own arrays.
void free_object(Object& object) {
  switch (object.kind) {
    case Kind::kDevice:
      return free_memory(static_cast<Device&>(object));
    case Kind::kContext:
      static_cast<Context&>(object).~Context();
      return free(&object);
    case Kind::kQueue:
      static_cast<Queue&>(object).~Queue();
      return free(&object);
    case Kind::kBuffer:
      return free_memory(static_cast<Buffer&>(object));
    case Kind::kProgram:
      return free_memory(static_cast<Program&>(object));
    case Kind::kKernel:
      return free_memory(static_cast<Kernel&>(object));
    case Kind::kEvent:
      return free_memory(static_cast<Event&>(object));
    case Kind::kPlatform:
      return;
  }
}

void finalize_object(Object& object) {
  switch (object.kind) {
    case Kind::kDevice:
      return finalize(static_cast<Device&>(object));
    case Kind::kContext:
      return finalize(static_cast<Context&>(object));
    case Kind::kQueue:
      return finalize(static_cast<Queue&>(object));
    case Kind::kBuffer:
      return finalize(static_cast<Buffer&>(object));
    case Kind::kProgram:
      return finalize(static_cast<Program&>(object));
    case Kind::kKernel:
      return finalize(static_cast<Kernel&>(object));
    case Kind::kEvent:
      return finalize(static_cast<Event&>(object));
    case Kind::kPlatform:
      return;
  }
}

/// Platform and root device, which live as long as the process.
bool counted(const Object& object) { return object.connection != nullptr; }

}  // namespace

bool release(Object& object) {
  uint32_t references = object.references.load(std::memory_order_relaxed);
  do {
    if (references == 0) return false;
  } while (!object.references.compare_exchange_weak(references, references - 1,
                                                    std::memory_order_acq_rel));
  if (references != 1) return true;
  if (object.kind == Kind::kBuffer || object.kind == Kind::kQueue) {
    see_to_reads_left_behind(*object.connection);
  }
  unhold(object);
  return true;
}

void unhold(Object& object) {
  if (!counted(object)) return;
  if (object.holds.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  object.magic.store(0, std::memory_order_relaxed);
  // In a child process the parent's connection may have locks that nobody will ever release:
  // such objects are left alone.
  if (object.connection->forked()) return;
  finalize_object(object);
  unpin(object);
}

void unpin(Object& object) {
  if (!counted(object)) return;
  if (object.pins.fetch_sub(1, std::memory_order_acq_rel) == 1) free_object(object);
}

}  // namespace aliquot::guest::opencl
