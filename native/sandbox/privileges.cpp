// Identity, capabilities, limits, and the trials that show that they are gone.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>

#include "sandbox/steps.h"

namespace aliquot::sandbox {

namespace {

bool write_file(const char* path, const std::string& text) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t written = ::write(file, text.data(), text.size());
  ::close(file);
  return written == static_cast<ssize_t>(text.size());
}

bool limit(int resource, uint64_t value) {
  rlimit current{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &current) != 0) return false;
  if (current.rlim_max != RLIM_INFINITY && value > current.rlim_max) value = current.rlim_max;
  const rlimit wanted{value, value};
  return ::setrlimit(static_cast<__rlimit_resource_t>(resource), &wanted) == 0;
}

}  // namespace

bool map_own_user(uid_t user, gid_t group) {
  const std::string user_line = std::to_string(user) + " " + std::to_string(user) + " 1\n";
  const std::string group_line = std::to_string(group) + " " + std::to_string(group) + " 1\n";
  write_file("/proc/self/setgroups", "deny");  // demanded before an unprivileged group map
  return write_file("/proc/self/uid_map", user_line) &&
         write_file("/proc/self/gid_map", group_line);
}

bool set_limits(const Plan& plan, bool count_processes) {
  bool all = limit(RLIMIT_CORE, 0);
  all &= limit(RLIMIT_DATA, plan.data_bytes);
  all &= limit(RLIMIT_FSIZE, plan.file_bytes);
  all &= limit(RLIMIT_NOFILE, plan.open_files);
  all &= limit(RLIMIT_MSGQUEUE, 0);
  // The count is a user's (or a user namespace's); a user's other processes must not be in it.
  if (count_processes) all &= limit(RLIMIT_NPROC, plan.processes);
  return all;
}

bool change_user(const Plan& plan) {
  return ::setgroups(plan.device_groups.size(), plan.device_groups.data()) == 0 &&
         ::setresgid(plan.group, plan.group, plan.group) == 0 &&
         ::setresuid(plan.user, plan.user, plan.user) == 0;
}

bool drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  // Effective only while CAP_SETPCAP is still held (in the user namespace, or as root that kept
  // its user); elsewhere the sets are empty already and no_new_privs keeps them so.
  for (int number = 0; number <= 63; ++number) ::prctl(PR_CAPBSET_DROP, number, 0, 0, 0);
  ::prctl(PR_SET_SECUREBITS,
          SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
              SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED,
          0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  return ::syscall(SYS_capset, &header, data) == 0;
}

bool capabilities_are_gone() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  for (const auto& part : data)
    if ((part.effective | part.permitted | part.inheritable) != 0) return false;
  return ::sethostname("probe", 5) != 0 && ::chroot("/") != 0;
}

bool user_is_final(uid_t user) {
  return ::getuid() == user && ::geteuid() == user && ::setresuid(0, 0, 0) != 0;
}

bool path_is_out_of_reach(const std::string& path) {
  return path.empty() || ::access(path.c_str(), F_OK) != 0;
}

bool network_is_out_of_reach() {
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return true;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9);
  address.sin_addr.s_addr = htonl(0xC0000201);  // 192.0.2.1, set aside for documentation
  const bool reached =
      ::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(socket);
  return !reached;
}

}  // namespace aliquot::sandbox
