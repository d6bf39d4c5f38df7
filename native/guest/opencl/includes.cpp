#include "guest/opencl/includes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest/array.h"
#include "guest/opencl/include_macros.h"

namespace aliquot::guest::opencl {

namespace {

constexpr size_t kDeepest = 64;                      // nesting of headers
constexpr size_t kMostFolders = 128;
constexpr size_t kPathBytes = 4096;
constexpr size_t kLargestHeader = size_t{16} << 20;
constexpr size_t kLargestText = size_t{64} << 20;

/// One file (or the program's own text) that is being expanded.
struct Level {
  const char* path;  // nullptr: the program's own text
  dev_t device;
  ino_t inode;
};

class Expander {
 public:
  explicit Expander(const char* options) {
    read_folders(options);
    if (!macros_.read_options(options)) failed_ = true;
  }
  ~Expander() {
    for (char* folder : folders_) free(folder);
  }

  bool failed() const { return failed_; }
  bool changed() const { return changed_; }
  Array<char>& output() { return output_; }

  void expand(const char* text, size_t bytes, const Level& level);

 private:
  void read_folders(const char* options);
  void add_folder(const char* begin, size_t length);
  bool include_line(const char* line, size_t length, unsigned number, const Level& level);
  bool open_header(const char* name, size_t length, bool quoted, const Level& level,
                   char path[kPathBytes], struct stat* facts, int* file);
  void splice(const char* path, const struct stat& facts, int file, unsigned number,
              const Level& level);
  void mark(unsigned line, const char* path);
  void put(const char* data, size_t length);

  IncludeMacros macros_;
  Array<char*> folders_;
  Array<Level> stack_;
  Array<Level> once_;  // headers that said #pragma once
  Array<char> output_;
  bool in_comment_ = false;
  bool failed_ = false;  // no memory, or too much of everything
  bool changed_ = false;
};

bool blank(char c) { return c == ' ' || c == '\t' || c == '\f' || c == '\v' || c == '\r'; }

void Expander::put(const char* data, size_t length) {
  if (failed_ || length == 0) return;
  const size_t before = output_.size();
  if (before + length > kLargestText) {
    failed_ = true;
    return;
  }
  if (before + length > output_.capacity() && !output_.reserve((before + length) * 2)) {
    failed_ = true;
    return;
  }
  (void)output_.resize(before + length);
  memcpy(output_.data() + before, data, length);
}

void Expander::add_folder(const char* begin, size_t length) {
  if (length >= 2 && (*begin == '"' || *begin == '\'') && begin[length - 1] == *begin) {
    ++begin;
    length -= 2;
  }
  if (length == 0 || length >= kPathBytes || folders_.size() == kMostFolders) return;
  char* folder = strndup(begin, length);
  if (folder == nullptr || !folders_.push_back(folder)) {
    free(folder);
    failed_ = true;
  }
}

/// Finds -I<folder> and -I <folder>; quotes around a folder with blanks are understood.
void Expander::read_folders(const char* options) {
  const char* at = options == nullptr ? "" : options;
  bool folder_next = false;
  while (*at != 0) {
    while (blank(*at) || *at == '\n') ++at;
    const char* begin = at;
    char quote = 0;
    while (*at != 0 && (quote != 0 || (!blank(*at) && *at != '\n'))) {
      if (quote != 0 ? *at == quote : (*at == '"' || *at == '\'')) quote = quote != 0 ? 0 : *at;
      ++at;
    }
    size_t length = static_cast<size_t>(at - begin);
    if (length == 0) break;
    if (folder_next) {
      add_folder(begin, length);
      folder_next = false;
    } else if (length >= 2 && begin[0] == '-' && begin[1] == 'I') {
      if (length == 2) folder_next = true;
      else add_folder(begin + 2, length - 2);
    }
  }
}

bool Expander::open_header(const char* name, size_t length, bool quoted, const Level& level,
                           char path[kPathBytes], struct stat* facts, int* file) {
  const int name_length = static_cast<int>(length);
  const auto try_path = [&](int written) {
    if (written <= 0 || written >= static_cast<int>(kPathBytes)) return false;
    *file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*file < 0) return false;
    if (fstat(*file, facts) == 0 && S_ISREG(facts->st_mode) &&
        static_cast<size_t>(facts->st_size) <= kLargestHeader) {
      return true;
    }
    close(*file);
    return false;
  };
  if (length > 0 && name[0] == '/') {
    return try_path(snprintf(path, kPathBytes, "%.*s", name_length, name));
  }
  if (quoted && level.path != nullptr) {  // beside the header that asks
    const char* slash = strrchr(level.path, '/');
    const int folder = slash == nullptr ? 0 : static_cast<int>(slash - level.path + 1);
    if (try_path(snprintf(path, kPathBytes, "%.*s%.*s", folder, level.path, name_length, name))) {
      return true;
    }
  }
  for (const char* folder : folders_) {
    if (try_path(snprintf(path, kPathBytes, "%s/%.*s", folder, name_length, name))) return true;
  }
  return false;
}

/// "#line n" or "#line n "path"": what follows counts from there.
void Expander::mark(unsigned line, const char* path) {
  char text[kPathBytes + 64];
  const bool plain = path == nullptr || strpbrk(path, "\"\\\n") != nullptr;
  const int length = plain ? snprintf(text, sizeof text, "#line %u\n", line)
                           : snprintf(text, sizeof text, "#line %u \"%s\"\n", line, path);
  if (length > 0) put(text, static_cast<size_t>(length));
}

bool same_file(const Level& level, const struct stat& facts) {
  return level.path != nullptr && level.device == facts.st_dev && level.inode == facts.st_ino;
}

/// Puts a header in the place of line `number` of `level`.
void Expander::splice(const char* path, const struct stat& facts, int file, unsigned number,
                      const Level& level) {
  changed_ = true;
  const size_t size = static_cast<size_t>(facts.st_size);
  char* text = static_cast<char*>(malloc(size + 1));
  size_t have = 0;
  while (text != nullptr && have < size) {
    const ssize_t got = read(file, text + have, size - have);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    have += static_cast<size_t>(got);
  }
  if (text == nullptr) {
    failed_ = true;
    return;
  }
  const Level inner{path, facts.st_dev, facts.st_ino};
  if (stack_.push_back(inner)) {
    mark(1, path);
    expand(text, have, inner);
    put("\n", 1);
    mark(number + 1, level.path == nullptr ? "<source>" : level.path);
    stack_.pop_back();
  } else {
    failed_ = true;
  }
  free(text);
}

/// Whether the line, which begins outside of comments, was an #include that has been replaced.
bool Expander::include_line(const char* line, size_t length, unsigned number,
                            const Level& level) {
  size_t at = 0;
  const auto skip_blanks = [&] {
    while (at < length && blank(line[at])) ++at;
  };
  const auto word = [&](const char* expected) {
    const size_t size = strlen(expected);
    if (length - at < size || memcmp(line + at, expected, size) != 0) return false;
    at += size;
    return true;
  };
  skip_blanks();
  if (at == length || line[at] != '#') return false;
  ++at;
  skip_blanks();
  if (level.path != nullptr && word("pragma")) {
    skip_blanks();
    // A second inclusion is dropped. The pragma itself would stand in the main file of an expanded
    // text, where compilers warn of it, and with -Werror refuse the program: its line is emptied.
    if (!word("once")) return false;
    if (!once_.push_back(level)) failed_ = true;
    skip_blanks();
    if (at < length && (length - at < 2 || memcmp(line + at, "//", 2) != 0)) return false;
    put("\n", 1);
    return true;
  }
  if (word("define")) {
    if (!macros_.define(line + at, length - at)) failed_ = true;
    return false;
  }
  if (!word("include")) return false;
  skip_blanks();
  if (at == length) return false;
  char meant[kPathBytes];
  if (line[at] != '"' && line[at] != '<') {
    if (!macros_.expand(line + at, length - at, meant, sizeof meant)) return false;
    line = meant;
    at = 0;
    length = strlen(meant);
  }
  const bool quoted = line[at] == '"';
  const char* name = line + ++at;
  const void* end = memchr(name, quoted ? '"' : '>', length - at);
  if (end == nullptr) return false;
  const size_t name_length = static_cast<size_t>(static_cast<const char*>(end) - name);

  char path[kPathBytes];
  struct stat facts;
  int file = -1;
  if (!open_header(name, name_length, quoted, level, path, &facts, &file)) return false;
  // A header that includes itself has a guard, or the program was wrong anyway: nothing is put in.
  bool again = stack_.size() >= kDeepest;
  for (const Level& open_level : stack_) again = again || same_file(open_level, facts);
  for (const Level& done : once_) again = again || same_file(done, facts);
  if (again) {
    changed_ = true;
    put("\n", 1);
  } else {
    splice(path, facts, file, number, level);
  }
  close(file);
  return true;
}

/// Follows comments and strings through one line, so that #include in a comment stays one.
bool comment_after(const char* line, size_t length, bool in_comment) {
  char quote = 0;
  for (size_t i = 0; i < length; ++i) {
    const char next = i + 1 < length ? line[i + 1] : 0;
    if (in_comment) {
      if (line[i] == '*' && next == '/') {
        in_comment = false;
        ++i;
      }
    } else if (quote != 0) {
      if (line[i] == '\\') ++i;
      else if (line[i] == quote) quote = 0;
    } else if (line[i] == '/' && next == '/') {
      return false;
    } else if (line[i] == '/' && next == '*') {
      in_comment = true;
      ++i;
    } else if (line[i] == '"' || line[i] == '\'') {
      quote = line[i];
    }
  }
  return in_comment;
}

void Expander::expand(const char* text, size_t bytes, const Level& level) {
  unsigned number = 1;
  for (size_t at = 0; at < bytes && !failed_; ++number) {
    const void* newline = memchr(text + at, '\n', bytes - at);
    const size_t length =
        newline == nullptr ? bytes - at
                           : static_cast<size_t>(static_cast<const char*>(newline) - text) - at;
    const size_t with_newline = length + (newline == nullptr ? 0 : 1);
    if (in_comment_ || !include_line(text + at, length, number, level)) {
      in_comment_ = comment_after(text + at, length, in_comment_);
      put(text + at, with_newline);
    }
    at += with_newline;
  }
}

}  // namespace

ExpandedText expand_includes(const char* text, size_t bytes, const char* options) {
  ExpandedText result;
  if (memmem(text, bytes, "include", 7) == nullptr) return result;
  Expander expander(options);
  if (!expander.failed()) expander.expand(text, bytes, Level{nullptr, 0, 0});
  result.no_memory = expander.failed();
  if (expander.failed() || !expander.changed()) return result;
  Array<char>& output = expander.output();
  result.data = static_cast<char*>(malloc(output.size() + 1));
  if (result.data == nullptr) {
    result.no_memory = true;
    return result;
  }
  memcpy(result.data, output.data(), output.size());
  result.data[output.size()] = 0;
  result.bytes = output.size();
  return result;
}

}  // namespace aliquot::guest::opencl
