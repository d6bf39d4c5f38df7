#include "worker/split_safety.h"

#include <algorithm>
#include <string>

namespace aliquot::worker {

namespace {

// Parts of names, so that mangled and prefixed ones are found as well: get_group_id,
// get_num_groups, get_global_size, get_global_offset, get_global_linear_id, what drivers keep such
// numbers in, and what reaches round the language.
struct Telling {
  std::string_view part;
  UnsplitReason reason;
};
constexpr UnsplitReason kAsks = UnsplitReason::kAsksForRange;
constexpr Telling kTelling[] = {
    {"group_id", kAsks},
    {"num_groups", kAsks},
    {"global_size", kAsks},
    {"global_offset", kAsks},
    {"global_linear", kAsks},
    {"linear_group", kAsks},
    {"__builtin", kAsks},
    {"__spirv", kAsks},
    {"asm", kAsks},
    {"enqueue_kernel", kAsks},
    {"kernel_query_", kAsks},
    // With these a group can wait for another.
    {"atom", UnsplitReason::kAtomics},
    {"volatile", UnsplitReason::kAtomics},
    // Names that don't stand in the text as they are used.
    {"##", UnsplitReason::kUnreadable},
    {"%:%:", UnsplitReason::kUnreadable},
    {"??", UnsplitReason::kUnreadable},
    {"\\u", UnsplitReason::kUnreadable},
    {"\\U", UnsplitReason::kUnreadable}};

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

UnsplitReason telling(std::string_view text) {
  for (const Telling& telling : kTelling) {
    if (contains(text, telling.part)) return telling.reason;
  }
  return UnsplitReason::kNone;
}

// Lines that end in a backslash go on in the next one (C99, section 5.1.1.2, phase 2), also within
// a name.
std::string joined_lines(std::string_view text) {
  std::string joined;
  joined.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      size_t end = i + 1;  // compilers forgive blanks before the line's end
      while (end < text.size() && (text[end] == ' ' || text[end] == '\t' || text[end] == '\r' ||
                                   text[end] == '\f' || text[end] == '\v'))
        ++end;
      if (end < text.size() && text[end] == '\n') {
        i = end;
        continue;
      }
    }
    joined += text[i];
  }
  return joined;
}

// Comments become blanks; what is quoted stays.
std::string without_comments(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const char character = text[i];
    if (character == '"' || character == '\'') {
      plain += text[i++];
      while (i < text.size() && text[i] != character && text[i] != '\n') {
        if (text[i] == '\\' && i + 1 < text.size()) plain += text[i++];
        plain += text[i++];
      }
      if (i < text.size()) plain += text[i++];
    } else if (text.substr(i, 2) == "//") {
      while (i < text.size() && text[i] != '\n') ++i;
    } else if (text.substr(i, 2) == "/*") {
      const size_t end = text.find("*/", i + 2);
      i = end == std::string_view::npos ? text.size() : end + 2;
      plain += ' ';
    } else {
      plain += text[i++];
    }
  }
  return plain;
}

// A line that begins with # and brings in other text.
bool includes(std::string_view text) {
  for (size_t line = 0; line < text.size();) {
    const size_t end = std::min(text.find('\n', line), text.size());
    std::string_view rest = text.substr(line, end - line);
    const auto skip_blanks = [&rest] {
      while (!rest.empty() && (rest[0] == ' ' || (rest[0] >= '\t' && rest[0] <= '\r')))
        rest.remove_prefix(1);
    };
    skip_blanks();
    const size_t mark = rest.starts_with('#') ? 1 : rest.starts_with("%:") ? 2 : 0;
    if (mark != 0) {
      rest.remove_prefix(mark);
      skip_blanks();
      if (rest.starts_with("include") || rest.starts_with("import") || rest.starts_with("embed"))
        return true;
    }
    line = end + 1;
  }
  return false;
}

}  // namespace

UnsplitReason unsplit_by_source(std::string_view source) {
  const std::string joined = joined_lines(source);
  // Before comments are taken out: "??/" joins lines.
  if (contains(joined, "??")) return UnsplitReason::kUnreadable;
  const std::string text = without_comments(joined);
  if (const UnsplitReason reason = telling(text); reason != UnsplitReason::kNone) return reason;
  if (includes(text)) return UnsplitReason::kUnreadable;
  return text.empty() ? UnsplitReason::kNoSource : UnsplitReason::kNone;
}

UnsplitReason unsplit_by_options(std::string_view build_options) {
  if (contains(build_options, "-include") || contains(build_options, "-imacros")) {
    return UnsplitReason::kUnreadable;
  }
  return telling(build_options);
}

}  // namespace aliquot::worker
