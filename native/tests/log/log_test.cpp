// What a program calls is what the driver is called with: every number, in the program's order, over
// the guest driver, the wire and the worker. The stub driver writes down what reaches it.
//
//   log_test WORKER DRIVER CLIENT
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "guest_server.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

// Somewhere: a buffer is made when a command first uses it.
const std::vector<std::string> kAnywhere = {"create buffer size=70001", "create buffer size=80002"};

// In this order; what the worker asks the driver in between is its own affair.
const std::vector<std::string> kInOrder = {
    "fill pattern=0a0b0c0d offset=8 size=64 waits=0",
    "copy from=11 to=22 size=33 waits=0",
    "copy rectangle from=1,2,3 to=4,5,6 region=7,8,9 pitches=20,400,30,900 waits=1",
    "write offset=1003 size=30004 waits=0",
    "read offset=2005 size=35006 waits=0",
    "migrate count=2 flags=1 waits=0",
    "create sub-buffer origin=4096 size=777",
    "fill pattern=0102 offset=10 size=20 waits=0",
    "build options=-DNAME=13 -cl-std=CL1.2",
    "argument index=0 size=8 value=buffer",
    "argument index=1 size=96 value=-",
    "argument index=2 size=4 value=01020304",
    "argument index=3 size=4 value=11223344",
    "launch kernel=mixed offset=3,5,7 global=8,6,4 local=4,2,1 waits=0",
    "argument index=2 size=4 value=05060708",
    "launch kernel=mixed offset=- global=8 local=- waits=1",
    "launch kernel=mixed offset=- global=1 local=1 waits=0",
};

bool run_client(const char* client) {
  const pid_t process = ::fork();
  if (process == 0) {
    ::execl(client, client, nullptr);
    ::_exit(127);
  }
  int status = -1;
  return process > 0 && ::waitpid(process, &status, 0) == process && status == 0;
}

bool check_log(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  bool well = true;
  const auto missing = [&well](const std::string& wanted) {
    std::fprintf(stderr, "not called, or not in its place: %s\n", wanted.c_str());
    well = false;
  };
  for (const std::string& wanted : kAnywhere) {
    if (std::count(lines.begin(), lines.end(), wanted) != 1) missing(wanted);
  }
  auto from = lines.begin();
  for (const std::string& wanted : kInOrder) {
    const auto place = std::find(from, lines.end(), wanted);
    if (place == lines.end()) {
      missing(wanted);
    } else {
      from = place + 1;
    }
  }
  // Nothing was done twice: every launch of the log is one of the program's.
  const auto launches = std::count_if(lines.begin(), lines.end(), [](const std::string& line) {
    return line.rfind("launch", 0) == 0;
  });
  if (launches != 3) missing("three launches");
  if (well) return true;
  std::fprintf(stderr, "the driver's log:\n");
  for (const std::string& line : lines) std::fprintf(stderr, "  %s\n", line.c_str());
  return false;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 64;
  char path[] = "/tmp/aliquot-log-XXXXXX";
  const int file = ::mkstemp(path);
  if (file < 0) return 1;
  ::close(file);
  ::setenv("ALIQUOT_STUB_LOG", path, 1);
  test::WorkerSettings settings;
  settings.program = words[1];
  settings.driver = words[2];
  settings.memory_limit = uint64_t{1} << 30;
  // Staged: in shared pages many transfers are the guest driver's own memcpy.
  settings.flags = records::kStaged;
  test::TestHost host(settings);
  bool well = false;
  {
    test::GuestServer server(host, settings.flags);
    ::setenv("ALIQUOT_VGPU_SOCKET", server.path().c_str(), 1);
    well = run_client(words[3]);
    if (!well) std::fprintf(stderr, "the program failed\n");
    for (int turn = 0; server.gone() < server.came() && turn < 2'000; ++turn) ::usleep(10'000);
  }
  well = host.finish() == 0 && well;
  well = check_log(path) && well;
  ::unlink(path);
  return well ? 0 : 1;
}
