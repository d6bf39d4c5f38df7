#include "device_host/witness.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace aliquot {

namespace {

constexpr size_t kMostProcesses = 4096;
constexpr size_t kMostOpenFiles = 8192;
constexpr int kCompareAddressSpaces = 1;  // KCMP_VM

std::string folder_of(pid_t process) { return "/proc/" + std::to_string(process); }

size_t read_text(const std::string& path, char* text, size_t size) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  const ssize_t length = ::read(file, text, size - 1);
  ::close(file);
  const size_t kept = length > 0 ? static_cast<size_t>(length) : 0;
  text[kept] = 0;
  return kept;
}

// A line such as "RssAnon:\t  1234 kB".
uint64_t kilobytes(const char* status, const char* key) {
  const char* line = std::strstr(status, key);
  return line == nullptr ? 0 : std::strtoull(line + std::strlen(key), nullptr, 10) * 1024;
}

// The children of every thread of every process found so far, and so on.
std::vector<pid_t> family_of(pid_t worker) {
  std::vector<pid_t> family = {worker};
  for (size_t next = 0; next < family.size() && family.size() < kMostProcesses; ++next) {
    const std::string tasks = folder_of(family[next]) + "/task";
    DIR* listing = ::opendir(tasks.c_str());
    if (listing == nullptr) continue;
    while (const dirent* entry = ::readdir(listing)) {
      if (entry->d_name[0] == '.') continue;
      char text[8192];
      if (read_text(tasks + "/" + entry->d_name + "/children", text, sizeof(text)) == 0) continue;
      char* rest = text;
      for (long child = std::strtol(rest, &rest, 10); child > 0;
           child = std::strtol(rest, &rest, 10))
        family.push_back(static_cast<pid_t>(child));
    }
    ::closedir(listing);
  }
  return family;
}

bool same_address_space(pid_t one, pid_t other) {
  return ::syscall(SYS_kcmp, one, other, kCompareAddressSpaces, 0, 0) == 0;
}

uint64_t processor_time(pid_t process) {
  char text[1024];
  if (read_text(folder_of(process) + "/stat", text, sizeof(text)) == 0) return 0;
  // The name is in parentheses and may hold anything; the last ')' ends it.
  const char* rest = std::strrchr(text, ')');
  if (rest == nullptr) return 0;
  uint64_t ticks = 0;
  int field = 2;
  for (const char* at = rest + 1; *at != 0; ++at) {
    if (*at != ' ') continue;
    ++field;
    if (field >= 14 && field <= 17) ticks += std::strtoull(at + 1, nullptr, 10);
  }
  static const auto ticks_a_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * (1000000000 / ticks_a_second);
}

}  // namespace

void Witness::begin(pid_t worker, const std::string& scratch) {
  worker_ = worker;
  scratch_ = scratch;
  last_files_ = 0;
}

uint64_t Witness::scratch_bytes() const {
  if (scratch_.empty()) return 0;
  struct statfs status;
  const std::string path = folder_of(worker_) + "/root" + scratch_;
  if (::statfs(path.c_str(), &status) != 0 || status.f_type != TMPFS_MAGIC) return 0;
  return static_cast<uint64_t>(status.f_blocks - status.f_bfree) *
         static_cast<uint64_t>(status.f_bsize);
}

uint64_t Witness::foreign_memory_files(pid_t process, std::vector<ino_t>& counted) const {
  const std::string folder = folder_of(process) + "/fd";
  DIR* listing = ::opendir(folder.c_str());
  if (listing == nullptr) return 0;
  struct stat scratch_status;
  const std::string scratch = folder_of(worker_) + "/root" + scratch_;
  const bool has_scratch = !scratch_.empty() && ::stat(scratch.c_str(), &scratch_status) == 0;
  uint64_t bytes = 0;
  size_t seen = 0;
  while (const dirent* entry = ::readdir(listing)) {
    if (entry->d_name[0] == '.' || ++seen > kMostOpenFiles) continue;
    const std::string path = folder + "/" + entry->d_name;
    struct stat status;
    // Follows the link that the kernel made; nothing is opened.
    if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_blocks == 0)
      continue;
    if (has_scratch && status.st_dev == scratch_status.st_dev) continue;
    struct statfs system;
    if (::statfs(path.c_str(), &system) != 0 || system.f_type != TMPFS_MAGIC) continue;
    const auto is = [&](ino_t inode) { return inode == status.st_ino; };
    if (std::any_of(own_inodes_.begin(), own_inodes_.end(), is)) continue;
    if (std::any_of(counted.begin(), counted.end(), is)) continue;
    counted.push_back(status.st_ino);
    bytes += static_cast<uint64_t>(status.st_blocks) * 512;
  }
  ::closedir(listing);
  return bytes;
}

bool Witness::look(bool with_files, Sighting& sighting) {
  sighting = {};
  const std::vector<pid_t> family = family_of(worker_);
  uint64_t files = 0;
  std::vector<ino_t> counted;
  bool seen = false;
  for (const pid_t process : family) {
    char status[4096];
    if (read_text(folder_of(process) + "/status", status, sizeof(status)) == 0) continue;
    ++sighting.processes;
    sighting.cpu_ns += processor_time(process);
    // Between vfork and exec a child runs in its parent's memory.
    if (process != worker_ && same_address_space(process, worker_)) continue;
    const uint64_t held = kilobytes(status, "\nRssAnon:") + kilobytes(status, "\nVmSwap:");
    if (process == worker_) {
      sighting.main_private = held;
      seen = true;
    } else {
      sighting.children_private += held;
    }
    sighting.shared += kilobytes(status, "\nRssShmem:");
    if (with_files) files += foreign_memory_files(process, counted);
  }
  if (with_files) last_files_ = files;
  sighting.files = last_files_ + scratch_bytes();
  return seen;
}

}  // namespace aliquot
