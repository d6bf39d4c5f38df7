#include "device_host/options.h"

#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>

namespace aliquot {

namespace {

bool parse_number(const std::string& text, uint64_t most, uint64_t& number) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos) return false;
  errno = 0;
  const unsigned long long value = ::strtoull(text.c_str(), nullptr, 10);
  if (errno != 0 || value > most) return false;
  number = value;
  return true;
}

// The UUID becomes a folder's name.
bool is_plain_name(const std::string& text) {
  if (text.empty() || text.size() > 39 || text[0] == '.') return false;
  return text.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
         std::string::npos;
}

// What names a partition to a vendor's driver, and nothing that a loader or shell would act on.
bool is_variable(const std::string& text) {
  const size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0 || text.size() > 256) return false;
  const std::string name = text.substr(0, sign);
  if (name.compare(0, 3, "LD_") == 0 || name == "PATH") return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == std::string::npos;
}

std::string default_cache_dir() {
  if (::geteuid() == 0) return "/var/cache/aliquot/workers";
  const char* base = ::getenv("XDG_CACHE_HOME");
  if (base != nullptr && base[0] == '/') return std::string(base) + "/aliquot/workers";
  const char* home = ::getenv("HOME");
  if (home != nullptr && home[0] == '/') return std::string(home) + "/.cache/aliquot/workers";
  return "";
}

}  // namespace

bool parse_options(int count, char** arguments, Options& options, std::string& problem) {
  options.cache_dir = default_cache_dir();
  uint64_t device_index = 0, platform_index = 0, processors = 0;
  uint64_t worker_idle_ms = options.worker_idle_ms;
  const std::map<std::string, std::string*> texts = {
      {"--uuid", &options.uuid},           {"--runtime-dir", &options.runtime_dir},
      {"--driver", &options.driver},       {"--worker", &options.worker},
      {"--cache-dir", &options.cache_dir}, {"--allocator", &options.allocator},
  };
  const std::map<std::string, uint64_t*> numbers = {
      {"--device-index", &device_index},
      {"--platform-index", &platform_index},
      {"--memory", &options.memory},
      {"--processors", &processors},
      {"--worker-idle-ms", &worker_idle_ms},
  };
  for (int index = 1; index < count; ++index) {
    const std::string name = arguments[index];
    if (name == "--foreground") {
      options.foreground = true;
      continue;
    }
    const auto text = texts.find(name);
    const auto number = numbers.find(name);
    const bool listed = name == "--device-node" || name == "--variable";
    if (text == texts.end() && number == numbers.end() && !listed) {
      problem = "unknown option: " + name;
      return false;
    }
    if (++index == count) {
      problem = name + " needs a value";
      return false;
    }
    if (name == "--device-node") {
      options.device_nodes.emplace_back(arguments[index]);
    } else if (name == "--variable") {
      if (!is_variable(arguments[index])) {
        problem = "--variable needs NAME=VALUE, not \"" + std::string(arguments[index]) + "\"";
        return false;
      }
      options.variables.emplace_back(arguments[index]);
    } else if (text != texts.end()) {
      *text->second = arguments[index];
    } else if (!parse_number(arguments[index], name == "--memory" ? (uint64_t{1} << 60) : 0xffff,
                             *number->second)) {
      problem = name + " needs a number, not \"" + arguments[index] + "\"";
      return false;
    }
  }
  options.device_index = static_cast<uint32_t>(device_index);
  options.platform_index = static_cast<uint32_t>(platform_index);
  options.processors = static_cast<uint32_t>(processors);
  options.worker_idle_ms = static_cast<uint32_t>(worker_idle_ms);
  if (!is_plain_name(options.uuid)) problem = "--uuid needs a plain name of up to 39 characters";
  if (options.memory == 0) problem = "--memory needs the device's memory in bytes";
  for (const auto& [name, path] : texts) {
    const bool optional = name == "--cache-dir" || name == "--allocator";
    if (name == "--uuid" || (optional && path->empty())) continue;
    const bool bare = !path->empty() && path->find('/') == std::string::npos;
    if (name == "--driver" && bare) continue;  // the dynamic loader finds it
    if (path->empty() || (*path)[0] != '/') problem = name + " needs an absolute path";
  }
  // The dynamic loader would take it for several.
  if (options.allocator.find_first_of(" :") != std::string::npos)
    problem = "--allocator needs a path without spaces and colons";
  // A socket's path has 107 characters at most; the longest of ours ends in v<20 digits>.sock.
  if (problem.empty() && options.device_dir().size() + 28 > 107)
    problem = "the runtime directory's path is too long for sockets below it";
  return problem.empty();
}

}  // namespace aliquot
