#include "device_host/worker_plan.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>

namespace aliquot {

namespace {

std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }

std::string resolved(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return "";
  std::string text = real;
  ::free(real);
  return text;
}

// A folder that holds more than libraries: showing it would show people's files.
bool is_shared_folder(const std::string& folder) {
  const auto depth = std::count(folder.begin(), folder.end(), '/');
  return depth <= 1 || (depth == 2 && folder.compare(0, 6, "/home/") == 0) || folder == "/var/tmp";
}

void show_library(const std::string& library, std::vector<std::string>& visible) {
  if (library.find('/') == std::string::npos) return;  // a bare name lies in the system's folders
  for (const std::string& path : {library, resolved(library)}) {
    if (path.empty()) continue;
    const std::string folder = folder_of(path);
    if (folder.compare(0, 5, "/opt/") == 0) {
      visible.push_back(folder.substr(0, folder.find('/', 5)));  // the whole product
    } else {
      visible.push_back(is_shared_folder(folder) ? path : folder);
    }
  }
}

// Drivers allocate in one thread what they free in another, a dozen times for each command. The C
// library's allocator has the two wait for each other.
void allocate_by(const std::string& library, sandbox::Plan& plan) {
  if (library.empty()) return;
  show_library(library, plan.visible);
  plan.variables.push_back("LD_PRELOAD=" + library);
  // What a tenant has freed goes back at once: what a worker keeps counts as the tenant's. The
  // names are those of mimalloc 2.1 and newer, and of 2.0.
  for (const char* delay : {"PURGE_DELAY", "DECOMMIT_DELAY", "SEGMENT_DECOMMIT_DELAY"})
    plan.variables.push_back(std::string("MIMALLOC_") + delay + "=0");
}

std::vector<std::string> gpu_nodes() {
  std::vector<std::string> nodes;
  for (const char* path : {"/dev/dri", "/dev/kfd", "/dev/nvidia-caps"}) {
    struct stat status;
    if (::stat(path, &status) == 0) nodes.emplace_back(path);
  }
  if (DIR* listing = ::opendir("/dev")) {
    while (const dirent* entry = ::readdir(listing))
      if (std::strncmp(entry->d_name, "nvidia", 6) == 0 &&
          std::strcmp(entry->d_name, "nvidia-caps") != 0)
        nodes.push_back(std::string("/dev/") + entry->d_name);
    ::closedir(listing);
  }
  return nodes;
}

// Groups that own a GPU's nodes; as root only, and never root's own.
std::vector<gid_t> groups_of(const std::vector<std::string>& nodes) {
  std::vector<gid_t> groups;
  const auto add = [&](const std::string& path) {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0 || !S_ISCHR(status.st_mode) || status.st_gid == 0)
      return;
    if (std::find(groups.begin(), groups.end(), status.st_gid) == groups.end())
      groups.push_back(status.st_gid);
  };
  for (const std::string& node : nodes) {
    add(node);
    DIR* listing = ::opendir(node.c_str());
    if (listing == nullptr) continue;
    // Render nodes only: a card's other node can also set display modes.
    while (const dirent* entry = ::readdir(listing))
      if (std::strncmp(entry->d_name, "renderD", 7) == 0) add(node + "/" + entry->d_name);
    ::closedir(listing);
  }
  return groups;
}

}  // namespace

sandbox::Plan make_worker_plan(const Options& options, const VgpuSettings& settings,
                               const WorkerHome& home) {
  sandbox::Plan plan;
  plan.program = options.worker;
  plan.arguments = {
      "aliquot-worker",    "serve",
      "--driver",          options.driver,
      "--platform-index",  std::to_string(options.platform_index),
      "--device-index",    std::to_string(options.device_index),
      "--memory-limit",    std::to_string(settings.memory_bytes),
      "--kernel-limit-ms", std::to_string(settings.kernel_limit_ms),
      "--device-type",     std::to_string(settings.device_type),
      "--flags",           std::to_string(settings.flags),
      "--socket-fd",       std::to_string(sandbox::kSocketDescriptor),
  };
  // /dev/zero is missing on purpose: mapped shared, it is memory out of the ledger's sight.
  plan.visible = {
      "/usr",
      "/etc/OpenCL",
      "/etc/ld.so.cache",
      "/etc/ld.so.conf",
      "/etc/ld.so.conf.d",
      "/etc/alternatives",
      "/etc/localtime",
      "/etc/nsswitch.conf",
      "/sys/devices",
      "/sys/class",
      "/sys/bus",
      "/sys/dev",
      "/sys/module",
      "/nix/store",
      "/gnu/store",
  };
  show_library(options.driver, plan.visible);
  plan.devices = options.device_nodes.empty() ? gpu_nodes() : options.device_nodes;
  plan.device_groups = groups_of(plan.devices);
  plan.variables = options.variables;
  allocate_by(options.allocator, plan);
  for (const char* node : {"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"})
    plan.devices.emplace_back(node);
  plan.hidden_probe = options.device_dir() + "/lock";
  plan.mount_point = options.device_dir() + "/view";
  plan.cache_directory = home.cache_directory;
  plan.count_cache = !home.cache_counted;
  plan.cache_bytes = kMostCacheBytes;
  plan.cache_entries = kMostCacheEntries;
  plan.scratch_bytes = uint64_t{64} << 20;
  plan.change_user = home.change_user;
  plan.user = home.user;
  plan.group = home.user;
  // The vGPU may grow while its worker runs; this limit could not.
  plan.data_bytes = options.memory + (uint64_t{4} << 30);
  plan.file_bytes = uint64_t{256} << 20;
  plan.open_files = 4096;
  plan.processes = kMostWorkerProcesses;
  return plan;
}

}  // namespace aliquot
