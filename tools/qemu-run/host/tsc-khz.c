// SPDX-License-Identifier: GPL-2.0
/* tsc_khz() for scripts/vm: prints it. */
#include <stdio.h>
#include "../tsc.h"

int main(void)
{
	return printf("%lu\n", tsc_khz()) < 0;
}
