#include "device_host/worker_family.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace aliquot {

namespace {

// Twice what the limits grant a worker, where there is a limit.
constexpr size_t kMostThreads = 2048;
constexpr size_t kLongestChildren = 64 << 10;

std::string tasks_of(pid_t process) { return "/proc/" + std::to_string(process) + "/task"; }

void add_children(const std::string& thread_folder, std::vector<FamilyMember>& family) {
  std::string text;
  if (!read_whole(thread_folder + "/children", kLongestChildren, text)) return;
  char* rest = text.data();
  for (long child = std::strtol(rest, &rest, 10); child > 0; child = std::strtol(rest, &rest, 10)) {
    FamilyMember member;
    member.process = static_cast<pid_t>(child);
    family.push_back(std::move(member));
  }
}

}  // namespace

std::string FamilyMember::folder() const {
  return tasks_of(process) + "/" + std::to_string(thread);
}

bool kernel_lists_children() {
  return ::access((tasks_of(::getpid()) + "/" + std::to_string(::getpid()) + "/children").c_str(),
                  R_OK) == 0;
}

bool read_whole(const std::string& path, size_t most, std::string& text) {
  text.clear();
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char part[16384];
  ssize_t length;
  while ((length = ::read(file, part, sizeof(part))) > 0 && text.size() <= most)
    text.append(part, static_cast<size_t>(length));
  ::close(file);
  return text.size() <= most;
}

uint64_t kilobytes_in(const std::string& status, const char* key) {
  const std::string line = std::string("\n").append(key).append(":");
  const size_t at = status.find(line);
  return at == std::string::npos
             ? 0
             : std::strtoull(status.c_str() + at + line.size(), nullptr, 10) * 1024;
}

bool list_family(pid_t worker, std::vector<FamilyMember>& family) {
  family.assign(1, FamilyMember{worker, 0, ""});
  size_t threads = 0;
  for (size_t next = 0; next < family.size(); ++next) {
    if (family.size() > kMostThreads) return false;
    const std::string tasks = tasks_of(family[next].process);
    DIR* listing = ::opendir(tasks.c_str());
    if (listing == nullptr) continue;
    while (const dirent* entry = ::readdir(listing)) {
      if (entry->d_name[0] == '.') continue;
      if (++threads > kMostThreads) break;
      const std::string folder = tasks + "/" + entry->d_name;
      add_children(folder, family);
      std::string status;
      if (family[next].thread != 0 || !read_whole(folder + "/status", kLongestStatus, status) ||
          status.find("\nRssAnon:") == std::string::npos)
        continue;
      family[next].thread = static_cast<pid_t>(std::atol(entry->d_name));
      family[next].status = std::move(status);
    }
    ::closedir(listing);
    if (threads > kMostThreads) return false;
  }
  return true;
}

}  // namespace aliquot
