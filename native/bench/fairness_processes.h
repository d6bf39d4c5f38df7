/* Several processes of one tenant, which start together. */
#pragma once

#include <stdint.h>

/* Becomes as many processes and returns in each of them, with its number, from 0 on. The one that
 * called stays behind: it passes the time to start on to them, and ends when all of them, or one
 * with an error, have ended. */
int become_processes(int count);

/* Says that this process is ready and returns when to start, ns of CLOCK_MONOTONIC. */
uint64_t wait_for_start(void);

/* Any error: one line on stderr, status 1. */
void fail(const char *what, int status);
