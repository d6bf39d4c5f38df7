// Fuzzes the worker: what it makes of a guest process's frames, control words and arenas.
// Everything but the driver is the real thing. Each input is a connection of its own; what is left
// of it afterwards is an error.
#include <cstddef>
#include <cstdint>

#include "hostile_guest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  aliquot::protocol::ByteSource source({data, size});
  aliquot::fuzz::HostileGuest guest(source.byte());
  guest.run(source);
  return 0;
}
