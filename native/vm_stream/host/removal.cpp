#include "vm_stream/host/removal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

namespace aliquot::vm_stream {

namespace {

constexpr int kMostMilliseconds = 2000;  // a file system may hang

struct File {
  std::string path;
  struct statx made {};
};

bool look(const std::string& path, struct statx& facts) {
  return ::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_BTIME, &facts) == 0;
}

// A new file may have the number of one that is gone, but not its time of birth.
bool is_same(const struct statx& one, const struct statx& other) {
  return one.stx_dev_major == other.stx_dev_major && one.stx_dev_minor == other.stx_dev_minor &&
         one.stx_ino == other.stx_ino && one.stx_btime.tv_sec == other.stx_btime.tv_sec &&
         one.stx_btime.tv_nsec == other.stx_btime.tv_nsec;
}

void remove_if_same(const File& file) {
  struct statx now {};
  if (look(file.path, now) && is_same(now, file.made)) ::unlink(file.path.c_str());
}

// Signals for a whole group of processes are for the other one; this one follows it.
void ignore_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) ::signal(number, SIG_IGN);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_all_but(int kept) {
  const auto number = static_cast<unsigned>(kept);
  if (number > 0) ::syscall(SYS_close_range, 0u, number - 1, 0u);
  ::syscall(SYS_close_range, number + 1, ~0u, 0u);
}

}  // namespace

Descriptor remove_at_end(const std::vector<std::string>& paths) {
  std::vector<File> files;
  for (const std::string& path : paths) {
    File file;
    file.path = path;
    if (look(path, file.made)) files.push_back(file);
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return {};
  Descriptor ours(ends[0]), theirs(ends[1]);
  const pid_t process = ::fork();
  if (process != 0) return process > 0 ? std::move(ours) : Descriptor();
  ignore_signals();
  close_all_but(theirs.get());
  char byte;
  while (::read(theirs.get(), &byte, 1) < 0 && errno == EINTR) {
  }
  for (const File& file : files) remove_if_same(file);
  ::_exit(0);
}

void remove_now(Descriptor files) {
  const char word = 0;
  if (!files || ::write(files.get(), &word, 1) != 1) return;
  pollfd end{files.get(), POLLIN, 0};
  ::poll(&end, 1, kMostMilliseconds);  // it says nothing: its end is what comes
}

}  // namespace aliquot::vm_stream
