// Staging blocks in flight.
#include "guest/counted_work.h"
#include "guest/opencl/transfer.h"

namespace aliquot::guest::opencl {

namespace {

constexpr uint64_t kAskBytes = 128 << 10;     // staged between two questions how far the queue is
constexpr uint64_t kPatienceNs = 2'000'000;  // for the oldest block, before more is taken

uint64_t completed_of(const Queue& queue) {
  return queue.connection->dead() ? UINT64_MAX
                                  : queue.slot->completed.load(std::memory_order_acquire);
}

void free_ended_blocks(Queue& queue, QueueTransfers& transfers) {
  const uint64_t completed = completed_of(queue);
  StagedBlock* ended = nullptr;
  {
    LockGuard guard(transfers.lock);
    while (transfers.first_block != nullptr && transfers.first_block->sequence <= completed) {
      StagedBlock* block = transfers.first_block;
      transfers.first_block = block->next;
      if (transfers.first_block == nullptr) transfers.last_block = nullptr;
      block->next = ended;
      ended = block;
    }
  }
  while (ended != nullptr) {
    StagedBlock* next = ended->next;
    transfers.staged_bytes.fetch_sub(ended->block.bytes, std::memory_order_relaxed);
    give_back_staging(*queue.connection, ended->block);
    free(ended);
    ended = next;
  }
}

/// Waits for the oldest block in flight, at most kPatienceNs. False: it is still in use.
bool await_oldest_block(Queue& queue, QueueTransfers& transfers) {
  uint64_t sequence = 0;
  {
    LockGuard guard(transfers.lock);
    if (transfers.first_block != nullptr) sequence = transfers.first_block->sequence;
  }
  if (sequence == 0) return false;
  {
    LockGuard guard(queue.connection->lock());
    ask_completion_locked(queue, sequence);
  }
  layout::QueueSlot& slot = *queue.slot;
  if (slot.completed.load(std::memory_order_acquire) >= sequence) return true;
  CountedWork counted{queue.connection->times, slot, slot.ended_ns, Reason::kTransfer};
  const uint64_t begin = now_ns();
  counted.begin(begin);
  const uint64_t spin = queue.connection->queue_spin.budget_ns();
  uint64_t waited = 0;
  while (slot.completed.load(std::memory_order_acquire) < sequence) {
    waited = now_ns() - begin;
    if (waited > kPatienceNs) break;
    if (waited < spin) {
      for (int i = 0; i < 16; i++) cpu_pause();
      continue;
    }
    slot.waiters.store(1, std::memory_order_seq_cst);
    const uint32_t changed = slot.changed.load(std::memory_order_seq_cst);
    if (slot.completed.load(std::memory_order_seq_cst) < sequence) {
      futex_wait(slot.changed, changed, 2);
    }
  }
  counted.end(now_ns());
  if (waited > kPatienceNs) return false;
  queue.connection->queue_spin.record(waited);
  return true;
}

}  // namespace

QueueTransfers* transfers_of(Queue& queue) {
  QueueTransfers* transfers = queue.transfers.load(std::memory_order_acquire);
  if (transfers != nullptr) return transfers;
  MemoryState& state = memory_of(*queue.connection);
  LockGuard guard(state.lock);
  transfers = queue.transfers.load(std::memory_order_relaxed);
  if (transfers != nullptr) return transfers;
  void* memory = malloc(sizeof(QueueTransfers));
  if (memory == nullptr) return nullptr;
  transfers = new (memory) QueueTransfers(queue);
  transfers->next = state.first_transfers;
  state.first_transfers = transfers;
  queue.transfers.store(transfers, std::memory_order_release);
  return transfers;
}

void note_staged(Queue& queue, uint64_t sequence, const Block& block) {
  QueueTransfers* transfers = transfers_of(queue);
  StagedBlock* staged = static_cast<StagedBlock*>(malloc(sizeof(StagedBlock)));
  if (transfers == nullptr || staged == nullptr) {
    // No memory to note it: the block may be used again only when the command has ended.
    free(staged);
    if (wait_sequence(queue, sequence) == CL_SUCCESS) give_back_staging(*queue.connection, block);
    return;
  }
  *staged = {nullptr, sequence, block};
  bool ask;
  {
    LockGuard guard(transfers->lock);
    if (transfers->last_block == nullptr) transfers->first_block = staged;
    else transfers->last_block->next = staged;
    transfers->last_block = staged;
    transfers->unasked_bytes += block.bytes;
    ask = transfers->unasked_bytes >= kAskBytes;
    if (ask) transfers->unasked_bytes = 0;
  }
  transfers->staged_bytes.fetch_add(block.bytes, std::memory_order_relaxed);
  if (ask) {
    LockGuard guard(queue.connection->lock());
    ask_completion_locked(queue, sequence);
  }
}

bool take_staging_for(Queue& queue, uint64_t bytes, Block* block) {
  QueueTransfers* transfers = queue.transfers.load(std::memory_order_acquire);
  if (transfers != nullptr) {
    if (transfers->staged_bytes.load(std::memory_order_relaxed) != 0) {
      free_ended_blocks(queue, *transfers);
    }
    while (transfers->staged_bytes.load(std::memory_order_relaxed) + bytes > kSoftStaging &&
           await_oldest_block(queue, *transfers)) {
      free_ended_blocks(queue, *transfers);
    }
  }
  return take_staging(*queue.connection, bytes, block);
}

bool take_staging(Connection& connection, uint64_t bytes, Block* block) {
  if (connection.dead()) return false;
  BlockAllocator& staging = connection.arenas->staging;
  if (staging.allocate(bytes, block)) return true;
  if (bytes > uint64_t{256} << 20) return false;  // more than the device host ever gives
  // All of it is in flight. Copy out and give back what has ended, until it suffices or nothing
  // moves any more.
  for (int i = 0; i < 20; i++) {
    settle_all(connection, true);
    collect_deferred(connection, true);
    if (connection.dead()) return false;
    if (staging.allocate(bytes, block)) return true;
  }
  return false;
}

void give_back_staging(Connection& connection, const Block& block) {
  connection.arenas->staging.free(block);
}

void settle(Queue& queue) {
  Connection& connection = *queue.connection;
  if (queue.slot->error.load(std::memory_order_relaxed) != 0) {
    events_of(connection).failures_seen.store(true, std::memory_order_relaxed);
  }
  QueueTransfers* transfers = queue.transfers.load(std::memory_order_acquire);
  if (transfers != nullptr) {
    copy_ended_reads(queue, *transfers, false);
    free_ended_blocks(queue, *transfers);
  }
  if (memory_of(connection).deferred_count.load(std::memory_order_relaxed) != 0) {
    collect_deferred(connection, false);
  }
  release_lingering(connection);
}

namespace {

/// A hold, unless the object is ending already.
bool try_hold(Object& object) {
  uint32_t holds = object.holds.load(std::memory_order_relaxed);
  while (holds != 0) {
    if (object.holds.compare_exchange_weak(holds, holds + 1, std::memory_order_acq_rel)) return true;
  }
  return false;
}

/// The queue, held, of the first transfers from number `*index` on that have something to settle.
Queue* next_to_settle(MemoryState& state, size_t* index, bool blocks) {
  LockGuard guard(state.lock);
  size_t number = 0;
  for (QueueTransfers* transfers = state.first_transfers; transfers != nullptr;
       transfers = transfers->next, number++) {
    if (number < *index) continue;
    LockGuard inner(transfers->lock);
    const bool wanted = transfers->first_read != nullptr ||
                        (blocks && transfers->first_block != nullptr);
    if (wanted && try_hold(transfers->queue)) {
      *index = number + 1;
      return &transfers->queue;
    }
  }
  return nullptr;
}

}  // namespace

void settle_all(Connection& connection, bool blocks) {
  MemoryState& state = memory_of(connection);
  if (state.deferred_count.load(std::memory_order_relaxed) != 0) {
    collect_deferred(connection, false);
  }
  if (!blocks && state.pending_reads.load(std::memory_order_relaxed) == 0) return;
  size_t index = 0;
  while (Queue* queue = next_to_settle(state, &index, blocks)) {
    QueueTransfers& transfers = *queue->transfers.load(std::memory_order_acquire);
    copy_ended_reads(*queue, transfers, true);
    if (blocks) {
      await_oldest_block(*queue, transfers);
      free_ended_blocks(*queue, transfers);
    }
    unhold(*queue);
  }
}

void drop_transfers(Queue& queue) {
  QueueTransfers* transfers = queue.transfers.exchange(nullptr, std::memory_order_acq_rel);
  if (transfers == nullptr) return;
  {
    MemoryState& state = memory_of(*queue.connection);
    LockGuard guard(state.lock);
    QueueTransfers** link = &state.first_transfers;
    while (*link != transfers) link = &(*link)->next;
    *link = transfers->next;
  }
  // Pending reads hold an event, that holds the queue: there are none.
  while (transfers->first_block != nullptr) {
    StagedBlock* block = transfers->first_block;
    transfers->first_block = block->next;
    const LastUse use{queue.id, block->sequence};
    free_when_unused(*queue.connection, block->block, true, 0, &use, 1);
    free(block);
  }
  free(transfers);
}

bool attach_transfers(Connection& connection) {
  void* memory = malloc(sizeof(MemoryState));
  if (memory == nullptr) return false;
  MemoryState* state = new (memory) MemoryState(connection);
  state_of(connection).memory = state;
  return true;
}

}  // namespace aliquot::guest::opencl
