// The worker's own view of the file system: a small tmpfs with read-only bind mounts of what a
// driver needs, a private scratch and the owner's cache. Nothing else exists in it.
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include "sandbox/steps.h"

namespace aliquot::sandbox {

namespace {

// struct mount_attr of the kernel; its header clashes with sys/mount.h.
struct MountAttributes {
  uint64_t set, clear, propagation, user_namespace;
};
constexpr uint64_t kReadOnly = 0x1, kNoSuid = 0x2, kNoDevices = 0x4;
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
constexpr unsigned kRecursive = 0x8000;  // AT_RECURSIVE

bool make_folders(const std::string& path) {
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1))
    if (::mkdir(path.substr(0, slash).c_str(), 0755) != 0 && errno != EEXIST) return false;
  return true;
}

bool restrict_mount(const std::string& target, bool writable, bool device) {
  MountAttributes attributes{};
  attributes.set = kNoSuid | (writable ? 0 : kReadOnly) | (device ? 0 : kNoDevices);
  if (::syscall(SYS_mount_setattr, AT_FDCWD, target.c_str(), kRecursive, &attributes,
                sizeof(attributes)) == 0)
    return true;
  // Before Linux 5.12: this mount alone.
  const unsigned long flags =
      MS_REMOUNT | MS_BIND | MS_NOSUID | (writable ? 0 : MS_RDONLY) | (device ? 0 : MS_NODEV);
  return ::mount(nullptr, target.c_str(), nullptr, flags, nullptr) == 0;
}

bool show_path(const std::string& root, const std::string& source, bool writable, bool device,
               const std::string& inside = "") {
  struct stat status;
  if (::stat(source.c_str(), &status) != 0) return false;
  const std::string target = root + (inside.empty() ? source : inside);
  if (!make_folders(target)) return false;
  if (S_ISDIR(status.st_mode)) {
    if (::mkdir(target.c_str(), 0755) != 0 && errno != EEXIST) return false;
  } else {
    const int file = ::open(target.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0444);
    if (file >= 0) ::close(file);
  }
  // Recursive, because a user namespace may not uncover what lies below a mount.
  if (::mount(source.c_str(), target.c_str(), nullptr, MS_BIND | MS_REC, nullptr) != 0)
    return false;
  if (restrict_mount(target, writable, device)) return true;
  ::umount2(target.c_str(), MNT_DETACH);
  return false;
}

bool lies_below(const std::string& path, const std::string& folder) {
  return path == folder ||
         (path.size() > folder.size() && path.compare(0, folder.size(), folder) == 0 &&
          path[folder.size()] == '/');
}

// /bin, /lib and their like are links into /usr on most systems, folders on some.
void show_system_folders(const std::string& root) {
  for (const char* path : {"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
    char target[256];
    const ssize_t length = ::readlink(path, target, sizeof(target) - 1);
    if (length > 0) {
      target[length] = 0;
      [[maybe_unused]] const int made = ::symlink(target, (root + path).c_str());
    } else {
      show_path(root, path, false, false);
    }
  }
}

bool show_processes(const std::string& root, bool own_process_namespace) {
  const std::string target = root + "/proc";
  if (::mkdir(target.c_str(), 0755) != 0 && errno != EEXIST) return false;
  if (own_process_namespace && ::mount("proc", target.c_str(), "proc",
                                       MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, nullptr) == 0)
    return true;
  // A container may hide parts of /proc, and then no other can be mounted. Never the whole of
  // the outer one: /proc/PID/root of a stranger would lead out of the view.
  for (const char* path : {"/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version"})
    show_path(root, path, false, false);
  return true;
}

std::string owner_options(const Plan& plan, uint64_t bytes, const char* mode) {
  std::string options =
      "mode=" + std::string(mode) + ",nr_inodes=16384,size=" + std::to_string(bytes);
  if (plan.change_user)
    options += ",uid=" + std::to_string(plan.user) + ",gid=" + std::to_string(plan.group);
  return options;
}

bool build_view(const Plan& plan, const std::string& root, bool own_process_namespace) {
  show_system_folders(root);
  std::vector<std::string> paths = plan.visible;
  paths.push_back(plan.program);
  // Parents first; what lies below something shown already is there.
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> shown;
  for (const std::string& path : paths) {
    const bool covered = std::any_of(shown.begin(), shown.end(), [&](const std::string& folder) {
      return lies_below(path, folder);
    });
    if (!covered && show_path(root, path, false, false)) shown.push_back(path);
  }
  for (const std::string& path : plan.devices) show_path(root, path, true, true);
  if (!show_processes(root, own_process_namespace)) return false;

  const std::string scratch = root + kScratchPath;
  if (::mkdir(scratch.c_str(), 0700) != 0) return false;
  if (::mount("tmpfs", scratch.c_str(), "tmpfs", MS_NOSUID | MS_NODEV,
              owner_options(plan, plan.scratch_bytes, "700").c_str()) != 0)
    return false;
  if (!plan.cache_directory.empty() &&
      !show_path(root, plan.cache_directory, true, false, kCachePath))
    return false;
  return true;
}

}  // namespace

bool enter_private_root(const Plan& plan, bool own_process_namespace) {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  const std::string& root = plan.mount_point;
  const mode_t mask = ::umask(0);
  bool built =
      ::mount("tmpfs", root.c_str(), "tmpfs", MS_NOSUID, "mode=755,nr_inodes=4096,size=1m") == 0;
  built = built && build_view(plan, root, own_process_namespace);
  ::umask(mask);
  // Up to here a failure leaves the child where it was, with Landlock as its fence.
  if (!built || ::chdir(root.c_str()) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0) {
    ::umount2(root.c_str(), MNT_DETACH);
    return false;
  }
  if (::umount2(".", MNT_DETACH) != 0 || ::chdir("/") != 0) ::_exit(127);
  ::mount(nullptr, "/", nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, nullptr);
  return true;
}

}  // namespace aliquot::sandbox
