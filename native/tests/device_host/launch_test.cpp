// A child of the sandbox is in its control group from its first instruction on.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <string>

#include "check.h"
#include "device_host/worker_family.h"
#include "protocol/socket.h"
#include "sandbox/launch.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

// The version 2 hierarchy, alone or beside those of version 1.
std::string version_2_mount() {
  for (const char* path : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"})
    if (::access((std::string(path) + "/cgroup.controllers").c_str(), F_OK) == 0) return path;
  return "";
}

}  // namespace

void test_birth_in_a_cgroup() {
  const std::string name = "aliquot-test-" + std::to_string(::getpid());
  const std::string folder = version_2_mount() + "/" + name;
  if (version_2_mount().empty() || ::mkdir(folder.c_str(), 0755) != 0) {
    std::fprintf(stderr, "not tested, no cgroup can be made here: a child's birth in one\n");
    return;
  }
  {
    const Descriptor group(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    Descriptor ours, theirs;
    CHECK(make_record_socket_pair(ours, theirs));
    sandbox::Plan plan;
    plan.program = "/bin/sleep";
    plan.arguments = {"sleep", "60"};
    plan.cgroup_folder = group.get();
    plan.socket = theirs.get();
    sandbox::Launched launched;
    CHECK(sandbox::launch(plan, launched));
    // At once: it may not even have run yet.
    std::string groups;
    CHECK(read_whole("/proc/" + std::to_string(launched.process) + "/cgroup", 65536, groups));
    CHECK(groups.find("/" + name + "\n") != std::string::npos);
    pollfd told{launched.report.get(), POLLIN, 0};
    CHECK(::poll(&told, 1, 20000) == 1);
    sandbox::Report report;
    CHECK(::read(launched.report.get(), &report, sizeof(report)) == sizeof(report));
    CHECK((report.protections & records::kMemoryCgroup) != 0);
    ::kill(launched.process, SIGKILL);
    ::waitpid(launched.process, nullptr, 0);
  }
  CHECK(::rmdir(folder.c_str()) == 0);
}
