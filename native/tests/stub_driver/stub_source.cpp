// Reads kernels out of a program's source, as far as the stub driver needs.
#include "stub_objects.h"

namespace aliquot::stub {

namespace {

/** Finds the next `kernel void NAME(...)`; returns npos in `*at` when there is none. */
bool next_kernel(const std::string& source, size_t* at, std::string* name, std::string* list) {
  static const std::string kIntroduction = "kernel void ";
  const size_t start = source.find(kIntroduction, *at);
  if (start == std::string::npos) return false;
  const size_t first = start + kIntroduction.size();
  const size_t open = source.find('(', first);
  if (open == std::string::npos) return false;
  const size_t close = source.find(')', open);
  if (close == std::string::npos) return false;
  *name = source.substr(first, open - first);
  *list = source.substr(open + 1, close - open - 1);
  *at = close;
  return true;
}

}  // namespace

std::vector<std::string> kernel_names(const std::string& source) {
  std::vector<std::string> names;
  std::string name, list;
  for (size_t at = 0; next_kernel(source, &at, &name, &list);) names.push_back(name);
  return names;
}

bool parse_kernel(const std::string& source, const std::string& wanted,
                  std::vector<StubArgument>* arguments) {
  std::string name, list;
  for (size_t at = 0; next_kernel(source, &at, &name, &list);) {
    if (name != wanted) continue;
    for (size_t start = 0; start < list.size();) {
      size_t end = list.find(',', start);
      if (end == std::string::npos) end = list.size();
      const std::string text = list.substr(start, end - start);
      start = end + 1;
      if (text == "void" || text.find_first_not_of(' ') == std::string::npos) continue;
      StubArgument argument;
      if (text.find("local ") != std::string::npos) argument.argument_class = StubArgument::kLocal;
      if (text.find("global ") != std::string::npos ||
          text.find("constant ") != std::string::npos) {
        argument.argument_class = StubArgument::kBuffer;
      }
      argument.name = text.substr(text.find_last_of(" *") + 1);
      arguments->push_back(argument);
    }
    return true;
  }
  return false;
}

}  // namespace aliquot::stub
