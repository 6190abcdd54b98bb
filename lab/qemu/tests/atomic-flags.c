// SPDX-License-Identifier: GPL-2.0-only
/*
 * An exchange on a word that lies in two pages, the second of which is not there yet: after the page
 * fault the flags must be what they were before. QEMU does such an exchange alone, with all other CPUs
 * stopped (lab/qemu/patches/0005).
 */
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>

#define PAGES		200
#define PAGE		4096
#define FLAGS_CF_DF	0x401ul

int main(void)
{
	char *area = mmap(NULL, (PAGES + 1) * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int lost = 0;

	if (area == MAP_FAILED) {
		perror("mmap");
		return 2;
	}
	for (int i = 1; i <= PAGES; i++) {
		uint64_t *word = (uint64_t *)(area + i * PAGE - 4);
		uint64_t value = 1, flags;

		*(area + i * PAGE - PAGE) = 1;
		asm volatile("stc\n std\n xchg %0, (%2)\n pushfq\n pop %1\n cld"
			     : "+r" (value), "=&r" (flags) : "r" (word) : "cc", "memory");
		lost += (flags & FLAGS_CF_DF) != FLAGS_CF_DF;
	}
	printf("the flags were lost at %d of %d page faults\n", lost, PAGES);
	return lost != 0;
}
