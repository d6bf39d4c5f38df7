#include "device_host/state_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "device_host/shared_memory.h"

namespace aliquot {

namespace {

constexpr uint64_t kFree = 0;  // the kind of an entry that was erased
constexpr uint64_t kHashStart = 0xcbf29ce484222325;

uint64_t hash(uint64_t so_far, uint64_t word) {
  so_far = (so_far ^ word) * 0x100000001b3;
  return so_far ^ (so_far >> 29);
}

uint64_t hash_bytes(uint64_t so_far, const unsigned char* data, size_t size) {
  for (; size >= sizeof(uint64_t); data += sizeof(uint64_t), size -= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, data, sizeof word);
    so_far = hash(so_far, word);
  }
  uint64_t rest = 0;
  std::memcpy(&rest, data, size);
  return hash(so_far, rest);
}

// The memory is as the last store before a death left it, so what matters is the order of stores.
void store_last(uint64_t& word, uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELEASE);
}

void store_first(uint64_t& word, uint64_t value) {
  __atomic_store_n(&word, value, __ATOMIC_RELAXED);
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

template <class Half>
uint64_t checksum(const Half& half, uint64_t kind) {
  const uint64_t head = hash(hash(hash(kHashStart, half.generation), kind), half.size);
  return hash_bytes(head, half.data, half.size);
}

}  // namespace

StateMemory::~StateMemory() {
  if (memory_ != nullptr) ::munmap(memory_, sizeof(Memory));
}

Descriptor StateMemory::make() { return make_sealed_memory("aliquot-state", sizeof(Memory)); }

bool StateMemory::map(int memory) {
  void* mapping = ::mmap(nullptr, sizeof(Memory), PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_NORESERVE, memory, 0);
  if (mapping == MAP_FAILED) return false;
  memory_ = static_cast<Memory*>(mapping);
  for (Slot slot = used(); slot > 0; --slot) {
    const Half* half = newest(memory_->slots[slot - 1]);
    if (half == nullptr || half->kind == kFree) free_.push_back(slot);
  }
  return true;
}

uint32_t StateMemory::used() const {
  return memory_ == nullptr ? 0 : std::min(memory_->used, kSlots);
}

const StateMemory::Half* StateMemory::newest(const Half (&halves)[2]) {
  const Half* newest = nullptr;
  for (const Half& half : halves) {
    if (half.generation == 0 || half.size > kMostEntryBytes) continue;
    if (checksum(half, half.kind) != half.check) continue;
    if (newest == nullptr || half.generation > newest->generation) newest = &half;
  }
  return newest;
}

const void* StateMemory::read(Slot slot, uint32_t kind, size_t size) const {
  const Half* half = newest(memory_->slots[slot - 1]);
  return half != nullptr && half->kind == kind && half->size == size ? half->data : nullptr;
}

void StateMemory::write(Slot& slot, uint32_t kind, const void* data, size_t size) {
  if (memory_ == nullptr) return;
  if (slot == 0 && !free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else if (slot == 0 && memory_->used < kSlots) {
    slot = ++memory_->used;
  }
  if (slot == 0) return;
  // Of our own writing, so the generations alone tell which half is older.
  Half(&halves)[2] = memory_->slots[slot - 1];
  Half& half = halves[0].generation <= halves[1].generation ? halves[0] : halves[1];
  const uint64_t generation = std::max(halves[0].generation, halves[1].generation) + 1;
  store_first(half.generation, 0);
  half.kind = kind;
  half.size = static_cast<uint32_t>(size);
  if (size > 0) std::memcpy(half.data, data, size);
  const uint64_t head = hash(hash(hash(kHashStart, generation), kind), size);
  half.check = hash_bytes(head, half.data, size);
  store_last(half.generation, generation);
}

void StateMemory::erase(Slot& slot) {
  if (slot == 0) return;
  write(slot, kFree, nullptr, 0);
  free_.push_back(std::exchange(slot, 0));
}

void* StateMemory::begin_turns() {
  if (memory_ == nullptr) return nullptr;
  TurnsHalf(&halves)[2] = memory_->turns;
  turns_ = halves[0].generation <= halves[1].generation ? &halves[0] : &halves[1];
  store_first(turns_->generation, 0);
  return turns_->data;
}

void StateMemory::end_turns(size_t bytes) {
  TurnsHalf& half = *std::exchange(turns_, nullptr);
  const TurnsHalf& other = &half == &memory_->turns[0] ? memory_->turns[1] : memory_->turns[0];
  const uint64_t generation = other.generation + 1;
  half.size = bytes;
  const uint64_t head = hash(hash(hash(kHashStart, generation), 0), bytes);
  half.check = hash_bytes(head, half.data, bytes);
  store_last(half.generation, generation);
}

const void* StateMemory::turns(size_t& bytes) const {
  const TurnsHalf* newest = nullptr;
  for (size_t index = 0; memory_ != nullptr && index < 2; ++index) {
    const TurnsHalf& half = memory_->turns[index];
    if (half.generation == 0 || half.size > kMostTurnsBytes) continue;
    if (checksum(half, 0) != half.check) continue;
    if (newest == nullptr || half.generation > newest->generation) newest = &half;
  }
  if (newest == nullptr) return nullptr;
  bytes = newest->size;
  return newest->data;
}

RecordInHand* StateMemory::take_hand(const KeptKey& source) {
  if (memory_ == nullptr || source.kind == KeptKind::kNone || hands_taken_ == kHands)
    return nullptr;
  RecordInHand* hand = &memory_->hands[hands_taken_++];
  hand->record.header.magic = 0;
  hand->source = source;
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  return hand;
}

void StateMemory::let_go(RecordInHand* hand) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
  hand->record.header.magic = 0;
  --hands_taken_;
}

std::vector<RecordInHand> StateMemory::left_in_hand() const {
  std::vector<RecordInHand> left;
  for (size_t index = kHands; memory_ != nullptr && index-- > 0;)
    if (memory_->hands[index].record.header.magic == records::kMagic)
      left.push_back(memory_->hands[index]);
  return left;
}

void StateMemory::empty_hands() {
  for (size_t index = 0; memory_ != nullptr && index < kHands; ++index)
    memory_->hands[index].record.header.magic = 0;
}

}  // namespace aliquot
