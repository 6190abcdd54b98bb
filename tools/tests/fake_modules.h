/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel modules as libkmod wants them: an index modules.dep.bin and ELF files, signed or not. */
#ifndef FAKE_MODULES_H
#define FAKE_MODULES_H

#include <arpa/inet.h>
#include <elf.h>

#include "fake_root.h"

#define INDEX_MAGIC 0xb007f457u
#define INDEX_VERSION 0x00020001u
#define INDEX_VALUES 0x40000000u
#define INDEX_CHILDREN 0x20000000u

struct image {
	uint8_t bytes[16384];
	size_t size;
};

static inline void image_add(struct image *image, const void *bytes, size_t size)
{
	assert_true(image->size + size <= sizeof(image->bytes));
	memcpy(image->bytes + image->size, bytes, size);
	image->size += size;
}

static inline void image_add_be32(struct image *image, uint32_t value)
{
	value = htonl(value);
	image_add(image, &value, sizeof(value));
}

/*
 * A node of the index for all names that start with the first depth characters of names[0]; names
 * are sorted. Returns its offset, with what it has in the upper bits. Children are written first.
 */
static inline uint32_t image_add_node(struct image *image, const char *const *names, size_t nr,
				      size_t depth)
{
	uint32_t children[128] = {};
	uint32_t offset, flags = 0;
	uint8_t first = 127, last = 0;
	size_t i, j;

	for (i = !names[0][depth]; i < nr; i = j) {
		uint8_t c = names[i][depth];

		for (j = i; j < nr && (uint8_t)names[j][depth] == c; j++)
			;
		children[c] = image_add_node(image, names + i, j - i, depth + 1);
		first = c < first ? c : first;
		last = c;
	}
	offset = image->size;
	if (last) {
		flags |= INDEX_CHILDREN;
		image_add(image, &first, 1);
		image_add(image, &last, 1);
		for (i = first; i <= last; i++)
			image_add_be32(image, children[i]);
	}
	if (!names[0][depth]) {
		__cleanup_free char *value = format("updates/%s.ko:", names[0]);

		flags |= INDEX_VALUES;
		image_add_be32(image, 1);
		image_add_be32(image, 0);
		image_add(image, value, strlen(value) + 1);
	}
	return offset | flags;
}

static inline void put_module_index(const char *release, const char *const *names, size_t nr)
{
	__cleanup_free char *path = format("/lib/modules/%s/modules.dep.bin", release);
	struct image image = {};
	uint32_t root;

	image_add_be32(&image, INDEX_MAGIC);
	image_add_be32(&image, INDEX_VERSION);
	image_add_be32(&image, 0);
	root = htonl(image_add_node(&image, names, nr, 0));
	memcpy(image.bytes + 8, &root, sizeof(root));
	put_bytes(path, image.bytes, image.size);
}

static inline void put_module(const char *release, const char *name, bool is_signed)
{
	static const char strings[] = "\0.modinfo\0.shstrtab";
	static const char modinfo[] = "license=GPL";
	static const uint8_t signature[] = { 1, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4 };
	__cleanup_free char *path = format("/lib/modules/%s/updates/%s.ko", release, name);
	Elf64_Ehdr header = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			     EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_shoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
		.e_shstrndx = 2,
	};
	Elf64_Shdr sections[3] = {
		[1] = { .sh_name = 1,
			.sh_type = SHT_PROGBITS,
			.sh_size = sizeof(modinfo),
			.sh_offset = sizeof(header) + sizeof(sections) },
		[2] = { .sh_name = 10,
			.sh_type = SHT_STRTAB,
			.sh_size = sizeof(strings),
			.sh_offset = sizeof(header) + sizeof(sections) + sizeof(modinfo) },
	};
	struct image image = {};

	image_add(&image, &header, sizeof(header));
	image_add(&image, sections, sizeof(sections));
	image_add(&image, modinfo, sizeof(modinfo));
	image_add(&image, strings, sizeof(strings));
	if (is_signed) {
		image_add(&image, "sign", 4);
		image_add(&image, signature, sizeof(signature));
		image_add(&image, "~Module signature appended~\n", 28);
	}
	put_bytes(path, image.bytes, image.size);
}

#endif
