// What a guest process's time is counted as. Times are the test's own: nothing waits here.
#include <memory>

#include "check.h"
#include "guest/counted_work.h"

using namespace aliquot;  // NOLINT: a test program
using guest::Reason;
using guest::TimeAccount;
using guest::WorkSpan;
using layout::Spent;

namespace {

struct Books {
  vgpu_page::Page page{};
  layout::TimeClaims claims{};
  TimeAccount account;

  Books() { account.open(page, claims); }
  uint64_t spent(Spent what) const { return claims.spent_ns[static_cast<size_t>(what)].load(); }
  uint64_t all() const {
    uint64_t sum = 0;
    for (const auto& line : claims.spent_ns) sum += line.load();
    return sum;
  }
  /// By the device host: at `at` it had waited so long, and has been in this state since.
  void waits(uint64_t at, vgpu_page::State state, uint64_t waited, uint64_t limited = 0) {
    page.at_ns = at;
    page.state = state;
    page.waited_ns = waited;
    page.limited_ns = limited;
  }
};

void test_each_reason_has_its_line() {
  const struct {
    Reason reason;
    Spent line;
  } cases[] = {{Reason::kTransfer, Spent::kCopies},  {Reason::kRing, Spent::kKernels},
               {Reason::kCompiler, Spent::kCompiling}, {Reason::kAnswer, Spent::kRoundTrips},
               {Reason::kCopy, Spent::kCopies}};
  for (const auto& one : cases) {
    Books books;
    books.account.begin(one.reason, 1000);
    books.account.end(one.reason, 1500);
    books.account.begin(one.reason, 2000);
    books.account.look(2050);
    books.account.end(one.reason, 2100);
    CHECK(books.spent(one.line) == 600 && books.all() == 600);
  }
}

void test_waking_the_worker_belongs_to_what_is_awaited_next() {
  Books books;
  books.account.begin(Reason::kWaking, 1000);
  books.account.end(Reason::kWaking, 1030);
  books.account.begin(Reason::kAnswer, 1040);
  books.account.end(Reason::kAnswer, 1050);
  CHECK(books.spent(Spent::kRoundTrips) == 40 && books.all() == 40);
  books.account.begin(Reason::kWaking, 2000);
  books.account.end(Reason::kWaking, 2030);
  books.account.begin(Reason::kWork, 2030);
  books.account.end(Reason::kWork, 2130);
  CHECK(books.spent(Spent::kSyncs) == 130 && books.all() == 170);
  // However often it is woken before that.
  for (const uint64_t at : {uint64_t{3000}, uint64_t{4000}}) {
    books.account.begin(Reason::kWaking, at);
    books.account.end(Reason::kWaking, at + 20);
  }
  books.account.begin(Reason::kAnswer, 5000);
  books.account.end(Reason::kAnswer, 5005);
  CHECK(books.spent(Spent::kRoundTrips) == 85 && books.all() == 215);
}

void test_awaited_work_is_told_from_the_telling() {
  Books books;
  books.account.begin(Reason::kWork, 1000);
  books.account.end(Reason::kWork, 2000, WorkSpan{1100, 1900, 300});
  CHECK(books.spent(Spent::kKernels) == 500 && books.spent(Spent::kCopies) == 300);
  CHECK(books.spent(Spent::kSyncs) == 200 && books.all() == 1000);
  CHECK(books.claims.syncs.load() == 1);

  // It was under way before, and nobody knows of this one.
  books.account.begin(Reason::kWork, 3000);
  books.account.end(Reason::kWork, 4000, WorkSpan{100, 3990, 0});
  CHECK(books.spent(Spent::kKernels) == 500 + 990 && books.spent(Spent::kSyncs) == 210);
  books.account.begin(Reason::kWork, 5000);
  books.account.end(Reason::kWork, 6000);
  CHECK(books.spent(Spent::kSyncs) == 1210 && books.all() == 3000);
}

void test_others_and_limits_by_the_page() {
  Books books;
  books.waits(0, vgpu_page::kAway, 7000, 0);
  books.account.begin(Reason::kWork, 1000);
  // It waited from 1100 to 1500 for others, then had the device.
  books.waits(1500, vgpu_page::kHolding, 7400, 0);
  books.account.end(Reason::kWork, 2000, WorkSpan{1500, 1950, 0});
  CHECK(books.spent(Spent::kOthers) == 400 && books.spent(Spent::kKernels) == 450);
  CHECK(books.spent(Spent::kSyncs) == 150 && books.all() == 1000);

  // The work began, and then others had the device in between.
  books.account.begin(Reason::kWork, 2100);
  books.waits(2600, vgpu_page::kHolding, 7700, 0);
  books.account.end(Reason::kWork, 2900, WorkSpan{2200, 2850, 0});
  CHECK(books.spent(Spent::kOthers) == 700 && books.spent(Spent::kKernels) == 450 + 450);
  CHECK(books.spent(Spent::kSyncs) == 150 + 50);

  // Waiting still, because of its limit; and the wait goes on.
  books.account.begin(Reason::kWork, 3000);
  books.waits(3000, vgpu_page::kLimited, 7700, 0);
  books.account.look(3600);
  CHECK(books.spent(Spent::kLimit) == 600 && books.spent(Spent::kOthers) == 700);
  books.waits(3600, vgpu_page::kHolding, 8300, 600);
  books.account.end(Reason::kWork, 4000, WorkSpan{3600, 4000, 0});
  CHECK(books.spent(Spent::kLimit) == 600 && books.spent(Spent::kKernels) == 1300);

  // What was waited for while the program was elsewhere counts for nobody.
  books.waits(4500, vgpu_page::kHolding, 9000, 600);
  books.account.begin(Reason::kAnswer, 5000);
  books.account.end(Reason::kAnswer, 5100);
  CHECK(books.spent(Spent::kOthers) == 700 && books.spent(Spent::kRoundTrips) == 100);
}

void test_several_threads_count_once() {
  Books books;
  books.account.begin(Reason::kAnswer, 1000);
  books.account.begin(Reason::kWork, 1200);    // comes first from here on
  books.account.begin(Reason::kWork, 1300);
  books.account.end(Reason::kWork, 1500, WorkSpan{1200, 1450, 0});  // the other's goes on
  books.account.end(Reason::kAnswer, 1600);
  books.account.end(Reason::kWork, 2000, WorkSpan{1200, 1900, 0});
  CHECK(books.spent(Spent::kRoundTrips) == 200);
  CHECK(books.spent(Spent::kKernels) == 700 && books.spent(Spent::kSyncs) == 100);
  CHECK(books.all() == 1000);
}

void test_what_peers_claim_is_bounded() {
  for (const uint64_t wild : {uint64_t{0}, uint64_t{1}, uint64_t{1500}, ~uint64_t{0}}) {
    for (const uint64_t other : {uint64_t{0}, uint64_t{1200}, ~uint64_t{0}}) {
      Books books;
      books.waits(other, vgpu_page::kLimited, wild, other);
      books.account.begin(Reason::kWork, 1000);
      books.waits(wild, vgpu_page::kWaiting, other, wild);
      books.account.end(Reason::kWork, 2000, WorkSpan{wild, other, wild});
      CHECK(books.all() == 1000);
      for (const auto& line : books.claims.spent_ns) CHECK(line.load() <= 1000);
    }
  }
  // A page that is being written for ever holds up nobody.
  Books books;
  books.page.sequence = 1;
  books.account.begin(Reason::kWork, 1000);
  books.account.end(Reason::kWork, 2000, WorkSpan{1000, 2000, 0});
  CHECK(books.spent(Spent::kKernels) == 1000);
}

void test_found_out_by_another_way() {
  Books books;
  auto slot = std::make_unique<layout::QueueSlot>();
  slot->began_ns = 500;
  slot->ended_ns = 900;  // of commands before
  guest::CountedWork counted{books.account, *slot, slot->ended_ns};
  counted.begin(1000);
  counted.end(2000);
  CHECK(books.spent(Spent::kKernels) == 1000);
}

}  // namespace

void test_time_account() {
  test_each_reason_has_its_line();
  test_waking_the_worker_belongs_to_what_is_awaited_next();
  test_awaited_work_is_told_from_the_telling();
  test_others_and_limits_by_the_page();
  test_several_threads_count_once();
  test_what_peers_claim_is_bounded();
  test_found_out_by_another_way();
}
