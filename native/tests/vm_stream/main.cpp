#include "check.h"

int main() {
  test_reader();
  test_channel();
  test_frame_notes();
  return g_failures == 0 ? 0 : 1;
}
