// Where buffers lie, when the worker learns of them, and when their memory is free again.
#include <cstring>

#include "guest/credit.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr cl_mem_flags kAccessBits = CL_MEM_READ_WRITE | CL_MEM_WRITE_ONLY | CL_MEM_READ_ONLY;
constexpr uint64_t kPatienceNs = 2'500'000'000;  // longer than a kernel may run by default
constexpr int kPollMs = 10;

bool all_ended(Connection& connection, const Array<LastUse, 2>& uses) {
  if (connection.dead()) return true;
  for (const LastUse& use : uses) {
    if (!use_ended(connection, use)) return false;
  }
  return true;
}

void give_back(Connection& connection, const Block& block, bool staging, uint64_t credit) {
  if (block) (staging ? connection.arenas->staging : connection.arenas->buffers).free(block);
  if (credit != 0) return_memory(connection, credit);
}

bool collect_ended(Connection& connection) {
  MemoryState& state = memory_of(connection);
  DeferredFree* ended = nullptr;
  {
    LockGuard guard(state.lock);
    for (DeferredFree** link = &state.deferred; *link != nullptr;) {
      DeferredFree* entry = *link;
      if (!all_ended(connection, entry->uses)) {
        link = &entry->next;
        continue;
      }
      *link = entry->next;
      entry->next = ended;
      ended = entry;
      state.deferred_count.fetch_sub(1, std::memory_order_relaxed);
    }
  }
  const bool any = ended != nullptr;
  while (ended != nullptr) {
    DeferredFree* next = ended->next;
    give_back(connection, ended->block, ended->staging, ended->credit);
    ended->~DeferredFree();
    free(ended);
    ended = next;
  }
  return any;
}

/// Asks every queue that deferred frees wait for how far it is. The last such use is returned.
LastUse ask_for_uses(Connection& connection) {
  MemoryState& state = memory_of(connection);
  LockGuard guard(state.lock);
  Array<LastUse, 16> asked;
  LastUse last{};
  for (DeferredFree* entry = state.deferred; entry != nullptr; entry = entry->next) {
    for (const LastUse& use : entry->uses) {
      if (use_ended(connection, use)) continue;
      last = use;
      bool known = false;
      for (LastUse& other : asked) {
        if (other.queue != use.queue) continue;
        known = true;
        if (other.sequence < use.sequence) other.sequence = use.sequence;
      }
      if (!known && !asked.push_back(use)) return last;
    }
  }
  for (const LastUse& use : asked) {
    SyncCommand command{};
    command.queue = use.queue;
    command.sequence = use.sequence;
    if (!send(connection, command)) break;
  }
  return last;
}

cl_int materialize_root(Buffer& root) {
  if (root.materialized.load(std::memory_order_acquire)) return CL_SUCCESS;
  ensure_block(root);
  LockGuard guard(root.lock);
  if (root.materialized.load(std::memory_order_relaxed)) return CL_SUCCESS;
  const uint32_t id = take_id(*root.connection, Kind::kBuffer);
  if (id == 0) return CL_OUT_OF_RESOURCES;
  CreateBufferCommand command{};
  command.buffer = id;
  command.context = root.context->id;
  command.flags = root.flags & kAccessBits;
  command.size = root.size;
  command.arena = root.block.arena_id;
  command.offset = root.block.offset;
  if (!send(*root.connection, command)) return CL_OUT_OF_RESOURCES;
  root.id = id;
  root.materialized.store(true, std::memory_order_release);
  return CL_SUCCESS;
}

cl_int materialize_part(Buffer& buffer) {
  if (buffer.materialized.load(std::memory_order_acquire)) return CL_SUCCESS;
  LockGuard guard(buffer.lock);
  if (buffer.materialized.load(std::memory_order_relaxed)) return CL_SUCCESS;
  const uint32_t id = take_id(*buffer.connection, Kind::kBuffer);
  if (id == 0) return CL_OUT_OF_RESOURCES;
  CreateSubBufferCommand command{};
  command.buffer = id;
  command.parent = buffer.parent->id;
  command.flags = buffer.flags & kAccessBits;
  command.origin = buffer.origin;
  command.size = buffer.size;
  if (!send(*buffer.connection, command)) return CL_OUT_OF_RESOURCES;
  buffer.id = id;
  buffer.materialized.store(true, std::memory_order_release);
  return CL_SUCCESS;
}

}  // namespace

bool take_memory(Connection& connection, uint64_t bytes) {
  CreditSource source = connection.credit->source;
  source.collect = [](void* context) {
    return collect_deferred(*static_cast<Connection*>(context), true);
  };
  return take_credit(&connection.account(), source, bytes);
}

void return_memory(Connection& connection, uint64_t bytes) {
  return_credit(&connection.account(), bytes);
}

void ensure_block(Buffer& root) {
  if (root.block_tried.load(std::memory_order_acquire)) return;
  Connection& connection = *root.connection;
  Block block;
  if (!connection.staged() && !connection.dead()) {
    BlockAllocator& buffers = connection.arenas->buffers;
    bool got = buffers.allocate(root.size, &block);
    if (!got && collect_deferred(connection, true)) got = buffers.allocate(root.size, &block);
    // Without a block the driver allocates the buffer, and its transfers are staged.
  }
  LockGuard guard(root.lock);
  if (root.block_tried.load(std::memory_order_relaxed)) {
    if (block) connection.arenas->buffers.free(block);
    return;
  }
  root.block = block;
  root.block_tried.store(true, std::memory_order_release);
}

unsigned char* shared_pointer(Buffer& buffer) {
  Buffer& root = buffer.root();
  if (root.connection->staged()) return nullptr;
  ensure_block(root);
  return root.block ? root.block.pointer + buffer.origin : nullptr;
}

cl_int ensure_materialized(Buffer& buffer) {
  Buffer& root = buffer.root();
  cl_int status = materialize_root(root);
  if (status == CL_SUCCESS && buffer.parent != nullptr) status = materialize_part(buffer);
  if (status == CL_SUCCESS && root.uploading.load(std::memory_order_acquire)) {
    // Nothing of the program's can hold up the queue of uploads.
    if (!wait_use(*root.connection, root.upload.queue, root.upload.sequence)) {
      return CL_OUT_OF_RESOURCES;
    }
    root.uploading.store(false, std::memory_order_release);
  }
  return status;
}

bool note_use(Buffer& buffer, Queue& queue, uint64_t sequence) {
  Array<LastUse, 2>& uses = buffer.root().uses;
  for (LastUse& use : uses) {
    if (use.queue != queue.id) continue;
    use.sequence = sequence;
    return true;
  }
  return uses.push_back({queue.id, sequence});
}

void free_when_unused(Connection& connection, const Block& block, bool staging, uint64_t credit,
                      const LastUse* uses, size_t use_count) {
  bool ended = true;
  if (!connection.dead()) {
    for (size_t i = 0; i < use_count; i++) ended = ended && use_ended(connection, uses[i]);
  }
  if (ended) return give_back(connection, block, staging, credit);
  void* memory = malloc(sizeof(DeferredFree));
  DeferredFree* entry =
      memory == nullptr ? nullptr : new (memory) DeferredFree{nullptr, block, staging, credit, {}};
  if (entry == nullptr || !entry->uses.resize(use_count)) {
    // No memory to remember it by: wait here.
    for (size_t i = 0; i < use_count; i++) {
      if (!wait_use(connection, uses[i].queue, uses[i].sequence)) break;
    }
    if (entry != nullptr) entry->~DeferredFree();
    free(memory);
    return give_back(connection, block, staging, credit);
  }
  memcpy(entry->uses.data(), uses, use_count * sizeof *uses);
  MemoryState& state = memory_of(connection);
  LockGuard guard(state.lock);
  entry->next = state.deferred;
  state.deferred = entry;
  state.deferred_count.fetch_add(1, std::memory_order_relaxed);
}

bool collect_deferred(Connection& connection, bool force) {
  MemoryState& state = memory_of(connection);
  if (state.deferred_count.load(std::memory_order_relaxed) == 0) return false;
  if (collect_ended(connection)) return true;
  if (!force) return false;
  const uint64_t begin = now_ns();
  for (const LastUse use = ask_for_uses(connection); use.queue != 0;) {
    layout::QueueSlot& slot = connection.memory().queues[use.queue - 1];
    slot.waiters.store(1, std::memory_order_seq_cst);
    const uint32_t changed = slot.changed.load(std::memory_order_seq_cst);
    if (collect_ended(connection)) return true;
    futex_wait(slot.changed, changed, kPollMs);
    if (collect_ended(connection)) return true;
    // Work that waits for a user event may never end while this thread waits here.
    if (now_ns() - begin > kPatienceNs || !connection.check_alive()) return false;
  }
  return collect_ended(connection);
}

void finalize(Buffer& buffer) {
  Connection& connection = *buffer.connection;
  for (size_t i = buffer.destructors.size(); i > 0; i--) {
    const DestructorCallback& callback = buffer.destructors[i - 1];
    callback.function(to_handle(&buffer), callback.user_data);
  }
  drop_maps(buffer);
  if (buffer.materialized.load(std::memory_order_acquire)) {
    release_remote(connection, Kind::kBuffer, buffer.id);
  }
  if (buffer.parent != nullptr) {
    unhold(*buffer.parent);
  } else if (!buffer.materialized.load(std::memory_order_relaxed)) {
    give_back(connection, buffer.block, false, buffer.credit_bytes);
  } else {
    free_when_unused(connection, buffer.block, false, buffer.credit_bytes, buffer.uses.data(),
                     buffer.uses.size());
  }
  unhold(*buffer.context);
}

void free_memory(Buffer& buffer) {
  buffer.~Buffer();
  free(&buffer);
}

}  // namespace aliquot::guest::opencl
