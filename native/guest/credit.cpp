#include "guest/credit.h"

namespace aliquot::guest {

namespace {

// Other threads of this process may spend what was granted to us; each time round the device
// host granted something, so the process as a whole got on. The bound only stops a peer that
// claims grants and makes none.
constexpr int kMostRequests = 1000;

}  // namespace

bool try_take_credit(records::AccountPage* account, uint64_t bytes) {
  uint64_t credit = __atomic_load_n(&account->credit, __ATOMIC_RELAXED);
  while (credit >= bytes) {
    if (__atomic_compare_exchange_n(&account->credit, &credit, credit - bytes, true,
                                    __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
      return true;
    }
  }
  return false;
}

bool take_credit(records::AccountPage* account, const CreditSource& source, uint64_t bytes) {
  for (int tries = 0; tries < kMostRequests; tries++) {
    if (try_take_credit(account, bytes)) return true;
    uint64_t credit = __atomic_load_n(&account->credit, __ATOMIC_RELAXED);
    uint64_t lacking = bytes > credit ? bytes - credit : 0;
    if (lacking == 0) continue;
    if (source.request != nullptr && source.request(source.context, lacking)) continue;
    if (source.collect == nullptr || !source.collect(source.context)) {
      // What another thread returned between the request and its refusal counts too.
      return try_take_credit(account, bytes);
    }
  }
  return false;
}

void return_credit(records::AccountPage* account, uint64_t bytes) {
  __atomic_fetch_add(&account->credit, bytes, __ATOMIC_ACQ_REL);
}

}  // namespace aliquot::guest
