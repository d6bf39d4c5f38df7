// What a vGPU was promised of its device's time, and how a device shares its time out.
#pragma once

#include <cstdint>

namespace aliquot::arbiter {

/// Shares are counted in hundredths of a percent of one device.
constexpr uint32_t kWhole = 10'000;
constexpr uint32_t kMostWeight = 1'000;

enum class PriorityClass : uint32_t { kNormal = 0, kLatency = 1, kBatch = 2 };

struct Shares {
  uint32_t guarantee = 0;   // of kWhole: can always be had
  uint32_t limit = kWhole;  // of kWhole: never exceeded
  uint32_t weight = 1;      // its part of what is left over
  PriorityClass priority = PriorityClass::kNormal;

  bool operator==(const Shares&) const = default;
};

enum class PolicyKind : uint32_t { kBestEffort = 0, kEqualShare = 1, kFixedShare = 2 };

struct Policy {
  PolicyKind kind = PolicyKind::kBestEffort;
  uint64_t turn_ns = 0;    // 1 to 30 ms; 0: see turn_length.h
  uint32_t averaging = 1;  // 1 to 60: over how many turns a debt is paid back
};

}  // namespace aliquot::arbiter
