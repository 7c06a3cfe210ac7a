/*
 * The object file of the bpf programs, loaded by libbpf.
 */
#include "bpf_programs.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

__asm__(".pushsection .rodata\n"
	".balign 16\n"
	"mip_bpf_object:\n"
	".incbin \"" MIP_BPF_OBJECT "\"\n"
	"mip_bpf_object_end:\n"
	".byte 0\n"
	".popsection\n");
extern const uint8_t mip_bpf_object[], mip_bpf_object_end[];

/* Errors come back as numbers, and who asked puts them into words. */
static int be_silent(enum libbpf_print_level level, const char *format, va_list arguments)
{
	(void)level;
	(void)format;
	(void)arguments;
	return 0;
}

/* The programs' variables are a map of their own, named after their section. */
static int map_shared(struct mip_bpf_programs *programs)
{
	struct bpf_map *map;
	void *mapped;

	bpf_object__for_each_map(map, programs->object)
	{
		const char *section = strchr(bpf_map__name(map), '.');

		if (section == NULL || strcmp(section, ".bss") != 0)
			continue;
		mapped = mmap(NULL, sizeof(*programs->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			bpf_map__fd(map), 0);
		if (mapped == MAP_FAILED)
			return -errno;
		programs->shared = mapped;
		return 0;
	}
	return -ENOENT;
}

int mip_bpf_programs_load(struct mip_bpf_programs *programs)
{
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = "mip");
	struct mip_bpf_programs made = {0};
	size_t size = (size_t)(mip_bpf_object_end - mip_bpf_object);
	int error;

	libbpf_set_print(be_silent);
	made.object = bpf_object__open_mem(mip_bpf_object, size, &options);
	if (!made.object)
		return -errno;
	error = bpf_object__load(made.object);
	if (!error)
		error = map_shared(&made);
	if (error)
		mip_bpf_programs_unload(&made);
	else
		*programs = made;
	return error;
}

void mip_bpf_programs_unload(struct mip_bpf_programs *programs)
{
	if (programs->shared)
		munmap(programs->shared, sizeof(*programs->shared));
	bpf_object__close(programs->object);
	*programs = (struct mip_bpf_programs){0};
}

int mip_bpf_program(const struct mip_bpf_programs *programs, const char *name)
{
	return bpf_program__fd(bpf_object__find_program_by_name(programs->object, name));
}

int mip_bpf_map(const struct mip_bpf_programs *programs, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(programs->object, name));
}
