/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What each CPU runs, in the log: what kept the deadline's work from running.
 */
#ifndef CPU_REPORT_H
#define CPU_REPORT_H

#include <linux/types.h>

/**
 * cpu_report_log() - log what each online CPU runs: the task, the place and a stack
 * @until: when to stop, on the clock of ktime_get_mono_fast_ns(); one line is
 *	   logged in any case
 *
 * CPUs that do not answer an interrupt within half a second are logged first. A module
 * cannot call what the kernel has for this, and dump_stack() prints what looks like the
 * kernel's complaint about itself.
 *
 * Context: Hard interrupt, once: the calls to the other CPUs are not used again.
 */
void cpu_report_log(u64 until);

#endif
