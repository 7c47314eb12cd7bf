// SPDX-License-Identifier: GPL-2.0-only
/*
 * vmcore_notes: print the number of notes of /proc/vmcore that have the registers of a
 * CPU, and to stderr each note.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/procfs.h>
#include <unistd.h>

#define ALIGN4(size) (((size) + 3) & ~3ul)

static unsigned int count_notes(const char *notes, size_t size)
{
	unsigned int nr = 0;
	size_t at = 0;

	while (at + sizeof(Elf64_Nhdr) <= size) {
		const Elf64_Nhdr *note = (const void *)(notes + at);
		const char *name = (const char *)(note + 1);
		const struct elf_prstatus *status =
			(const void *)(name + ALIGN4(note->n_namesz));

		if (!note->n_namesz)
			break;
		fprintf(stderr, "note %.*s, type %u, %u bytes\n", (int)note->n_namesz, name,
			note->n_type, note->n_descsz);
		if (!strcmp(name, "CORE") && note->n_type == NT_PRSTATUS &&
		    status->pr_reg[16])
			nr++;
		at += sizeof(*note) + ALIGN4(note->n_namesz) + ALIGN4(note->n_descsz);
	}
	return nr;
}

int main(void)
{
	int fd = open("/proc/vmcore", O_RDONLY);
	unsigned int i, nr = 0;
	Elf64_Ehdr ehdr;
	Elf64_Phdr phdr;
	char *notes;

	if (fd < 0 || pread(fd, &ehdr, sizeof(ehdr), 0) != sizeof(ehdr))
		return 1;
	for (i = 0; i < ehdr.e_phnum; i++) {
		if (pread(fd, &phdr, sizeof(phdr), ehdr.e_phoff + i * sizeof(phdr)) !=
		    sizeof(phdr))
			return 1;
		if (phdr.p_type != PT_NOTE)
			continue;
		notes = malloc(phdr.p_filesz);
		if (!notes ||
		    pread(fd, notes, phdr.p_filesz, phdr.p_offset) != (ssize_t)phdr.p_filesz)
			return 1;
		nr += count_notes(notes, phdr.p_filesz);
		free(notes);
	}
	printf("%u\n", nr);
	return 0;
}
