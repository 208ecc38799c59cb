/* SPDX-License-Identifier: GPL-2.0 */
/* From the kernel's first program to a machine that other programs can use. */
#ifndef QEMU_RUN_GUEST_BOOT_H
#define QEMU_RUN_GUEST_BOOT_H

/**
 * boot() - makes the machine what a program expects to find
 *
 * Mounts the file systems, makes device nodes, installs BusyBox's names, loads
 * the modules that init needs and brings the loopback interface up.
 */
void boot(void);

/* What run_tool() finds in any root. */
#define BUSYBOX "/bin/busybox"

/* What the kernel logged of the driver if it did not load, or "". */
extern char driver_error[2048];

/**
 * run_tool() - runs one of the guest's programs to its end
 * @argv: its arguments, the program's path first
 *
 * Return: its exit status, 128 + n for a signal.
 */
int run_tool(const char *const argv[]);

#endif
