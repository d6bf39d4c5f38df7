#include "device_host/arbiter/rates.h"

#include <algorithm>

namespace aliquot::arbiter {
namespace {

double part(uint32_t share) { return static_cast<double>(std::min(share, kWhole)) / kWhole; }

bool is_batch(const Title& title) { return title.shares.priority == PriorityClass::kBatch; }

// Gives out what is left to those of one class in proportion of their weights, none above its limit
// (water-filling: what one can't take goes to the others). Returns what then is left.
double fill(const std::vector<const Title*>& titles, bool batch, double left,
            std::vector<double>& rates) {
  const auto has_room = [&](size_t i) {
    return is_batch(*titles[i]) == batch && titles[i]->shares.weight > 0 &&
           rates[i] < part(titles[i]->shares.limit);
  };
  for (bool somebody_is_full = true; somebody_is_full && left > 0;) {
    somebody_is_full = false;
    double weights = 0;
    for (size_t i = 0; i < titles.size(); ++i)
      if (has_room(i)) weights += titles[i]->shares.weight;
    if (weights == 0) break;
    double given = 0;
    for (size_t i = 0; i < titles.size(); ++i) {
      if (!has_room(i)) continue;
      const double room = part(titles[i]->shares.limit) - rates[i];
      double more = left * titles[i]->shares.weight / weights;
      if (more >= room) {
        more = room;
        somebody_is_full = true;
        rates[i] = part(titles[i]->shares.limit);  // exactly: it has no room any more
      } else {
        rates[i] += more;
      }
      given += more;
    }
    left = somebody_is_full ? std::max(0.0, left - given) : 0;
  }
  return left;
}

}  // namespace

double limit_of(const Policy& policy, const Title& title, uint32_t running) {
  switch (policy.kind) {
    case PolicyKind::kEqualShare:
      return 1.0 / std::max(running, 1u);
    case PolicyKind::kFixedShare:
      return 1.0 / std::max(title.maximum, 1u);
    case PolicyKind::kBestEffort:
      break;
  }
  return part(title.shares.limit);
}

std::vector<double> rates_of(const Policy& policy, const std::vector<const Title*>& titles,
                             uint32_t running) {
  std::vector<double> rates;
  rates.reserve(titles.size());
  const bool best_effort = policy.kind == PolicyKind::kBestEffort;
  double sum = 0;
  for (const Title* title : titles) {
    const double limit = limit_of(policy, *title, running);
    rates.push_back(best_effort ? std::min(part(title->shares.guarantee), limit) : limit);
    sum += rates.back();
  }
  if (sum > 1)
    for (double& rate : rates)
      rate /= sum;  // promised too much: each has its part of what there is
  if (!best_effort) return rates;

  // What is not guaranteed goes to those of the classes normal and latency. Batch has more than its
  // guarantee only of what these can't take.
  const double left = fill(titles, false, std::max(0.0, 1 - sum), rates);
  fill(titles, true, left, rates);
  return rates;
}

}  // namespace aliquot::arbiter
