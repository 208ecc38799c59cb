// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/random.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>
#include "boot.h"
#include "boot_id.h"
#include "job.h"
#include "log.h"
#include "root.h"

static const char *modprobe = "/sbin/modprobe";

/* find_modprobe() - whether the root is NixOS's, which has it elsewhere */
static bool find_modprobe(void)
{
	static const char nixos[] = NIXOS_BIN "/modprobe";
	bool found = !access(nixos, X_OK);

	if (found)
		modprobe = nixos;
	return found;
}

void job_prepare(struct guest_job *job)
{
	int credit = 256;

	*job = (struct guest_job){
		.directory = HOME,
		.files = { .exact = true, .file = -1, .left = UINT64_MAX, .entries = UINT64_MAX },
	};
	job->files.root = open(HOME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	job->log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	job->random = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	job->modprobe = open("/proc/sys/kernel/modprobe", O_WRONLY | O_CLOEXEC);
	job->cpus = get_nprocs_conf();
	find_modprobe();
	/*
	 * The job brings a seed before any program can read random numbers. So the pool
	 * may become ready now, and not every clone logs that it did.
	 */
	if (ioctl(job->random, RNDADDTOENTCNT, &credit))
		log_line("cannot credit the random pool: %s", strerror(errno));
}

static void read_options(struct guest_job *job, const struct frame *frame)
{
	struct {
		int entropy_count;
		int size;
		unsigned char seed[sizeof(job->options.seed)];
	} pool = { .entropy_count = 8 * sizeof(pool.seed), .size = sizeof(pool.seed) };
	struct timespec now;

	memcpy(&job->options, frame->data, sizeof(job->options));
	/* From the beginning of the job, modules come by themselves. */
	(void)!write(job->modprobe, modprobe, strlen(modprobe));

	/* A clone has the time and the random numbers of its template. */
	now.tv_sec = job->options.realtime_ns / 1000000000;
	now.tv_nsec = job->options.realtime_ns % 1000000000;
	clock_settime(CLOCK_REALTIME, &now);
	memcpy(pool.seed, job->options.seed, sizeof(pool.seed));
	if (ioctl(job->random, RNDADDENTROPY, &pool) || ioctl(job->random, RNDRESEEDCRNG, 0))
		log_line("cannot reseed the random pool: %s", strerror(errno));
	explicit_bzero(&pool, sizeof(pool));
	explicit_bzero(job->options.seed, sizeof(job->options.seed));
	boot_id_renew();
}

static void load_module(const struct guest_job *job, struct port *port,
			const struct frame *first, struct complaints *complaints)
{
	char *parameters, *name, logged[REFUSAL_MAX - 512];
	struct text image = { 0 };
	struct frame frame;
	size_t length;
	int err;

	/* "parameters, NUL, name", of which the frame's data does not survive the next. */
	length = strnlen((char *)first->data, first->length);
	parameters = print("%.*s", (int)first->length, first->data);
	name = print("%.*s", (int)(first->length - length - 1), first->data + length + 1);
	for (port_wait_frame(port, &frame); frame.type == FRAME_DATA; port_wait_frame(port, &frame))
		text_add(&image, frame.data, frame.length);
	complaints_begin(complaints);
	lseek(job->log, 0, SEEK_END);
	err = syscall(SYS_init_module, image.data, image.length, parameters) ? errno : 0;
	text_free(&image);
	/* EEXIST: built in, or loaded by a module before it. */
	if (!err || err == EEXIST || first->type == FRAME_SOFT_MODULE)
		return;
	if (!log_read(job->log, logged, sizeof(logged)))
		refuse(port, 125, name, print("%s (errno %d); the kernel logged nothing",
					      strerror(err), err));
	refuse(port, 125, name, print("%s (errno %d); the kernel logged:%s", strerror(err), err,
				      logged));
}

static void bring_network_up(struct port *port, bool required)
{
	/* The addresses of QEMU's user-mode network. */
	static const char *const steps[][8] = {
		{ BUSYBOX, "ip", "link", "set", "eth0", "up" },
		{ BUSYBOX, "ip", "addr", "add", "10.0.2.15/24", "dev", "eth0" },
		{ BUSYBOX, "ip", "route", "add", "default", "via", "10.0.2.2" },
	};
	size_t i;

	/* If there is no card, the command may load its driver and set the network up. */
	if (required || !access("/sys/class/net/eth0", F_OK))
		for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
			if (run_tool(steps[i]))
				refuse(port, 125, "--net",
				       "the guest's network does not come up");
}

static void name_server(void)
{
	/* It may be a link to what another system's service would write. */
	unlink("/etc/resolv.conf");
	write_file("/etc/resolv.conf", O_CREAT | O_EXCL, "nameserver 10.0.2.3\n");
}

static char *copy_text(const struct frame *frame)
{
	return must(strndup((const char *)frame->data, frame->length));
}

static void refuse_share(struct port *port, const char *what, bool is_root, int err)
{
	const char *missing = root_missing(is_root);

	if (!missing)
		refuse(port, 125, what, strerror(-err));
	refuse(port, 125, what,
	       print("this kernel lacks %s; -f and --get do work with it", missing));
}

static void enter_root(struct guest_job *job, struct port *port, const struct frame *frame)
{
	/* "place, NUL, modules, NUL, closed, NUL, hosts, NUL", and shown, each with a NUL */
	char *place = must(malloc(frame->length + 5)), *modules, *closed, *hosts;
	int err;

	memcpy(place, frame->data, frame->length);
	memset(place + frame->length, 0, 5);
	modules = place + strlen(place) + 1;
	closed = modules + strlen(modules) + 1;
	hosts = closed + strlen(closed) + 1;
	err = root_enter(place, modules, closed, hosts, hosts + strlen(hosts) + 1);
	free(place);
	if (err)
		refuse_share(port, "--root", true, err);
	job->rooted = true;
	if (find_modprobe())
		(void)!pwrite(job->modprobe, modprobe, strlen(modprobe), 0);
	if (job->network)
		name_server();
	close(job->files.root);
	job->files.root = -1;
}

/* Under --root, opening HOME takes five round trips to the host: only if a file comes. */
static int receive_file(struct guest_job *job, const struct frame *frame)
{
	if (job->files.root < 0) {
		mkdir(HOME, 0700);
		job->files.root = open(HOME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return tree_receive(&job->files, frame);
}

static void mount_share(struct guest_job *job, struct port *port, const struct frame *frame)
{
	char tag[16], *text = copy_text(frame);
	int err;

	snprintf(tag, sizeof(tag), "share%u", job->shares++);
	err = root_share(tag, text + 1, *text == 'w');
	if (err)
		refuse_share(port, text + 1, false, err);
	free(text);
}

static struct user_entry user;

/* What a login sets. The command line's own variables come later, and stand. */
static void log_in(struct guest_job *job, struct port *port, const struct frame *frame)
{
	char *name = copy_text(frame);
	const char *why = user_find(&user, "", *name ? name : "0");

	if (why)
		refuse(port, 125, print("--user %s", name), why);
	setenv("PATH", access(NIXOS_BIN, F_OK) ? LOGIN_PATH : LOGIN_PATH ":" NIXOS_BIN, 1);
	setenv("HOME", user.home, 1);
	setenv("LANG", "C.UTF-8", 1);
	if (*user.name) {
		setenv("USER", user.name, 1);
		setenv("LOGNAME", user.name, 1);
		setenv("SHELL", user.shell, 1);
	}
	job->directory = access(user.home, X_OK) ? "/" : user.home;
	job->user = *name ? &user : NULL;
	free(name);
}

static void read_user(struct guest_job *job, const struct frame *frame)
{
	memcpy(&user.ids, frame->data, frame->length);
	user.group_count = (frame->length - offsetof(struct user, groups)) / sizeof(uint32_t);
	job->user = &user;
}

/*
 * Has the kernel look at the disks of --disk, which were empty in the template: for each, a
 * byte of the frame says whether something is where a partition table may be.
 */
static void look_at_disks(struct port *port, const struct frame *frame)
{
	char path[16];
	uint32_t i;
	int disk;

	for (i = 0; i < frame->length; i++) {
		/* vda to vdz, vdaa and on: see virtblk_name_format(). */
		if (i < 26)
			snprintf(path, sizeof(path), "/dev/vd%c", (int)('a' + i));
		else
			snprintf(path, sizeof(path), "/dev/vd%c%c", (int)('a' + i / 26 - 1),
				 (int)('a' + i % 26));
		if (access(path, F_OK))
			refuse(port, 125, "--disk",
			       "this kernel lacks virtio_blk (CONFIG_VIRTIO_BLK)");
		if (!frame->data[i])
			continue;
		disk = open(path, O_RDONLY | O_CLOEXEC);
		if (disk < 0)
			continue;
		/* It fails where partitions cannot be, and that is no error. */
		ioctl(disk, BLKRRPART);
		close(disk);
	}
}

void job_receive(struct guest_job *job, struct port *port, struct complaints *complaints)
{
	struct frame frame;
	int err = 0;

	for (;;) {
		port_wait_frame(port, &frame);
		switch (frame.type) {
		case FRAME_JOB:
			port_send_hello(port);
			read_options(job, &frame);
			complaints_begin(complaints);
			complaints_send_held(complaints, port);
			break;
		case FRAME_ARGUMENT:
			list_add(&job->arguments, copy_text(&frame));
			break;
		case FRAME_VARIABLE:
			putenv(copy_text(&frame));
			break;
		case FRAME_DIRECTORY:
			job->directory = copy_text(&frame);
			break;
		case FRAME_ENTRY:
		case FRAME_DATA:
			if (!err)
				err = receive_file(job, &frame);
			break;
		case FRAME_END:
			if (!err)
				err = tree_finish(&job->files, true);
			if (err)
				refuse(port, 125, "-f", strerror(-err));
			break;
		case FRAME_MODULE:
		case FRAME_SOFT_MODULE:
			load_module(job, port, &frame, complaints);
			break;
		case FRAME_DISKS:
			look_at_disks(port, &frame);
			break;
		case FRAME_LOGIN:
			log_in(job, port, &frame);
			break;
		case FRAME_NETWORK:
			bring_network_up(port, frame.length && frame.data[0]);
			job->network = true;
			name_server();
			break;
		case FRAME_ROOT:
			enter_root(job, port, &frame);
			break;
		case FRAME_SHARE:
			mount_share(job, port, &frame);
			break;
		case FRAME_USER:
			read_user(job, &frame);
			break;
		case FRAME_GET:
			list_add(&job->gets, copy_text(&frame));
			break;
		case FRAME_HOLD:
			complaints_send_all(complaints, NULL);
			port_send_hello(port);
			break;
		case FRAME_START:
			return;
		default:
			errno = EPROTO;
			die("job");
		}
	}
}
