// Forbidden things that a worker might try. Each says on standard error how it went:
// "trial NAME ARGUMENT: permitted" or "trial NAME ARGUMENT: refused (reason)".
#pragma once

#include <string>

namespace aliquot::fake_worker {

/// Runs the trial of this name; false when there is none.
bool run_trial(const std::string& name, const std::string& argument);

/// Takes and touches memory in various ways. Never gives it back. `between` is called again and again
/// meanwhile.
using Between = void (*)();
void allocate(unsigned long long bytes, Between between = [] {});
void allocate_in_child(unsigned long long bytes);
void allocate_in_orphan(unsigned long long bytes);
void allocate_in_last_thread(unsigned long long bytes, Between between);
void allocate_memory_file(unsigned long long bytes);
void allocate_in_scratch(unsigned long long bytes);
void allocate_shared(unsigned long long bytes);

/// Fills memory of the device host's and keeps it without a descriptor or a page in its tables.
void hoard(int memory, unsigned long long bytes);

}  // namespace aliquot::fake_worker
