// Tests of the guest driver's block allocator and of its memory credit, without a device host.
#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "guest/arena.h"
#include "guest/credit.h"

using namespace aliquot::guest;
using aliquot::records::AccountPage;

namespace {

int failures = 0;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition); \
      failures++;                                                              \
    }                                                                          \
  } while (0)

// Hands out anonymous memory up to a limit, as the device host does.
struct FakeHost {
  size_t limit = SIZE_MAX;
  size_t lent = 0;
  uint32_t next = 1;
  int requests = 0;
  int drops = 0;

  static bool request(void* context, size_t bytes, ArenaMapping* mapping) {
    FakeHost& self = *static_cast<FakeHost*>(context);
    self.requests++;
    if (bytes % kPageBytes != 0 || self.lent + bytes > self.limit) return false;
    void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return false;
    self.lent += bytes;
    *mapping = {static_cast<unsigned char*>(base), bytes, self.next++};
    return true;
  }
  static void drop(void* context, const ArenaMapping& mapping) {
    FakeHost& self = *static_cast<FakeHost*>(context);
    self.drops++;
    self.lent -= mapping.bytes;
    munmap(mapping.base, mapping.bytes);
  }
  ArenaSource source() { return {this, request, drop}; }
};

uint32_t random_state = 12345;
uint32_t random_number() {
  random_state = random_state * 1664525u + 1013904223u;
  return random_state >> 8;
}

void test_alignment_and_size() {
  FakeHost host;
  BlockAllocator allocator;
  allocator.open(host.source());
  for (uint64_t bytes : {1ull, 127ull, 128ull, 129ull, 2048ull, 2049ull, 4095ull, 4096ull, 4097ull,
                         524288ull, 1048575ull, 1048576ull, 5000000ull}) {
    Block block;
    CHECK(allocator.allocate(bytes, &block));
    CHECK(block.bytes >= bytes);
    CHECK(reinterpret_cast<uintptr_t>(block.pointer) % (bytes >= 4096 ? 4096 : 128) == 0);
    CHECK(block.offset % (bytes >= 4096 ? 4096 : 128) == 0);
    std::memset(block.pointer, 0xab, bytes);
    allocator.free(block);
  }
  Block none;
  CHECK(!allocator.allocate(0, &none));
  CHECK(!allocator.allocate(UINT64_MAX, &none));
  CHECK(!none);
  allocator.close();
  CHECK(host.lent == 0);
}

// Blocks in use never overlap, whatever the order of calls.
void test_random_churn() {
  FakeHost host;
  BlockAllocator allocator;
  allocator.open(host.source());
  struct Held {
    Block block;
    uint64_t bytes;
    unsigned char mark;
  };
  std::vector<Held> held;
  for (int i = 0; i < 30000; i++) {
    if (held.size() < 200 && random_number() % 3 != 0) {
      uint64_t bytes = 1 + random_number() % (random_number() % 8 == 0 ? 1500000 : 9000);
      Held one{{}, bytes, static_cast<unsigned char>(random_number())};
      CHECK(allocator.allocate(bytes, &one.block));
      one.block.pointer[0] = one.block.pointer[bytes / 2] = one.block.pointer[bytes - 1] = one.mark;
      held.push_back(one);
    } else if (!held.empty()) {
      size_t pick = random_number() % held.size();
      Held one = held[pick];
      held[pick] = held.back();
      held.pop_back();
      CHECK(one.block.pointer[0] == one.mark && one.block.pointer[one.bytes / 2] == one.mark &&
            one.block.pointer[one.bytes - 1] == one.mark);
      allocator.free(one.block);
    }
    if (i % 1000 == 0) {
      for (size_t a = 0; a < held.size(); a++) {
        for (size_t b = a + 1; b < held.size(); b++) {
          const Block& x = held[a].block;
          const Block& y = held[b].block;
          CHECK(x.pointer + x.bytes <= y.pointer || y.pointer + y.bytes <= x.pointer);
        }
      }
    }
  }
  for (const Held& one : held) allocator.free(one.block);
  CHECK(allocator.mapped_bytes() == host.lent);
  CHECK(host.lent <= 2 * kArenaBytes + kReuseBytes);
  allocator.trim();
  CHECK(host.lent == 0);
  allocator.close();
  CHECK(host.lent == 0);
}

void test_one_buffer_at_a_time_maps_nothing_new() {
  FakeHost host;
  BlockAllocator allocator;
  allocator.open(host.source());
  for (uint64_t bytes : {4ull, 4096ull, 3000000ull}) {
    Block block;
    CHECK(allocator.allocate(bytes, &block));
    allocator.free(block);
    int before = host.requests;
    for (int i = 0; i < 1000; i++) {
      CHECK(allocator.allocate(bytes, &block));
      allocator.free(block);
    }
    CHECK(host.requests == before);
  }
  allocator.close();
}

void test_refusal() {
  FakeHost host;
  host.limit = 3 << 20;  // less than one arena
  BlockAllocator allocator;
  allocator.open(host.source());
  Block small, large, more;
  CHECK(allocator.allocate(4096, &small));  // a smaller arena is taken instead
  CHECK(allocator.allocate(1 << 20, &large));
  CHECK(!allocator.allocate(2 << 20, &more));
  allocator.free(large);
  CHECK(!allocator.allocate(3 << 20, &more));
  CHECK(allocator.allocate(2 << 20, &more) == (host.lent <= host.limit && bool(more)));
  allocator.free(more);
  allocator.free(small);
  allocator.close();
  CHECK(host.lent == 0);
}

void test_reuse_is_trimmed_before_refusal() {
  FakeHost host;
  host.limit = 8 << 20;
  BlockAllocator allocator;
  allocator.open(host.source());
  Block block;
  CHECK(allocator.allocate(4 << 20, &block));
  allocator.free(block);
  CHECK(allocator.allocate(8 << 20, &block));  // the kept arena stands in the way
  allocator.free(block);
  allocator.close();
}

// A device host that lends `ahead` bytes more than asked, up to a limit.
struct FakeLedger {
  AccountPage page;
  uint64_t limit = 0;
  uint64_t lent = 0;
  uint64_t ahead = 0;
  int collections = 0;
  uint64_t deferred = 0;

  static bool request(void* context, uint64_t lacking) {
    FakeLedger& self = *static_cast<FakeLedger*>(context);
    uint64_t current = __atomic_load_n(&self.lent, __ATOMIC_RELAXED);
    for (;;) {
      if (current + lacking > self.limit) return false;
      uint64_t grant = lacking + self.ahead;
      if (current + grant > self.limit) grant = self.limit - current;
      if (__atomic_compare_exchange_n(&self.lent, &current, current + grant, false,
                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
        return_credit(&self.page, grant);
        return true;
      }
    }
  }
  static bool collect(void* context) {
    FakeLedger& self = *static_cast<FakeLedger*>(context);
    __atomic_fetch_add(&self.collections, 1, __ATOMIC_RELAXED);
    if (self.deferred == 0) return false;
    return_credit(&self.page, self.deferred);
    self.deferred = 0;
    return true;
  }
  CreditSource source() { return {this, request, collect}; }
};

void test_credit_is_exact() {
  FakeLedger ledger;
  ledger.limit = 1000;
  ledger.ahead = 64;
  CHECK(take_credit(&ledger.page, ledger.source(), 1000));
  CHECK(!take_credit(&ledger.page, ledger.source(), 1));
  return_credit(&ledger.page, 400);
  CHECK(take_credit(&ledger.page, ledger.source(), 400));
  CHECK(!take_credit(&ledger.page, ledger.source(), 1));
  ledger.deferred = 10;
  CHECK(take_credit(&ledger.page, ledger.source(), 10));
  CHECK(ledger.collections == 3);
  CHECK(!take_credit(&ledger.page, ledger.source(), UINT64_MAX));
}

constexpr int kThreads = 4;
constexpr uint64_t kUnit = 10;
FakeLedger shared_ledger;
uint64_t held_now = 0;
uint64_t held_most = 0;

void* spend_and_return(void*) {
  for (int i = 0; i < 20000; i++) {
    if (!take_credit(&shared_ledger.page, shared_ledger.source(), kUnit)) continue;
    uint64_t now = __atomic_add_fetch(&held_now, kUnit, __ATOMIC_SEQ_CST);
    uint64_t most = __atomic_load_n(&held_most, __ATOMIC_RELAXED);
    while (now > most && !__atomic_compare_exchange_n(&held_most, &most, now, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    __atomic_sub_fetch(&held_now, kUnit, __ATOMIC_SEQ_CST);
    return_credit(&shared_ledger.page, kUnit);
  }
  return nullptr;
}

void test_credit_of_many_threads() {
  shared_ledger.limit = 25;  // room for two of the four at once
  pthread_t threads[kThreads];
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, spend_and_return, nullptr);
  for (pthread_t& thread : threads) pthread_join(thread, nullptr);
  CHECK(held_most <= shared_ledger.limit);
  CHECK(shared_ledger.page.credit == shared_ledger.lent);
  CHECK(shared_ledger.lent <= shared_ledger.limit);
}

}  // namespace

int main() {
  test_alignment_and_size();
  test_random_churn();
  test_one_buffer_at_a_time_maps_nothing_new();
  test_refusal();
  test_reuse_is_trimmed_before_refusal();
  test_credit_is_exact();
  test_credit_of_many_threads();
  if (failures != 0) return 1;
  std::puts("arena_test: ok");
  return 0;
}
