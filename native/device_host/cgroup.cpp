#include "device_host/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace aliquot {

namespace {

constexpr const char* kMounts = "/sys/fs/cgroup";
constexpr const char* kFamily = "/aliquot";  // the folder that holds the groups of all workers

bool write_text(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool all = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(file);
  return all;
}

std::string read_text(const std::string& path) {
  char text[4096];
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  const ssize_t length = ::read(file, text, sizeof(text));
  ::close(file);
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : "";
}

bool lives(int process) {
  return process != ::getpid() && ::access(("/proc/" + std::to_string(process)).c_str(), F_OK) == 0;
}

bool make_folder(const std::string& path) {
  return ::mkdir(path.c_str(), 0755) == 0 || errno == EEXIST;
}

// The folder of the workers' groups in a version 1 hierarchy, below this process's own group.
std::string family_folder_1(const std::string& controller) {
  const std::string own = read_text("/proc/self/cgroup");
  const size_t at = own.find(":" + controller + ":");
  if (at == std::string::npos) return "";
  const size_t start = at + controller.size() + 2;
  std::string path = own.substr(start, own.find('\n', start) - start);
  if (path == "/") path.clear();
  return std::string(kMounts) + "/" + controller + path + kFamily;
}

uint64_t number_after(const std::string& text, const char* key) {
  const size_t at = text.find(key);
  return at == std::string::npos ? 0
                                 : std::strtoull(text.c_str() + at + std::strlen(key), nullptr, 10);
}

}  // namespace

WorkerCgroup::~WorkerCgroup() { remove(); }

bool WorkerCgroup::make_version_1(const std::string& name, uint64_t memory_bytes,
                                  uint64_t processes) {
  const std::string family = family_folder_1("memory");
  if (family.empty() || !make_folder(family)) return false;
  const std::string folder = family + "/" + name;
  if (!make_folder(folder)) return false;
  folders_.push_back(folder);
  if (!write_text(folder + "/memory.limit_in_bytes", std::to_string(memory_bytes))) {
    remove();
    return false;
  }
  memory_folder_ = folder;
  set_memory_limit(memory_bytes);
  // A thread's own move needs no lock over all processes of the machine; "cgroup.procs" does.
  process_files_.push_back(folder + "/tasks");
  const std::string pids_family = family_folder_1("pids");
  if (!pids_family.empty() && make_folder(pids_family) && make_folder(pids_family + "/" + name)) {
    folders_.push_back(pids_family + "/" + name);
    write_text(folders_.back() + "/pids.max", std::to_string(processes));
    process_files_.push_back(folders_.back() + "/tasks");
  }
  return true;
}

bool WorkerCgroup::make_version_2(const std::string& name, uint64_t memory_bytes,
                                  uint64_t processes) {
  // Only the root of the hierarchy may hold processes and hand controllers on, so as root the
  // groups lie there; an ordinary user's own group is a leaf that can't be divided.
  const std::string root = kMounts;
  if (read_text(root + "/cgroup.controllers").find("memory") == std::string::npos) return false;
  write_text(root + "/cgroup.subtree_control", "+memory +pids");
  const std::string family = root + kFamily;
  if (!make_folder(family)) return false;
  write_text(family + "/cgroup.subtree_control", "+memory +pids");
  const std::string folder = family + "/" + name;
  if (!make_folder(folder)) return false;
  folders_.push_back(folder);
  version_2_ = true;
  if (!write_text(folder + "/memory.max", std::to_string(memory_bytes))) {
    remove();
    return false;
  }
  memory_folder_ = folder;
  write_text(folder + "/memory.swap.max", "0");
  write_text(folder + "/pids.max", std::to_string(processes));
  process_files_.push_back(folder + "/cgroup.procs");
  return true;
}

bool WorkerCgroup::create(const std::string& name, uint64_t memory_bytes, uint64_t processes) {
  return make_version_1(name, memory_bytes, processes) ||
         make_version_2(name, memory_bytes, processes);
}

void WorkerCgroup::set_memory_limit(uint64_t bytes) {
  if (memory_folder_.empty()) return;
  const std::string text = std::to_string(bytes);
  if (version_2_) {
    write_text(memory_folder_ + "/memory.max", text);
    return;
  }
  // With swap first when rising, last when falling: one may never be below the other.
  const std::string with_swap = memory_folder_ + "/memory.memsw.limit_in_bytes";
  write_text(with_swap, text);
  write_text(memory_folder_ + "/memory.limit_in_bytes", text);
  write_text(with_swap, text);
}

uint64_t WorkerCgroup::kills() const {
  if (memory_folder_.empty()) return 0;
  return number_after(
      read_text(memory_folder_ + (version_2_ ? "/memory.events" : "/memory.oom_control")),
      "oom_kill ");
}

bool WorkerCgroup::remove() {
  folders_.erase(std::remove_if(folders_.begin(), folders_.end(),
                                [](const std::string& folder) {
                                  return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
                                }),
                 folders_.end());
  if (!folders_.empty()) return false;
  memory_folder_.clear();
  process_files_.clear();
  return true;
}

void WorkerCgroup::remove_leftovers(const std::string& prefix) {
  for (const std::string& family :
       {family_folder_1("memory"), family_folder_1("pids"), std::string(kMounts) + kFamily}) {
    if (family.empty()) continue;
    DIR* listing = ::opendir(family.c_str());
    if (listing == nullptr) continue;
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(listing))
      if (std::strncmp(entry->d_name, prefix.c_str(), prefix.size()) == 0 &&
          !lives(std::atoi(entry->d_name + prefix.size())))
        names.emplace_back(entry->d_name);
    ::closedir(listing);
    for (const std::string& name : names) ::rmdir((family + "/" + name).c_str());
    ::rmdir(family.c_str());  // succeeds when no other device host has groups there
  }
}

}  // namespace aliquot
