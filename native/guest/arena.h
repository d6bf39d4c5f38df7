// Blocks of the memory that guest process and worker both map.
//
// The device host makes and seals arenas; a BlockAllocator cuts them into blocks. Two of them
// exist a connection: one for staging (passes data) and one for buffers (holds them, where the
// worker shares pages). All bookkeeping lies in the guest process's private memory: what the
// worker or a kernel scribbles into an arena can't lead the allocator astray.
//
// Nothing here knows about queues: whoever frees a block has made sure that its last use ended.
#pragma once

#include <cstddef>
#include <cstdint>

#include "guest/wait.h"

namespace aliquot::guest {

constexpr size_t kPageBytes = 4096;
constexpr size_t kSmallestBlock = 128;                  // also its alignment
constexpr size_t kStagingChunk = size_t{1} << 20;       // one piece of a pipelined transfer
constexpr size_t kArenaBytes = size_t{4} << 20;         // of an arena that holds many blocks
constexpr size_t kDedicatedBytes = size_t{1} << 20;     // from here on a block has its own arena
constexpr size_t kReuseBytes = size_t{32} << 20;        // dedicated arenas kept for reuse, at most
constexpr uint32_t kReuseArenas = 8;

// An arena as the device host gave it.
struct ArenaMapping {
  unsigned char* base = nullptr;
  size_t bytes = 0;
  uint32_t id = 0;  // what commands call it; never 0
};

// Where arenas come from and go to. A table of functions, so that tests need no device host.
struct ArenaSource {
  void* context = nullptr;
  // Maps a new arena of at least `bytes` (a multiple of 4096). False: refused or disconnected.
  bool (*request)(void* context, size_t bytes, ArenaMapping* mapping) = nullptr;
  // Unmaps the arena and tells the worker, if there still is one.
  void (*drop)(void* context, const ArenaMapping& mapping) = nullptr;
};

struct Arena;

// A piece of an arena. `arena_id == 0`: no block.
struct Block {
  unsigned char* pointer = nullptr;
  uint64_t offset = 0;  // in its arena
  uint64_t bytes = 0;   // as rounded up by the allocator
  uint32_t arena_id = 0;
  Arena* arena = nullptr;  // owned by the allocator

  explicit operator bool() const { return arena_id != 0; }
};

// Cuts arenas into blocks; thread-safe. Constant-initialised and trivially destructible apart
// from its arenas, which `close` gives back.
class BlockAllocator {
 public:
  void open(const ArenaSource& source) { source_ = source; }

  // Drops every arena, whether blocks are in use or not.
  void close();

  // Gives a block of at least `bytes` > 0, aligned to 4096 from 4096 bytes on and to 128 below.
  // False when no arena can be had (the quota of arenas is spent, or the connection is gone).
  bool allocate(uint64_t bytes, Block* block);

  // Takes a block back. Its last use must have ended. The mapping may vanish.
  void free(const Block& block);

  // Drops what is kept for reuse. True when anything was dropped.
  bool trim();

  // Bytes of all arenas now mapped.
  uint64_t mapped_bytes();

 private:
  struct Page;

  bool allocate_dedicated(uint64_t bytes, Block* block);
  bool allocate_pages(size_t pages, Block* block);
  bool allocate_small(uint64_t bytes, Block* block);
  bool request(size_t bytes, ArenaMapping* mapping);
  Arena* add_arena(size_t wanted_pages);
  void free_page(Page* page);
  void free_pages(Arena* arena, size_t first, size_t pages);
  void retire(Arena* arena);
  void drop(Arena* arena);
  bool trim_locked();

  static constexpr size_t kClasses = 5;  // 128, 256, 512, 1024, 2048 bytes

  Lock lock_;
  ArenaSource source_;
  Arena* shared_ = nullptr;     // arenas that hold many blocks
  Arena* dedicated_ = nullptr;  // arenas that hold one block
  Arena* reuse_ = nullptr;      // free dedicated arenas, most recent first
  Page* partial_[kClasses] = {};  // pages of small blocks with room
  uint64_t mapped_bytes_ = 0;
  uint64_t reuse_bytes_ = 0;
  uint32_t reuse_count_ = 0;
  friend struct Arena;
};

// The allocators of a connection.
struct Arenas {
  BlockAllocator staging;
  BlockAllocator buffers;
};

}  // namespace aliquot::guest
