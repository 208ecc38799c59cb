// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "run.h"
#include "tsc.h"

/* What QEMU finds its connections at: no path of the file system is involved. */
enum {
	FD_PORT = 10,
	FD_CONSOLE,
	FD_MONITOR,
	FD_MEMORY,
	FD_STATE,
	FD_INITRAMFS,
	FD_LAST = FD_INITRAMFS,
};

static void add(struct list *arguments, const char *first, char *second)
{
	list_add(arguments, copy(first));
	if (second)
		list_add(arguments, second);
}

/* QEMU's options are lists with commas: one inside a value is doubled. */
static char *quoted(const char *value)
{
	struct text text = { 0 };

	text_add(&text, "", 0);
	for (; *value; value++)
		text_add(&text, *value == ',' ? ",," : value, *value == ',' ? 2 : 1);
	return text.data;
}

/* With what they have and a guest here does not need left out. */
static const char *const machines[] = {
	[MACHINE_PC] = "pc,vmport=off",
	[MACHINE_Q35] = "q35,vmport=off",
	[MACHINE_MICROVM] = "microvm",
};

/* virtio_bus() - how QEMU's names of virtio devices end on that machine. */
static const char *virtio_bus(const struct options *options)
{
	return options->machine == MACHINE_MICROVM ? "device" : "pci";
}

/*
 * machine_append() - what a kernel must be told that its machine does not tell it
 *
 * On a microvm, with ACPI's reduced hardware, a kernel reboots by EFI and, for want of
 * it, by jumping to the firmware's entry, of which QEMU never hears; of a triple fault
 * it does. And port 0x61 is not there to give the reason of an NMI: it reads as a PCI
 * system error, which is only printed, and not before interrupts are on again.
 */
static const char *machine_append(const struct options *options)
{
	return options->machine == MACHINE_MICROVM ?
	       " reboot=t sysctl.kernel.panic_on_unrecovered_nmi=1" : "";
}

/*
 * tsc_early_khz() - what to tell a kernel that has no good clock to measure its TSC by
 *
 * All clones of a template would have a clock as wrong as its measurement, and
 * deadlines as early. TCG gives a guest the host's TSC; KVM has a clock of its own.
 */
static char *tsc_early_khz(const struct run *run)
{
	unsigned long khz = run->kvm ? 0 : tsc_khz();

	return khz ? print(" tsc_early_khz=%lu", khz) : copy("");
}

static void add_disks(struct run *run, struct list *arguments, bool real)
{
	size_t i;

	for (i = 0; i < run->options.disks.count; i++) {
		char *file = copy(run->options.disks.items[i]), *comma = strrchr(file, ',');
		bool keep = comma && !strcmp(comma, ",rw");
		char *name;

		if (keep)
			*comma = '\0';
		name = quoted(file);
		/* A template has the disk's place, and nothing in it. */
		if (real)
			add(arguments, "-drive",
			    print("if=none,id=disk%zu,format=raw,snapshot=%s,file=%s", i,
				  keep ? "off" : "on", name));
		else
			add(arguments, "-drive",
			    print("if=none,id=disk%zu,format=raw,file.driver=null-co,file.size=1048576",
				  i));
		add(arguments, "-device",
		    print("virtio-blk-%s,drive=disk%zu", virtio_bus(&run->options), i));
		free(name);
		free(file);
	}
}

static void add_network(struct run *run, struct list *arguments, bool real)
{
	const struct options *options = &run->options;
	struct text user = { 0 };
	size_t i;

	if (!options->nic)
		return;
	text_print(&user, "user,id=net");
	/* The host's ports are a run's own: a template has none. */
	for (i = 0; real && i < options->forward_count; i++)
		text_print(&user, ",hostfwd=tcp:%s:%u-:%u", options->forwards[i].address,
			   options->forwards[i].port, options->forwards[i].guest_port);
	add(arguments, "-netdev", user.data);
	if (strcmp(options->nic, "virtio"))
		add(arguments, "-device", print("%s,netdev=net,romfile=", options->nic));
	else
		add(arguments, "-device",
		    print("virtio-net-%s,netdev=net%s", virtio_bus(options),
			  options->machine == MACHINE_MICROVM ? "" : ",romfile="));
}

static void build_arguments(struct run *run, const struct boot *boot, struct list *arguments)
{
	/* What of the host's a run has, the boot of a template does without. */
	bool real = !(boot->memory >= 0 && boot->initramfs >= 0);
	const struct options *options = &run->options;
	size_t i;

	add(arguments, run->places.qemu, NULL);
	add(arguments, "-no-user-config", NULL);
	add(arguments, "-nodefaults", NULL);
	add(arguments, "-no-reboot", NULL);
	add(arguments, "-display", copy("none"));
	add(arguments, "-name", copy("qemu-run"));
	/*
	 * A boot patches the kernel's code all the time, and QEMU 7.2, with a thread
	 * for each processor, sometimes lets one of them trip over it: int3 in
	 * sched_clock_cpu(), a panic. In one thread it cannot happen.
	 */
	add(arguments, "-accel",
	    copy(run->kvm		 ? "kvm" :
		 boot->initramfs >= 0 && options->cpus > 1 ? "tcg,thread=single" :
							     "tcg"));
	add(arguments, "-machine",
	    print("%s,usb=off,graphics=off,dump-guest-core=off%s", machines[options->machine],
		  boot->memory >= 0 ? ",memory-backend=memory" : ""));
	if (run->kvm)
		add(arguments, "-cpu", copy("host"));
	add(arguments, "-m", print("%u", options->memory_mb));
	add(arguments, "-smp", print("%u", options->cpus));
	if (boot->memory >= 0)
		add(arguments, "-object",
		    print("memory-backend-file,id=memory,size=%uM,mem-path=/proc/self/fd/%d,share=%s",
			  options->memory_mb, FD_MEMORY, boot->shared ? "on" : "off"));
	add(arguments, "-chardev", print("socket,id=console,fd=%d", FD_CONSOLE));
	add(arguments, "-device", copy("isa-serial,chardev=console"));
	add(arguments, "-chardev", print("socket,id=port,fd=%d", FD_PORT));
	if (run->serial) {
		add(arguments, "-device", copy("isa-serial,chardev=port"));
	} else {
		add(arguments, "-device",
		    print("virtio-serial-%s,max_ports=2", virtio_bus(options)));
		add(arguments, "-device", copy("virtserialport,nr=1,chardev=port,name=" PORT_NAME));
	}
	if (!options->no_port)
		add(arguments, "-device", copy("isa-debug-exit,iobase=0x10f4,iosize=0x04"));
	add(arguments, "-chardev", print("socket,id=monitor,fd=%d", FD_MONITOR));
	add(arguments, "-mon", copy("chardev=monitor,mode=control"));
	add_disks(run, arguments, real);
	add_network(run, arguments, real);
	for (i = 0; i < options->qemu.count; i++)
		add(arguments, options->qemu.items[i], NULL);
	/* What a guest that broke out of QEMU could do. */
	add(arguments, "-sandbox",
	    copy("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
	/*
	 * no_timer_check: an emulator that is short of time misses the ten ticks that a
	 * kernel waits for, and a sound kernel panics: "IO-APIC + timer doesn't work!"
	 */
	if (boot->initramfs >= 0) {
		char *khz = tsc_early_khz(run);

		add(arguments, "-kernel", copy(run->kernel.image));
		add(arguments, "-initrd", print("/proc/self/fd/%d", FD_INITRAMFS));
		add(arguments, "-append",
		    print("console=ttyS0 panic=-1 random.trust_cpu=on tsc=reliable no_timer_check sysrq_always_enabled unknown_nmi_panic 8250.nr_uarts=%d rdinit=/sbin/qemu-run-init%s%s%s%s%s%s",
			  run->serial ? 2 : 1, run->serial ? " qemu_run_serial=1" : "",
			  run->kernel.driver ? " qemu_run_driver=1" : "", khz,
			  machine_append(options),
			  options->append ? " " : "", options->append ? options->append : ""));
		free(khz);
	} else {
		if (boot->by_file)
			add(arguments, "-add-fd", print("fd=%d,set=1", FD_STATE));
		add(arguments, "-incoming", copy("defer"));
	}
}

static void show_arguments(const struct list *arguments)
{
	struct text line = { 0 };
	size_t i;

	for (i = 0; i < arguments->count; i++)
		text_print(&line, strpbrk(arguments->items[i], " *?$&;|<>()'\"") ? " '%s'" : " %s",
			   arguments->items[i]);
	say("+%s", line.data);
	text_free(&line);
}

/* In the child. Nothing here may allocate: memory is the parent's. */
static void become(char *const argv[], pid_t parent, int fds[], int errors)
{
	sigset_t none;
	int i, low;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	/* However this run ends, its machine ends with it. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	/* Ctrl-C is for the run to decide about, not for QEMU to die of. */
	setpgid(0, 0);
	/* First out of the way of each other, then to their places. */
	for (i = 0; i <= FD_LAST - FD_PORT; i++) {
		if (fds[i] < 0)
			continue;
		low = fcntl(fds[i], F_DUPFD_CLOEXEC, FD_LAST + 1);
		if (low < 0)
			_exit(127);
		fds[i] = low;
	}
	errors = fcntl(errors, F_DUPFD_CLOEXEC, FD_LAST + 1);
	for (i = 0; i <= FD_LAST - FD_PORT; i++)
		if (fds[i] >= 0)
			dup2(fds[i], FD_PORT + i);
	dup2(errors, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	close(STDIN_FILENO);
	open("/dev/null", O_RDONLY);
	execv(argv[0], argv);
	_exit(127);
}

static int make_pair(int *ours, int *theirs)
{
	int pair[2], size = 1 << 20;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -1;
	*ours = pair[0];
	*theirs = pair[1];
	setsockopt(*ours, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(*theirs, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/*
 * What has QEMU restore: waiting in its monitor before it starts. QEMU 7.2 has
 * no option for this capability, only the command.
 */
static int order_restore(struct run *run, bool by_file)
{
	char *uri = by_file ? copy(FILE_URI) : print("fd:%d", FD_STATE);
	char *commands;
	int err;

	commands = print("{\"execute\":\"qmp_capabilities\"}\n"
			 "{\"execute\":\"migrate-set-capabilities\",\"arguments\":{\"capabilities\":"
			 "[{\"capability\":\"x-ignore-shared\",\"state\":true}]}}\n"
			 "{\"execute\":\"migrate-incoming\",\"arguments\":{\"uri\":\"%s\"}}\n",
			 uri);
	err = write_all(run->vm.monitor, commands, strlen(commands));
	free(commands);
	free(uri);
	return err ? fail(run, "QEMU's monitor: %s", strerror(-err)) : 0;
}

int qemu_start(struct run *run, const struct boot *boot)
{
	int fds[] = { -1, -1, -1, boot->memory, boot->state, boot->initramfs };
	int errors[2] = { -1, -1 };
	struct vm *vm = &run->vm;
	struct list arguments = { 0 };
	pid_t parent = getpid();
	int result = -1;

	*vm = (struct vm){ .pidfd = -1, .port = -1, .console = -1, .monitor = -1, .errors = -1 };
	build_arguments(run, boot, &arguments);
	if (run->options.verbose)
		show_arguments(&arguments);
	if (make_pair(&vm->port, &fds[0]) || make_pair(&vm->console, &fds[1]) ||
	    make_pair(&vm->monitor, &fds[2]) || pipe2(errors, O_CLOEXEC)) {
		fail(run, "cannot connect to QEMU: %s", strerror(errno));
		goto close_theirs;
	}
	if (boot->initramfs < 0 && order_restore(run, boot->by_file))
		goto close_theirs;
	vm->errors = errors[0];
	fcntl(vm->errors, F_SETFL, O_NONBLOCK);

	vm->pid = fork();
	if (!vm->pid)
		become(arguments.items, parent, fds, errors[1]);
	if (vm->pid < 0) {
		vm->pid = 0;
		fail(run, "cannot start QEMU: %s", strerror(errno));
		goto close_theirs;
	}
	vm->pidfd = syscall(SYS_pidfd_open, vm->pid, 0);
	/* SIGCHLD tells the same, a little less directly. */
	if (vm->pidfd < 0 && errno != ENOSYS) {
		fail(run, "pidfd_open: %s", strerror(errno));
		qemu_reset(run);
		goto close_theirs;
	}
	if (!run->phase[PHASE_SPAWNED])
		run->phase[PHASE_SPAWNED] = now_ns();
	result = 0;
close_theirs:
	close_fd(&fds[0]);
	close_fd(&fds[1]);
	close_fd(&fds[2]);
	close_fd(&errors[1]);
	list_free(&arguments);
	return result;
}

void qemu_reset(struct run *run)
{
	struct vm *vm = &run->vm;

	if (vm->pid && !vm->ended) {
		/* QEMU= may be a script that has QEMU as a child. */
		kill(-vm->pid, SIGKILL);
		kill(vm->pid, SIGKILL);
		while (waitpid(vm->pid, &vm->wait_status, 0) < 0 && errno == EINTR)
			;
	}
	close_fd(&vm->pidfd);
	close_fd(&vm->port);
	close_fd(&vm->console);
	close_fd(&vm->monitor);
	close_fd(&vm->errors);
	vm->pid = 0;
	vm->ended = false;
	run->reader.start = 0;
	run->reader.end = 0;
	text_free(&run->queue);
	run->in_flight = 0;
	run->nudged = 0;
	run->unsettled = 0;
	run->sum = FRAME_SUM;
	text_free(&run->qmp);
	run->hello = false;
}
