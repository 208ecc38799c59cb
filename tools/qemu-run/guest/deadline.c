// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "deadline.h"
#include "disks.h"
#include "log.h"
#include "processes.h"

/* How much later than init the driver ends the machine. */
#define DRIVER_GRACE_S 2

/*
 * Init, which is there at the deadline, puts the driver off by so much: to tell what the
 * command's processes wait for, to kill them, and to write to the disks. The host waits for
 * ten seconds once it has heard of the deadline.
 */
#define INIT_GRACE_S 8
#define PROCESSES_MS 2000
#define SETTLE_MS    4000

int deadline_prepare(struct deadline *deadline, const struct poweroff *poweroff)
{
	deadline->armed = false;
	deadline->poweroff = poweroff;
	deadline->timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return deadline->timer < 0 ? -errno : 0;
}

void deadline_arm(struct deadline *deadline, uint64_t timeout_ms)
{
	struct itimerspec timer = {
		.it_value = {
			.tv_sec = timeout_ms / 1000,
			.tv_nsec = timeout_ms % 1000 * 1000000,
		},
	};

	if (!timeout_ms)
		return;
	deadline->armed = true;
	poweroff_arm(deadline->poweroff, 124, (timeout_ms + 999) / 1000 + DRIVER_GRACE_S);
	timerfd_settime(deadline->timer, 0, &timer, NULL);
}

void deadline_disarm(struct deadline *deadline)
{
	struct itimerspec never = { 0 };

	if (!deadline->armed)
		return;
	deadline->armed = false;
	poweroff_arm(deadline->poweroff, 0, -1);
	timerfd_settime(deadline->timer, 0, &never, NULL);
}

void deadline_report(const struct deadline *deadline, const struct channel *channel)
{
	struct {
		struct frame_header header;
		uint32_t method;
	} frame = {
		.header = { .length = sizeof(frame.method), .type = FRAME_DEADLINE },
		.method = deadline->poweroff->method,
	};

	/* One write, which the channel takes whole or not at all. */
	(void)!write(channel->fd, &frame, sizeof(frame));
	channel_drain(channel);
}

void deadline_end_machine(const struct deadline *deadline)
{
	struct stat st;
	char text[512];

	/* The command may keep all processors busy. */
	setpriority(PRIO_PROCESS, 0, -20);
	poweroff_arm(deadline->poweroff, 124, INIT_GRACE_S);
	/* The host shows it: blocked tasks, then what runs, then the command's processes. */
	if (!stat("/proc/sysrq-trigger", &st)) {
		write_text("/proc/sysrq-trigger", "w");
		write_text("/proc/sysrq-trigger", "l");
	}
	processes_log(PROCESSES_MS);
	if (deadline->disks && !disks_settle(SETTLE_MS, text, sizeof(text)))
		log_line("%s: data may be lost", text);
	poweroff_now(deadline->poweroff, 124);
}
