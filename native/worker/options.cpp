#include "worker/options.h"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>

namespace aliquot::worker {

const char kUsage[] =
    "Usage: aliquot-worker probe --driver LIBRARY\n"
    "       aliquot-worker report --driver LIBRARY [--platform-index N] [--device-index N]\n"
    "       aliquot-worker serve --driver LIBRARY --memory-limit BYTES --socket-fd N\n"
    "                      [--platform-index N] [--device-index N] [--kernel-limit-ms N]\n"
    "                      [--device-type N] [--flags N]\n"
    "Started by aliquot-device and by the discovery of devices; see docs/data-plane.md.\n";

namespace {

template <class Number>
bool read_number(const char* word, uint64_t most, Number& number) {
  if (word[0] < '0' || word[0] > '9') return false;
  char* end = nullptr;
  errno = 0;
  const unsigned long long value = std::strtoull(word, &end, 10);
  if (errno != 0 || *end != 0 || value > most) return false;
  number = static_cast<Number>(value);
  return true;
}

bool read_option(const char* name, const char* value, Options& options) {
  const auto is = [&](const char* other) { return std::strcmp(name, other) == 0; };
  if (is("--driver")) {
    options.driver = value;
    return true;
  }
  if (is("--platform-index")) return read_number(value, 255, options.platform_index);
  if (is("--device-index")) return read_number(value, 255, options.device_index);
  if (is("--memory-limit")) return read_number(value, INT64_MAX, options.memory_limit);
  if (is("--kernel-limit-ms")) return read_number(value, 86'400'000, options.kernel_limit_ms);
  if (is("--device-type")) return read_number(value, UINT64_MAX, options.device_type);
  if (is("--flags")) return read_number(value, UINT32_MAX, options.flags);
  if (is("--socket-fd")) return read_number(value, INT_MAX, options.socket);
  return false;
}

}  // namespace

std::string read_options(int count, const char* const* words, Options& options) {
  if (count < 2) return "No action is given.";
  if (std::strcmp(words[1], "serve") == 0) {
    options.action = Options::Action::kServe;
  } else if (std::strcmp(words[1], "report") == 0) {
    options.action = Options::Action::kReport;
  } else if (std::strcmp(words[1], "probe") != 0) {
    return std::string("There is no action ") + words[1] + ".";
  }
  for (int i = 2; i < count; i += 2) {
    if (i + 1 >= count) return std::string("Option ") + words[i] + " lacks its value.";
    if (!read_option(words[i], words[i + 1], options)) {
      return std::string("Option ") + words[i] + " " + words[i + 1] + " is not understood.";
    }
  }
  if (options.driver.empty()) return "Option --driver is missing.";
  if (options.action != Options::Action::kServe) return {};
  if (options.memory_limit == 0) return "Option --memory-limit is missing.";
  if (options.socket < 0) return "Option --socket-fd is missing.";
  return {};
}

}  // namespace aliquot::worker
