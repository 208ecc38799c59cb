// SPDX-License-Identifier: GPL-2.0
/*
 * The guest's init, or with --init an agent beside another one. It boots, says so, receives
 * one job, runs the job's command, reports, and ends the machine with the command's status.
 *
 * It is a program and not a shell script. After a restore nothing but this process and
 * the command should run: under emulation, each program that a script started would
 * cost more than all of what is done here.
 */
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

static struct deadline deadline;
static struct port port;
static struct complaints complaints;
static struct guest_job job;
static struct command command;

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
	poweroff_find();
	deadline_prepare(&deadline);
	command_prepare(&command);
	port_open(&port, getenv("qemu_run_serial"), &deadline);
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
