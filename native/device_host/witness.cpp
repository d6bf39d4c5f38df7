#include "device_host/witness.h"

#include <dirent.h>
#include <errno.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "device_host/worker_family.h"

namespace aliquot {

namespace {

// Of all processes of a worker together, so that one look never takes long.
constexpr size_t kMostOpenFiles = 16384;
constexpr size_t kMostMappingsText = 16 << 20;
constexpr uint64_t kPipeBytes = 64 << 10;  // what one may hold; the filter forbids larger ones
constexpr int kCompareAddressSpaces = 1;   // KCMP_VM

bool same_address_space(pid_t one, pid_t other) {
  return ::syscall(SYS_kcmp, one, other, kCompareAddressSpaces, 0, 0) == 0;
}

struct ProcessorTime {
  uint64_t own = 0;
  uint64_t dead_children = 0;
};

ProcessorTime processor_time(pid_t process) {
  std::string text;
  if (!read_whole("/proc/" + std::to_string(process) + "/stat", 4096, text)) return {};
  // The name is in parentheses and may hold anything; the last ')' ends it.
  const char* rest = std::strrchr(text.c_str(), ')');
  if (rest == nullptr) return {};
  ProcessorTime ticks;
  int field = 2;
  for (const char* at = rest + 1; *at != 0; ++at) {
    if (*at != ' ') continue;
    ++field;
    const uint64_t value = std::strtoull(at + 1, nullptr, 10);
    if (field == 14 || field == 15) ticks.own += value;
    if (field == 16 || field == 17) ticks.dead_children += value;
  }
  static const auto tick_ns = 1'000'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return {ticks.own * tick_ns, ticks.dead_children * tick_ns};
}

bool contains(const std::vector<ino_t>& inodes, ino_t inode) {
  return std::find(inodes.begin(), inodes.end(), inode) != inodes.end();
}

void add_once(std::vector<ino_t>& inodes, ino_t inode) {
  if (!contains(inodes, inode)) inodes.push_back(inode);
}

// Nothing of a thread that is ending can be looked at; whoever hides still has memory.
bool is_ending(const FamilyMember& member) {
  std::string status;
  return !read_whole(member.folder() + "/status", kLongestStatus, status) ||
         status.find("\nRssAnon:") == std::string::npos;
}

}  // namespace

// One walk over all open files and mappings.
struct Witness::Walk {
  uint64_t bytes = 0;
  size_t open_files = 0;
  size_t mappings_text = 0;
  dev_t scratch_device = 0;    // 0: none
  std::vector<ino_t> counted;  // memory files that aren't ours
  std::vector<ino_t> own;      // memory files that are
  std::vector<ino_t> pipes;
  const char* hidden = nullptr;
};

void Witness::begin(pid_t worker, const std::string& scratch) {
  worker_ = worker;
  scratch_ = scratch;
  last_files_ = 0;
  last_hidden_ = nullptr;
  held_inodes_.clear();
}

bool Witness::is_own(ino_t inode) const { return contains(own_inodes_, inode); }

bool Witness::holds(ino_t inode) const { return contains(held_inodes_, inode); }

uint64_t Witness::scratch_bytes(const FamilyMember& worker) const {
  if (scratch_.empty()) return 0;
  struct statfs status;
  const std::string path = worker.folder() + "/root" + scratch_;
  if (::statfs(path.c_str(), &status) != 0 || status.f_type != TMPFS_MAGIC) return 0;
  return static_cast<uint64_t>(status.f_blocks - status.f_bfree) *
         static_cast<uint64_t>(status.f_bsize);
}

void Witness::walk_files(const FamilyMember& member, Walk& walk) const {
  const std::string folder = member.folder() + "/fd";
  DIR* listing = ::opendir(folder.c_str());
  if (listing == nullptr) {
    // Who may not be looked at runs a program that its user can't read.
    if ((errno == EACCES || errno == EPERM) && !is_ending(member))
      walk.hidden = "it hides the open files of a process";
    return;
  }
  while (const dirent* entry = ::readdir(listing)) {
    if (entry->d_name[0] == '.') continue;
    if (++walk.open_files > kMostOpenFiles) {
      walk.hidden = "it holds more open files than can be watched";
      break;
    }
    const std::string path = folder + "/" + entry->d_name;
    struct stat status;
    // Follows the link that the kernel made; nothing is opened.
    if (::stat(path.c_str(), &status) != 0) continue;
    if (S_ISFIFO(status.st_mode)) add_once(walk.pipes, status.st_ino);
    if (!S_ISREG(status.st_mode)) continue;
    if (walk.scratch_device != 0 && status.st_dev == walk.scratch_device) continue;
    struct statfs system;
    if (::statfs(path.c_str(), &system) != 0 || system.f_type != TMPFS_MAGIC) continue;
    if (is_own(status.st_ino)) {
      add_once(walk.own, status.st_ino);
    } else if (!contains(walk.counted, status.st_ino)) {
      walk.counted.push_back(status.st_ino);
      walk.bytes += static_cast<uint64_t>(status.st_blocks) * 512;
    }
  }
  ::closedir(listing);
}

// A mapping keeps memory though no descriptor is open and no page of it is in the page tables.
void Witness::walk_mappings(const FamilyMember& member, Walk& walk) const {
  std::string text;
  if (!read_whole(member.folder() + "/maps", kMostMappingsText - walk.mappings_text, text)) {
    if (text.size() > 0 || ((errno == EACCES || errno == EPERM) && !is_ending(member)))
      walk.hidden = "it hides the mappings of a process, or has too many";
    return;
  }
  walk.mappings_text += text.size();
  // 7f0000000000-7f0000001000 rw-s 00000000 00:01 4711      /memfd:aliquot-arena (deleted)
  constexpr const char* kMemoryFile = " /memfd:";
  for (size_t at = text.find(kMemoryFile); at != std::string::npos;
       at = text.find(kMemoryFile, at + 1)) {
    const size_t line = text.rfind('\n', at) + 1;  // npos + 1 is 0
    unsigned long long begin = 0, end = 0, inode = 0;
    if (std::sscanf(text.c_str() + line, "%llx-%llx %*s %*s %*s %llu", &begin, &end, &inode) != 3)
      continue;
    if (is_own(inode)) {
      add_once(walk.own, inode);
    } else if (!contains(walk.counted, inode)) {
      walk.bytes += end - begin;  // at most; there should be none
    }
  }
}

bool Witness::look(bool with_files, Sighting& sighting) {
  sighting = {};
  std::vector<FamilyMember> family;
  if (!list_family(worker_, family)) sighting.hidden = "it has more threads than can be watched";
  const FamilyMember worker = family.front();
  Walk walk;
  struct stat scratch;
  if (!scratch_.empty() && ::stat((worker.folder() + "/root" + scratch_).c_str(), &scratch) == 0)
    walk.scratch_device = scratch.st_dev;
  for (const FamilyMember& member : family) {
    const ProcessorTime time = processor_time(member.process);
    sighting.cpu_ns += time.own + time.dead_children;
    sighting.children_cpu_ns += time.dead_children + (member.process == worker_ ? 0 : time.own);
    if (member.thread == 0) continue;
    ++sighting.processes;
    if (with_files && walk.hidden == nullptr) walk_files(member, walk);
    // Between vfork and exec a child runs in its parent's memory.
    const bool is_worker = member.process == worker_;
    if (!is_worker && worker.thread != 0 && same_address_space(member.thread, worker.thread))
      continue;
    const std::string& status = member.status;
    uint64_t held = 0;
    for (const char* key : {"RssAnon", "VmSwap", "VmPTE", "HugetlbPages"})
      held += kilobytes_in(status, key);
    (is_worker ? sighting.main_private : sighting.children_private) += held;
    sighting.shared += kilobytes_in(status, "RssShmem");
    if (with_files && walk.hidden == nullptr) walk_mappings(member, walk);
  }
  if (with_files) {
    last_files_ = walk.bytes + walk.pipes.size() * kPipeBytes;
    last_hidden_ = walk.hidden;
    held_inodes_ = std::move(walk.own);
  }
  if (sighting.hidden == nullptr) sighting.hidden = last_hidden_;
  sighting.files = last_files_ + scratch_bytes(worker);
  return worker.thread != 0;
}

}  // namespace aliquot
