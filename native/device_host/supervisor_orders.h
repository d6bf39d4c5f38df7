// What a device host asks of its supervisor, in records of fixed size over a socket pair of theirs.
#pragma once

#include <cstdint>

#include "device_host/kept_key.h"
#include "protocol/records.h"

namespace aliquot::orders {

/// Kinds of records that nobody else sends or receives.
enum Order : uint16_t {
  kKeep = 512,  // + descriptor: keep it under its key
  kKeepPage,    // the same, and map it for writing; answered
  kForget,
  kRename,       // what is kept under one key is from now on under another
  kWorker,       // a child was born to the supervisor
  kReleased,     // its end was heard of, or is of no interest any more
  kKill,         // a worker of which not even a pidfd is left
  kKillOrphans,  // kill children that nobody knows; answered
  kAnswer,
  kEnded,  // supervisor -> device host: a worker has ended
};

constexpr records::Kind kind_of(Order order) { return static_cast<records::Kind>(order); }
constexpr Order order_of(const records::Record& record) {
  return static_cast<Order>(record.header.kind);
}

struct Keep {  // kKeep, kKeepPage, kForget
  KeptKey key;
  uint64_t note = 0;
};

struct Rename {
  KeptKey from, to;
};

struct Worker {  // kWorker, kReleased, kKill, kEnded
  int32_t process = 0;
  int32_t status = 0;  // as waitpid has it
};

struct Answer {
  uint32_t done = 0;  // the page is mapped; there were orphans
};

}  // namespace aliquot::orders
