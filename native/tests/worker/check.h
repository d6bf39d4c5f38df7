// Checks that count their failures and say where they are.
#pragma once

#include <cstdio>

namespace aliquot::test {

inline int g_failures = 0;

inline void check(bool holds, const char* what, const char* file, int line) {
  if (holds) return;
  ++g_failures;
  std::fprintf(stderr, "%s:%d: not true: %s\n", file, line, what);
}

inline void check_same(long long left, long long right, const char* what, const char* file,
                       int line) {
  if (left == right) return;
  ++g_failures;
  std::fprintf(stderr, "%s:%d: %s: %lld, not %lld\n", file, line, what, left, right);
}

}  // namespace aliquot::test

#define CHECK(condition) ::aliquot::test::check((condition), #condition, __FILE__, __LINE__)
#define CHECK_SAME(left, right)                                                       \
  ::aliquot::test::check_same(static_cast<long long>(left), static_cast<long long>(right), #left, \
                              __FILE__, __LINE__)
