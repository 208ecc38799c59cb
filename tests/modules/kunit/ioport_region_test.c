// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit suite of ioport_region: who owns which ports when.
 */
#include <linux/ioport.h>
#include <linux/limits.h>
#include <linux/module.h>

#include <kunit/test.h>

#include "ioport_region.h"

/* No device of a QEMU machine is here, and a write to it does nothing. */
#define BASE	0x1100
#define SIZE	4

/* What an x86 machine reads from a port with no device behind it. */
#define NOTHING	0xff

/* Whether the kernel has that port reserved, for whomever. */
static bool is_taken(u32 port)
{
	if (!request_region(port, 1, "probe"))
		return true;
	release_region(port, 1);
	return false;
}

static u32 count_taken(u32 base, u32 size)
{
	u32 port, count = 0;

	for (port = base; port < base + size; port++)
		count += is_taken(port);
	return count;
}

static void expect_empty(struct kunit *test, const struct ioport_region *region)
{
	KUNIT_EXPECT_EQ(test, region->base, 0);
	KUNIT_EXPECT_EQ(test, region->size, 0);
}

/* Each case starts and ends with the ports free, whatever it asserted. */
static int ports_free_before(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, count_taken(BASE - 1, SIZE + 2), 0);
	return 0;
}

static void ports_free_after(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, count_taken(BASE - 1, SIZE + 2), 0);
}

static void empty(struct kunit *test)
{
	struct ioport_region region = {};

	KUNIT_EXPECT_EQ(test, ioport_region_outb(&region, 0, 0), -ENXIO);
	KUNIT_EXPECT_EQ(test, ioport_region_inb(&region, 0), -ENXIO);
	ioport_region_release(&region);
	expect_empty(test, &region);
}

static void requested(struct kunit *test)
{
	struct ioport_region region = {};

	KUNIT_ASSERT_EQ(test, ioport_region_request(&region, BASE, SIZE, "kunit"), 0);
	KUNIT_EXPECT_EQ(test, region.base, BASE);
	KUNIT_EXPECT_EQ(test, region.size, SIZE);
	/* All of the range, and nothing beside it. */
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	KUNIT_EXPECT_FALSE(test, is_taken(BASE - 1));
	KUNIT_EXPECT_FALSE(test, is_taken(BASE + SIZE));
	ioport_region_release(&region);
	expect_empty(test, &region);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), 0);
}

static void taken_by_another(struct kunit *test)
{
	struct ioport_region first = {}, second = {};

	KUNIT_ASSERT_EQ(test, ioport_region_request(&first, BASE + SIZE - 1, 1, "kunit"), 0);
	/* One port of four is enough. */
	KUNIT_EXPECT_EQ(test, ioport_region_request(&second, BASE, SIZE, "kunit"), -EBUSY);
	expect_empty(test, &second);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), 1);
	ioport_region_release(&first);
	KUNIT_EXPECT_EQ(test, ioport_region_request(&second, BASE, SIZE, "kunit"), 0);
	ioport_region_release(&second);
}

static void released_twice(struct kunit *test)
{
	struct ioport_region first = {}, second = {};

	KUNIT_ASSERT_EQ(test, ioport_region_request(&first, BASE, SIZE, "kunit"), 0);
	ioport_region_release(&first);
	/* The second release must not give back what now is another's. */
	KUNIT_EXPECT_EQ(test, ioport_region_request(&second, BASE, SIZE, "kunit"), 0);
	ioport_region_release(&first);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	ioport_region_release(&second);
	ioport_region_release(&second);
}

static void ownership_moved(struct kunit *test)
{
	struct ioport_region from = {}, to;

	KUNIT_ASSERT_EQ(test, ioport_region_request(&from, BASE, SIZE, "kunit"), 0);
	to = ioport_region_take(&from);
	expect_empty(test, &from);
	KUNIT_EXPECT_EQ(test, to.base, BASE);
	KUNIT_EXPECT_EQ(test, to.size, SIZE);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	ioport_region_release(&from);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	ioport_region_release(&to);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), 0);

	to = ioport_region_take(&from);
	expect_empty(test, &to);
}

/* Leaves its scope before or after the ports have a longer-lived owner. */
static int request_and_leave(struct kunit *test, struct ioport_region *owner)
{
	struct ioport_region local __free(ioport_region) = {};
	int err = ioport_region_request(&local, BASE, SIZE, "kunit");

	if (err)
		return err;
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	if (!owner)
		return -ECANCELED;
	*owner = ioport_region_take(&local);
	return 0;
}

static void scope_left_early(struct kunit *test)
{
	struct ioport_region owner = {};

	KUNIT_EXPECT_EQ(test, request_and_leave(test, NULL), -ECANCELED);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), 0);
	KUNIT_EXPECT_EQ(test, request_and_leave(test, &owner), 0);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	/* A failed request leaves a scope, too, with nothing to give back. */
	KUNIT_EXPECT_EQ(test, request_and_leave(test, NULL), -EBUSY);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), SIZE);
	ioport_region_release(&owner);
}

static void bounds(struct kunit *test)
{
	struct ioport_region region = {};

	KUNIT_ASSERT_EQ(test, ioport_region_request(&region, BASE, SIZE, "kunit"), 0);
	KUNIT_EXPECT_EQ(test, ioport_region_outb(&region, 0, 0x55), 0);
	KUNIT_EXPECT_EQ(test, ioport_region_outb(&region, SIZE - 1, 0x55), 0);
	KUNIT_EXPECT_EQ(test, ioport_region_outb(&region, SIZE, 0x55), -ENXIO);
	KUNIT_EXPECT_EQ(test, ioport_region_outb(&region, U32_MAX, 0x55), -ENXIO);
	KUNIT_EXPECT_EQ(test, ioport_region_inb(&region, 0), NOTHING);
	KUNIT_EXPECT_EQ(test, ioport_region_inb(&region, SIZE - 1), NOTHING);
	KUNIT_EXPECT_EQ(test, ioport_region_inb(&region, SIZE), -ENXIO);
	KUNIT_EXPECT_EQ(test, ioport_region_inb(&region, U32_MAX), -ENXIO);
	ioport_region_release(&region);
	KUNIT_EXPECT_EQ(test, ioport_region_outb(&region, 0, 0x55), -ENXIO);
	KUNIT_EXPECT_EQ(test, ioport_region_inb(&region, 0), -ENXIO);
}

static void requested_twice(struct kunit *test)
{
	struct ioport_region region = {};

	KUNIT_ASSERT_EQ(test, ioport_region_request(&region, BASE, 1, "kunit"), 0);
	KUNIT_EXPECT_EQ(test, ioport_region_request(&region, BASE + 1, 1, "kunit"), -EALREADY);
	KUNIT_EXPECT_EQ(test, region.base, BASE);
	KUNIT_EXPECT_EQ(test, region.size, 1);
	KUNIT_EXPECT_EQ(test, count_taken(BASE, SIZE), 1);
	ioport_region_release(&region);
}

static void no_such_range(struct kunit *test)
{
	static const struct {
		u32 base, size;
		int err;
	} ranges[] = {
		{ BASE, 0, -EINVAL },
		{ IOPORT_SPACE_SIZE, 1, -ERANGE },
		{ IOPORT_SPACE_SIZE - 1, 2, -ERANGE },
		{ 0, IOPORT_SPACE_SIZE + 1, -ERANGE },
		{ BASE, U32_MAX, -ERANGE },
		{ BASE, U32_MAX - BASE + 1, -ERANGE },
		{ U32_MAX, 1, -ERANGE },
		{ U32_MAX, U32_MAX, -ERANGE },
	};
	struct ioport_region region = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++) {
		KUNIT_EXPECT_EQ_MSG(test,
				    ioport_region_request(&region, ranges[i].base,
							  ranges[i].size, "kunit"),
				    ranges[i].err, "base 0x%x, size 0x%x",
				    ranges[i].base, ranges[i].size);
		expect_empty(test, &region);
	}
}

static void last_port(struct kunit *test)
{
	struct ioport_region region = {};

	KUNIT_ASSERT_FALSE(test, is_taken(IOPORT_SPACE_SIZE - 1));
	KUNIT_EXPECT_EQ(test, ioport_region_request(&region, IOPORT_SPACE_SIZE - 1, 1, "kunit"),
			0);
	KUNIT_EXPECT_EQ(test, region.base, IOPORT_SPACE_SIZE - 1);
	KUNIT_EXPECT_TRUE(test, is_taken(IOPORT_SPACE_SIZE - 1));
	ioport_region_release(&region);
	KUNIT_EXPECT_FALSE(test, is_taken(IOPORT_SPACE_SIZE - 1));
}

static struct kunit_case ioport_region_cases[] = {
	KUNIT_CASE(empty),
	KUNIT_CASE(requested),
	KUNIT_CASE(taken_by_another),
	KUNIT_CASE(released_twice),
	KUNIT_CASE(ownership_moved),
	KUNIT_CASE(scope_left_early),
	KUNIT_CASE(bounds),
	KUNIT_CASE(requested_twice),
	KUNIT_CASE(no_such_range),
	KUNIT_CASE(last_port),
	{}
};

static struct kunit_suite ioport_region_suite = {
	.name = "ioport_region",
	.init = ports_free_before,
	.exit = ports_free_after,
	.test_cases = ioport_region_cases,
};

kunit_test_suite(ioport_region_suite);

MODULE_DESCRIPTION("KUnit suite of ioport_region");
MODULE_LICENSE("GPL");
