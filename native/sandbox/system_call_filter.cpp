// The seccomp filter: everything is refused but the list, and a few calls are permitted only with
// harmless arguments.
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vector>

#include "sandbox/permitted_calls.h"
#include "sandbox/steps.h"

namespace aliquot::sandbox {

namespace {

#if defined(__x86_64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
#error "the filter knows x86-64 and aarch64"
#endif

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t refuse(uint32_t reason) { return SECCOMP_RET_ERRNO | reason; }

// Numbers above this are younger than the list: ENOSYS makes libraries take their older way.
constexpr uint32_t kYoungestKnown = 450;
constexpr uint32_t kPipeSize = 1031;                 // F_SETPIPE_SZ
constexpr uint32_t kSetOwner = 15, kSetSignal = 10;  // F_SETOWN_EX, F_SETSIG
constexpr uint32_t kUnshareFiles = 2;                // CLOSE_RANGE_UNSHARE
// Every CLONE_NEW… flag of clone(), and CLONE_PARENT: a child stays a child of the worker.
constexpr uint32_t kForbiddenCloneFlags = 0x7e020000 | 0x8000;

#ifndef SYS_close_range
#define SYS_close_range 436
#endif

class FilterProgram {
 public:
  void load(size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(offset)); }
  void load_number() { load(offsetof(seccomp_data, nr)); }
  /// The lower half of an argument; no flag or number that matters here has an upper one.
  void load_argument(int index) {
    load(offsetof(seccomp_data, args) + sizeof(uint64_t) * static_cast<size_t>(index));
  }
  void mask(uint32_t bits) { add(BPF_ALU | BPF_AND | BPF_K, bits); }
  void answer(uint32_t action) { add(BPF_RET | BPF_K, action); }
  void answer_if_equal(uint32_t value, uint32_t action) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1);
    answer(action);
  }
  void answer_unless_equal(uint32_t value, uint32_t action) {
    add(BPF_JMP | BPF_JEQ | BPF_K, value, 1, 0);
    answer(action);
  }
  void answer_if_at_least(uint32_t value, uint32_t action) {
    add(BPF_JMP | BPF_JGE | BPF_K, value, 0, 1);
    answer(action);
  }
  /// What follows, up to end_call, concerns this call only.
  void begin_call(uint32_t number) {
    add(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 0);
    open_ = code_.size() - 1;
  }
  void end_call(uint32_t otherwise) {
    answer(otherwise);
    code_[open_].jf = static_cast<uint8_t>(code_.size() - open_ - 1);
  }
  std::vector<sock_filter>& code() { return code_; }

 private:
  void add(uint16_t operation, uint32_t value, uint8_t if_true = 0, uint8_t if_false = 0) {
    code_.push_back({operation, if_true, if_false, value});
  }
  std::vector<sock_filter> code_;
  size_t open_ = 0;
};

// Signals: with a process namespace of its own nothing else can be reached.
void add_signal_rules(FilterProgram& program, bool own_process_namespace) {
  for (const uint32_t number : {SYS_kill, SYS_tgkill}) {
    program.begin_call(number);
    if (!own_process_namespace) {
      program.load_argument(0);
      program.answer_if_equal(static_cast<uint32_t>(::getpid()), kAllow);
    }
    program.end_call(own_process_namespace ? kAllow : refuse(EPERM));
  }
}

void add_argument_rules(FilterProgram& program) {
  // Shared anonymous memory could be held unmapped or in a child, out of the ledger's sight.
  program.begin_call(SYS_mmap);
  program.load_argument(3);
  program.mask(MAP_TYPE | MAP_ANONYMOUS);
  program.answer_if_equal(MAP_SHARED | MAP_ANONYMOUS, refuse(EPERM));
  program.answer_if_equal(MAP_SHARED_VALIDATE | MAP_ANONYMOUS, refuse(EPERM));
  program.end_call(kAllow);

  program.begin_call(SYS_clone);
  program.load_argument(0);
  program.mask(kForbiddenCloneFlags);
  program.answer_unless_equal(0, refuse(EPERM));
  // A thread has the open files of its process, where the witness looks for them.
  program.load_argument(0);
  program.mask(CLONE_THREAD | CLONE_FILES);
  program.answer_if_equal(CLONE_THREAD, refuse(EPERM));
  program.end_call(kAllow);

  program.begin_call(SYS_close_range);
  program.load_argument(2);
  program.mask(kUnshareFiles);
  program.answer_if_equal(0, kAllow);
  program.end_call(refuse(EPERM));

  // Pipes keep their small size: what lies in them is memory too. A file's owner is sent signals,
  // whoever that is.
  program.begin_call(SYS_fcntl);
  program.load_argument(1);
  for (const uint32_t command : {kPipeSize, uint32_t{F_SETOWN}, kSetOwner, kSetSignal})
    program.answer_if_equal(command, refuse(EPERM));
  program.end_call(kAllow);

  program.begin_call(SYS_ioctl);
  program.load_argument(1);
  for (const uint32_t request : {uint32_t{FIOSETOWN}, uint32_t{SIOCSPGRP}})
    program.answer_if_equal(request, refuse(EPERM));
  program.end_call(kAllow);

  program.begin_call(SYS_prctl);
  program.load_argument(0);
  for (const uint32_t option :
       {PR_SET_NAME, PR_GET_NAME, PR_GET_PDEATHSIG, PR_GET_DUMPABLE, PR_SET_NO_NEW_PRIVS,
        PR_GET_NO_NEW_PRIVS, PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, PR_SET_THP_DISABLE,
        PR_GET_THP_DISABLE, PR_CAPBSET_READ, 0x53564d41 /* PR_SET_VMA */})
    program.answer_if_equal(option, kAllow);
  // It may ask once more to die with the device host, never to outlive it.
  program.answer_unless_equal(PR_SET_PDEATHSIG, refuse(EPERM));
  program.load_argument(1);
  program.answer_if_equal(SIGKILL, kAllow);
  program.end_call(refuse(EPERM));

  program.begin_call(SYS_prlimit64);
  program.load_argument(0);
  program.answer_if_equal(0, kAllow);
  program.end_call(refuse(EPERM));
}

}  // namespace

bool install_filter(bool own_process_namespace) {
  FilterProgram program;
  program.load(offsetof(seccomp_data, arch));
  program.answer_unless_equal(kArchitecture, SECCOMP_RET_KILL_PROCESS);
  program.load_number();
#ifdef __x86_64__
  program.answer_if_at_least(0x40000000, refuse(ENOSYS));  // the x32 calls
#endif
  add_argument_rules(program);
  for (const int number : kPermittedCalls)
    program.answer_if_equal(static_cast<uint32_t>(number), kAllow);
  add_signal_rules(program, own_process_namespace);
  program.answer_if_equal(SYS_socket, refuse(EAFNOSUPPORT));
  program.answer_if_equal(SYS_clone3, refuse(ENOSYS));  // flags lie in memory; clone() serves
  program.answer_if_at_least(kYoungestKnown, refuse(ENOSYS));
  program.answer(refuse(EPERM));

  sock_fprog installed{static_cast<unsigned short>(program.code().size()), program.code().data()};
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &installed, 0, 0) == 0;
}

bool filter_bites() {
  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  const int memory = static_cast<int>(::syscall(SYS_memfd_create, "probe", 0u));
  const bool traced = ::syscall(SYS_ptrace, 0 /* PTRACE_TRACEME */, 0, 0, 0) == 0;
  if (socket >= 0) ::close(socket);
  if (memory >= 0) ::close(memory);
  return socket < 0 && memory < 0 && !traced;
}

}  // namespace aliquot::sandbox
