// What outlives a device host: entries that are whole whenever it dies, records in hand,
// descriptors.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "check.h"
#include "device_host/descriptor_store.h"
#include "device_host/shared_memory.h"
#include "device_host/state_memory.h"
#include "protocol/socket.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

struct Sample {
  static constexpr uint32_t kKind = 77;
  uint64_t words[40];

  bool operator==(const Sample& other) const = default;
};

struct Other {
  static constexpr uint32_t kKind = 78;
  uint64_t word = 0;
};

Sample filled(uint64_t word) {
  Sample sample;
  std::fill(std::begin(sample.words), std::end(sample.words), word);
  return sample;
}

bool is_whole(const Sample& sample) { return sample == filled(sample.words[0]); }

}  // namespace

void test_state_outlives_its_writer() {
  const Descriptor memory = StateMemory::make();
  CHECK(memory);
  {
    StateMemory state;
    CHECK(state.map(memory.get()));
    StateMemory::Slot first = 0, second = 0, other = 0;
    state.save(first, filled(1));
    state.save(second, filled(2));
    state.save(other, Other{3});
    CHECK(first != 0 && second != 0 && first != second);
    state.save(first, filled(4));
    state.erase(second);
    CHECK(second == 0);
  }
  StateMemory state;
  CHECK(state.map(memory.get()));
  const auto samples = state.all<Sample>();
  CHECK(samples.size() == 1 && samples[0].second == filled(4));
  CHECK(state.all<Other>().size() == 1 && state.all<Other>()[0].second.word == 3);
  // The room of what was erased is used again, that of the others isn't.
  StateMemory::Slot slot = 0;
  state.save(slot, filled(5));
  CHECK(state.all<Sample>().size() == 2 && state.all<Other>().size() == 1);
}

void test_state_without_memory_does_nothing() {
  StateMemory state;
  StateMemory::Slot slot = 0;
  state.save(slot, filled(1));
  CHECK(slot == 0 && state.all<Sample>().empty() && state.begin_turns() == nullptr);
  CHECK(state.take_hand({KeptKind::kGuest, 1, 1, 0}) == nullptr && state.left_in_hand().empty());
}

// Whatever word is damaged, what is read is what was written last or before that, or nothing.
void test_damaged_state_is_never_read() {
  const Descriptor memory = StateMemory::make();
  StateMemory state;
  CHECK(state.map(memory.get()));
  StateMemory::Slot slot = 0;
  state.save(slot, filled(1));
  state.save(slot, filled(2));
  int lost = 0, older = 0;
  for (off_t at = ::lseek(memory.get(), 0, SEEK_DATA); at >= 0;
       at = ::lseek(memory.get(), at + 8, SEEK_DATA)) {
    uint64_t word = 0;
    CHECK(::pread(memory.get(), &word, sizeof word, at) == sizeof word);
    const uint64_t damaged = word ^ 0x10;
    CHECK(::pwrite(memory.get(), &damaged, sizeof damaged, at) == sizeof damaged);
    const auto samples = state.all<Sample>();
    for (const auto& [entry, sample] : samples) CHECK(sample == filled(1) || sample == filled(2));
    lost += samples.empty() ? 1 : 0;
    older += samples.size() == 1 && samples[0].second == filled(1) ? 1 : 0;
    CHECK(::pwrite(memory.get(), &word, sizeof word, at) == sizeof word);
  }
  CHECK(older >= 40);  // at least when the payload of the newer half was damaged
  CHECK(lost <= 1);    // the word that says how many slots there are
  CHECK(state.all<Sample>().at(0).second == filled(2));
}

// A writer that is killed at any moment leaves whole entries.
void test_a_killed_writer_leaves_whole_entries() {
  std::mt19937 random(4711);
  const Descriptor memory = StateMemory::make();
  uint64_t last = 0;
  for (int round = 0; round < 100; ++round) {
    const pid_t writer = ::fork();
    if (writer == 0) {
      StateMemory state;
      if (!state.map(memory.get())) ::_exit(1);
      StateMemory::Slot slot = 0;
      for (const auto& [entry, sample] : state.all<Sample>()) slot = entry;
      for (uint64_t word = last + 1;; ++word) {
        state.save(slot, filled(word));
        auto* turns = static_cast<Sample*>(state.begin_turns());
        *turns = filled(word);
        state.end_turns(sizeof(Sample));
      }
    }
    ::usleep(random() % 2000 + 200);
    ::kill(writer, SIGKILL);
    ::waitpid(writer, nullptr, 0);
    StateMemory state;
    CHECK(state.map(memory.get()));
    const auto samples = state.all<Sample>();
    if (samples.empty() && last == 0) continue;  // it hadn't begun
    CHECK(samples.size() == 1 && is_whole(samples[0].second));
    CHECK(samples[0].second.words[0] >= last);
    last = samples[0].second.words[0];
    size_t bytes = 0;
    const auto* turns = static_cast<const Sample*>(state.turns(bytes));
    CHECK(turns == nullptr || (bytes == sizeof(Sample) && is_whole(*turns)));
    CHECK(turns == nullptr || turns->words[0] + 1 >= last);
  }
  CHECK(last > 1000);
}

void test_records_in_hand() {
  const Descriptor memory = StateMemory::make();
  const KeptKey worker{KeptKind::kWorkerChannel, 0, 1, 0}, guest{KeptKind::kGuest, 3, 1, 0};
  {
    StateMemory state;
    CHECK(state.map(memory.get()));
    {
      Hand handled(&state, guest);
      handled.record() = make_record(records::Kind::kGuestHello, 1);
    }
    CHECK(state.left_in_hand().empty());
    RecordInHand* outer = state.take_hand(worker);
    outer->record = make_record(records::Kind::kGone, 7);
    RecordInHand* inner = state.take_hand(guest);
    inner->record = make_record(records::Kind::kCreditRequest, 8);
    RecordInHand* empty = state.take_hand(guest);  // nothing came
    CHECK(empty != nullptr);
  }
  StateMemory state;
  CHECK(state.map(memory.get()));
  const auto left = state.left_in_hand();
  CHECK(left.size() == 2 && left[0].source == guest && left[0].record.header.sequence == 8);
  CHECK(left[1].source == worker && left[1].record.header.sequence == 7);
  state.empty_hands();
  CHECK(state.left_in_hand().empty());
}

void test_descriptor_store() {
  DescriptorStore store;
  const KeptKey arena{KeptKind::kBufferArena, 2, 1, 9}, other{KeptKind::kBufferArena, 1, 1, 4};
  const KeptKey kept{KeptKind::kKeptMemory, 0, 1, 9}, strange{KeptKind::kBufferArena, 2, 2, 9};
  Descriptor memory = make_sealed_memory("test", 4096);
  const ino_t inode = inode_of(memory.get());
  store.keep(arena, std::move(memory), 5);
  store.keep(other, make_sealed_memory("test", 4096), 6);
  store.keep(strange, make_sealed_memory("test", 4096), 7);
  CHECK(store.count() == 3 && store.keys(KeptKind::kBufferArena, 1).size() == 2);
  store.rename(arena, kept);
  CHECK(store.keys(KeptKind::kBufferArena, 1) == std::vector<KeptKey>{other});
  const KeptDescriptor taken = store.take(kept);
  CHECK(inode_of(taken.descriptor.get()) == inode && taken.note == 5);
  CHECK(!store.take(kept).descriptor);
  store.forget(other);
  CHECK(store.left() == std::vector<KeptKey>{strange});
  // A page that is sealed against new writable mappings can be written where it was mapped before.
  Descriptor page(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  CHECK(::ftruncate(page.get(), 4096) == 0);
  const Descriptor reader(::dup(page.get()));
  CHECK(store.keep_page(arena, std::move(page), 4096));
  CHECK(::fcntl(reader.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
  const KeptDescriptor mapped = store.take(arena);
  *static_cast<char*>(mapped.page) = 'x';
  char read = 0;
  CHECK(::pread(reader.get(), &read, 1, 0) == 1 && read == 'x');
  ::munmap(mapped.page, 4096);
}
