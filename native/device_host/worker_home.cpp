#include "device_host/worker_home.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>

#include "device_host/worker_plan.h"
#include "sandbox/steps.h"

namespace aliquot {

namespace {

constexpr int kCachesAnOwner = 64;

// Root in a container may have only a few users to give; then workers keep the device host's, and
// lose its capabilities like any other.
bool has_worker_users() {
  if (::geteuid() != 0) return false;
  std::FILE* map = std::fopen("/proc/self/uid_map", "re");
  if (map == nullptr) return false;
  unsigned long inside, outside, count;
  bool has = false;
  while (std::fscanf(map, "%lu %lu %lu", &inside, &outside, &count) == 3)
    has |= inside <= kFirstWorkerUser && inside + count > kLastWorkerUser;
  std::fclose(map);
  return has;
}

Descriptor lock_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (file && ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) file.reset();
  return file;
}

constexpr const char* kCounted = " counted";

// A file that says nothing, or nonsense, is that of a cache that was never taken or counted.
uint64_t read_note(int lock, bool& counted) {
  char text[64] = {};
  if (::pread(lock, text, sizeof(text) - 1, 0) <= 0) text[0] = 0;
  counted = std::strstr(text, kCounted) != nullptr;
  return std::strtoull(text, nullptr, 10);
}

// Where it can't be written (a full disk) nothing is there any more.
bool write_note(int lock, uint64_t taken, bool counted) {
  const std::string text = std::to_string(taken) + (counted ? kCounted : "") + "\n";
  return ::ftruncate(lock, 0) == 0 &&
         ::pwrite(lock, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
}

bool lock_user(const std::string& folder, uid_t user, WorkerHome& home) {
  if (user < kFirstWorkerUser || user > kLastWorkerUser) return false;
  Descriptor lock = lock_file(folder + "/" + std::to_string(user));
  if (!lock) return false;
  home.user_lock = std::move(lock);
  home.user = user;
  home.change_user = true;
  return true;
}

// Users who own a cache. A worker with another's user could write what that one will load.
std::set<uid_t> cache_users(const std::string& cache_dir) {
  std::set<uid_t> users;
  const auto each_entry = [](const std::string& folder, const auto& visit) {
    DIR* listing = ::opendir(folder.c_str());
    if (listing == nullptr) return;
    while (const dirent* entry = ::readdir(listing))
      if (entry->d_name[0] != '.') visit(folder + "/" + entry->d_name);
    ::closedir(listing);
  };
  if (cache_dir.empty()) return users;
  each_entry(cache_dir, [&](const std::string& owner) {
    each_entry(owner, [&](const std::string& cache) {
      struct stat status;
      if (::lstat(cache.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
        users.insert(status.st_uid);
    });
  });
  return users;
}

bool lock_any_user(const std::string& folder, const std::string& cache_dir, WorkerHome& home) {
  const std::set<uid_t> taken = cache_users(cache_dir);
  const uid_t range = kLastWorkerUser - kFirstWorkerUser + 1;
  for (uid_t step = 0; step < range; ++step) {
    // Device hosts start at different places, so that they rarely try the same user.
    const uid_t user = kFirstWorkerUser + (static_cast<uid_t>(::getpid()) * 31 + step) % range;
    if (taken.count(user) == 0 && lock_user(folder, user, home)) return true;
  }
  return false;
}

bool make_folders(const std::string& path, mode_t mode) {
  for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = slash == std::string::npos ? path : path.substr(0, slash);
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST) return false;
    if (slash == std::string::npos) return true;
  }
}

// One cache folder of this owner that no live worker holds.
bool take_cache(const std::string& cache_dir, const std::string& owner_folder,
                const std::string& users, bool as_root, WorkerHome& home) {
  for (int slot = 0; slot < kCachesAnOwner; ++slot) {
    const std::string path = owner_folder + "/" + std::to_string(slot);
    Descriptor lock = lock_file(path + ".lock");
    if (!lock) continue;
    struct stat status;
    const bool there = ::lstat(path.c_str(), &status) == 0;
    if (there && !S_ISDIR(status.st_mode)) continue;
    if (as_root) {
      const bool locked = there ? lock_user(users, status.st_uid, home)
                                : lock_any_user(users, cache_dir, home);
      if (!locked) continue;
    }
    if (!there) {
      if (::mkdir(path.c_str(), 0700) != 0) return false;
      if (as_root && ::lchown(path.c_str(), home.user, home.user) != 0) {
        ::rmdir(path.c_str());
        return false;
      }
    } else if (!as_root && status.st_uid != ::geteuid()) {
      continue;
    }
    const uint64_t taken = read_note(lock.get(), home.cache_counted);
    // From now on it may hold anything.
    if (!write_note(lock.get(), taken + 1, false)) home.cache_counted = false;
    home.cache_lock = std::move(lock);
    home.has_cache = true;
    home.cache = static_cast<uint32_t>(slot);
    home.cache_directory = path;
    return true;
  }
  return false;
}

}  // namespace

void WorkerHome::unlock() {
  for (const Descriptor* lock : {&user_lock, &cache_lock})
    if (*lock) ::flock(lock->get(), LOCK_UN);
}

std::string cache_folder(const std::string& cache_dir, uid_t owner, uint32_t cache) {
  return cache_dir + "/" + std::to_string(owner) + "/" + std::to_string(cache);
}

uint64_t times_taken(int cache_lock) {
  bool counted = false;
  return read_note(cache_lock, counted);
}

bool cache_holds_too_much(const std::string& cache_directory) {
  return sandbox::folder_bytes(cache_directory.c_str(), kMostCacheEntries,
                               sandbox::Haste::kInPassing) > kMostCacheBytes;
}

void note_counted(const std::string& cache_directory, uint64_t taken) {
  // Where nothing could be noted when it was taken (0), it is not known whether that was so again.
  const Descriptor lock = lock_file(cache_directory + ".lock");
  if (lock && taken != 0 && times_taken(lock.get()) == taken) write_note(lock.get(), taken, true);
}

void empty_cache(const std::string& cache_directory, uint64_t taken) {
  const Descriptor lock = lock_file(cache_directory + ".lock");
  if (!lock || times_taken(lock.get()) != taken) return;
  // As far as it goes at once; the next start counts it.
  sandbox::trim_cache(cache_directory, kMostCacheBytes, kMostCacheEntries);
}

bool take_worker_home(const std::string& runtime_dir, const std::string& cache_dir, uid_t owner,
                      WorkerHome& home) {
  const bool as_root = has_worker_users();
  const std::string users = runtime_dir + "/users";
  if (as_root) make_folders(users, 0700);
  if (!cache_dir.empty()) {
    // As root the way to a cache can be walked but not listed; each cache is its user's alone.
    const std::string owner_folder = cache_dir + "/" + std::to_string(owner);
    if (make_folders(owner_folder, as_root ? 0711 : 0700)) {
      if (as_root) ::chmod(owner_folder.c_str(), 0711);
      if (take_cache(cache_dir, owner_folder, users, as_root, home)) return true;
    }
  }
  return !as_root || home.change_user || lock_any_user(users, cache_dir, home);
}

}  // namespace aliquot
