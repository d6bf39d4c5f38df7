// What a scenario measures: which part of the device's work each vGPU did, and how far from
// promised.
#pragma once

#include <cstdint>
#include <vector>

#include "simulator.h"

namespace aliquot::arbiter {

struct Deviations {
  double within_a_point =
      1;             // of all windows, the part in which nobody was further off than a point
  double worst = 0;  // in points
};

/// Over all windows of `width` between the two moments, which slide by a tenth of it. `promised` by
/// vGPU, from 1, in percent of the work that all did (`of_work`) or of the time.
Deviations deviations(const Simulator& simulator, const std::vector<double>& promised,
                      uint64_t from, uint64_t until, uint64_t width, bool of_work = true);

/// The part of the time in which kernels of these vGPUs, from 1, ran.
double busy(const Simulator& simulator, uint64_t vgpus, uint64_t from, uint64_t until);

/// The value below which so great a part of these lies.
uint64_t percentile(std::vector<uint64_t> values, double part);

}  // namespace aliquot::arbiter
