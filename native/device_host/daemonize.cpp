#include "device_host/daemonize.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <vector>

#include "protocol/socket.h"

namespace aliquot {

namespace {

constexpr int kLockTries = 100;
constexpr useconds_t kLockPauseMicroseconds = 20000;

// Through root's folders other users reach the sockets of their own vGPUs, and see nothing else.
mode_t folder_mode() { return ::geteuid() == 0 ? 0711 : 0700; }

bool make_folder(const std::string& path, mode_t mode, std::string& problem) {
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) {
    problem = "The folder " + path + " can't be made: " + std::strerror(errno) + ".";
    return false;
  }
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
      status.st_uid != ::geteuid()) {
    problem = "The folder " + path + " belongs to somebody else.";
    return false;
  }
  // It may have been made under another umask, or by a version that knew no other users' vGPUs.
  const bool is_open = (status.st_mode & 022) != 0, is_shut = (mode & ~status.st_mode) != 0;
  if ((is_open || is_shut) && ::chmod(path.c_str(), mode) != 0) {
    problem = "The folder " + path + " has the wrong permissions, which can't be changed.";
    return false;
  }
  return true;
}

}  // namespace

bool prepare_folders(const Options& options, std::string& problem) {
  return make_folder(options.runtime_dir, folder_mode(), problem) &&
         make_folder(options.device_dir(), folder_mode(), problem) &&
         make_folder(options.device_dir() + "/view", 0700, problem);
}

Descriptor lock_device(const Options& options) {
  const std::string path = options.device_dir() + "/lock";
  Descriptor lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  for (int round = 0; lock && round < kLockTries; ++round) {
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
    if (device_host_listens(options)) break;
    ::usleep(kLockPauseMicroseconds);
  }
  return Descriptor();
}

void remove_leftovers(const Options& options) {
  const std::string folder = options.device_dir();
  DIR* listing = ::opendir(folder.c_str());
  if (listing == nullptr) return;
  std::vector<std::string> sockets;
  while (const dirent* entry = ::readdir(listing)) {
    const std::string name = entry->d_name;
    if (name.size() > 5 && name.compare(name.size() - 5, 5, ".sock") == 0) sockets.push_back(name);
  }
  ::closedir(listing);
  for (const std::string& name : sockets) ::unlink((folder + "/" + name).c_str());
}

bool device_host_listens(const Options& options) {
  return static_cast<bool>(connect_record_socket((options.device_dir() + "/control.sock").c_str()));
}

Descriptor go_to_background() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) ::_exit(1);
  const pid_t middle = ::fork();
  if (middle < 0) ::_exit(1);
  if (middle > 0) {
    ::close(ends[1]);
    unsigned char answer[512];
    size_t length = 0;
    ssize_t part;
    while (length < sizeof(answer) &&
           (part = ::read(ends[0], answer + length, sizeof(answer) - length)) != 0) {
      if (part < 0 && errno != EINTR) break;
      if (part > 0) length += static_cast<size_t>(part);
    }
    if (length > 1) [[maybe_unused]]
      const ssize_t out = ::write(2, answer + 1, length - 1);
    ::_exit(length == 0 ? 1 : answer[0]);
  }
  ::close(ends[0]);
  ::setsid();
  ::signal(SIGHUP, SIG_IGN);
  if (::fork() != 0) ::_exit(0);
  if (::chdir("/") != 0) ::_exit(1);
  ::umask(0077);
  const int quiet = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (int number = 0; number < 3; ++number) ::dup2(quiet, number);
  // Whatever the caller had open is none of a background process's business.
  for (int number = 3; number < ends[1]; ++number) ::close(number);
  if (::close_range(static_cast<unsigned>(ends[1]) + 1, ~0u, 0) != 0 && errno != ENOSYS) ::_exit(1);
  return Descriptor(ends[1]);
}

void report_ready(Descriptor& waiting, unsigned char status, const std::string& problem) {
  if (!waiting) {
    if (!problem.empty()) {
      const std::string line = "aliquot-device: " + problem + "\n";
      [[maybe_unused]] const ssize_t out = ::write(2, line.data(), line.size());
    }
    return;
  }
  std::string answer(1, static_cast<char>(status));
  if (!problem.empty()) answer += "aliquot-device: " + problem.substr(0, 400) + "\n";
  [[maybe_unused]] const ssize_t out = ::write(waiting.get(), answer.data(), answer.size());
  waiting.reset();
}

}  // namespace aliquot
