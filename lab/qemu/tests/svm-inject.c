// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest of KVM counts the interrupts that are injected into it, and looks for more of them while it
 * has interrupts disabled. None may come unasked. QEMU used to deliver one again when its CPU was kicked
 * at the wrong moment (lab/qemu/patches/0004); with all CPUs in one thread it is kicked ten times a second.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define SECONDS		8
#define MEMORY		0x10000
#define CODE		0x1000	/* also in the assembler */
#define VECTOR		0x20
#define PORT_READY	0x10
#define PORT_UNASKED	0x11

/* Real mode: the interrupt table is at 0, the counter at 0x3000 */
extern const char code_begin[], code_handler[], code_end[];
asm(".pushsection .rodata\n"
    ".code16\n"
    "code_begin:\n"
    "	sti\n"
    "	nop\n"
    "	out	%al, $0x10\n"		/* now one is injected */
    "	nop\n"
    "	cli\n"
    "	movw	0x3000, %cx\n"
    "	movl	$400000, %ebx\n"
    "1:	decl	%ebx\n"
    "	jnz	1b\n"
    "	cmpw	0x3000, %cx\n"
    "	je	code_begin\n"
    "	out	%al, $0x11\n"
    "	jmp	code_begin\n"
    "code_handler:\n"
    "	incw	0x3000\n"
    "	iretw\n"
    "code_end:\n"
    ".code64\n"
    ".popsection\n");

static int check(int result, const char *what)
{
	if (result < 0) {
		perror(what);
		exit(2);
	}
	return result;
}

int main(void)
{
	int kvm = check(open("/dev/kvm", O_RDWR), "/dev/kvm");
	int vm = check(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	uint8_t *memory = mmap(NULL, MEMORY, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			       -1, 0);
	struct kvm_userspace_memory_region region = {
		.memory_size = MEMORY,
		.userspace_addr = (uintptr_t)memory,
	};
	struct kvm_interrupt interrupt = { .irq = VECTOR };
	struct kvm_regs regs = { .rip = CODE, .rsp = 0x8000, .rflags = 2 };
	int injected = 0, unasked = 0, vcpu, size;
	struct kvm_sregs sregs;
	struct kvm_run *run;
	time_t end;

	memcpy(memory + CODE, code_begin, code_end - code_begin);
	*(uint16_t *)(memory + VECTOR * 4) = CODE + (code_handler - code_begin);
	check(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
	vcpu = check(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	size = check(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
	run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	check(ioctl(vcpu, KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(ioctl(vcpu, KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(vcpu, KVM_SET_REGS, &regs), "KVM_SET_REGS");

	end = time(NULL) + SECONDS;
	while (time(NULL) < end) {
		check(ioctl(vcpu, KVM_RUN, 0), "KVM_RUN");
		if (run->exit_reason != KVM_EXIT_IO) {
			printf("the guest ended for reason %u\n", run->exit_reason);
			return 2;
		}
		if (run->io.port == PORT_UNASKED) {
			unasked++;
			continue;
		}
		check(ioctl(vcpu, KVM_INTERRUPT, &interrupt), "KVM_INTERRUPT");
		injected++;
	}
	printf("%d interrupts injected, %d times one came unasked\n", injected, unasked);
	return !injected || unasked;
}
