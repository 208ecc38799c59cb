// SPDX-License-Identifier: GPL-2.0
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include "qemu_arguments.h"
#include "tsc.h"

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

static bool has_nodes(const struct options *options)
{
	size_t i;

	for (i = 0; i < options->qemu.count; i++)
		if (!strcmp(options->qemu.items[i], "-numa"))
			return true;
	return false;
}

/*
 * add_tsc() - tells a kernel that has no good clock to measure its TSC by how fast it is
 *
 * All clones of a template would have a clock as wrong as its measurement, and
 * deadlines as early. TCG gives a guest the host's TSC; KVM has a clock of its own.
 *
 * lpj=: each secondary processor measures again how long its udelay() takes, against ticks
 * that come in bursts if the host is busy. Seen: a 70,000th of what it should be.
 */
static void add_tsc(struct text *line, const struct kernel *kernel)
{
	unsigned long khz = tsc_khz();
	char *value = kernel_option(kernel, "CONFIG_HZ");
	unsigned long hz = value ? strtoul(value, NULL, 10) : 0;

	text_print(line, " tsc_early_khz=%lu", khz);
	if (hz)
		text_print(line, " lpj=%lu", khz * 1000 / hz);
	free(value);
}

/*
 * kernel_line() - the kernel's command line; to be freed
 *
 * earlycon: what a kernel says before it has its console, and may die of.
 *
 * no_timer_check: an emulator that is short of time misses the ten ticks that a
 * kernel waits for, and a sound kernel panics: "IO-APIC + timer doesn't work!"
 */
static char *kernel_line(const struct setup *setup, bool serial)
{
	const struct options *options = setup->options;
	struct text line = { 0 };
	const char *ready;

	text_print(&line, "earlycon=uart8250,io,0x3f8 console=ttyS0 panic=-1 random.trust_cpu=on tsc=reliable no_timer_check sysrq_always_enabled unknown_nmi_panic 8250.nr_uarts=%d rdinit=/sbin/qemu-run-init%s%s%s%s",
		   serial ? 2 : 1, serial ? " qemu_run_serial=1" : "",
		   setup->kernel.driver ? " qemu_run_driver=1" : "",
		   options->root || options->share_count ? " qemu_run_shares=1" : "",
		   options->image ? " qemu_run_image=1" : "");
	if (options->init)
		text_print(&line, " qemu_run_init=%s", options->init);
	if (options->ready)
		text_print(&line, " qemu_run_ready=");
	for (ready = options->ready; ready && *ready; ready++)
		text_print(&line, "%02x", (unsigned char)*ready);
	if (!setup->kvm)
		add_tsc(&line, &setup->kernel);
	/*
	 * On a microvm, with ACPI's reduced hardware, a kernel reboots by EFI and, for want of
	 * it, by jumping to the firmware's entry, of which QEMU never hears; of a triple fault
	 * it does. And port 0x61 is not there to give the reason of an NMI: it reads as a PCI
	 * system error, which is only printed, and not before interrupts are on again.
	 */
	if (options->machine == MACHINE_MICROVM)
		text_print(&line, " reboot=t sysctl.kernel.panic_on_unrecovered_nmi=1");
	if (options->append)
		text_print(&line, " %s", options->append);
	return line.data;
}

static void add_disks(const struct setup *setup, struct list *arguments, bool real)
{
	size_t i;

	for (i = 0; i < setup->options->disk_count; i++) {
		const struct disk_option *disk = &setup->options->disks[i];
		/* With a slash first: QEMU takes what is before a colon for a protocol. */
		char *path = print("%s%s", *disk->path == '/' ? "" : "./", disk->path);
		char *name = quoted(path), *base = base_name(disk->path), *serial;

		/* virtio-blk: VIRTIO_BLK_ID_BYTES */
		base[strnlen(base, 20)] = '\0';
		serial = quoted(base);
		/*
		 * A template has a disk of that size, and nothing on it. Where the host has no
		 * room, the guest gets an error: QEMU would stop it, until somebody makes room.
		 */
		if (real)
			add(arguments, "-drive",
			    print("if=none,id=disk%zu,format=%s,werror=report,snapshot=%s,readonly=%s,file=%s",
				  i, disk->image.qcow2 ? "qcow2" : "raw",
				  disk->keep || disk->read_only ? "off" : "on",
				  disk->read_only ? "on" : "off", name));
		else
			add(arguments, "-drive",
			    print("if=none,id=disk%zu,format=raw,readonly=%s,file.driver=null-co,file.read-zeroes=on,file.size=%llu",
				  i, disk->read_only ? "on" : "off",
				  (unsigned long long)disk->image.size));
		add(arguments, "-device",
		    print("virtio-blk-%s,drive=disk%zu,serial=%s", virtio_bus(setup->options), i,
			  serial));
		free(serial);
		free(base);
		free(name);
		free(path);
	}
}

/* The image that is the root: in the template as well, which has it mounted. */
static void add_image(const struct setup *setup, struct list *arguments)
{
	char *name;

	if (!setup->options->image)
		return;
	name = quoted(setup->options->image);
	add(arguments, "-drive",
	    print("if=none,id=root,format=%s,readonly=on,file=%s",
		  setup->options->image_is_qcow2 ? "qcow2" : "raw", name));
	add(arguments, "-device",
	    print("virtio-blk-%s,drive=root,serial=" ROOT_SERIAL, virtio_bus(setup->options)));
	free(name);
}

/* Without a @path, an empty directory of QEMU's own. */
static void add_share(const struct setup *setup, struct list *arguments, const char *tag,
		      const char *path, bool writable)
{
	char *name = quoted(path ? path : "");

	/* remap: files of several file systems below one directory keep numbers apart. */
	add(arguments, "-fsdev",
	    path ? print("local,id=%s,path=%s,security_model=none,multidevs=remap,readonly=%s", tag,
			 name, writable ? "off" : "on") :
		   print("synth,id=%s,readonly=on", tag));
	add(arguments, "-device",
	    print("virtio-9p-%s,fsdev=%s,mount_tag=%s", virtio_bus(setup->options), tag, tag));
	free(name);
}

/* Directories of the host. A template has their places, and nothing in them. */
static void add_shares(const struct setup *setup, struct list *arguments, bool real, bool by_fd)
{
	const struct options *options = setup->options;
	char *root = by_fd ? print("/proc/self/fd/%d", FD_ROOT) : NULL;
	size_t i;

	/* A system that boots in a template looks for modules. */
	add_share(setup, arguments, "modules", real || options->init ? setup->kernel.modules : NULL,
		  false);
	if (options->root)
		add_share(setup, arguments, "root", root || !real ? root : options->root, false);
	free(root);
	for (i = 0; i < options->share_count; i++) {
		const struct share_option *share = &options->shares[i];
		char *tag = print("share%zu", i);

		add_share(setup, arguments, tag, real ? share->host : NULL, share->writable);
		free(tag);
	}
}

static void add_network(const struct setup *setup, struct list *arguments, bool real)
{
	const struct options *options = setup->options;
	struct text user = { 0 };
	size_t i;

	if (!options->nic)
		return;
	/* The host, its ports and the world are a run's own: a template has a card alone. */
	text_print(&user, "user,id=net%s", real ? "" : ",restrict=on");
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

void qemu_arguments(const struct setup *setup, const struct boot *boot, bool root_by_fd,
		    struct list *arguments)
{
	/* What of the host's a run has, the boot of a template does without. */
	bool real = !boot->shared;
	const struct options *options = setup->options;
	size_t i;

	add(arguments, setup->places.qemu, NULL);
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
	    copy(setup->kvm			       ? "kvm" :
		 boot->initramfs >= 0 && options->cpus > 1 ? "tcg,thread=single" :
							     "tcg"));
	add(arguments, "-machine",
	    print("%s,usb=off,graphics=off,dump-guest-core=off%s", machines[options->machine],
		  boot->memory >= 0 ? ",memory-backend=memory" : ""));
	if (setup->kvm)
		add(arguments, "-cpu", copy("host"));
	add(arguments, "-m", print("%u", options->memory_mb));
	/* Or the kernel warns that processors of different nodes share a cache. */
	add(arguments, "-smp",
	    has_nodes(options) ? print("%u,sockets=%u", options->cpus, options->cpus) :
				 print("%u", options->cpus));
	if (boot->memory >= 0)
		add(arguments, "-object",
		    print("memory-backend-file,id=memory,size=%uM,mem-path=/proc/self/fd/%d,share=%s",
			  options->memory_mb, FD_MEMORY, boot->shared ? "on" : "off"));
	add(arguments, "-chardev", print("socket,id=console,fd=%d", FD_CONSOLE));
	add(arguments, "-device", copy("isa-serial,chardev=console"));
	add(arguments, "-chardev", print("socket,id=port,fd=%d", FD_PORT));
	if (boot->serial) {
		add(arguments, "-device", copy("isa-serial,chardev=port"));
	} else {
		/* As many vectors as Linux takes, and not seven to restore in each clone. */
		add(arguments, "-device",
		    print("virtio-serial-%s,max_ports=2%s", virtio_bus(options),
			  options->machine == MACHINE_MICROVM ? "" : ",vectors=2"));
		add(arguments, "-device", copy("virtserialport,nr=1,chardev=port,name=" PORT_NAME));
	}
	if (!options->no_port)
		add(arguments, "-device", copy("isa-debug-exit,iobase=0x10f4,iosize=0x04"));
	add(arguments, "-chardev", print("socket,id=monitor,fd=%d", FD_MONITOR));
	/* Not -mon, which QEMU 11.1 warns of. */
	add(arguments, "-qmp", copy("chardev:monitor"));
	/* In this order: the disks are vda and on. */
	add_disks(setup, arguments, real);
	add_image(setup, arguments);
	add_shares(setup, arguments, real, root_by_fd);
	add_network(setup, arguments, real);
	for (i = 0; i < options->qemu.count; i++)
		add(arguments, options->qemu.items[i], NULL);
	/* What a guest that broke out of QEMU could do. */
	add(arguments, "-sandbox",
	    copy("on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"));
	if (boot->initramfs >= 0) {
		add(arguments, "-kernel", copy(setup->kernel.image));
		add(arguments, "-initrd", print("/proc/self/fd/%d", FD_INITRAMFS));
		add(arguments, "-append", kernel_line(setup, boot->serial));
	} else {
		if (boot->by_file)
			add(arguments, "-add-fd", print("fd=%d,set=1", FD_STATE));
		add(arguments, "-incoming", copy("defer"));
	}
}
