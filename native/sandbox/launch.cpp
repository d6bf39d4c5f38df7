#include "sandbox/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "protocol/records.h"
#include "sandbox/steps.h"

namespace aliquot::sandbox {

namespace {

constexpr int kReportDescriptor = 4;
constexpr unsigned kNamespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

struct Child {
  const Plan& plan;
  unsigned flags;  // the namespaces that the child was born in
  uid_t outer_user;
  gid_t outer_group;
  bool in_cgroup = false;  // born there
  uint32_t protections = 0;
};

[[noreturn]] void fail(Child& child, const char* step) {
  Report report;
  report.protections = child.protections;
  report.error = errno == 0 ? EPERM : errno;
  std::strncpy(report.step, step, sizeof(report.step) - 1);
  [[maybe_unused]] const ssize_t written = ::write(kReportDescriptor, &report, sizeof(report));
  ::_exit(127);
}

// By itself, while it has one thread, whose move costs the kernel microseconds; moving a process
// from outside takes tens of milliseconds. What it starts later is in the group like itself.
bool join_cgroups(const Plan& plan) {
  bool all = !plan.cgroup_files.empty();
  for (const int file : plan.cgroup_files) all &= ::write(file, "0", 1) == 1;
  return all;
}

// Descriptors 0-2 and the two of ours, everything else closed.
void arrange_descriptors(Child& child, int report) {
  const int quiet = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const int socket = ::fcntl(child.plan.socket, F_DUPFD_CLOEXEC, 10);
  const int output =
      ::fcntl(child.plan.output >= 0 ? child.plan.output : quiet, F_DUPFD_CLOEXEC, 10);
  const int safe_report = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
  if (quiet < 0 || socket < 0 || output < 0 || safe_report < 0) ::_exit(127);
  ::dup2(quiet, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::dup2(socket, kSocketDescriptor);
  ::dup3(safe_report, kReportDescriptor, O_CLOEXEC);
  if (::syscall(SYS_close_range, kReportDescriptor + 1, ~0u, 0) != 0) {
    const long most = ::sysconf(_SC_OPEN_MAX);
    for (long number = kReportDescriptor + 1; number < most; ++number)
      ::close(static_cast<int>(number));
  }
}

void forget_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Whether the plan's user could start the program where no private view makes it reachable.
bool reachable_by(const Plan& plan) {
  const uid_t before = ::geteuid();
  const gid_t group_before = ::getegid();
  bool reachable = false;
  if (::setegid(plan.group) == 0 && ::seteuid(plan.user) == 0)
    reachable = ::faccessat(AT_FDCWD, plan.program.c_str(), X_OK, AT_EACCESS) == 0;
  if (::seteuid(before) != 0 || ::setegid(group_before) != 0) ::_exit(127);
  return reachable;
}

std::vector<std::string> clean_environment(const Plan& plan, const std::string& scratch,
                                           const std::string& cache) {
  std::vector<std::string> environment = {
      "PATH=/usr/bin:/bin",      "LANG=C.UTF-8",
      "HOME=" + scratch,         "TMPDIR=" + scratch,
      "XDG_CACHE_HOME=" + cache, "POCL_CACHE_DIR=" + cache + "/pocl",
  };
  environment.insert(environment.end(), plan.variables.begin(), plan.variables.end());
  return environment;
}

std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

[[noreturn]] void run_child(Child& child, int report) {
  const Plan& plan = child.plan;
  uint32_t& in_force = child.protections;
  if (child.in_cgroup || join_cgroups(plan)) in_force |= records::kMemoryCgroup;
  arrange_descriptors(child, report);
  forget_signals();
  ::setsid();

  const bool own_users = (child.flags & CLONE_NEWUSER) != 0;
  const bool own_processes = (child.flags & CLONE_NEWPID) != 0 && ::getpid() == 1;
  if (own_users) {
    // The device host hides its memory, and this copy of it likewise: such a process can't write its
    // own map. No other worker can reach it, since none has a capability in the new namespace.
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    if (!map_own_user(child.outer_user, child.outer_group)) fail(child, "user namespace");
    in_force |= records::kUserNamespace;
  }
  if (own_processes) in_force |= records::kProcessNamespace;
  if ((child.flags & CLONE_NEWUTS) != 0) [[maybe_unused]]
    const int named = ::sethostname("aliquot", 7);

  if (plan.count_cache) trim_cache(plan.cache_directory, plan.cache_bytes, plan.cache_entries);
  const bool private_root =
      (child.flags & CLONE_NEWNS) != 0 && enter_private_root(plan, own_processes);
  const std::string writable = plan.cache_directory.empty() ? "/nonexistent" : plan.cache_directory;
  const std::string scratch = private_root ? kScratchPath : writable;
  const std::string cache =
      private_root ? (plan.cache_directory.empty() ? kScratchPath : kCachePath) : writable;

  const bool change = plan.change_user && (private_root || reachable_by(plan));
  const bool count_processes = change || own_users;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) in_force |= records::kNoNewPrivileges;
  if (set_limits(plan, count_processes)) in_force |= records::kResourceLimits;
  if (change) {
    if (!change_user(plan)) fail(child, "change of user");
    if (user_is_final(plan.user)) in_force |= records::kOwnUser;
  }
  if (drop_capabilities() && capabilities_are_gone()) in_force |= records::kNoCapabilities;

  // After the last change of identity, which clears it. A parent that died before this line is
  // found by its end of the socket.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  pollfd parent{kSocketDescriptor, POLLRDHUP, 0};
  if (::poll(&parent, 1, 0) > 0 && (parent.revents & (POLLHUP | POLLRDHUP)) != 0) ::_exit(0);

  if ((child.flags & CLONE_NEWNET) != 0 && network_is_out_of_reach())
    in_force |= records::kNoNetwork;
  if (private_root && path_is_out_of_reach(plan.hidden_probe)) in_force |= records::kMountNamespace;
  if (restrict_paths(plan, private_root) && landlock_bites(scratch)) in_force |= records::kLandlock;
  if (::chdir(scratch.c_str()) != 0 && ::chdir("/") != 0) fail(child, "working directory");
  ::umask(0077);

  // The program's own memory is no secret from the device host, who watches it.
  ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
  const std::vector<std::string> environment = clean_environment(plan, scratch, cache);
  std::vector<char*> arguments = pointers_to(plan.arguments);
  std::vector<char*> variables = pointers_to(environment);
  if (install_filter(own_processes) && filter_bites()) {
    in_force |= records::kSeccomp;
    in_force |= records::kNoNetwork;  // no socket of any family can be made
  }

  Report report_record;
  report_record.protections = in_force;
  if (::write(kReportDescriptor, &report_record, sizeof(report_record)) !=
      static_cast<ssize_t>(sizeof(report_record)))
    ::_exit(127);
  ::execve(plan.program.c_str(), arguments.data(), variables.data());
  fail(child, "start of the program");
}

// A fork with namespaces and a pidfd, into the plan's version 2 group if there is one and the kernel
// can. The child returns 0, as from fork().
pid_t clone_child(unsigned namespaces, Child& child, int* process_descriptor) {
  const unsigned parent = child.plan.sibling ? CLONE_PARENT : 0;
  if (child.plan.cgroup_folder >= 0) {
    clone_args arguments{};
    arguments.flags = uint64_t{namespaces} | parent | CLONE_PIDFD | CLONE_INTO_CGROUP;
    arguments.pidfd = reinterpret_cast<uintptr_t>(process_descriptor);
    arguments.exit_signal = child.plan.sibling ? 0 : SIGCHLD;  // a sibling's is its launcher's
    arguments.cgroup = static_cast<uint64_t>(child.plan.cgroup_folder);
    child.in_cgroup = true;
    const long process = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
    if (process >= 0) return static_cast<pid_t>(process);
    child.in_cgroup = false;
  }
  return static_cast<pid_t>(
      ::syscall(SYS_clone, static_cast<unsigned long>(namespaces | parent) | CLONE_PIDFD | SIGCHLD,
                0L, process_descriptor, 0L, 0L));
}

}  // namespace

bool launch(const Plan& plan, Launched& launched) {
  int pipe_ends[2];
  if (::pipe2(pipe_ends, O_CLOEXEC) != 0) return false;
  Descriptor read_end(pipe_ends[0]);
  Descriptor write_end(pipe_ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);

  // The strongest set of namespaces that this machine grants; containers often grant none.
  const unsigned choices[] = {
      kNamespaces | CLONE_NEWPID,
      kNamespaces | CLONE_NEWPID | CLONE_NEWUSER,
      kNamespaces | CLONE_NEWUSER,
      CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC,
      0,
  };
  Child child{plan, 0, ::geteuid(), ::getegid()};
  for (const unsigned choice : choices) {
    int process_descriptor = -1;
    child.flags = choice;
    const pid_t process = clone_child(choice, child, &process_descriptor);
    if (process == 0) run_child(child, write_end.get());
    if (process < 0) continue;
    launched.process = process;
    launched.process_descriptor.reset(process_descriptor);
    ::fcntl(process_descriptor, F_SETFD, FD_CLOEXEC);
    launched.report = static_cast<Descriptor&&>(read_end);
    return true;
  }
  return false;
}

}  // namespace aliquot::sandbox
