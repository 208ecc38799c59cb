// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../wire/protocol.h"
#include "boot.h"
#include "image.h"
#include "log.h"
#include "poweroff.h"
#include "root.h"

/* In an image as the root there is none: it is run from here. */
static int busybox = -1;

int run_tool(const char *const argv[])
{
	int status;
	pid_t pid;

	pid = vfork();
	if (!pid) {
		if (!strcmp(argv[0], BUSYBOX))
			fexecve(busybox, (char *const *)argv, environ);
		execv(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (pid < 0)
		return 126;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A kernel without devtmpfs makes no device nodes by itself. */
static void make_nodes(void)
{
	static const struct {
		const char *path;
		unsigned int major;
		unsigned int minor;
	} nodes[] = {
		{ "/dev/null", 1, 3 },	{ "/dev/zero", 1, 5 },	  { "/dev/full", 1, 7 },
		{ "/dev/random", 1, 8 }, { "/dev/urandom", 1, 9 }, { "/dev/kmsg", 1, 11 },
		{ "/dev/tty", 5, 0 },	{ "/dev/ptmx", 5, 2 },	  { "/dev/ttyS0", 4, 64 },
		{ "/dev/ttyS1", 4, 65 },
	};
	mode_t was = umask(0);
	size_t i;

	for (i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
		if (mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)))
			log_line("cannot make %s: %s", nodes[i].path, strerror(errno));
	umask(was);
}

/*
 * The nodes of modules.devname: the kernel loads their modules when they are opened. The
 * modes are those of systemd's rules for nodes that any user may open.
 */
static void make_static_nodes(void)
{
	char path[128], line[256], name[64], type;
	unsigned int major, minor;
	struct utsname kernel;
	mode_t was = umask(0);
	FILE *list;

	uname(&kernel);
	snprintf(path, sizeof(path), "/lib/modules/%s/modules.devname", kernel.release);
	list = fopen(path, "re");
	while (list && fgets(line, sizeof(line), list)) {
		if (sscanf(line, "%*s %63s %c%u:%u", name, &type, &major, &minor) != 4)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", name);
		if (strchr(name, '/')) {
			*strrchr(path, '/') = '\0';
			mkdir(path, 0755);
			snprintf(path, sizeof(path), "/dev/%s", name);
		}
		/* One that is there belongs to a driver that is built in. */
		mknod(path, (type == 'b' ? S_IFBLK : S_IFCHR) |
			    (!strcmp(name, "fuse") || !strcmp(name, "net/tun") ? 0666 : 0600),
		      makedev(major, minor));
	}
	if (list)
		fclose(list);
	umask(was);
}

static void mount_all(void)
{
	static const struct {
		const char *type;
		const char *where;
		const char *options;
	} mounts[] = {
		{ "proc", "/proc", NULL },
		{ "sysfs", "/sys", NULL },
		{ "devtmpfs", "/dev", NULL },
		{ "devpts", "/dev/pts", "ptmxmode=0666,mode=0620" },
		{ "tmpfs", "/dev/shm", NULL },
		{ "tmpfs", "/tmp", NULL },
		{ "tmpfs", "/run", NULL },
		{ "debugfs", "/sys/kernel/debug", NULL },
		{ "tracefs", "/sys/kernel/tracing", NULL },
		/* As systemd has them. */
		{ "securityfs", "/sys/kernel/security", NULL },
		{ "configfs", "/sys/kernel/config", NULL },
		{ "cgroup2", "/sys/fs/cgroup", "nsdelegate,memory_recursiveprot" },
		{ "bpf", "/sys/fs/bpf", "mode=0700" },
		{ "mqueue", "/dev/mqueue", NULL },
		{ "hugetlbfs", "/dev/hugepages", NULL },
	};
	size_t i;

	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		/* A kernel may lack some of these; only a command that needs one will fail. */
		if (!mount(mounts[i].type, mounts[i].where, mounts[i].type, 0,
			   mounts[i].options))
			continue;
		if (!strcmp(mounts[i].type, "devtmpfs"))
			make_nodes();
		if (i < 3)
			log_line("cannot mount %s: %s", mounts[i].where, strerror(errno));
	}
	/* The links that udev makes elsewhere. */
	(void)!symlink("/proc/self/fd", "/dev/fd");
	(void)!symlink("/proc/self/fd/0", "/dev/stdin");
	(void)!symlink("/proc/self/fd/1", "/dev/stdout");
	(void)!symlink("/proc/self/fd/2", "/dev/stderr");
}

static void loopback_up(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int socket_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (socket_fd < 0)
		return;
	ioctl(socket_fd, SIOCSIFFLAGS, &request);
	close(socket_fd);
}

char driver_error[2048];

static void load_driver(void)
{
	static const char *const driver[] = { BUSYBOX, "modprobe", "qemu_poweroff",
					      "delay=-1", NULL };
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	lseek(log, 0, SEEK_END);
	if (run_tool(driver) && !log_read(log, driver_error, sizeof(driver_error)))
		strcpy(driver_error, " the kernel does not say why");
	close(log);
}

void boot(void)
{
	static const char *const install[] = { BUSYBOX, "--install", "-s", NULL };
	static const char *const modprobe[] = { BUSYBOX, "modprobe", "-a", "virtio_pci",
						"virtio_mmio", "virtio_console", "virtio_blk",
						"virtio_net", NULL };
	static const char *const shares[] = { BUSYBOX, "modprobe", "-a", "9pnet_virtio",
					      "9p", "autofs4", NULL };
	static const char *const overlay[] = { BUSYBOX, "modprobe", "overlay", NULL };
	/* What the kernel's command line tells this program is no business of others. */
	static const char *const told[] = { "qemu_run_shares", "qemu_run_image",
					    "qemu_run_driver" };
	const char *why = NULL;
	size_t i;
	int err;

	busybox = open(BUSYBOX, O_PATH | O_CLOEXEC);
	mount_all();
	make_static_nodes();
	/* Not before the job: a template must have nothing of the host mounted. */
	write_file("/proc/sys/kernel/modprobe", 0, "\n");
	setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
	setenv("HOME", HOME, 1);
	mkdir(HOME, 0700);
	run_tool(install);
	err = root_link_kernel("");
	if (err)
		log_line("cannot make links in /boot: %s", strerror(-err));
	/* A failure is no error: the drivers may be built in. channel_open() will tell. */
	run_tool(modprobe);
	run_tool(shares);
	if (getenv("qemu_run_shares") || getenv("qemu_run_image")) {
		run_tool(overlay);
		err = root_prepare();
		if (err)
			log_line("cannot prepare for --root: %s", strerror(-err));
	}
	if (getenv("qemu_run_driver"))
		load_driver();
	if (getenv("qemu_run_image"))
		why = image_enter();
	if (why)
		die_because("--root", why);
	for (i = 0; i < sizeof(told) / sizeof(told[0]); i++)
		unsetenv(told[i]);
	/* The last: from here on the modules of the initramfs are covered. */
	err = root_attend_modules();
	if (err)
		log_line("modprobe finds only what -m brings: %s",
			 err == -ENODEV ? "this kernel lacks 9p over virtio, or autofs" :
			 strerror(-err));
	sethostname(GUEST_NAME, strlen(GUEST_NAME));
	loopback_up();

	/* A panic that no driver catches must end QEMU, and not wait for a reset. */
	write_file("/proc/sys/kernel/panic", 0, "-1");
	/* From here on the console shows every line of the log. */
	write_file("/proc/sys/kernel/printk", 0, "8");
}
