#include "guest/arena.h"

#include <cstdlib>
#include <initializer_list>
#include <new>

namespace aliquot::guest {

// What a page of a shared arena holds: nothing, part of a run, or small blocks of one class.
struct BlockAllocator::Page {
  Page* next = nullptr;  // among the pages of its class that have room
  Page* previous = nullptr;
  Arena* arena = nullptr;
  uint32_t used = 0;     // bit i: small block i is in use
  uint32_t size_class = kClasses;  // kClasses: no small blocks here
};

// Bookkeeping of one arena. Bits of `used` past `page_count` are set, so that no run crosses it.
struct Arena {
  ArenaMapping mapping;
  Arena* next = nullptr;
  Arena* previous = nullptr;
  size_t page_count = 0;  // 0: dedicated
  size_t free_pages = 0;
  uint64_t used[kArenaBytes / kPageBytes / 64] = {};
  BlockAllocator::Page* pages = nullptr;
};

namespace {

constexpr size_t kMostPages = kArenaBytes / kPageBytes;
constexpr size_t kWords = kMostPages / 64;

uint64_t round_up(uint64_t bytes, uint64_t unit) { return (bytes + unit - 1) / unit * unit; }

void link_front(Arena** list, Arena* arena) {
  arena->previous = nullptr;
  arena->next = *list;
  if (*list != nullptr) (*list)->previous = arena;
  *list = arena;
}

void unlink(Arena** list, Arena* arena) {
  if (arena->previous != nullptr) arena->previous->next = arena->next;
  else *list = arena->next;
  if (arena->next != nullptr) arena->next->previous = arena->previous;
  arena->next = arena->previous = nullptr;
}

// First bit from `from` on that has the wanted value, or kMostPages.
size_t next_bit(const uint64_t* words, size_t from, bool wanted) {
  while (from < kMostPages) {
    uint64_t word = wanted ? words[from / 64] : ~words[from / 64];
    word &= ~uint64_t{0} << (from % 64);
    if (word != 0) return from / 64 * 64 + static_cast<size_t>(__builtin_ctzll(word));
    from = from / 64 * 64 + 64;
  }
  return kMostPages;
}

// First run of `pages` clear bits, or kMostPages.
size_t find_run(const uint64_t* used, size_t pages) {
  size_t first = next_bit(used, 0, false);
  while (first + pages <= kMostPages) {
    size_t end = next_bit(used, first, true);
    if (end - first >= pages) return first;
    first = next_bit(used, end, false);
  }
  return kMostPages;
}

void set_bits(uint64_t* words, size_t first, size_t count, bool value) {
  while (count > 0) {
    size_t shift = first % 64;
    size_t here = count < 64 - shift ? count : 64 - shift;
    uint64_t mask = (here == 64 ? ~uint64_t{0} : ((uint64_t{1} << here) - 1)) << shift;
    if (value) words[first / 64] |= mask;
    else words[first / 64] &= ~mask;
    first += here;
    count -= here;
  }
}

size_t small_class(uint64_t bytes) {
  size_t size_class = 0;
  while ((kSmallestBlock << size_class) < bytes) size_class++;
  return size_class;
}

Arena* new_arena(const ArenaMapping& mapping) {
  void* memory = std::malloc(sizeof(Arena));
  if (memory == nullptr) return nullptr;
  Arena* arena = new (memory) Arena;
  arena->mapping = mapping;
  return arena;
}

}  // namespace

bool BlockAllocator::request(size_t bytes, ArenaMapping* mapping) {
  if (!source_.request(source_.context, bytes, mapping)) return false;
  mapped_bytes_ += mapping->bytes;
  return true;
}

void BlockAllocator::drop(Arena* arena) {
  mapped_bytes_ -= arena->mapping.bytes;
  source_.drop(source_.context, arena->mapping);
  std::free(arena->pages);
  std::free(arena);
}

Arena* BlockAllocator::add_arena(size_t wanted_pages) {
  // When a whole arena is refused, the rest of the quota may still hold what is wanted.
  ArenaMapping mapping;
  size_t bytes = kArenaBytes;
  while (!request(bytes, &mapping)) {
    if (trim_locked()) continue;
    bytes = bytes / 4 / kPageBytes * kPageBytes;
    if (bytes < wanted_pages * kPageBytes || bytes < kPageBytes) return nullptr;
  }
  size_t page_count = mapping.bytes / kPageBytes;
  if (page_count > kMostPages) page_count = kMostPages;
  Arena* arena = new_arena(mapping);
  Page* pages = static_cast<Page*>(std::malloc(page_count * sizeof(Page)));
  if (arena == nullptr || pages == nullptr) {
    std::free(arena);
    std::free(pages);
    mapped_bytes_ -= mapping.bytes;
    source_.drop(source_.context, mapping);
    return nullptr;
  }
  for (size_t i = 0; i < page_count; i++) (new (&pages[i]) Page)->arena = arena;
  arena->pages = pages;
  arena->page_count = arena->free_pages = page_count;
  set_bits(arena->used, page_count, kMostPages - page_count, true);
  link_front(&shared_, arena);
  return arena;
}

bool BlockAllocator::allocate_pages(size_t pages, Block* block) {
  size_t first = kMostPages;
  Arena* arena = shared_;
  for (; arena != nullptr; arena = arena->next) {
    if (arena->free_pages < pages) continue;
    first = find_run(arena->used, pages);
    if (first < kMostPages) break;
  }
  if (arena == nullptr) {
    arena = add_arena(pages);
    if (arena == nullptr) return false;
    first = find_run(arena->used, pages);
    if (first >= kMostPages) return false;
  }
  set_bits(arena->used, first, pages, true);
  arena->free_pages -= pages;
  block->offset = first * kPageBytes;
  block->pointer = arena->mapping.base + block->offset;
  block->bytes = pages * kPageBytes;
  block->arena_id = arena->mapping.id;
  block->arena = arena;
  return true;
}

bool BlockAllocator::allocate_small(uint64_t bytes, Block* block) {
  size_t size_class = small_class(bytes);
  size_t block_bytes = kSmallestBlock << size_class;
  uint32_t blocks = static_cast<uint32_t>(kPageBytes / block_bytes);
  Page* page = partial_[size_class];
  if (page == nullptr) {
    if (!allocate_pages(1, block)) return false;
    page = &block->arena->pages[block->offset / kPageBytes];
    page->size_class = static_cast<uint32_t>(size_class);
    page->used = 0;
    page->next = page->previous = nullptr;
    partial_[size_class] = page;
  }
  uint32_t index = static_cast<uint32_t>(__builtin_ctz(~page->used));
  page->used |= 1u << index;
  uint32_t full = blocks == 32 ? ~0u : (1u << blocks) - 1;
  if (page->used == full) {
    partial_[size_class] = page->next;
    if (page->next != nullptr) page->next->previous = nullptr;
    page->next = page->previous = nullptr;
  }
  Arena* arena = page->arena;
  block->offset = static_cast<uint64_t>(page - arena->pages) * kPageBytes + index * block_bytes;
  block->pointer = arena->mapping.base + block->offset;
  block->bytes = block_bytes;
  block->arena_id = arena->mapping.id;
  block->arena = arena;
  return true;
}

bool BlockAllocator::allocate_dedicated(uint64_t bytes, Block* block) {
  if (bytes > UINT64_MAX / 2) return false;
  bytes = round_up(bytes, kPageBytes);
  Arena* arena = reuse_;
  while (arena != nullptr &&
         (arena->mapping.bytes < bytes || arena->mapping.bytes - bytes > bytes / 4)) {
    arena = arena->next;
  }
  if (arena != nullptr) {
    unlink(&reuse_, arena);
    reuse_count_--;
    reuse_bytes_ -= arena->mapping.bytes;
  } else {
    ArenaMapping mapping;
    while (!request(bytes, &mapping)) {
      if (!trim_locked()) return false;
    }
    arena = new_arena(mapping);
    if (arena == nullptr) {
      mapped_bytes_ -= mapping.bytes;
      source_.drop(source_.context, mapping);
      return false;
    }
  }
  link_front(&dedicated_, arena);
  block->pointer = arena->mapping.base;
  block->offset = 0;
  block->bytes = arena->mapping.bytes;
  block->arena_id = arena->mapping.id;
  block->arena = arena;
  return true;
}

bool BlockAllocator::allocate(uint64_t bytes, Block* block) {
  LockGuard guard(lock_);
  *block = Block{};
  if (bytes == 0 || source_.request == nullptr) return false;
  bool done;
  if (bytes >= kDedicatedBytes) done = allocate_dedicated(bytes, block);
  else if (bytes > kPageBytes / 2) done = allocate_pages((bytes + kPageBytes - 1) / kPageBytes,
                                                          block);
  else done = allocate_small(bytes, block);
  if (!done) *block = Block{};
  return done;
}

void BlockAllocator::free_pages(Arena* arena, size_t first, size_t pages) {
  set_bits(arena->used, first, pages, false);
  arena->free_pages += pages;
  if (arena->free_pages < arena->page_count) return;
  // One empty arena is kept: a program that creates and releases one buffer at a time would
  // otherwise map an arena for each.
  for (Arena* other = shared_; other != nullptr; other = other->next) {
    if (other == arena || other->free_pages < other->page_count) continue;
    Arena* dropped = other->page_count < arena->page_count ? other : arena;
    unlink(&shared_, dropped);
    drop(dropped);
    return;
  }
}

void BlockAllocator::retire(Arena* arena) {
  unlink(&dedicated_, arena);
  if (arena->mapping.bytes > kReuseBytes) {
    drop(arena);
    return;
  }
  link_front(&reuse_, arena);
  reuse_count_++;
  reuse_bytes_ += arena->mapping.bytes;
  while (reuse_count_ > kReuseArenas || reuse_bytes_ > kReuseBytes) {
    Arena* oldest = reuse_;
    while (oldest->next != nullptr) oldest = oldest->next;
    unlink(&reuse_, oldest);
    reuse_count_--;
    reuse_bytes_ -= oldest->mapping.bytes;
    drop(oldest);
  }
}

void BlockAllocator::free(const Block& block) {
  if (!block) return;
  LockGuard guard(lock_);
  Arena* arena = block.arena;
  if (arena->page_count == 0) {
    retire(arena);
    return;
  }
  size_t first = block.offset / kPageBytes;
  if (block.bytes >= kPageBytes) {
    free_pages(arena, first, block.bytes / kPageBytes);
    return;
  }
  Page* page = &arena->pages[first];
  uint32_t size_class = page->size_class;
  uint32_t blocks = static_cast<uint32_t>(kPageBytes / block.bytes);
  bool was_full = page->used == (blocks == 32 ? ~0u : (1u << blocks) - 1);
  page->used &= ~(1u << (block.offset % kPageBytes / block.bytes));
  if (was_full) {
    page->previous = nullptr;
    page->next = partial_[size_class];
    if (page->next != nullptr) page->next->previous = page;
    partial_[size_class] = page;
  }
  // The last page of a class stays, for the same reason as the last arena.
  if (page->used == 0 && (page->next != nullptr || page->previous != nullptr)) free_page(page);
}

// Takes an empty page out of its class.
void BlockAllocator::free_page(Page* page) {
  if (page->previous != nullptr) page->previous->next = page->next;
  else partial_[page->size_class] = page->next;
  if (page->next != nullptr) page->next->previous = page->previous;
  page->next = page->previous = nullptr;
  page->size_class = kClasses;
  free_pages(page->arena, static_cast<size_t>(page - page->arena->pages), 1);
}

bool BlockAllocator::trim_locked() {
  bool dropped = reuse_ != nullptr;
  while (reuse_ != nullptr) {
    Arena* arena = reuse_;
    unlink(&reuse_, arena);
    drop(arena);
  }
  reuse_count_ = 0;
  reuse_bytes_ = 0;
  for (Page* page : partial_) {
    while (page != nullptr) {
      Page* next = page->next;
      if (page->used == 0) free_page(page);
      page = next;
    }
  }
  for (Arena* arena = shared_; arena != nullptr;) {
    Arena* next = arena->next;
    if (arena->free_pages == arena->page_count) {
      unlink(&shared_, arena);
      drop(arena);
      dropped = true;
    }
    arena = next;
  }
  return dropped;
}

bool BlockAllocator::trim() {
  LockGuard guard(lock_);
  return trim_locked();
}

uint64_t BlockAllocator::mapped_bytes() {
  LockGuard guard(lock_);
  return mapped_bytes_;
}

void BlockAllocator::close() {
  LockGuard guard(lock_);
  for (Arena** list : {&shared_, &dedicated_, &reuse_}) {
    while (*list != nullptr) {
      Arena* arena = *list;
      unlink(list, arena);
      drop(arena);
    }
  }
  for (Page*& page : partial_) page = nullptr;
  reuse_count_ = 0;
  reuse_bytes_ = 0;
  source_ = ArenaSource{};
}

}  // namespace aliquot::guest
