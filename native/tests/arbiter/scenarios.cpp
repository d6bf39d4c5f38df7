#include "scenarios.h"

#include <algorithm>
#include <cmath>

namespace aliquot::arbiter {

Deviations deviations(const Simulator& simulator, const std::vector<double>& promised,
                      uint64_t from, uint64_t until, uint64_t width, bool of_work) {
  Deviations found;
  uint64_t windows = 0, good = 0;
  for (uint64_t start = from; start + width <= until; start += width / 10) {
    std::vector<double> work;
    double sum = 0;
    for (uint64_t vgpu = 1; vgpu <= promised.size(); ++vgpu) {
      work.push_back(static_cast<double>(simulator.work(vgpu, start, start + width)));
      sum += work.back();
    }
    if (!of_work) sum = static_cast<double>(width);
    double worst = 0;
    for (size_t i = 0; i < work.size(); ++i)
      worst = std::max(worst, std::abs(100 * work[i] / std::max(sum, 1.0) - promised[i]));
    ++windows;
    if (worst <= 1) ++good;
    found.worst = std::max(found.worst, worst);
  }
  if (windows > 0) found.within_a_point = static_cast<double>(good) / static_cast<double>(windows);
  return found;
}

double busy(const Simulator& simulator, uint64_t vgpus, uint64_t from, uint64_t until) {
  double sum = 0;
  for (uint64_t vgpu = 1; vgpu <= vgpus; ++vgpu)
    sum += static_cast<double>(simulator.work(vgpu, from, until));
  return sum / static_cast<double>(until - from);
}

uint64_t percentile(std::vector<uint64_t> values, double part) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1))];
}

}  // namespace aliquot::arbiter
