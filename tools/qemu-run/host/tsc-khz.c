// SPDX-License-Identifier: GPL-2.0
/* tsc_khz() for scripts/vm: prints it, or fails where there is none. */
#include <stdio.h>
#include "../tsc.h"

int main(void)
{
	unsigned long khz = tsc_khz();

	if (!khz)
		return 1;
	return printf("%lu\n", khz) < 0;
}
