// Starts a worker over the stub driver and guest processes on it: one of sixteen threads, then
// four of four at once. All must end well, and the worker must give everything back.
//
//   thread_test WORKER DRIVER CLIENT unified|staged
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "guest_server.h"

using namespace aliquot;  // NOLINT: a test program

namespace {

pid_t start_client(const char* client, const char* threads, const char* rounds) {
  const char* words[] = {client, threads, rounds, nullptr};
  pid_t process = -1;
  const int error = ::posix_spawn(&process, client, nullptr, nullptr,
                                  const_cast<char**>(words), environ);
  return error == 0 ? process : -1;
}

bool ended_well(pid_t process) {
  int status = -1;
  if (process < 0 || ::waitpid(process, &status, 0) != process) return false;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return true;
  std::fprintf(stderr, "a guest process ended with status 0x%x\n", static_cast<unsigned>(status));
  return false;
}

}  // namespace

int main(int count, char** words) {
  if (count != 5) return 64;
  const bool staged = std::strcmp(words[4], "staged") == 0;
  test::WorkerSettings settings;
  settings.program = words[1];
  settings.driver = words[2];
  settings.memory_limit = uint64_t{1} << 30;
  if (staged) settings.flags = records::kStaged;
  auto host = std::make_unique<test::TestHost>(settings);
  bool well = true;
  {
    test::GuestServer server(*host, settings.flags);
    ::setenv("ALIQUOT_VGPU_SOCKET", server.path().c_str(), 1);
    well = ended_well(start_client(words[3], "16", "6"));
    std::vector<pid_t> several;
    for (int i = 0; i < 4; ++i) several.push_back(start_client(words[3], "4", "6"));
    for (const pid_t process : several) well = ended_well(process) && well;
    for (int turn = 0; server.gone() < server.came() && turn < 2'000; ++turn) ::usleep(10'000);
    if (server.came() != 5 || server.gone() != 5 || server.violated()) {
      std::fprintf(stderr, "%u guest processes came, %u are gone%s\n", server.came(), server.gone(),
                   server.violated() ? ", and the worker complained" : "");
      well = false;
    }
  }
  const int status = host->finish();
  if (status != 0) {
    std::fprintf(stderr, "the worker ended with status 0x%x\n", static_cast<unsigned>(status));
    well = false;
  }
  return well ? 0 : 1;
}
