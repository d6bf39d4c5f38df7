// Shares and policies as they come in records: checked, and said in words.
#pragma once

#include <string>

#include "device_host/arbiter/shares.h"
#include "protocol/records.h"

namespace aliquot {

/// Empty when they can be; else one sentence that says what is wrong.
std::string read_shares(const records::Shares& record, arbiter::Shares& shares);
std::string read_copy_limit(uint64_t limit);
std::string read_policy(const records::Policy& record, arbiter::Policy& policy);

/// In percent.
std::string text_of_share(uint32_t hundredths);
/// Why a guarantee can't be had, of which `guaranteed` is given already.
std::string share_unavailable(uint32_t wanted, uint32_t guaranteed);

}  // namespace aliquot
