/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A reserved range of I/O ports that gives itself back.
 */
#ifndef IOPORT_REGION_H
#define IOPORT_REGION_H

#include <linux/cleanup.h>
#include <linux/errno.h>
#include <linux/io.h>
#include <linux/types.h>

/* The x86 I/O space: Intel SDM volume 1, chapter 19.1, "I/O Port Addressing". */
#define IOPORT_SPACE_SIZE 0x10000

/**
 * struct ioport_region - a range of I/O ports reserved by its holder
 * @base: first port
 * @size: number of ports; 0 in an empty handle
 *
 * All zeroes is the empty handle. A handle has one owner: hand it on with
 * ioport_region_take() and never by assignment.
 *
 * A local handle declared ``__free(ioport_region)`` gives its ports back when it
 * goes out of scope, unless it was taken before.
 */
struct ioport_region {
	u16 base;
	u32 size;
};

/**
 * ioport_region_request() - reserve a range of ports
 * @region: an empty handle; filled on success, still empty on failure
 * @base: first port
 * @size: number of ports
 * @name: what /proc/ioports shows; must stay valid until the release
 * Context: Process context, may sleep.
 * Return: 0; -EINVAL for no ports at all, -ERANGE for ports past the I/O space,
 *	   -EALREADY if @region is not empty, -EBUSY if any of the ports is taken, by a
 *	   driver or as a device's that has none, or if there is no memory: the kernel
 *	   does not tell the one from the other.
 */
int ioport_region_request(struct ioport_region *region, u32 base, u32 size, const char *name);

/**
 * ioport_region_release() - give the ports back
 * @region: the handle, which is empty afterwards; an empty one is left alone
 * Context: Process context, may sleep.
 */
void ioport_region_release(struct ioport_region *region);

DEFINE_FREE(ioport_region, struct ioport_region, ioport_region_release(&_T))

/**
 * ioport_region_take() - take the ports over from another handle
 * @from: the handle that gives them up; empty afterwards
 * Context: Any. The caller serialises access to @from.
 * Return: the handle that now owns the ports.
 */
static inline struct ioport_region __must_check ioport_region_take(struct ioport_region *from)
{
	struct ioport_region taken = *from;

	*from = (struct ioport_region){};
	return taken;
}

/**
 * ioport_region_outb() - write a byte to a port of the range
 * @region: the handle
 * @offset: port, counted from the first of the range
 * @value: the byte
 *
 * Compiles to a comparison and an OUT instruction in the caller, so that it can
 * be trusted where a call could go wrong: in a panic, with the console dead.
 * Context: Any, NMI included.
 * Return: 0, or -ENXIO if the range has no such port (an empty one has none).
 */
static __always_inline int ioport_region_outb(const struct ioport_region *region, u32 offset,
					      u8 value)
{
	if (offset >= region->size)
		return -ENXIO;
	outb(value, region->base + offset);
	return 0;
}

/**
 * ioport_region_inb() - read a byte from a port of the range
 * @region: the handle
 * @offset: port, counted from the first of the range
 * Context: Any, NMI included.
 * Return: the byte, or -ENXIO if the range has no such port.
 */
static __always_inline int ioport_region_inb(const struct ioport_region *region, u32 offset)
{
	if (offset >= region->size)
		return -ENXIO;
	return inb(region->base + offset);
}

#endif /* IOPORT_REGION_H */
