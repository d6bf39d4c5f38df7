#include "fairness_processes.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where they wait for one another: memory of all of them. */
struct gate {
  uint32_t ready;
  uint64_t start; /* 0: not known yet */
};

static struct gate *gate; /* none: the tenant is one process */

void fail(const char *what, int status) {
  fprintf(stderr, "aliquot-fairness-tenant: %.60s: %d\n", what, status);
  exit(1);
}

static void pause_a_millisecond(void) {
  const struct timespec millisecond = {0, 1000000};
  nanosleep(&millisecond, NULL);
}

static uint64_t start_from_input(void) {
  unsigned long long start = 0;
  puts("ready");
  fflush(stdout);
  if (scanf("%llu", &start) != 1) fail("no time to start came", 1);
  return start;
}

uint64_t wait_for_start(void) {
  if (!gate) return start_from_input();
  __atomic_add_fetch(&gate->ready, 1, __ATOMIC_RELEASE);
  uint64_t start;
  while (!(start = __atomic_load_n(&gate->start, __ATOMIC_ACQUIRE))) pause_a_millisecond();
  return start;
}

/* One that fails has said why; the others are killed with the process that leaves here. */
static void lead(int count) {
  while (__atomic_load_n(&gate->ready, __ATOMIC_ACQUIRE) < (uint32_t)count) {
    if (waitpid(-1, NULL, WNOHANG) != 0) exit(1);
    pause_a_millisecond();
  }
  __atomic_store_n(&gate->start, start_from_input(), __ATOMIC_RELEASE);
  for (int i = 0, status; i < count; ++i)
    if (wait(&status) < 0 || status != 0) exit(1);
  exit(0);
}

int become_processes(int count) {
  gate = mmap(NULL, sizeof *gate, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (gate == MAP_FAILED) fail("mmap", errno);
  const pid_t leader = getpid();
  for (int number = 0; number < count; ++number) {
    const pid_t process = fork();
    if (process < 0) fail("fork", errno);
    if (process != 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != leader) exit(1);
    return number;
  }
  lead(count);
  return -1; /* not reached */
}
