// Memory credit: what the device host lent this guest process of its vGPU's quota.
//
// The account page (records::AccountPage) is shared with the device host, which takes unspent
// credit back at any moment by exchanging the word for zero. Spending is therefore a
// compare-and-swap, returning an addition; both without a system call.
#pragma once

#include <cstdint>

#include "protocol/records.h"

namespace aliquot::guest {

// How more credit is asked for. A table of functions, so that tests need no device host.
struct CreditSource {
  void* context = nullptr;
  // Asks the device host for `lacking` bytes more; the grant is on the page when this returns.
  // False: the quota is spent, or the connection is gone.
  bool (*request)(void* context, uint64_t lacking) = nullptr;
  // Gives back credit whose use ended meanwhile (deferred releases). True: worth another try.
  bool (*collect)(void* context) = nullptr;
};

// Takes exactly `bytes` from the account, asking for more where it must.
// False: refused; nothing was taken.
bool take_credit(records::AccountPage* account, const CreditSource& source, uint64_t bytes);

// Takes `bytes` only where they lie on the page already.
bool try_take_credit(records::AccountPage* account, uint64_t bytes);

// Gives `bytes` back.
void return_credit(records::AccountPage* account, uint64_t bytes);

// What a connection keeps for its account.
struct Credit {
  CreditSource source;
};

}  // namespace aliquot::guest
