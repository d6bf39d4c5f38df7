// What the command line or the daemon asks about the device's time.
#include <cstdio>

#include "device_host/device_host.h"
#include "device_host/share_records.h"
#include "device_host/shared_memory.h"

namespace aliquot {

using records::ErrorCode;
using records::Kind;

namespace {

constexpr uint64_t kShortestTurnNs = 1'000'000;
constexpr uint64_t kLongestTurnNs = 30'000'000;
constexpr uint32_t kMostAveraging = 60;

}  // namespace

std::string text_of_share(uint32_t hundredths) {
  char text[32];
  std::snprintf(text, sizeof text, "%u.%02u %%", hundredths / 100, hundredths % 100);
  return text;
}

std::string read_shares(const records::Shares& record, arbiter::Shares& shares) {
  if (record.limit == 0 || record.limit > arbiter::kWhole)
    return "The limit of " + text_of_share(record.limit) + " isn't between 0.01 and 100 %.";
  if (record.guarantee > record.limit)
    return "The guarantee of " + text_of_share(record.guarantee) + " is more than the limit of " +
           text_of_share(record.limit) + ".";
  if (record.weight == 0 || record.weight > arbiter::kMostWeight)
    return "The weight " + std::to_string(record.weight) + " isn't between 1 and " +
           std::to_string(arbiter::kMostWeight) + ".";
  if (record.priority > static_cast<uint32_t>(arbiter::PriorityClass::kBatch))
    return "No priority class has the number " + std::to_string(record.priority) + ".";
  shares.guarantee = record.guarantee;
  shares.limit = record.limit;
  shares.weight = record.weight;
  shares.priority = static_cast<arbiter::PriorityClass>(record.priority);
  return {};
}

std::string read_copy_limit(uint64_t limit) {
  if (limit == 0 || limit >= records::kLeastCopyLimit) return {};
  return "A limit of copies of " + std::to_string(limit) + " bytes a second is less than " +
         std::to_string(records::kLeastCopyLimit) + ".";
}

std::string read_policy(const records::Policy& record, arbiter::Policy& policy) {
  if (record.kind > static_cast<uint32_t>(arbiter::PolicyKind::kFixedShare))
    return "No policy has the number " + std::to_string(record.kind) + ".";
  if (record.turn_ns != 0 &&
      (record.turn_ns < kShortestTurnNs || record.turn_ns > kLongestTurnNs))
    return "A turn lasts between 1 and 30 ms, not " + std::to_string(record.turn_ns) + " ns.";
  if (record.averaging == 0 || record.averaging > kMostAveraging)
    return "Debts are paid back over 1 to " + std::to_string(kMostAveraging) + " turns, not " +
           std::to_string(record.averaging) + ".";
  policy.kind = static_cast<arbiter::PolicyKind>(record.kind);
  policy.turn_ns = record.turn_ns;
  policy.averaging = record.averaging;
  return {};
}

std::string share_unavailable(uint32_t wanted, uint32_t guaranteed) {
  return "A guarantee of " + text_of_share(wanted) +
         " can't be given: " + text_of_share(guaranteed) + " of the device are guaranteed, " +
         text_of_share(arbiter::kWhole - guaranteed) + " are free.";
}

void DeviceHost::on_policy_set(Control& control, const records::Record& record) {
  const uint32_t sequence = record.header.sequence;
  arbiter::Policy policy;
  const std::string wrong = read_policy(payload_of<records::Policy>(record), policy);
  if (!wrong.empty()) return answer_error(control, sequence, ErrorCode::kBadShare, wrong);
  turns_.set_policy(policy);
  log_.line("policy %u, turns of %llu ns, debts paid over %u turns",
            static_cast<unsigned>(policy.kind), static_cast<unsigned long long>(policy.turn_ns),
            policy.averaging);
  answer_policy(control, sequence);
}

void DeviceHost::answer_policy(Control& control, uint32_t sequence) {
  const arbiter::Policy& policy = turns_.arbiter().policy();
  records::Policy answer;
  answer.kind = static_cast<uint32_t>(policy.kind);
  answer.averaging = policy.averaging;
  answer.turn_ns = turns_.arbiter().turn_ns();
  control.channel->send(make_record(Kind::kPolicy, sequence, answer));
}

// Of all tenants: whoever has a control connection owns the device host, or is root.
void DeviceHost::on_turns_get(Control& control, const records::Record& record) {
  const uint32_t sequence = record.header.sequence;
  records::Turns answer;
  const auto turns = turns_.log(payload_of<records::TurnsGet>(record).since_ns, answer);
  if (turns.empty()) return control.channel->send(make_record(Kind::kTurns, sequence, answer));
  const Descriptor memory =
      make_final_memory("aliquot-turn-log", turns.data(), turns.size() * sizeof turns[0]);
  if (!memory)
    return answer_error(control, sequence, ErrorCode::kLimitReached,
                        "No descriptors or memory are left for the turns.");
  control.channel->send(make_record(Kind::kTurns, sequence, answer), {memory.get()});
}

}  // namespace aliquot
