/* SPDX-License-Identifier: GPL-2.0 */
/* What the host asks for. */
#ifndef QEMU_RUN_GUEST_JOB_H
#define QEMU_RUN_GUEST_JOB_H

#include <stdbool.h>
#include "../util.h"
#include "../wire/tree.h"
#include "../wire/user.h"
#include "complaints.h"
#include "port.h"

/**
 * struct guest_job - the job, as it was received
 * @options: the frame that it begins with
 * @arguments: the command
 * @gets: paths to send back when the command has ended
 * @directory: where the command starts
 * @rooted: the root is the host's directory
 * @network: there is a network
 * @shares: directories of the host that were mounted
 * @user: the command runs as this one; NULL: as root
 * @files: where the files of -f go
 * @random: /dev/urandom, open: receives the job's seed
 * @modprobe: /proc/sys/kernel/modprobe, open
 * @cpus: how many processors the kernel may use
 * @log: /dev/kmsg, open: what the kernel says about a module that does not load
 */
struct guest_job {
	struct job options;
	struct list arguments;
	struct list gets;
	const char *directory;
	bool rooted;
	bool network;
	unsigned int shares;
	const struct user_entry *user;
	struct tree_receiver files;
	int random;
	int modprobe;
	unsigned int cpus;
	int log;
};

/**
 * job_prepare() - opens what a job needs, before a template is saved
 * @job: receives it
 */
void job_prepare(struct guest_job *job);

/**
 * job_receive() - receives a job, and does what comes before its command
 * @job: as prepared
 * @port: the port
 * @complaints: begins with the job, or with the first module
 *
 * Sets the clock and the random pool, loads modules, writes files, brings the
 * network up. Ends the machine if one of these fails.
 */
void job_receive(struct guest_job *job, struct port *port, struct complaints *complaints);

#endif
