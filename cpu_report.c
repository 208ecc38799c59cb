// SPDX-License-Identifier: GPL-2.0
/*
 * What each CPU runs, in the log.
 *
 * Each CPU looks for itself, in an interrupt, and keeps what it found: only it can unwind
 * its stack while it runs. The CPU that reports waits for the others and logs it all,
 * because a CPU that spins with interrupts off has no other to tell of it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <asm/ptrace.h>
#include <asm/unwind.h>

#include "cpu_report.h"

/*
 * How long the other CPUs may take to answer. The host may have taken one away for a
 * while.
 */
#define ANSWER_MS	500

/* How many frames of a stack. */
#define FRAMES		16

/**
 * struct cpu_report - what an interrupt found running on a CPU
 * @call: the interrupt
 * @asked: it was sent to that CPU
 * @known: the fields below are filled in
 * @user: it ran in user space; there are no frames
 * @comm: name of the task
 * @pid: its process ID
 * @depth: number of @frames
 * @frames: where it was interrupted, and the return addresses from there
 */
struct cpu_report {
	call_single_data_t call;
	bool asked;
	bool known;
	bool user;
	char comm[TASK_COMM_LEN];
	pid_t pid;
	unsigned int depth;
	unsigned long frames[FRAMES];
};

static DEFINE_PER_CPU(struct cpu_report, cpu_report);

/*
 * Context: interrupts off, on the CPU that is asked: a hard interrupt, or the idle task
 * if it polls, and then there are no frames.
 */
static void cpu_report_find(void *unused)
{
	struct cpu_report *report = this_cpu_ptr(&cpu_report);
	struct pt_regs *interrupted = NULL;
	struct unwind_state state;
	unsigned long address;

	for (unwind_start(&state, current, NULL, NULL);
	     !unwind_done(&state) && report->depth < FRAMES;
	     unwind_next_frame(&state)) {
		/* The frames before are those of this interrupt. */
		if (!interrupted)
			interrupted = unwind_get_entry_regs(&state, NULL);
		address = interrupted ? unwind_get_return_address(&state) : 0;
		if (address)
			report->frames[report->depth++] = address;
	}
	report->user = interrupted && user_mode(interrupted);
	strscpy(report->comm, current->comm, sizeof(report->comm));
	report->pid = current->pid;
	/* Pairs with the acquire in cpu_report_known(). */
	smp_store_release(&report->known, true);
}

static bool cpu_report_known(struct cpu_report *report)
{
	/* Pairs with the release in cpu_report_find(). */
	return smp_load_acquire(&report->known);
}

static void cpu_report_log_one(int cpu, const struct cpu_report *report, u64 until)
{
	unsigned int i;

	pr_emerg("CPU %d runs %s, pid %d%s\n", cpu, report->comm, report->pid,
		 report->user ? ", in user space" : report->depth ? ":" : "");
	for (i = 0; i < report->depth && ktime_get_mono_fast_ns() < until; i++) {
		/* The first is no return address. */
		if (!i)
			pr_emerg("  %pS\n", (void *)report->frames[i]);
		else
			pr_emerg("  %pB\n", (void *)report->frames[i]);
	}
}

void cpu_report_log(u64 until)
{
	u64 answer = ktime_get_mono_fast_ns() + ANSWER_MS * NSEC_PER_MSEC;
	int cpu, left_ms = ANSWER_MS;

	cpu_report_find(NULL);
	for_each_online_cpu(cpu) {
		struct cpu_report *report = &per_cpu(cpu_report, cpu);

		if (cpu == smp_processor_id())
			continue;
		INIT_CSD(&report->call, cpu_report_find, NULL);
		report->asked = !smp_call_function_single_async(cpu, &report->call);
	}
	/* First the line that says most: the stacks may take the rest of the time. */
	for_each_online_cpu(cpu) {
		struct cpu_report *report = &per_cpu(cpu_report, cpu);

		if (!report->asked)
			continue;
		/* A busy host stretches each mdelay(), and a clock may stand still. */
		while (!cpu_report_known(report) && left_ms-- > 0 &&
		       ktime_get_mono_fast_ns() < answer)
			mdelay(1);
		/* The host may have stopped the whole machine until now. */
		if (!cpu_report_known(report))
			mdelay(1);
		if (cpu_report_known(report))
			continue;
		pr_emerg("CPU %d has answered no interrupt for %d ms\n", cpu, ANSWER_MS);
		if (ktime_get_mono_fast_ns() >= until)
			return;
	}
	for_each_online_cpu(cpu) {
		struct cpu_report *report = &per_cpu(cpu_report, cpu);

		if (!cpu_report_known(report))
			continue;
		cpu_report_log_one(cpu, report, until);
		if (ktime_get_mono_fast_ns() >= until)
			return;
	}
}
