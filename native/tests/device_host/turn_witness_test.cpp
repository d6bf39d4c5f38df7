// The witness of turns, against a child that computes.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "device_host/turn_witness.h"

using namespace aliquot;  // NOLINT: a test program
using Verdict = TurnWitness::Verdict;

namespace {

// A child that computes until it is stopped, and has for `milliseconds` when this returns.
class Computing {
 public:
  Computing() : child_(::fork()) {
    if (child_ != 0) return;
    for (;;) ::getppid();
  }
  ~Computing() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
  }
  pid_t process() const { return child_; }
  void compute(uint64_t milliseconds) const {
    clockid_t clock{};
    CHECK(::clock_getcpuclockid(child_, &clock) == 0);
    const uint64_t until = read(clock) + milliseconds * 1'000'000;
    while (read(clock) < until) ::usleep(1000);
  }

 private:
  static uint64_t read(clockid_t clock) {
    timespec time{};
    ::clock_gettime(clock, &time);
    return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 +
           static_cast<uint64_t>(time.tv_nsec);
  }
  pid_t child_;
};

constexpr uint64_t kMs = 1'000'000;
constexpr uint32_t kProcessors = 2;

// Begins, and has 40 turns that take nothing.
void begin_with_turns(TurnWitness& witness, const Computing& worker) {
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  for (int turn = 0; turn < 40; ++turn) {
    witness.granted();
    witness.finished(0);
  }
}

}  // namespace

void test_computing_in_turns_is_no_guilt() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  witness.granted();
  worker.compute(150);
  CHECK(witness.look(200 * kMs, 0) == Verdict::kNothing);
  worker.compute(20);
  witness.finished(200 * kMs);
  CHECK(witness.look(250 * kMs, 0) == Verdict::kNothing);
}

// A worker that says that its kernels took half of what they took, or nothing.
void test_more_than_was_claimed_is_found() {
  const Computing worker;
  for (const uint64_t claimed : {uint64_t{75}, uint64_t{0}}) {
    TurnWitness witness;
    CHECK(witness.begin(worker.process(), 0, kProcessors));
    witness.granted();
    worker.compute(150 + 75);
    CHECK(witness.finished(claimed * kMs) >= 225 * kMs);
    CHECK(witness.look(200 * kMs, 0) == Verdict::kAsk);
    uint64_t charge = 0;
    CHECK(witness.answered(0, charge) == Verdict::kGuilty);
  }
}

void test_computing_outside_turns_is_found() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  worker.compute(120);
  CHECK(witness.look(200 * kMs, 0) == Verdict::kAsk);
  uint64_t charge = 0;
  CHECK(witness.answered(10 * kMs, charge) == Verdict::kGuilty);
  CHECK(!witness.reason().empty());
}

// Threads of a driver that go on looking for work after each turn.
void test_a_little_after_each_turn_is_charged() {
  const Computing worker;
  TurnWitness witness;
  begin_with_turns(witness, worker);
  worker.compute(60);
  CHECK(witness.look(200 * kMs, 0) == Verdict::kAsk);
  uint64_t charge = 0;
  CHECK(witness.answered(0, charge) == Verdict::kNothing);
  CHECK(charge >= 15 * kMs && charge <= 60 * kMs);  // beyond 30 ms, and 0.25 a turn
  worker.compute(90);                               // without turns
  CHECK(witness.look(400 * kMs, 0) == Verdict::kAsk);
  CHECK(witness.answered(0, charge) == Verdict::kGuilty);
}

// Threads that a driver starts of its own with the first build, before there was a turn.
void test_a_little_before_the_first_turn_is_charged() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  worker.compute(45);
  CHECK(witness.look(200 * kMs, 0) == Verdict::kAsk);
  uint64_t charge = 0;
  CHECK(witness.answered(0, charge) == Verdict::kNothing);
  CHECK(charge >= 10 * kMs && charge <= 30 * kMs);
}

// What others of the device take in a rest, too, is nobody's concern; what comes right after a turn
// of its own is no rest.
void test_what_is_usual_at_rest() {
  const Computing worker;
  TurnWitness witness;
  begin_with_turns(witness, worker);
  CHECK(witness.at_rest_ns() == TurnWitness::kUnknown);
  worker.compute(60);
  CHECK(witness.look(200 * kMs, 0, kMs) == Verdict::kNothing);
  CHECK(witness.at_rest_ns() >= kMs && witness.at_rest_ns() <= 2 * kMs);
  witness.granted(false);
  witness.finished(0);
  worker.compute(60);
  CHECK(witness.look(400 * kMs, 0, kMs) == Verdict::kAsk);
  witness.end();
  CHECK(witness.at_rest_ns() == TurnWitness::kUnknown);
}

// A program is built in a turn that goes on, and the worker is asked meanwhile.
void test_claims_of_a_turn_count_at_its_end() {
  const Computing worker;
  TurnWitness witness;
  uint64_t charge = 0;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  witness.granted();
  worker.compute(150);
  CHECK(witness.look(200 * kMs, 50 * kMs) == Verdict::kAsk);  // for its children
  CHECK(witness.answered(200 * kMs, charge) == Verdict::kNothing);
  CHECK(charge == 0);
  witness.finished(0);
  CHECK(witness.look(400 * kMs, 50 * kMs) == Verdict::kAsk);
  CHECK(witness.answered(200 * kMs, charge) == Verdict::kNothing);
}

// The device host reads late what the worker said in time.
void test_computing_on_while_the_answer_comes() {
  const Computing worker;
  TurnWitness witness;
  uint64_t charge = 0;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  worker.compute(100);
  CHECK(witness.look(200 * kMs, 0) == Verdict::kAsk);
  worker.compute(300);
  CHECK(witness.answered(150 * kMs, charge) == Verdict::kNothing);
  CHECK(charge == 0);
  // Half of it is claimed now: 50 ms were before.
  CHECK(witness.look(500 * kMs, 0) == Verdict::kAsk);
  worker.compute(300);
  CHECK(witness.answered(250 * kMs, charge) == Verdict::kGuilty);
}

void test_a_late_look_allows_more() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  worker.compute(40);
  CHECK(witness.look(4000 * kMs, 0) == Verdict::kNothing);
  worker.compute(60);
  CHECK(witness.look(4200 * kMs, 0) == Verdict::kAsk);
}

// A machine that was suspended for a day: no more than after some seconds, and no less.
void test_the_latest_look_has_a_bound() {
  const Computing worker;
  TurnWitness witness;
  constexpr uint64_t kDay = 86'400'000 * kMs;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  worker.compute(45);
  CHECK(witness.look(kDay, 0) == Verdict::kNothing);
  CHECK(witness.look(2 * kDay, 100 * kMs) == Verdict::kAsk);
}

void test_a_claim_is_believed_and_charged_beyond_a_burst() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  uint64_t claimed = 0, charged = 0;
  // Children that compile count as well; here they carry the burst.
  for (uint64_t look = 1; look <= 6; ++look) {
    CHECK(witness.look(look * 200 * kMs, look * 1000 * kMs) == Verdict::kAsk);
    claimed += 5000 * kMs;
    uint64_t charge = 0;
    CHECK(witness.answered(claimed, charge) == Verdict::kNothing);
    charged += charge;
  }
  CHECK(charged >= 900 * kMs && charged <= 3000 * kMs);
}

// What was computed before another device host took over is not held against it, nor is an answer
// to what that one had asked; the burst is not had again.
void test_a_witness_goes_on() {
  TurnWitness witness;
  CHECK(witness.resume(::getpid(), 1, 5'000'000'000, {1'000'000, 4'000'000'000}, kProcessors));
  CHECK(witness.look(2, 5'000'000'000) == TurnWitness::Verdict::kNothing);
  CHECK(witness.outside_ns() < 1'000'000'000);
  uint64_t charge = 0;
  CHECK(witness.answered(4'000'000'000, charge) == TurnWitness::Verdict::kNothing &&
        charge == 0);
  // Its children compute for a second: asked, it claims that, and is charged beyond what was left.
  CHECK(witness.look(4, 6'000'000'000) == TurnWitness::Verdict::kAsk);
  CHECK(witness.answered(5'000'000'000, charge) == TurnWitness::Verdict::kNothing);
  CHECK(charge >= 998'000'000 && charge <= 1'000'000'000);
  CHECK(witness.claims().burst_ns < 1'000'000 && witness.claims().host_ns == 5'000'000'000);
}

void test_silence_and_unasked_answers_are_guilt() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  uint64_t charge = 0;
  CHECK(witness.answered(5, charge) == Verdict::kGuilty);
  CHECK(witness.look(kMs, 200 * kMs) == Verdict::kAsk);
  CHECK(witness.look(500 * kMs, 200 * kMs) == Verdict::kNothing);
  for (uint64_t ms : {2002, 2003}) CHECK(witness.look(ms * kMs, 200 * kMs) == Verdict::kNothing);
  worker.compute(100);
  CHECK(witness.look(2004 * kMs, 200 * kMs) == Verdict::kGuilty);
}

// Others have the processors: neither it nor its children have computed since it was asked.
void test_who_had_no_processor_is_not_guilty() {
  TurnWitness witness;
  CHECK(witness.begin(::getpid(), 0, kProcessors));
  CHECK(witness.look(kMs, 200 * kMs) == Verdict::kAsk);
  for (uint64_t ms : {2002, 2003, 2004, 9000})
    CHECK(witness.look(ms * kMs, 290 * kMs) == Verdict::kNothing);
  CHECK(witness.look(9001 * kMs, 300 * kMs) == Verdict::kGuilty);  // its children have
}

// What it took in the turn that went on when it was asked is none of that.
void test_what_was_computed_before_a_question_is_no_answer() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  witness.granted();
  worker.compute(150);
  ::kill(worker.process(), SIGSTOP);
  CHECK(witness.look(kMs, 200 * kMs) == Verdict::kAsk);  // for its children
  for (uint64_t ms : {2002, 2003, 2004, 9000})
    CHECK(witness.look(ms * kMs, 200 * kMs) == Verdict::kNothing);
}

// The machine stands still for five seconds: the answer is there only after the next look.
void test_who_could_not_answer_is_not_guilty() {
  const Computing worker;
  TurnWitness witness;
  CHECK(witness.begin(worker.process(), 0, kProcessors));
  CHECK(witness.look(kMs, 200 * kMs) == Verdict::kAsk);
  for (uint64_t ms : {51, 101, 151, 5000, 5001})
    CHECK(witness.look(ms * kMs, 200 * kMs) == Verdict::kNothing);
  uint64_t charge = 0;
  CHECK(witness.answered(200 * kMs, charge) == Verdict::kNothing);
  CHECK(witness.look(5003 * kMs, 200 * kMs) == Verdict::kNothing);
}
