// Builds that take long: who asks meanwhile, and who vanishes, waits for none of them.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "check.h"
#include "direct_connection.h"
#include "scripted_driver.h"
#include "worker/arenas.h"

namespace aliquot::worker {

namespace {

using test::comes;
using test::send;

void pause_ms(long milliseconds) {
  const timespec pause{0, milliseconds * 1'000'000};
  nanosleep(&pause, nullptr);
}

constexpr uint32_t kBuildSlot = 1;
constexpr uint32_t kOtherSlot = 2;

class Guest {
 public:
  explicit Guest(const WorkerContext& context)
      : memory_(std::make_shared<layout::ConnectionMemory>()) {
    connection_.emplace(context, 1, memory_);
    test::open_context(*connection_);
    connection_->arenas().set_patience(std::chrono::milliseconds(0));
  }
  /// Program 1, whose build doesn't end.
  void build() {
    const int descriptor = memfd_create("aliquot-test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(ftruncate(descriptor, 4096) == 0 && fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
    CHECK(connection_->arenas().add(1, descriptor, 4096, nullptr));
    close(descriptor);
    opencl::CreateProgramWithSourceCommand create;
    create.program = create.context = create.arena = 1;
    create.size = 16;
    send(*connection_, create);
    CHECK_SAME(slot(0).status, CL_SUCCESS);
    opencl::BuildProgramCommand build;
    build.program = 1;
    build.reply.slot = kBuildSlot;
    send(*connection_, build);
  }
  layout::ReplySlot& slot(uint32_t number) { return memory_->replies[number]; }
  bool answered(uint32_t number) { return slot(number).state.load() == layout::kReplyReady; }
  Connection& connection() { return *connection_; }
  void vanish() { connection_.reset(); }

 private:
  std::shared_ptr<layout::ConnectionMemory> memory_;
  std::optional<Connection> connection_;
};

void test_questions(const WorkerContext& context, test::ScriptedDriver& script) {
  Guest guest(context);
  guest.build();
  CHECK(comes([&] { return script.builds() == 1; }));
  opencl::ProgramBuildInfoCommand info;
  info.program = info.device = 1;
  info.reply.slot = kOtherSlot;
  info.parameter = CL_PROGRAM_BUILD_STATUS;
  send(guest.connection(), info);
  CHECK(guest.answered(kOtherSlot));
  CHECK_SAME(*reinterpret_cast<cl_build_status*>(guest.slot(kOtherSlot).data),
             CL_BUILD_IN_PROGRESS);
  guest.slot(kOtherSlot).state.store(layout::kReplyEmpty);
  info.parameter = CL_PROGRAM_BUILD_LOG;
  send(guest.connection(), info);
  CHECK(!guest.answered(kOtherSlot) && !guest.answered(kBuildSlot));
  script.end_builds();
  CHECK(comes([&] { return guest.answered(kBuildSlot) && guest.answered(kOtherSlot); }));
  CHECK_SAME(guest.slot(kBuildSlot).status, CL_SUCCESS);
}

// Few compile at once, however many guest processes there are: compilers take memory for each thread.
void test_many(const WorkerContext& context, test::ScriptedDriver& script) {
  const int most = static_cast<int>(context.compilers->at_once());
  Guest guests[]{Guest(context), Guest(context), Guest(context), Guest(context), Guest(context),
                 Guest(context), Guest(context)};
  for (Guest& guest : guests) guest.build();
  CHECK(comes([&] { return script.builds() == most; }));
  pause_ms(250);
  CHECK_SAME(script.builds(), most);
  // One that is left behind holds up nobody.
  guests[0].vanish();
  CHECK(comes([&] { return script.builds() == most + 1; }));
  pause_ms(250);
  CHECK_SAME(script.builds(), most + 1);
  script.end_builds();
  for (Guest& guest : std::span(guests).subspan(1))
    CHECK(comes([&] { return guest.answered(kBuildSlot); }));
  CHECK(comes([&] { return context.builds_left_behind->load() == 0; }));
  // All of them in the same threads.
  CHECK(script.build_threads() <= static_cast<size_t>(most) + 1);
}

void test_vanishing(const WorkerContext& context, test::ScriptedDriver& script) {
  constexpr int kMost = Builder::kMostLeftBehind;
  for (int number = 1; number <= kMost; ++number) {
    Guest guest(context);
    guest.build();
    CHECK(comes([&] { return script.builds() == number; }));
    guest.vanish();  // comes back though the build goes on
    CHECK_SAME(script.builds(), number);
    CHECK_SAME(script.programs(), number);
    CHECK_SAME(script.contexts(), number);
    CHECK(!guest.answered(kBuildSlot));
  }
  CHECK_SAME(context.builds_left_behind->load(), kMost);
  // One more waits.
  std::atomic<bool> gone{false};
  Guest last(context);
  last.build();
  CHECK(comes([&] { return script.builds() == kMost + 1; }));
  std::thread leaving([&] {
    last.vanish();
    gone.store(true);
  });
  CHECK(!gone.load());
  script.end_builds();
  leaving.join();
  CHECK(comes([&] { return context.builds_left_behind->load() == 0; }));
  CHECK_SAME(script.programs(), 0);
  CHECK_SAME(script.contexts(), 0);
}

}  // namespace

// A guest process names an arena that never comes, and vanishes.
void test_a_wait_for_an_arena_can_be_ended() {
  Arenas arenas;
  arenas.set_patience(std::chrono::hours(1));
  std::thread waiting([&] { CHECK(arenas.find(7) == nullptr); });
  pause_ms(20);
  arenas.abandon();
  waiting.join();
  CHECK(arenas.find(7) == nullptr);
}

}  // namespace aliquot::worker

int main() {
  using namespace aliquot;
  for (const bool together : {true, false}) {
    test::ScriptedDriver script;
    worker::Driver driver = script.driver();
    driver.builds_together = together;
    test::Host host;
    worker::Watchdog watchdog(0, host);
    const worker::WorkerContext context{driver, std::make_shared<worker::MemoryQuota>(1 << 20), host,
                                        watchdog};
    CHECK_SAME(context.compilers->at_once() > 1, together);
    worker::test_many(context, script);
  }
  for (const auto test : {worker::test_questions, worker::test_vanishing}) {
    test::ScriptedDriver script;
    test::Host host;
    worker::Watchdog watchdog(0, host);
    test(worker::WorkerContext{script.driver(), std::make_shared<worker::MemoryQuota>(1 << 20),
                               host, watchdog},
         script);
  }
  worker::test_a_wait_for_an_arena_can_be_ended();
  return test::g_failures == 0 ? 0 : 1;
}
