// Shared memory, the event loop, the log, the command line, and the heartbeat of a worker.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "check.h"
#include "device_host/event_log.h"
#include "device_host/event_loop.h"
#include "device_host/heartbeat.h"
#include "device_host/options.h"
#include "device_host/shared_memory.h"

using namespace aliquot;  // NOLINT: a test program

void test_shared_memory() {
  const Descriptor memory = make_sealed_memory("test", 8192);
  CHECK(static_cast<bool>(memory));
  CHECK(::ftruncate(memory.get(), 4096) != 0 && ::ftruncate(memory.get(), 16384) != 0);
  CHECK(::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_WRITE) != 0);
  CHECK(::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_FUTURE_WRITE) != 0);
  CHECK(resident_bytes(memory.get()) == 0);
  CHECK(::pwrite(memory.get(), "x", 1, 5000) == 1);
  CHECK(resident_bytes(memory.get()) == 4096);

  AccountPage page;
  CHECK(page.create(77));
  auto* seen = static_cast<records::AccountPage*>(::mmap(nullptr, records::kAccountPageSize,
                                                         PROT_READ | PROT_WRITE, MAP_SHARED,
                                                         page.descriptor(), 0));
  CHECK(seen != MAP_FAILED && seen->memory_limit == 77);
  page.add_credit(100);
  CHECK(seen->credit == 100 && page.credit() == 100);
  seen->credit = 60;
  CHECK(page.take_credit() == 60);
  CHECK(seen->credit == 0);
  ::munmap(seen, records::kAccountPageSize);
}

void test_event_loop() {
  EventLoop loop;
  int ends[2];
  CHECK(::pipe(ends) == 0);
  int calls = 0, timers = 0;
  const uint64_t token = loop.watch(ends[0], EPOLLIN, [&](uint32_t) {
    ++calls;
    loop.unwatch(token);
  });
  loop.schedule(0, [&] { ++timers; });
  const uint64_t cancelled = loop.schedule(0, [&] { timers += 100; });
  loop.cancel(cancelled);
  CHECK(::write(ends[1], "x", 1) == 1);
  loop.run_once();
  CHECK(calls == 1 && timers == 1);
  loop.schedule(0, [&] { ++timers; });
  loop.run_once();  // the descriptor is still readable, but nobody watches it
  CHECK(calls == 1 && timers == 2);
  ::close(ends[0]);
  ::close(ends[1]);
}

void test_event_log() {
  char folder[] = "/tmp/aliquot-test-XXXXXX";
  CHECK(::mkdtemp(folder) != nullptr);
  const std::string path = std::string(folder) + "/log";
  EventLog log;
  CHECK(log.open(path));
  log.line("from a tenant: %s", "two\nlines\x1b[31m \xc2\x9b");
  log.line("%s", std::string(5000, 'y').c_str());
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  CHECK(text.find("from a tenant: two?lines?[31m \xc2?\n") != std::string::npos);
  size_t lines = 0;
  for (const char character : text) lines += character == '\n' ? 1 : 0;
  CHECK(lines == 2 && text.size() < 1400);

  for (int index = 0; index < 10000; ++index) log.line("%s", std::string(400, 'z').c_str());
  struct stat now, before;
  CHECK(::stat(path.c_str(), &now) == 0 && ::stat((path + ".1").c_str(), &before) == 0);
  CHECK(static_cast<uint64_t>(now.st_size) < EventLog::kMostBytes + 1000);
  CHECK(static_cast<uint64_t>(before.st_size) < EventLog::kMostBytes + 1000);
  ::unlink(path.c_str());
  ::unlink((path + ".1").c_str());
  ::rmdir(folder);
}

namespace {

bool parses(std::vector<std::string> words, Options& options) {
  std::vector<char*> arguments;
  words.insert(words.begin(), "aliquot-device");
  for (std::string& word : words) arguments.push_back(word.data());
  std::string problem;
  const bool good =
      parse_options(static_cast<int>(arguments.size()), arguments.data(), options, problem);
  CHECK(good == problem.empty());
  return good;
}

}  // namespace

void test_options() {
  const std::vector<std::string> good = {
      "--uuid",           "cpu-1", "--runtime-dir", "/run/x", "--driver", "/lib/d.so",
      "--device-index",   "3",     "--memory",      "4096",   "--worker", "/bin/w",
      "--platform-index", "1",     "--processors",  "8"};
  Options options;
  CHECK(parses(good, options));
  CHECK(options.device_index == 3 && options.platform_index == 1 && options.memory == 4096);
  CHECK(options.processors == 8 && Options().processors == 0);
  CHECK(options.allocator.empty());
  const std::vector<std::pair<std::string, bool>> allocators = {
      {"/lib/m.so", true}, {"m.so", false}, {"/a b/m.so", false}, {"/a:b/m.so", false}};
  for (const auto& [path, taken] : allocators) {
    std::vector<std::string> more = good;
    more.insert(more.end(), {"--allocator", path});
    Options with;
    CHECK(parses(more, with) == taken);
    CHECK(!taken || with.allocator == path);
  }
  CHECK(options.device_dir() == "/run/x/cpu-1");
  for (const auto& [at, bad] :
       std::vector<std::pair<size_t, std::string>>{{1, "../up"},
                                                   {1, ""},
                                                   {1, ".."},
                                                   {3, "run"},
                                                   {3, "/" + std::string(90, 'x')},
                                                   {5, "./d.so"},
                                                   {7, "-1"},
                                                   {7, "x"},
                                                   {9, "0"},
                                                   {9, "99999999999999999999999"},
                                                   {15, "x"},
                                                   {11, "w"}}) {
    std::vector<std::string> words = good;
    words[at] = bad;
    Options ignored;
    CHECK(!parses(words, ignored));
  }
  std::vector<std::string> with_variables = good;
  for (const char* word : {"--variable", "CUDA_VISIBLE_DEVICES=MIG-1", "--variable", "B=="})
    with_variables.emplace_back(word);
  Options told;
  CHECK(parses(with_variables, told));
  CHECK(told.variables == std::vector<std::string>({"CUDA_VISIBLE_DEVICES=MIG-1", "B=="}));
  for (const char* bad : {"", "A", "=b", "a=b", "A B=c", "LD_PRELOAD=/x.so", "PATH=/x"}) {
    std::vector<std::string> words = good;
    words.insert(words.end(), {"--variable", bad});
    Options none;
    CHECK(!parses(words, none));
  }
  Options ignored;
  CHECK(!parses({"--uuid"}, ignored));
  CHECK(!parses({"--what", "1"}, ignored));
}

void test_heartbeat() {
  using Verdict = Heartbeat::Verdict;
  Heartbeat heartbeat;
  uint64_t now = 1000;
  // Looks every 200 ms until something is to be done; how long that took, at most a minute.
  const auto until_verdict = [&](bool connected, Verdict& verdict) {
    const uint64_t start = now;
    do {
      verdict = heartbeat.look(now, connected);
      now += 200;
    } while (verdict == Verdict::kNothing && now < start + 60000);
    return now - start - 200;
  };
  Verdict verdict;
  CHECK(until_verdict(false, verdict) > 50000 && verdict == Verdict::kNothing);
  CHECK(until_verdict(true, verdict) == 0 && verdict == Verdict::kAsk);
  CHECK(!heartbeat.answered(heartbeat.sequence() + 1));
  CHECK(heartbeat.answered(heartbeat.sequence()));
  CHECK(!heartbeat.answered(heartbeat.sequence()));  // once
  CHECK(until_verdict(true, verdict) >= 4600 && verdict == Verdict::kAsk);
  // Nobody waits for an answer, so nobody is blamed for its being late.
  CHECK(until_verdict(false, verdict) > 50000 && verdict == Verdict::kNothing);
  const uint64_t silent = until_verdict(true, verdict);
  CHECK(verdict == Verdict::kDead && silent >= 10000 && silent < 11000);

  // A device host that didn't run for a minute gives its worker time none the less.
  heartbeat.begin();
  CHECK(heartbeat.look(now, true) == Verdict::kAsk);
  CHECK(heartbeat.look(now + 60000, true) == Verdict::kNothing);
  CHECK(heartbeat.answered(heartbeat.sequence()));
}
