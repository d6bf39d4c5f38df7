// The system calls that a worker may make: what a C++ program with a driver and its compiler
// needs (PoCL starts a linker, Intel's runtime compiles in process), and nothing that reaches
// another process, the network, or memory that the device host can't see.
#pragma once

#include <sys/syscall.h>

namespace aliquot::sandbox {

constexpr int kPermittedCalls[] = {
    // Most frequent first: older kernels try them in this order.
    SYS_futex,
    SYS_read,
    SYS_write,
    SYS_sched_yield,
    SYS_clock_gettime,
    SYS_mprotect,
    SYS_munmap,
    SYS_madvise,
    SYS_brk,
    SYS_recvmsg,
    SYS_sendmsg,
    SYS_ppoll,
    SYS_close,
    SYS_lseek,
    SYS_openat,
    SYS_fstat,
    // Files.
    SYS_readv,
    SYS_writev,
    SYS_pread64,
    SYS_pwrite64,
    SYS_preadv,
    SYS_pwritev,
    SYS_fallocate,
    SYS_ftruncate,
    SYS_truncate,
    SYS_fsync,
    SYS_fdatasync,
    SYS_flock,
    SYS_getdents64,
    SYS_getcwd,
    SYS_chdir,
    SYS_fchdir,
    SYS_mkdirat,
    SYS_unlinkat,
    SYS_renameat,
    SYS_linkat,
    SYS_symlinkat,
    SYS_readlinkat,
    SYS_faccessat,
    SYS_fchmod,
    SYS_fchmodat,
    SYS_fchown,
    SYS_fchownat,
    SYS_utimensat,
    SYS_statfs,
    SYS_fstatfs,
    SYS_umask,
    SYS_dup,
    SYS_dup3,
    SYS_fadvise64,
    SYS_copy_file_range,
    SYS_sendfile,
    // Memory.
    SYS_mremap,
    SYS_mincore,
    SYS_msync,
    SYS_mlock,
    SYS_munlock,
    SYS_mbind,
    SYS_set_mempolicy,
    SYS_get_mempolicy,
    // Time and waiting.
    SYS_clock_getres,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_gettimeofday,
    SYS_times,
    SYS_timer_create,
    SYS_timer_settime,
    SYS_timer_gettime,
    SYS_timer_delete,
    SYS_timerfd_create,
    SYS_timerfd_settime,
    SYS_timerfd_gettime,
    SYS_setitimer,
    SYS_getitimer,
    SYS_pselect6,
    SYS_epoll_create1,
    SYS_epoll_ctl,
    SYS_epoll_pwait,
    SYS_eventfd2,
    SYS_pipe2,
    SYS_signalfd4,
    // Threads and processes of its own.
    SYS_execve,
    SYS_exit,
    SYS_exit_group,
    SYS_wait4,
    SYS_waitid,
    SYS_getpid,
    SYS_gettid,
    SYS_getppid,
    SYS_getpgid,
    SYS_setpgid,
    SYS_getsid,
    SYS_setsid,
    SYS_set_tid_address,
    SYS_set_robust_list,
    SYS_sched_getaffinity,
    SYS_sched_setaffinity,
    SYS_sched_getparam,
    SYS_sched_getscheduler,
    SYS_sched_setscheduler,
    SYS_sched_setparam,
    SYS_sched_get_priority_max,
    SYS_sched_get_priority_min,
    SYS_getpriority,
    SYS_setpriority,
    SYS_getcpu,
    SYS_restart_syscall,
    SYS_membarrier,
    // Signals to itself.
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_rt_sigpending,
    SYS_rt_sigtimedwait,
    SYS_rt_sigsuspend,
    SYS_sigaltstack,
    // Who and where it is.
    SYS_getuid,
    SYS_geteuid,
    SYS_getgid,
    SYS_getegid,
    SYS_getresuid,
    SYS_getresgid,
    SYS_getgroups,
    SYS_uname,
    SYS_sysinfo,
    SYS_getrusage,
    SYS_getrandom,
    SYS_capget,
    // The one socket that it was born with.
    SYS_recvfrom,
    SYS_sendto,
    SYS_shutdown,
    SYS_getsockopt,
    SYS_setsockopt,
    SYS_getsockname,
    SYS_getpeername,
#ifdef SYS_newfstatat
    SYS_newfstatat,
#endif
#ifdef SYS_renameat2
    SYS_renameat2,
#endif
#ifdef SYS_statx
    SYS_statx,
#endif
#ifdef SYS_rseq
    SYS_rseq,
#endif
#ifdef SYS_faccessat2
    SYS_faccessat2,
#endif
#ifdef SYS_openat2
    SYS_openat2,
#endif
#ifdef SYS_futex_waitv
    SYS_futex_waitv,
#endif
#ifdef SYS_epoll_pwait2
    SYS_epoll_pwait2,
#endif
#ifdef SYS_mlock2
    SYS_mlock2,
#endif
#ifdef SYS_sched_getattr
    SYS_sched_getattr,
#endif
#ifdef SYS_sched_setattr
    SYS_sched_setattr,
#endif
#ifdef __x86_64__
    // Older names of the same.
    SYS_open,
    SYS_creat,
    SYS_stat,
    SYS_lstat,
    SYS_access,
    SYS_mkdir,
    SYS_rmdir,
    SYS_unlink,
    SYS_rename,
    SYS_link,
    SYS_symlink,
    SYS_readlink,
    SYS_chmod,
    SYS_chown,
    SYS_lchown,
    SYS_getdents,
    SYS_dup2,
    SYS_pipe,
    SYS_poll,
    SYS_select,
    SYS_epoll_create,
    SYS_epoll_wait,
    SYS_eventfd,
    SYS_time,
    SYS_utime,
    SYS_utimes,
    SYS_alarm,
    SYS_pause,
    SYS_getpgrp,
    SYS_fork,
    SYS_vfork,
    SYS_arch_prctl,
    SYS_getrlimit,
#endif
};

}  // namespace aliquot::sandbox
