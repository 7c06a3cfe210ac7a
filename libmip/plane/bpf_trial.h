/*
 * The bpf programs tried on packets that never were, before they get any that are: a kernel may take a
 * program and not do what it is for.
 */
#ifndef MIP_PLANE_BPF_TRIAL_H
#define MIP_PLANE_BPF_TRIAL_H

#include "bpf_table.h"

/* One packet into each kind of tunnel and out of it. The table is as before afterwards, and so are the
 * counters. 0; -EPROTO: what came out is not what should have; other negative errno. */
int mip_bpf_try(int link_ethernet, struct mip_bpf_table *table, struct mip_bpf_shared *shared);

#endif
