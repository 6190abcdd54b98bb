// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "mdevkit.h"

int main(int argc, char **argv)
{
	return mdevkit_run(argc, argv, stdout, stderr);
}
