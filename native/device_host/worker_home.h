// Who a worker runs as and where it may keep compiled kernels.
//
// As root every worker has a user of its own, taken from a range that nothing else uses; locks
// below the runtime directory keep the device hosts of one machine apart. The cache lasts longer
// than the worker: it belongs to one owner, holds what that owner's workers compiled, and is
// handed to one worker at a time, so that neither another tenant nor another worker of the same
// tenant can write what a worker will load. A cache folder belongs to the user that its workers
// run as; the next worker takes that user again.
//
// What the cache's lock file says outlives both: how often the cache was taken, and whether it was
// counted since. To count it takes long where it holds much, so that is done after a worker's end, and
// before a start only where nobody came to it.
#pragma once

#include <sys/types.h>

#include <string>

#include "protocol/descriptor.h"

namespace aliquot {

constexpr uid_t kFirstWorkerUser = 61184;
constexpr uid_t kLastWorkerUser = 65519;

struct WorkerHome {
  bool change_user = false;
  uid_t user = 0;
  bool has_cache = false;
  uint32_t cache = 0;           // which of its owner's
  bool cache_counted = false;   // it holds no more than it may
  std::string cache_directory;  // empty: no cache outlives the worker
  Descriptor user_lock;
  Descriptor cache_lock;

  /// Lets the next worker have them, whoever else has the locks open.
  void unlock();
};

/// The folder of one of an owner's caches.
std::string cache_folder(const std::string& cache_dir, uid_t owner, uint32_t cache);

/// How often a cache was taken, by its open lock file.
uint64_t times_taken(int cache_lock);

/// Counts a cache. For a helper process, without the cache's lock: the next worker needs that at once.
bool cache_holds_too_much(const std::string& cache_directory);

/// Notes that a cache was counted and holds no more than it may, unless it was taken again since
/// (`taken`): who looks after that worker does so.
void note_counted(const std::string& cache_directory, uint64_t taken);

/// Empties a cache that holds too much, unless it was taken again since. For a helper process.
void empty_cache(const std::string& cache_directory, uint64_t taken);

/// Finds a free user (as root) and a free cache folder of `owner`. False when every user is taken.
/// A cache that can't be had is no failure.
bool take_worker_home(const std::string& runtime_dir, const std::string& cache_dir, uid_t owner,
                      WorkerHome& home);

}  // namespace aliquot
