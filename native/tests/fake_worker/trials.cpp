#include "trials.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

namespace aliquot::fake_worker {

namespace {

long number(const std::string& text) { return std::strtol(text.c_str(), nullptr, 0); }

// Each returns a negative number with errno set when it was refused.
long connect_to(const std::string& host) {
  const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
  if (socket < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  ::inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  const int outcome = ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  // A refusal by the other machine means that it was reached.
  const bool reached = outcome == 0 || errno == ECONNREFUSED;
  const int reason = errno;
  ::close(socket);
  errno = reason;
  return reached ? 0 : -1;
}

long connect_to_socket(const std::string& path) {
  const int socket = ::socket(AF_UNIX, SOCK_SEQPACKET, 0);
  if (socket < 0) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  return ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address));
}

long read_path(const std::string& path) {
  char byte;
  const int file = ::open(path.c_str(), O_RDONLY);
  if (file < 0) return -1;
  struct stat status;
  if (::fstat(file, &status) == 0 && S_ISDIR(status.st_mode)) return 0;
  return ::read(file, &byte, 1);
}

long make_file(const std::string& path) { return ::open(path.c_str(), O_WRONLY | O_CREAT, 0600); }

long write_large_file(const std::string& bytes) {
  const int file = ::open("large", O_WRONLY | O_CREAT, 0600);
  if (file < 0) return -1;
  ::signal(SIGXFSZ, SIG_IGN);
  std::string block(1 << 20, 'x');
  for (long left = number(bytes); left > 0; left -= static_cast<long>(block.size()))
    if (::write(file, block.data(), block.size()) < 0) return -1;
  return 0;
}

long raise_limit(const std::string&) {
  const rlimit wanted{RLIM_INFINITY, RLIM_INFINITY};
  return ::syscall(SYS_prlimit64, 0, 2 /* RLIMIT_DATA */, &wanted, nullptr);
}

long outlive_parent(const std::string&) { return ::prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); }

long fork_many(const std::string& count) {
  for (long index = 0; index < number(count); ++index) {
    const pid_t child = ::fork();
    if (child < 0) return -1;
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  return 0;
}

using Trial = long (*)(const std::string&);

const std::map<std::string, Trial>& trials() {
  static const std::map<std::string, Trial> all = {
      {"connect", connect_to},
      {"connect-socket", connect_to_socket},
      {"read", read_path},
      {"make-file", make_file},
      {"large-file", write_large_file},
      {"raise-limit", raise_limit},
      {"outlive-parent", outlive_parent},
      {"fork-many", fork_many},
      {"signal",
       [](const std::string& pid) -> long { return ::kill(static_cast<pid_t>(number(pid)), 0); }},
      {"ptrace",
       [](const std::string& pid) -> long {
         return ::ptrace(PTRACE_ATTACH, static_cast<pid_t>(number(pid)), nullptr, nullptr);
       }},
      {"become-root", [](const std::string&) -> long { return ::setresuid(0, 0, 0); }},
      {"new-namespace", [](const std::string&) -> long { return ::unshare(CLONE_NEWUSER); }},
      {"mount",
       [](const std::string&) -> long {
         return ::mount("tmpfs", "/scratch", "tmpfs", 0, nullptr);
       }},
      {"chroot", [](const std::string&) -> long { return ::chroot("/scratch"); }},
      {"memory-file", [](const std::string&) -> long { return ::memfd_create("hidden", 0); }},
      {"shared-memory",
       [](const std::string&) -> long {
         return ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                    ? -1
                    : 0;
       }},
      {"system-v-memory",
       [](const std::string&) -> long { return ::syscall(SYS_shmget, 0, 4096, 0600); }},
      {"bpf", [](const std::string&) -> long { return ::syscall(SYS_bpf, 0, nullptr, 0); }},
      {"keyring", [](const std::string&) -> long { return ::syscall(SYS_keyctl, 0, -3, 0, 0, 0); }},
      {"io-uring",
       [](const std::string&) -> long {
         char room[256] = {};
         return ::syscall(SYS_io_uring_setup, 1, room);
       }},
      {"userfaultfd", [](const std::string&) -> long { return ::syscall(SYS_userfaultfd, 1); }},
      {"perf",
       [](const std::string&) -> long {
         return ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0);
       }},
      {"personality",
       [](const std::string&) -> long { return ::syscall(SYS_personality, 0xffffffff); }},
      {"file-handle",
       [](const std::string&) -> long {
         return ::syscall(SYS_name_to_handle_at, AT_FDCWD, "/", nullptr, nullptr, 0) == 0 ||
                        errno == EFAULT
                    ? 0
                    : -1;
       }},
      {"read-process",
       [](const std::string& pid) -> long {
         return ::syscall(SYS_process_vm_readv, number(pid), nullptr, 0, nullptr, 0, 0);
       }},
      {"own-files-thread",
       [](const std::string&) -> long {
         // Refused before the stack matters.
         return ::syscall(SYS_clone, CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, nullptr, nullptr,
                          nullptr, nullptr);
       }},
      {"unshare-files",
       [](const std::string&) -> long { return ::syscall(SYS_close_range, 1000, 1001, 2); }},
      {"file-owner",
       [](const std::string& pid) -> long { return ::fcntl(2, F_SETOWN, number(pid)); }},
      {"pidfd",
       [](const std::string& pid) -> long { return ::syscall(SYS_pidfd_open, number(pid), 0); }},
      {"start-program",
       [](const std::string& path) -> long {
         return std::system((path + " --version >/dev/null 2>&1").c_str()) == 0
                    ? 0
                    : (errno = ENOEXEC, -1);
       }},
      {"working-folder", [](const std::string&) -> long { return make_file("work"); }},
      {"cache-folder",
       [](const std::string&) -> long {
         const char* folder = std::getenv("XDG_CACHE_HOME");
         return folder == nullptr ? -1 : make_file(std::string(folder) + "/kept");
       }},
      {"fill-cache",
       [](const std::string& count) -> long {
         const char* folder = std::getenv("XDG_CACHE_HOME");
         if (folder == nullptr) return -1;
         std::string path = folder;
         for (int depth = 0; depth < 40; ++depth) ::mkdir((path += "/d").c_str(), 0700);
         for (long index = 0; index < number(count); ++index) {
           const int file = ::open((path + "/" + std::to_string(index)).c_str(),
                                   O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
           if (file < 0 || ::fallocate(file, 0, 0, 200 << 20) != 0) return -1;
           ::close(file);
         }
         return 0;
       }},
      {"cache-was-kept",
       [](const std::string&) -> long {
         const char* folder = std::getenv("XDG_CACHE_HOME");
         return folder == nullptr ? -1 : ::access((std::string(folder) + "/kept").c_str(), W_OK);
       }},
  };
  return all;
}

constexpr unsigned long long kPage = 4096, kPart = 4 << 20;

void touch(char* memory, unsigned long long bytes, Between between = [] {}) {
  for (unsigned long long offset = 0; offset < bytes; offset += kPage) {
    memory[offset] = 1;
    if (offset % kPart == 0) between();
  }
}

}  // namespace

bool run_trial(const std::string& name, const std::string& argument) {
  const auto found = trials().find(name);
  if (found == trials().end()) return false;
  errno = 0;
  const bool permitted = found->second(argument) >= 0;
  const int reason = errno;
  std::fprintf(
      stderr, "trial %s %s: %s\n", name.c_str(), argument.c_str(),
      permitted ? "permitted" : (std::string("refused (") + std::strerror(reason) + ")").c_str());
  return true;
}

void allocate(unsigned long long bytes, Between between) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "allocate: %s\n", std::strerror(errno));
    return;
  }
  touch(static_cast<char*>(memory), bytes, between);
}

void allocate_in_child(unsigned long long bytes) {
  if (::fork() != 0) return;
  allocate(bytes);
  for (;;) ::pause();
}

void allocate_in_orphan(unsigned long long bytes) {
  const pid_t parent = ::fork();
  if (parent == 0) {
    if (::fork() != 0) ::_exit(0);
    // It may be killed at once: the test knows by this line that it was there.
    std::fprintf(stderr, "orphan %d allocates\n", static_cast<int>(::getpid()));
    allocate(bytes);
    for (;;) ::pause();
  }
  ::waitpid(parent, nullptr, 0);
}

// The thread that the process is named after ends; its entry in /proc then shows no memory.
void allocate_in_last_thread(unsigned long long bytes, Between between) {
  static unsigned long long wanted;
  static Between meanwhile;
  wanted = bytes;
  meanwhile = between;
  pthread_t thread;
  const auto run = [](void*) -> void* {
    ::usleep(100000);
    allocate(wanted, meanwhile);
    for (;;) ::pause();
  };
  if (::pthread_create(&thread, nullptr, run, nullptr) != 0) return;
  ::syscall(SYS_exit, 0);
}

void hoard(int memory, unsigned long long bytes) {
  void* pages = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
  if (pages == MAP_FAILED) return;
  touch(static_cast<char*>(pages), bytes);
  ::madvise(pages, bytes, MADV_DONTNEED);  // out of the page tables; the pages stay
}

void allocate_memory_file(unsigned long long bytes) {
  const int file = ::memfd_create("hidden", 0);
  if (file < 0 || ::fallocate(file, 0, 0, static_cast<off_t>(bytes)) != 0)
    std::fprintf(stderr, "allocate-memory-file: %s\n", std::strerror(errno));
}

void allocate_in_scratch(unsigned long long bytes) {
  const int file = ::open("hidden", O_RDWR | O_CREAT, 0600);
  ::unlink("hidden");
  if (file < 0 || ::fallocate(file, 0, 0, static_cast<off_t>(bytes)) != 0)
    std::fprintf(stderr, "allocate-in-scratch: %s\n", std::strerror(errno));
}

void allocate_shared(unsigned long long bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "allocate-shared: %s\n", std::strerror(errno));
    return;
  }
  touch(static_cast<char*>(memory), bytes);
}

}  // namespace aliquot::fake_worker
