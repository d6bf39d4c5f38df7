// A number in shared memory that only ever grows, and that the other side raises as well.
#pragma once

#include <cstdint>

namespace aliquot::worker {

/// Raises `word` to `value` where it is below. A guest process that changes it without pause to keep
/// us here gets what it asks for: a store, whatever it has written.
template <class Word>
void raise_to(Word& word, uint64_t value) {
  constexpr int kMostTries = 64;
  uint64_t seen = word.load();
  for (int tries = 0; seen < value; ++tries) {
    if (tries == kMostTries) return word.store(value);
    if (word.compare_exchange_strong(seen, value)) return;
  }
}

}  // namespace aliquot::worker
