// A test that says what failed and goes on; main() turns failures into the exit status.
#pragma once

#include <cstdio>

inline int g_failures = 0;

#define CHECK(condition)                                                              \
  do {                                                                                \
    if (!(condition) && ++g_failures <= 50)                                           \
      std::fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition);    \
  } while (false)

void test_reader();       // reader_test.cpp
void test_channel();      // channel_test.cpp
void test_frame_notes();  // frame_notes_test.cpp
void test_plane();        // plane_test.cpp
void test_stream_end();   // stream_end_test.cpp
