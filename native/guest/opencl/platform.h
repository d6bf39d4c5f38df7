// The one platform and its one device.
#pragma once

#include "guest/opencl/objects.h"

namespace aliquot::guest::opencl {

/// The platform, when the vGPU can be reached; else nullptr. Connects at the first call. Once it
/// was reached, platform and device stay known, whatever becomes of the connection.
Platform* platform();

/// The root device; only after platform() returned non-null.
Device& root_device();

/// The live connection for creating things, or nullptr: no vGPU, or it is dead.
Connection* live_connection();

/// Whether the handle is our platform. A null handle is too (the specification leaves that to the
/// implementation).
bool is_platform(cl_platform_id handle);

/// cl_khr_icd 2: what the loader handed over for its own use, copied into every object; nullptr
/// with older loaders.
void* loader_data();

}  // namespace aliquot::guest::opencl
