// Landlock (Linux 5.13 and later): the worker may read what its view shows, write its scratch and
// cache, and open no connection, whatever else goes wrong.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "sandbox/steps.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

namespace aliquot::sandbox {

namespace {

// From the kernel's interface; older headers lack the later ones.
struct RulesetAttributes {
  uint64_t files, network, scopes;
};
struct __attribute__((packed)) PathRule {
  uint64_t allowed;
  int32_t folder;
};
constexpr uint64_t kExecute = 1 << 0, kWriteFile = 1 << 1, kReadFile = 1 << 2, kReadFolder = 1 << 3,
                   kRemoveFolder = 1 << 4, kRemoveFile = 1 << 5, kMakeFolder = 1 << 7,
                   kMakeFile = 1 << 8, kMakeLink = 1 << 12, kMoveBetween = 1 << 13,
                   kTruncate = 1 << 14, kDeviceControl = 1 << 15;
constexpr uint64_t kReading = kExecute | kReadFile | kReadFolder;
constexpr uint64_t kWriting = kReading | kWriteFile | kRemoveFolder | kRemoveFile | kMakeFolder |
                              kMakeFile | kMakeLink | kMoveBetween | kTruncate;
constexpr uint64_t kFileRights = kExecute | kWriteFile | kReadFile | kTruncate | kDeviceControl;

uint64_t rights_known(long version) {
  uint64_t rights = (1 << 13) - 1;
  if (version >= 2) rights |= kMoveBetween;
  if (version >= 3) rights |= kTruncate;
  if (version >= 5) rights |= kDeviceControl;
  return rights;
}

void allow(int ruleset, const std::string& path, uint64_t rights) {
  const int folder = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (folder < 0) return;
  struct stat status;
  PathRule rule{rights, folder};
  if (::fstat(folder, &status) == 0) {
    if (!S_ISDIR(status.st_mode)) rule.allowed &= kFileRights;
    ::syscall(SYS_landlock_add_rule, ruleset, 1, &rule, 0);
  }
  ::close(folder);
}

}  // namespace

bool restrict_paths(const Plan& plan, bool private_root) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);
  if (version < 1) return false;
  RulesetAttributes attributes{};
  attributes.files = rights_known(version);
  if (version >= 4) attributes.network = 3;  // bind and connect over TCP
  if (version >= 6) attributes.scopes = 3;   // abstract sockets, signals
  const size_t size = version >= 6 ? 24 : version >= 4 ? 16 : 8;
  const int ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return false;
  const uint64_t known = attributes.files;
  if (private_root) {
    allow(ruleset, "/", kReading & known);
    allow(ruleset, kScratchPath, kWriting & known);
    allow(ruleset, kCachePath, kWriting & known);
  } else {
    for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"})
      allow(ruleset, path, kReading & known);
    for (const std::string& path : plan.visible) allow(ruleset, path, kReading & known);
    allow(ruleset, plan.program, kReading & known);
    // Rules name what is there now, so this is the child's own folder of /proc and no other,
    // whatever its number is in there.
    allow(ruleset, "/proc/self", kReading & known);
    for (const char* path : {"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version"})
      allow(ruleset, path, kReading & known);
    if (!plan.cache_directory.empty()) allow(ruleset, plan.cache_directory, kWriting & known);
  }
  for (const std::string& path : plan.devices)
    allow(ruleset, path, (kReadFile | kWriteFile | kDeviceControl) & known);
  const bool restricted = ::syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
  ::close(ruleset);
  return restricted;
}

bool landlock_bites(const std::string& writable_folder) {
  // A named pipe is something that the folder's rights lack, though its mode permits it.
  const std::string path = writable_folder + "/.landlock-probe";
  if (::mkfifo(path.c_str(), 0600) != 0) return errno == EACCES;
  ::unlink(path.c_str());
  return false;
}

}  // namespace aliquot::sandbox
