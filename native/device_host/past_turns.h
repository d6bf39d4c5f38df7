// What a vGPU has had of its device before it rested, and goes on from when it is leased again.
#pragma once

#include <cstdint>

#include "device_host/arbiter/arbiter.h"
#include "device_host/copy_account.h"

namespace aliquot {

struct PastTurns {
  arbiter::Account account;  // without what was owed, which has lapsed
  uint64_t busy_ns = 0;      // a claim
  CopyAccount::Sums copies;
};

}  // namespace aliquot
