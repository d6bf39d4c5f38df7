// The processes of a worker, as /proc lists them. A worker is not trusted: it may end the thread
// that its process is named after, fork without measure and hide what it runs, so the list is read
// whole, in bounded time, and what can't be looked at is told.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace aliquot {

struct FamilyMember {
  pid_t process = 0;
  // A thread that still has the process's memory and files; the first one may have ended, and its
  // entry in /proc then shows neither. 0: the process is dead, only its parent hasn't noticed.
  pid_t thread = 0;
  std::string status;  // that thread's, as /proc has it

  /// Its entry in /proc.
  std::string folder() const;
};

/// Lists the worker and all that it started, directly or not; empty when it is gone. False when
/// these are more threads than a worker may have, so that the list isn't whole.
bool list_family(pid_t worker, std::vector<FamilyMember>& family);

/// Whether this kernel tells a process's children at all: some are built without.
bool kernel_lists_children();

/// No `status` in /proc is longer.
constexpr size_t kLongestStatus = 64 << 10;

/// The whole text of a file of /proc, which hands out a page at a time. False when it can't be
/// opened, with errno set, or is longer than `most`.
bool read_whole(const std::string& path, size_t most, std::string& text);

/// A number of kilobytes in a line such as "RssAnon:\t  1234 kB", in bytes; 0 when there is none.
uint64_t kilobytes_in(const std::string& status, const char* key);

}  // namespace aliquot
