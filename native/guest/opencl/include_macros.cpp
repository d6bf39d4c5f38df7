#include "guest/opencl/include_macros.h"

#include <stdlib.h>
#include <string.h>

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kMostMacros = 4096;  // what comes beyond is unknown here
constexpr size_t kLongestBody = 4096;  // of a macro that could name a header
constexpr int kDeepest = 16;
constexpr unsigned kMostSteps = 4096;  // of one expansion

bool blank(char c) { return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\r'; }

bool begins_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

size_t name_length(const char* text, size_t length) {
  if (length == 0 || !begins_name(text[0])) return 0;
  size_t end = 1;
  while (end < length && (begins_name(text[end]) || (text[end] >= '0' && text[end] <= '9'))) ++end;
  return end;
}

void trim(const char** text, size_t* length) {
  while (*length != 0 && blank(**text)) {
    ++*text;
    --*length;
  }
  while (*length != 0 && blank((*text)[*length - 1])) --*length;
}

/// The length without a comment that follows outside of parentheses and quotes.
size_t without_comment(const char* text, size_t length) {
  int open = 0;
  char quote = 0;
  for (size_t i = 0; i < length; ++i) {
    if (quote != 0) {
      if (text[i] == quote) quote = 0;
    } else if (text[i] == '"') {
      quote = '"';
    } else if (text[i] == '<') {
      quote = '>';
    } else if (text[i] == '(') {
      ++open;
    } else if (text[i] == ')') {
      --open;
    } else if (open == 0 && text[i] == '/' && i + 1 < length &&
               (text[i + 1] == '/' || text[i + 1] == '*')) {
      return i;
    }
  }
  return length;
}

/// The index of the parenthesis that closes the one at text[0]; `length`: none does.
size_t closing(const char* text, size_t length) {
  int open = 0;
  for (size_t i = 0; i < length; ++i) {
    if (text[i] == '(') ++open;
    if (text[i] == ')' && --open == 0) return i;
  }
  return length;
}

}  // namespace

struct IncludeMacros::Output {
  char* data;
  size_t room;
  size_t size = 0;

  bool put(const char* text, size_t length) {
    if (length >= room - size) return false;
    memcpy(data + size, text, length);
    size += length;
    data[size] = 0;
    return true;
  }
};

IncludeMacros::~IncludeMacros() {
  for (Macro& macro : macros_) free(macro.text);
}

const IncludeMacros::Macro* IncludeMacros::find(const char* name, size_t length) const {
  for (const Macro& macro : macros_) {
    if (macro.name_length == length && memcmp(macro.text, name, length) == 0) return &macro;
  }
  return nullptr;
}

/// `rest` is what follows the name: "(parameter) body", or " body".
bool IncludeMacros::add(const char* name, size_t name_size, const char* rest, size_t rest_length,
                        bool from_options) {
  const char* parameter = rest;
  size_t parameter_length = 0;
  bool fits = macros_.size() < kMostMacros;
  if (rest_length != 0 && rest[0] == '(') {
    const size_t close = closing(rest, rest_length);
    if (close == rest_length) return true;  // none that a compiler would take
    parameter = rest + 1;
    parameter_length = close - 1;
    trim(&parameter, &parameter_length);
    fits = fits && name_length(parameter, parameter_length) == parameter_length &&
           parameter_length != 0;  // one parameter exactly
    rest += close + 1;
    rest_length -= close + 1;
  }
  rest_length = without_comment(rest, rest_length);
  trim(&rest, &rest_length);
  fits = fits && rest_length <= kLongestBody &&
         (rest_length == 0 || rest[rest_length - 1] != '\\');
  Macro* known = const_cast<Macro*>(find(name, name_size));
  if (known != nullptr) {
    if (known->from_options) return true;
    known->ambiguous = known->ambiguous || !fits || strlen(known->body) != rest_length ||
                       memcmp(known->body, rest, rest_length) != 0;
    return true;
  }
  if (!fits) {
    if (macros_.size() >= kMostMacros) return true;
    rest_length = parameter_length = 0;
  }
  char* text = static_cast<char*>(malloc(name_size + parameter_length + rest_length + 3));
  if (text == nullptr) return false;
  char* at = text;
  const auto put = [&at](const char* from, size_t length) {
    const char* begin = at;
    if (length != 0) memcpy(at, from, length);
    at += length;
    *at++ = 0;
    return begin;
  };
  put(name, name_size);
  Macro macro{text, name_size, put(parameter, parameter_length), nullptr, from_options, !fits};
  macro.body = put(rest, rest_length);
  if (macros_.push_back(macro)) return true;
  free(text);
  return false;
}

bool IncludeMacros::define(const char* text, size_t length) {
  trim(&text, &length);
  const size_t name = name_length(text, length);
  return name == 0 || add(text, name, text + name, length - name, false);
}

/// Words as a shell would split them, which is how compilers take their options.
bool IncludeMacros::read_options(const char* options) {
  Array<char> word;
  bool value_next = false;
  for (const char* at = options == nullptr ? "" : options; *at != 0;) {
    while (blank(*at) || *at == '\n') ++at;
    word.clear();
    char quote = 0;
    for (; *at != 0 && (quote != 0 || (!blank(*at) && *at != '\n')); ++at) {
      char c = *at;
      if (c == '\\' && at[1] != 0 && quote != '\'') c = *++at;
      else if (quote != 0 ? c == quote : (c == '"' || c == '\'')) {
        quote = quote != 0 ? 0 : c;
        continue;
      }
      if (!word.push_back(c)) return false;
    }
    const char* text = word.data();
    size_t length = word.size();
    if (!value_next && length >= 2 && text[0] == '-' && text[1] == 'D') {
      text += 2;
      length -= 2;
      value_next = length == 0;
      if (value_next) continue;
    } else if (!value_next) {
      continue;
    }
    value_next = false;
    const size_t name = name_length(text, length);
    if (name == 0) continue;
    // The first = that follows the parameters stands where #define has a blank.
    char* equals = static_cast<char*>(memchr(word.data() + (text - word.data()) + name, '=',
                                             length - name));
    if (equals != nullptr) *equals = ' ';
    if (!add(text, name, text + name, length - name, true)) return false;
  }
  return true;
}

bool IncludeMacros::call(const Macro& macro, const char* argument, size_t length, int depth,
                         Output* out) const {
  trim(&argument, &length);
  const size_t parameter = strlen(macro.parameter);
  char* filled = static_cast<char*>(malloc(kLongestBody));
  char* expanded = static_cast<char*>(malloc(kLongestBody));
  bool good = filled != nullptr && expanded != nullptr;
  Output value{expanded, kLongestBody};
  Output body{filled, kLongestBody};
  good = good && expand_into(argument, length, depth + 1, &value) && body.put("", 0);
  const char* at = macro.body;
  while (good && *at != 0) {
    const bool stringize = *at == '#';
    const char* name = at + (stringize ? 1 : 0);
    while (stringize && blank(*name)) ++name;
    const size_t size = name_length(name, strlen(name));
    if (size == parameter && memcmp(name, macro.parameter, size) == 0) {
      good = stringize ? body.put("\"", 1) && body.put(argument, length) && body.put("\"", 1)
                       : body.put(value.data, value.size);
      at = name + size;
    } else {
      good = !stringize && body.put(at, size != 0 ? size : 1);
      at += size != 0 ? size : 1;
    }
  }
  good = good && expand_into(body.data, body.size, depth + 1, out);
  free(filled);
  free(expanded);
  return good;
}

bool IncludeMacros::expand_into(const char* text, size_t length, int depth, Output* out) const {
  if (depth > kDeepest || ++steps_ > kMostSteps || !out->put("", 0)) return false;
  for (size_t at = 0; at < length;) {
    if (text[at] == '"') {
      const void* end = memchr(text + at + 1, '"', length - at - 1);
      if (end == nullptr) return false;
      const size_t size = static_cast<size_t>(static_cast<const char*>(end) - (text + at)) + 1;
      if (!out->put(text + at, size)) return false;
      at += size;
      continue;
    }
    const size_t size = name_length(text + at, length - at);
    const Macro* macro = size == 0 ? nullptr : find(text + at, size);
    if (macro != nullptr && macro->ambiguous) return false;
    size_t after = at + size;
    if (macro != nullptr && *macro->parameter != 0) {
      while (after < length && blank(text[after])) ++after;
      const size_t close =
          after < length && text[after] == '(' ? closing(text + after, length - after) : length;
      if (close >= length - after) return false;
      if (!call(*macro, text + after + 1, close - 1, depth, out)) return false;
      after += close + 1;
    } else if (macro != nullptr) {
      if (!expand_into(macro->body, strlen(macro->body), depth + 1, out)) return false;
    } else {
      // Numbers and names keep together, so that no name is found inside of one.
      const size_t piece = size != 0 ? size : 1;
      if (!out->put(text + at, piece)) return false;
      after = at + piece;
    }
    at = after;
  }
  return true;
}

bool IncludeMacros::expand(const char* operand, size_t length, char* out, size_t room) const {
  length = without_comment(operand, length);
  trim(&operand, &length);
  Output output{out, room};
  steps_ = 0;
  return !macros_.empty() && expand_into(operand, length, 0, &output) &&
         (out[0] == '"' || out[0] == '<');
}

}  // namespace aliquot::guest::opencl
