// SPDX-License-Identifier: GPL-2.0
/*
 * The connection to the host: a virtio-serial port if the kernel has the drivers,
 * else the second serial port. A virtio-serial port tells each side when the other
 * side is slow. A serial port does not: see FRAME_ACK.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/serial.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "../wire/protocol.h"
#include "channel.h"
#include "log.h"

#define PORTS  "/sys/class/virtio-ports"
#define SERIAL "/dev/ttyS1"

/* Opens the virtio-serial port that has our name, or returns -1. */
static int find_port(void)
{
	char path[64], name[64];
	struct dirent *entry;
	int found = -1;
	DIR *ports;

	ports = opendir(PORTS);
	while (found < 0 && ports && (entry = readdir(ports))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), PORTS "/%.16s/name", entry->d_name);
		if (!read_start(AT_FDCWD, path, name, sizeof(name)) ||
		    strncmp(name, PORT_NAME, strlen(PORT_NAME)))
			continue;
		snprintf(path, sizeof(path), "/dev/%.16s", entry->d_name);
		found = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (ports)
		closedir(ports);
	return found;
}

/* False on a microvm: its devices are on the platform bus. */
static bool has_pci(void)
{
	DIR *devices = opendir("/sys/bus/pci/devices");
	struct dirent *entry = NULL;

	while (devices && (entry = readdir(devices)) && entry->d_name[0] == '.')
		;
	if (devices)
		closedir(devices);
	return entry;
}

static int open_virtio(void)
{
	bool pci = has_pci();
	int tries, file;

	/* Without the drivers no port will ever appear. */
	if (access(pci ? "/sys/bus/pci/drivers/virtio-pci" :
			 "/sys/bus/platform/drivers/virtio-mmio", F_OK)) {
		log_urgent(LOG_MISSING "%s", pci ? "virtio_pci (CONFIG_VIRTIO_PCI)" :
						   "virtio_mmio (CONFIG_VIRTIO_MMIO)");
		return -ENODEV;
	}
	if (access(PORTS, F_OK)) {
		log_urgent(LOG_MISSING "virtio_console (CONFIG_VIRTIO_CONSOLE)");
		return -ENODEV;
	}
	/* A kernel thread makes the port a little later. */
	for (tries = 0; tries < 5000; tries++) {
		file = find_port();
		if (file >= 0)
			return file;
		usleep(1000);
	}
	log_urgent(LOG_MISSING "a virtio-serial port that appears");
	return -ENODEV;
}

static int open_serial(void)
{
	struct serial_struct port;
	struct termios raw;
	int file;

	file = open(SERIAL, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	/* A port that does not exist can be opened, too: it has no type. */
	if (file < 0 || ioctl(file, TIOCGSERIAL, &port) || port.type == PORT_UNKNOWN ||
	    tcgetattr(file, &raw)) {
		log_urgent(LOG_MISSING "a second serial port (CONFIG_SERIAL_8250, CONFIG_SERIAL_8250_NR_UARTS)");
		if (file >= 0)
			close(file);
		return -ENODEV;
	}
	cfmakeraw(&raw);
	/* No modem control; a read returns as soon as there is one byte. */
	raw.c_cflag |= CLOCAL | CREAD;
	raw.c_cflag &= ~CRTSCTS;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	cfsetspeed(&raw, B115200);
	if (tcsetattr(file, TCSANOW, &raw)) {
		int err = -errno;

		close(file);
		return err;
	}
	/* No other program may write to this port. */
	unlink(SERIAL);
	return file;
}

int channel_open(bool serial)
{
	return serial ? open_serial() : open_virtio();
}
