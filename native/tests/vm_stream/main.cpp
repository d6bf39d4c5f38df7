#include "check.h"

int main() {
  test_reader();
  test_channel();
  test_frame_notes();
  test_plane();
  test_stream_end();
  return g_failures == 0 ? 0 : 1;
}
