// SPDX-License-Identifier: GPL-2.0
/*
 * What BusyBox has no tool for, of a network interface.
 *
 * nic link NAME      what ethtool tells: link, speed, duplex
 * nic modes NAME     which modes it says that the card has, and that it offers to its peer
 * nic open NAME N    brings it up with the nth allocation failing (N 0: with none), and
 *                    says what came of it: "opened", or the error; and "spared" if the
 *                    nth was never made
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int fd;
static struct ifreq request;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void ask(unsigned long what, const char *name)
{
	if (ioctl(fd, what, &request))
		die(name);
}

static void show_link(bool modes)
{
	struct ethtool_value value = { .cmd = ETHTOOL_GLINK };
	struct {
		struct ethtool_link_settings base;
		__u32 masks[3 * 127];
	} link = { .base.cmd = ETHTOOL_GLINKSETTINGS };
	int words;

	request.ifr_data = (char *)&value;
	ask(SIOCETHTOOL, "ETHTOOL_GLINK");
	request.ifr_data = (char *)&link;
	ask(SIOCETHTOOL, "ETHTOOL_GLINKSETTINGS");
	/* The kernel says first how long its masks are, and then what is in them. */
	words = -link.base.link_mode_masks_nwords;
	link.base.link_mode_masks_nwords = words;
	link.base.cmd = ETHTOOL_GLINKSETTINGS;
	ask(SIOCETHTOOL, "ETHTOOL_GLINKSETTINGS");
	if (modes)
		printf("supported %08x advertised %08x\n", link.masks[0], link.masks[words]);
	else
		printf("link %u speed %d duplex %s\n", value.data, (int)link.base.speed,
		       link.base.duplex == DUPLEX_FULL ? "full" :
		       link.base.duplex == DUPLEX_HALF ? "half" : "unknown");
}

static void open_failing(const char *nth)
{
	int control = open("/proc/self/fail-nth", O_RDWR), err;
	char left[16] = "";

	if (control < 0)
		die("/proc/self/fail-nth");
	ask(SIOCGIFFLAGS, "SIOCGIFFLAGS");
	request.ifr_flags |= IFF_UP;
	if (pwrite(control, nth, strlen(nth), 0) < 0)
		die("fail-nth");
	err = ioctl(fd, SIOCSIFFLAGS, &request) ? errno : 0;
	if (pread(control, left, sizeof(left) - 1, 0) < 0 || pwrite(control, "0", 1, 0) < 0)
		die("fail-nth");
	printf("%s%s\n", err ? strerror(err) : "opened", atoi(left) ? " spared" : "");
}

int main(int argc, char **argv)
{
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		die("socket");
	if (argc > 2)
		snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", argv[2]);
	if (argc == 3 && (!strcmp(argv[1], "link") || !strcmp(argv[1], "modes")))
		show_link(!strcmp(argv[1], "modes"));
	else if (argc == 4 && !strcmp(argv[1], "open"))
		open_failing(argv[3]);
	else
		return 2;
	return 0;
}
