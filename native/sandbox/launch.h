// Starts a program inside the sandbox that a plan describes.
#pragma once

#include "protocol/descriptor.h"
#include "sandbox/plan.h"

namespace aliquot::sandbox {

struct Launched {
  pid_t process = 0;
  Descriptor process_descriptor;  // a pidfd: readable when the process has ended
  Descriptor report;              // non-blocking; Reports, then the end of the stream: it runs
};

/// Starts the child and returns at once; the Report tells how it went. False with errno set when
/// not even a child could be made. The caller must have one thread only; whoever
/// is the child's parent reaps it.
bool launch(const Plan& plan, Launched& launched);

}  // namespace aliquot::sandbox
