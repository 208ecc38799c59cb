// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's init, or with --init an agent beside another one. It boots, says so, receives
 * one job, runs the job's command, reports, and ends the machine with the command's status.
 *
 * It is a program and not a shell script. After a restore nothing but this process and
 * the command should run: under emulation, each program that a script started would
 * cost more than all of what is done here.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "boot.h"
#include "command.h"
#include "complaints.h"
#include "deadline.h"
#include "job.h"
#include "port.h"
#include "poweroff.h"
#include "system.h"

static struct poweroff poweroff;
static struct deadline deadline;
static struct port port;
static struct complaints complaints;
static struct guest_job job;
static struct command command;

/* Ends the machine if @err is a negative errno. */
static void must_succeed(int err, const char *what)
{
	if (err) {
		errno = -err;
		die(what);
	}
}

int main(void)
{
	const char *init;

	boot();
	init = getenv("qemu_run_init");
	if (init)
		system_boot(init, getenv("qemu_run_ready"));
	unsetenv("qemu_run_init");
	unsetenv("qemu_run_ready");
	umask(022);
	complaints_open(&complaints);
	job_prepare(&job);
	poweroff_find(&poweroff);
	must_succeed(deadline_prepare(&deadline, &poweroff), "no timer");
	must_succeed(command_prepare(&command), "no process for the command");
	must_succeed(port_open(&port, getenv("qemu_run_serial"), &deadline),
		     "no way to the host");
	unsetenv("qemu_run_serial");
	complaints_send_all(&complaints, NULL);
	port_send_hello(&port);

	/* The host saves a template while init waits in here; each clone goes on from here. */
	job_receive(&job, &port, &complaints);
	complaints_modules_loaded(&complaints);
	command_start(&command, &job, &port, &deadline);
	command_run(&command, &port, &deadline, &complaints);
	command_report(&command, &job, &port, &complaints);
}
