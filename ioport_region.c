// SPDX-License-Identifier: GPL-2.0
/*
 * A reserved range of I/O ports that gives itself back.
 */
#include <linux/ioport.h>
#include <linux/string.h>

#include "ioport_region.h"

/*
 * Whether the firmware, or PCI, says that a device has these ports, even if no driver has
 * claimed them. A bridge's window belongs to no device yet. The window of a host bridge has
 * a flag, that of any other bridge the name that drivers/pci/probe.c gives to its bus.
 */
static bool ioport_region_is_of_device(const struct resource *region)
{
	const struct resource *parent = region->parent;

	return parent != &ioport_resource && !(parent->flags & IORESOURCE_WINDOW) &&
	       !(parent->name && strstarts(parent->name, "PCI Bus "));
}

int ioport_region_request(struct ioport_region *region, u32 base, u32 size, const char *name)
{
	struct resource *requested;

	if (region->size)
		return -EALREADY;
	if (!size)
		return -EINVAL;
	/* The sum is taken in 64 bits, so that no size can wrap around. */
	if (base >= IOPORT_SPACE_SIZE || (u64)base + size > IOPORT_SPACE_SIZE)
		return -ERANGE;
	requested = request_region(base, size, name);
	if (!requested)
		return -EBUSY;
	if (ioport_region_is_of_device(requested)) {
		release_region(base, size);
		return -EBUSY;
	}

	region->base = base;
	region->size = size;
	return 0;
}

void ioport_region_release(struct ioport_region *region)
{
	struct ioport_region released = ioport_region_take(region);

	if (released.size)
		release_region(released.base, released.size);
}
