#include "vm_stream/host/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <vector>

#include "sandbox/steps.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_restrict_self 446
#endif

namespace aliquot::vm_stream {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the filter knows x86-64 and aarch64"
#endif

constexpr uint64_t kMostMemory = uint64_t{1} << 30;  // of its own; what it maps of the vGPU's is none
constexpr uint64_t kMostFiles = 4096;

constexpr uint32_t kPermitted[] = {
    SYS_ppoll,        SYS_read,           SYS_write,           SYS_recvmsg,       SYS_sendmsg,
    SYS_futex,        SYS_clock_gettime,  SYS_clock_nanosleep, SYS_nanosleep,     SYS_close,
    SYS_fstat,        SYS_munmap,         SYS_brk,             SYS_madvise,       SYS_mremap,
    SYS_connect,      SYS_accept4,        SYS_fcntl,           SYS_getpid,        SYS_gettid,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn,    SYS_exit,          SYS_exit_group,
    SYS_getrandom,      SYS_restart_syscall, SYS_sched_yield,   SYS_tgkill,
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
#ifdef SYS_poll
    SYS_poll,
#endif
};

class Filter {
 public:
  void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset), 0, 0); }
  void load_argument(int index) {
    load(offsetof(seccomp_data, args) + sizeof(uint64_t) * static_cast<size_t>(index));
  }
  void answer(uint32_t action) { add(BPF_RET | BPF_K, action, 0, 0); }
  void answer_if(uint32_t value, uint32_t action) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(action);
  }
  void answer_unless(uint32_t value, uint32_t action) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    answer(action);
  }
  /// The next so many instructions are for this system call alone.
  void only_for(uint32_t call, uint8_t instructions) {
    add(BPF_JMP | BPF_JEQ | BPF_K, call, 0, instructions);
  }
  void mask(uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits, 0, 0); }
  bool install() {
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
  }

 private:
  void add(uint16_t operation, uint32_t value, uint8_t if_true, uint8_t if_false) {
    code_.push_back({operation, if_true, if_false, value});
  }
  std::vector<sock_filter> code_;
};

bool permit_few_calls() {
  const uint32_t refused = SECCOMP_RET_ERRNO | EPERM;
  Filter filter;
  filter.load(offsetof(seccomp_data, arch));
  filter.answer_unless(kArchitecture, SECCOMP_RET_KILL_PROCESS);
  filter.load(offsetof(seccomp_data, nr));
  for (const uint32_t call : kPermitted) filter.answer_if(call, SECCOMP_RET_ALLOW);
  // Nothing that is mapped can be executed.
  for (const uint32_t call : {uint32_t{SYS_mmap}, uint32_t{SYS_mprotect}}) {
    filter.only_for(call, 5);
    filter.load_argument(2);
    filter.mask(PROT_EXEC);
    filter.answer_if(0, SECCOMP_RET_ALLOW);
    filter.answer(refused);
  }
  filter.only_for(SYS_socket, 4);
  filter.load_argument(0);
  filter.answer_if(AF_UNIX, SECCOMP_RET_ALLOW);
  filter.answer(refused);
  filter.answer(refused);
  return filter.install();
}

// No path at all, as no call that the filter permits takes one but to connect.
void forbid_files() {
  struct {
    uint64_t files, network;
  } attributes{(1 << 13) - 1, 3};
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, 1);
  if (version < 1) return;
  const size_t size = version >= 4 ? 16 : 8;
  const int ruleset =
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return;
  ::syscall(SYS_landlock_restrict_self, ruleset, 0);
  ::close(ruleset);
}

void limit(int resource, uint64_t value) {
  const rlimit wanted{value, value};
  ::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted);
}

}  // namespace

bool shut_in() {
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_DATA, kMostMemory);
  limit(RLIMIT_NOFILE, kMostFiles);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return false;
  forbid_files();
  sandbox::drop_capabilities();
  return permit_few_calls();
}

}  // namespace aliquot::vm_stream
