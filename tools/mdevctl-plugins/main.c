// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "callout.h"

int main(int argc, char **argv)
{
	return callout(argc, argv, stdin, stdout, stderr);
}
