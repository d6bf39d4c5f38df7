// The steps that fence a worker in, in the order in which the child takes them. Each returns
// whether it took effect; none allocates more than a few strings. All run in the child only, but for
// the two that look after a cache.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sandbox/plan.h"

namespace aliquot::sandbox {

/// Maps the child's user and group onto themselves in its new user namespace.
bool map_own_user(uid_t user, gid_t group);

/// Empties a cache folder that holds more than these. Follows no links, because what lies in it was
/// written by a tenant.
void trim_cache(const std::string& folder, uint64_t most_bytes, uint64_t most_entries);

enum class Haste {
  kAtOnce,
  kInPassing,  // with pauses, so that it keeps no processor from those who compute
};

/// Bytes of all files below a folder; the largest number where these are more than `most_entries`
/// entries, or too deep. Follows no links.
uint64_t folder_bytes(const char* path, uint64_t most_entries, Haste haste = Haste::kAtOnce);

/// Gives the child its own view of the file system: what the plan shows, read-only, a private
/// scratch and the cache. Needs a mount namespace of its own.
bool enter_private_root(const Plan& plan, bool own_process_namespace);

/// Landlock: the same bounds once more, by path, for kernels or containers without namespaces.
/// `private_root` says that the paths are those inside the view.
bool restrict_paths(const Plan& plan, bool private_root);

bool set_limits(const Plan& plan, bool count_processes);

/// Changes to the plan's user for good.
bool change_user(const Plan& plan);

/// Drops every capability, from the bounding set too as far as that is permitted.
bool drop_capabilities();

/// Installs the list of permitted system calls. `own_process_namespace`: signals can't reach
/// strangers, else the filter keeps them to the child itself.
bool install_filter(bool own_process_namespace);

// Trying the forbidden thing: each returns true when it could NOT be done.
bool network_is_out_of_reach();
bool capabilities_are_gone();
bool user_is_final(uid_t user);
bool path_is_out_of_reach(const std::string& path);
bool landlock_bites(const std::string& writable_folder);
bool filter_bites();

}  // namespace aliquot::sandbox
