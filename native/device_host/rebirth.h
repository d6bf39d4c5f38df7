// What a reborn device host takes over, as it goes through it.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "device_host/descriptor_store.h"
#include "device_host/state_entries.h"
#include "device_host/state_memory.h"

namespace aliquot {

/// By vGPU.
template <class Entry>
using Entries = std::map<uint64_t, std::vector<std::pair<StateMemory::Slot, Entry>>>;

struct Rebirth {
  DescriptorStore& store;
  // What was not sent yet, by channel, in order.
  std::map<KeptKey, std::map<uint64_t, std::pair<StateMemory::Slot, records::Record>>> queues;
  Entries<GuestEntry> guests;
  Entries<TimesEntry> times;
  Entries<KernelEntry> kernels;
  Entries<LeaseEntry> leases;
};

}  // namespace aliquot
