// Drives a real worker over a real driver: results, events, quota, faults.
#include <dlfcn.h>

#include <cstdlib>

#include "tests.h"

namespace {

constexpr int kSkipped = 77;

}  // namespace

int main(int count, char** words) {
  using namespace aliquot::test;
  if (count < 2) {
    std::fprintf(stderr, "usage: worker_test WORKER [GROUP|shared]\n");
    return 2;
  }
  const char* named = std::getenv("ALIQUOT_TEST_DRIVER");
  WorkerSettings settings;
  settings.program = words[1];
  settings.driver = named != nullptr ? named : "libpocl.so.2";
  if (named == nullptr && dlopen("libpocl.so.2", RTLD_LAZY | RTLD_LOCAL) == nullptr) {
    const bool in_ci = std::getenv("CI") != nullptr;  // whose set-up must bring it
    std::fprintf(stderr, "%s: PoCL is not there and ALIQUOT_TEST_DRIVER names no driver\n",
                 in_ci ? "FAILED" : "skipped");
    return in_ci ? 1 : kSkipped;
  }
  const struct {
    const char* name;
    void (*run)(const WorkerSettings&);
  } groups[] = {{"commands", test_commands},
                {"programs", test_programs},
                {"memory", test_memory},
                {"faults", test_faults},
                {"turns", test_turns}};
  // `shared`: all that must hold while turns come and go.
  const std::string chosen = count > 2 ? words[2] : "";
  if (chosen == "shared") settings.turns = WorkerSettings::Turns::kShared;
  for (const auto& group : groups) {
    if (!chosen.empty() && chosen != "shared" && chosen != group.name) continue;
    const int before = g_failures;
    group.run(settings);
    std::fprintf(stderr, "%s: %s\n", group.name, g_failures == before ? "passed" : "FAILED");
  }
  return g_failures == 0 ? 0 : 1;
}
