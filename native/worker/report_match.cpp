#include "worker/report_match.h"

#include <CL/cl.h>
#include <CL/cl_ext.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <set>
#include <utility>

namespace aliquot::worker {

namespace {

using Bytes = std::vector<unsigned char>;
using Key = std::pair<uint32_t, uint32_t>;  // scope, parameter
using Report = std::map<Key, Bytes>;

constexpr uint32_t kPlatform = 0;
constexpr uint32_t kDevice = 1;

enum class Rule {
  kAtLeast,   // a number, or several of size_t: the more the better
  kAtMost,    // a number: the less the better
  kSame,      // bytes
  kBits,      // flags, each of which permits something
  kTrue,      // a cl_bool, true of which permits something
  kVersion,   // a text that begins with words and a number a.b
  kWords,     // a text of words
  kNames,     // of cl_name_version
  kNamedVersions,  // likewise, each version of a name for itself
  kElements,  // of intptr_t or size_t, in any order
};

struct Known {
  uint32_t scope;
  uint32_t parameter;
  Rule rule;
  const char* name;
};

constexpr cl_device_info kRequiredSubGroupSizes = 0x4108;  // cl_intel_required_subgroup_size

constexpr Known kKnown[] = {
    {kPlatform, CL_PLATFORM_VERSION, Rule::kVersion, "platform version"},
    {kPlatform, CL_PLATFORM_EXTENSIONS, Rule::kWords, "platform extension"},
    {kDevice, CL_DEVICE_EXTENSIONS, Rule::kWords, "extension"},
    {kDevice, CL_DEVICE_VERSION, Rule::kVersion, "device version"},
    {kDevice, CL_DEVICE_OPENCL_C_VERSION, Rule::kVersion, "OpenCL C version"},
    {kDevice, CL_DEVICE_OPENCL_C_ALL_VERSIONS, Rule::kNamedVersions, "OpenCL C version"},
    {kDevice, CL_DEVICE_OPENCL_C_FEATURES, Rule::kNames, "OpenCL C feature"},
    {kDevice, CL_DEVICE_MAX_WORK_GROUP_SIZE, Rule::kAtLeast, "maximum work-group size"},
    {kDevice, CL_DEVICE_MAX_WORK_ITEM_DIMENSIONS, Rule::kAtLeast, "work-item dimensions"},
    {kDevice, CL_DEVICE_MAX_WORK_ITEM_SIZES, Rule::kAtLeast, "maximum work-item sizes"},
    {kDevice, CL_DEVICE_MAX_NUM_SUB_GROUPS, Rule::kAtLeast, "number of sub-groups"},
    {kDevice, kRequiredSubGroupSizes, Rule::kElements, "sub-group size"},
    {kDevice, CL_DEVICE_LOCAL_MEM_SIZE, Rule::kAtLeast, "local memory size"},
    {kDevice, CL_DEVICE_GLOBAL_MEM_SIZE, Rule::kAtLeast, "global memory size"},
    {kDevice, CL_DEVICE_MAX_MEM_ALLOC_SIZE, Rule::kAtLeast, "maximum allocation"},
    {kDevice, CL_DEVICE_MAX_CONSTANT_BUFFER_SIZE, Rule::kAtLeast, "constant buffer size"},
    {kDevice, CL_DEVICE_MAX_CONSTANT_ARGS, Rule::kAtLeast, "constant arguments"},
    {kDevice, CL_DEVICE_MAX_PARAMETER_SIZE, Rule::kAtLeast, "size of arguments"},
    {kDevice, CL_DEVICE_MAX_GLOBAL_VARIABLE_SIZE, Rule::kAtLeast, "global variable size"},
    {kDevice, CL_DEVICE_PRINTF_BUFFER_SIZE, Rule::kAtLeast, "printf buffer size"},
    {kDevice, CL_DEVICE_MEM_BASE_ADDR_ALIGN, Rule::kAtMost, "alignment"},
    {kDevice, CL_DEVICE_MIN_DATA_TYPE_ALIGN_SIZE, Rule::kAtMost, "alignment of types"},
    {kDevice, CL_DEVICE_ADDRESS_BITS, Rule::kSame, "address bits"},
    {kDevice, CL_DEVICE_ENDIAN_LITTLE, Rule::kSame, "byte order"},
    {kDevice, CL_DEVICE_SINGLE_FP_CONFIG, Rule::kBits, "single precision"},
    {kDevice, CL_DEVICE_DOUBLE_FP_CONFIG, Rule::kBits, "double precision"},
    {kDevice, CL_DEVICE_HALF_FP_CONFIG, Rule::kBits, "half precision"},
    {kDevice, CL_DEVICE_QUEUE_ON_HOST_PROPERTIES, Rule::kBits, "kind of queue"},
    {kDevice, CL_DEVICE_ATOMIC_MEMORY_CAPABILITIES, Rule::kBits, "atomic operations"},
    {kDevice, CL_DEVICE_ATOMIC_FENCE_CAPABILITIES, Rule::kBits, "fences"},
    {kDevice, CL_DEVICE_PARTITION_AFFINITY_DOMAIN, Rule::kBits, "kind of sub-device"},
    {kDevice, CL_DEVICE_PARTITION_PROPERTIES, Rule::kElements, "kind of sub-device"},
    {kDevice, CL_DEVICE_PARTITION_MAX_SUB_DEVICES, Rule::kAtLeast, "number of sub-devices"},
    {kDevice, CL_DEVICE_COMPILER_AVAILABLE, Rule::kTrue, "compiler"},
    {kDevice, CL_DEVICE_LINKER_AVAILABLE, Rule::kTrue, "linker"},
    {kDevice, CL_DEVICE_HOST_UNIFIED_MEMORY, Rule::kTrue, "unified memory"},
    {kDevice, CL_DEVICE_SUB_GROUP_INDEPENDENT_FORWARD_PROGRESS, Rule::kTrue,
     "independent sub-groups"},
    {kDevice, CL_DEVICE_NON_UNIFORM_WORK_GROUP_SUPPORT, Rule::kTrue, "uneven work-groups"},
    {kDevice, CL_DEVICE_WORK_GROUP_COLLECTIVE_FUNCTIONS_SUPPORT, Rule::kTrue,
     "work-group functions"},
    {kDevice, CL_DEVICE_GENERIC_ADDRESS_SPACE_SUPPORT, Rule::kTrue, "generic address space"},
};

bool read_report(ReportSpan bytes, Report& report) {
  size_t at = 0;
  while (at < bytes.size()) {
    uint32_t entry[3];
    if (bytes.size() - at < sizeof entry) return false;
    std::memcpy(entry, bytes.data() + at, sizeof entry);
    at += sizeof entry;
    const uint64_t padded = (uint64_t{entry[2]} + 3) & ~uint64_t{3};
    if (padded > bytes.size() - at) return false;
    report[{entry[0], entry[1]}].assign(bytes.begin() + at, bytes.begin() + at + entry[2]);
    at += padded;
  }
  return true;
}

uint64_t number_of(const Bytes& bytes) {
  uint64_t number = 0;
  if (bytes.size() != 4 && bytes.size() != 8) return 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return number;
}

Bytes with_number(Bytes bytes, uint64_t number) {
  if (bytes.size() == 4 || bytes.size() == 8) std::memcpy(bytes.data(), &number, bytes.size());
  return bytes;
}

// Of an array; one that is no array of them has none.
template <class Element>
std::vector<Element> elements_of(const Bytes& bytes) {
  std::vector<Element> elements(bytes.size() % sizeof(Element) == 0 ? bytes.size() / sizeof(Element)
                                                                    : 0);
  if (!elements.empty()) {
    std::memcpy(static_cast<void*>(elements.data()), bytes.data(),
                elements.size() * sizeof(Element));
  }
  return elements;
}

template <class Element>
Bytes bytes_of(const std::vector<Element>& elements) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(elements.data());
  return {bytes, bytes + elements.size() * sizeof(Element)};
}

std::string text_of(const Bytes& bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  return bytes.empty() ? std::string() : std::string(text, strnlen(text, bytes.size()));
}

std::vector<std::string> words_of(const Bytes& bytes) {
  std::vector<std::string> words;
  const std::string text = text_of(bytes);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// "OpenCL 3.0 what follows", "OpenCL C 1.2 …": 3000, 1002.
unsigned version_of(const Bytes& bytes) {
  const std::string text = text_of(bytes);
  const size_t digit = text.find_first_of("0123456789");
  unsigned major = 0, minor = 0;
  if (digit == std::string::npos ||
      std::sscanf(text.c_str() + digit, "%3u.%3u", &major, &minor) != 2) {
    return 0;
  }
  return major * 1000 + minor;
}

std::string name_of(const cl_name_version& named) {
  return std::string(named.name, strnlen(named.name, sizeof named.name));
}

std::string name_of(Rule rule, const cl_name_version& named) {
  const std::string name = name_of(named);
  if (rule == Rule::kNames) return name;
  return name + " " + std::to_string(CL_VERSION_MAJOR(named.version)) + "." +
         std::to_string(CL_VERSION_MINOR(named.version));
}

std::set<std::string> names_of(Rule rule, const Bytes& bytes) {
  std::set<std::string> names;
  for (const auto& named : elements_of<cl_name_version>(bytes)) names.insert(name_of(rule, named));
  return names;
}

// The first thing that is promised by `told` and not by `here`, or " " for the whole; empty: none.
std::string lacks(Rule rule, const Bytes& told, const Bytes& here) {
  const std::string all = " ";
  switch (rule) {
    case Rule::kAtLeast: {
      if (told.size() <= 8) return number_of(here) >= number_of(told) ? "" : all;
      const auto wanted = elements_of<size_t>(told), had = elements_of<size_t>(here);
      for (size_t i = 0; i < wanted.size(); ++i)
        if (i >= had.size() || had[i] < wanted[i]) return all;
      return "";
    }
    case Rule::kAtMost:
      return number_of(here) <= number_of(told) && !here.empty() ? "" : all;
    case Rule::kSame:
      return told == here ? "" : all;
    case Rule::kBits:
      return (number_of(told) & ~number_of(here)) == 0 ? "" : all;
    case Rule::kTrue:
      return number_of(told) == 0 || number_of(here) != 0 ? "" : all;
    case Rule::kVersion:
      return version_of(here) >= version_of(told) ? "" : all;
    case Rule::kWords: {
      const auto had = words_of(here);
      for (const std::string& word : words_of(told))
        if (std::ranges::find(had, word) == had.end()) return word;
      return "";
    }
    case Rule::kNames:
    case Rule::kNamedVersions: {
      const auto had = names_of(rule, here);
      for (const std::string& name : names_of(rule, told))
        if (!had.contains(name)) return name;
      return "";
    }
    case Rule::kElements: {
      const auto had = elements_of<size_t>(here);
      for (const size_t element : elements_of<size_t>(told))
        if (element != 0 && std::ranges::find(had, element) == had.end())
          return std::to_string(element);
      return "";
    }
  }
  return all;
}

Bytes weaker(Rule rule, const Bytes& own, const Bytes& other) {
  switch (rule) {
    case Rule::kAtLeast: {
      if (own.size() <= 8) return with_number(own, std::min(number_of(own), number_of(other)));
      auto sizes = elements_of<size_t>(own);
      const auto others = elements_of<size_t>(other);
      for (size_t i = 0; i < sizes.size(); ++i)
        sizes[i] = std::min(sizes[i], i < others.size() ? others[i] : size_t{1});
      return bytes_of(sizes);
    }
    case Rule::kAtMost:
      return with_number(own, std::max(number_of(own), number_of(other)));
    case Rule::kSame:
      return own;
    case Rule::kBits:
      return with_number(own, number_of(own) & number_of(other));
    case Rule::kTrue:
      return with_number(own, number_of(own) != 0 && number_of(other) != 0 ? 1 : 0);
    case Rule::kVersion:
      return version_of(own) <= version_of(other) ? own : other;
    case Rule::kWords: {
      std::string text;
      const auto others = words_of(other);
      for (const std::string& word : words_of(own)) {
        if (std::ranges::find(others, word) == others.end()) continue;
        text += (text.empty() ? "" : " ") + word;
      }
      return {text.c_str(), text.c_str() + text.size() + 1};
    }
    case Rule::kNames:
    case Rule::kNamedVersions: {
      auto named = elements_of<cl_name_version>(own);
      const auto others = names_of(rule, other);
      std::erase_if(named, [&](const auto& each) { return !others.contains(name_of(rule, each)); });
      return bytes_of(named);
    }
    case Rule::kElements: {
      auto elements = elements_of<size_t>(own);
      const auto others = elements_of<size_t>(other);
      std::erase_if(elements, [&](size_t each) {
        return each != 0 && std::ranges::find(others, each) == others.end();
      });
      return bytes_of(elements);
    }
  }
  return own;
}

Bytes value_of(const Report& report, Key key) {
  const auto found = report.find(key);
  return found == report.end() ? Bytes() : found->second;
}

// With versions, as the texts have them without.
void drop_extensions(Report& report, const Bytes& words, Key with_versions) {
  const auto found = report.find(with_versions);
  if (found == report.end()) return;
  const auto kept = words_of(words);
  auto named = elements_of<cl_name_version>(found->second);
  std::erase_if(named, [&](const auto& each) {
    return std::ranges::find(kept, name_of(each)) == kept.end();
  });
  found->second = bytes_of(named);
}

// The number of a version, as the text has it.
void lower_number(Report& report, Key text, Key number) {
  const unsigned version = version_of(value_of(report, text));
  const uint64_t most = CL_MAKE_VERSION(version / 1000, version % 1000, 0);
  const auto found = report.find(number);
  if (found != report.end())
    found->second = with_number(found->second, std::min(number_of(found->second), most));
}

}  // namespace

std::string lacking(ReportSpan told, ReportSpan here) {
  Report wanted, had;
  if (!read_report(told, wanted) || !read_report(here, had)) return "a report of the device";
  for (const Known& known : kKnown) {
    const Key key{known.scope, known.parameter};
    const auto promised = wanted.find(key);
    if (promised == wanted.end()) continue;
    const std::string what = lacks(known.rule, promised->second, value_of(had, key));
    if (what.empty()) continue;
    return what == " " ? known.name : std::string(known.name) + " " + what;
  }
  return {};
}

std::vector<unsigned char> common_report(ReportSpan own, ReportSpan other) {
  Report report, others;
  if (!read_report(own, report) || !read_report(other, others)) return {};
  for (const Known& known : kKnown) {
    const Key key{known.scope, known.parameter};
    const auto found = report.find(key);
    if (found == report.end()) continue;
    const auto theirs = others.find(key);
    // What the other doesn't know of can't be relied on.
    if (theirs == others.end()) {
      report.erase(found);
    } else {
      found->second = weaker(known.rule, found->second, theirs->second);
    }
  }
  drop_extensions(report, value_of(report, {kDevice, CL_DEVICE_EXTENSIONS}),
                  {kDevice, CL_DEVICE_EXTENSIONS_WITH_VERSION});
  drop_extensions(report, value_of(report, {kPlatform, CL_PLATFORM_EXTENSIONS}),
                  {kPlatform, CL_PLATFORM_EXTENSIONS_WITH_VERSION});
  lower_number(report, {kDevice, CL_DEVICE_VERSION}, {kDevice, CL_DEVICE_NUMERIC_VERSION});
  lower_number(report, {kPlatform, CL_PLATFORM_VERSION}, {kPlatform, CL_PLATFORM_NUMERIC_VERSION});
  std::vector<unsigned char> out;
  for (const auto& [key, bytes] : report) {
    const uint32_t entry[] = {key.first, key.second, static_cast<uint32_t>(bytes.size())};
    const auto* words = reinterpret_cast<const unsigned char*>(entry);
    out.insert(out.end(), words, words + sizeof entry);
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.resize((out.size() + 3) & ~size_t{3});
  }
  return out;
}

uint64_t report_number(ReportSpan bytes, uint32_t parameter) {
  Report report;
  return read_report(bytes, report) ? number_of(value_of(report, {kDevice, parameter})) : 0;
}

}  // namespace aliquot::worker
