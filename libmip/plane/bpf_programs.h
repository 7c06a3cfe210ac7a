/*
 * The bpf programs (bpf/tunnel.c), which clang made at build time and which are part of this binary: loaded
 * into the kernel.
 */
#ifndef MIP_PLANE_BPF_PROGRAMS_H
#define MIP_PLANE_BPF_PROGRAMS_H

#include "bpf_shared.h"

struct bpf_object;

struct mip_bpf_programs {
	struct bpf_object *object;
	struct mip_bpf_shared *shared; /* the programs' settings and counters, mapped */
};

/* 0 or negative errno; -EPERM without CAP_BPF and CAP_NET_ADMIN. */
int mip_bpf_programs_load(struct mip_bpf_programs *programs);
/* Also of what is half loaded, or all zero. Programs that hang somewhere stay as long as they do. */
void mip_bpf_programs_unload(struct mip_bpf_programs *programs);
/* The descriptor of a program or a map, by its name in bpf/tunnel.c; it stays the object's. */
int mip_bpf_program(const struct mip_bpf_programs *programs, const char *name);
int mip_bpf_map(const struct mip_bpf_programs *programs, const char *name);

#endif
