/*
 * The table of tunnels that the bpf programs look into: bpf_shared.h says how it is laid out.
 *
 * It is an array map that this process has mapped, so that a change is a few stores and no system call, and a
 * million of them take no longer than filling in the memory. It grows by a new map, twice as large, in
 * which all entries are found anew, and which takes the old one's place in one step; what the programs
 * counted in the old one is added then.
 */
#ifndef MIP_PLANE_BPF_TABLE_H
#define MIP_PLANE_BPF_TABLE_H

#include "bpf_shared.h"
#include "types.h"

struct mip_bpf_table {
	int outer_descriptor; /* the map whose one entry is the table in force */
	int descriptor;	      /* of the table in force, ours; -1: none */
	struct mip_bpf_slot *slots;
	uint32_t size; /* slots, a power of two */
	uint32_t used;
	uint32_t gone;
	volatile struct mip_bpf_settings *settings; /* mask, first and last are kept here for the programs */
};

/* Takes over the map `descriptor` of `size` empty slots, a duplicate of which is the table's from now on. 0
 * or negative errno. */
int mip_bpf_table_open(struct mip_bpf_table *table, int outer_descriptor, int descriptor, uint32_t size,
	volatile struct mip_bpf_settings *settings);
void mip_bpf_table_close(struct mip_bpf_table *table);

/* The slot of a home address at an end (0 or MIP_BPF_VISITED); NULL: there is none. Good until the next
 * put. */
struct mip_bpf_slot *mip_bpf_table_find(const struct mip_bpf_table *table, uint32_t home, uint8_t end);

/* Adds or replaces by home address and end; counts go on. 0 or negative errno, and then the home address
 * has no entry. */
int mip_bpf_table_put(struct mip_bpf_table *table, const struct mip_bpf_slot *wanted);
/* What is not there is no error. */
void mip_bpf_table_remove(struct mip_bpf_table *table, uint32_t home, uint8_t end);

#endif
