/*
 * Where the bpf programs hang: a filter at the ingress of each link of the host, and one at the egress of
 * the tunnel device (tc's clsact). A filter is ours by its handle and preference, so that those of a killed
 * predecessor are replaced, in one step, and those of others stay.
 *
 * Links that have a master (ports of a bridge, members of a bond) have no filter: their packets come by
 * again on the master.
 */
#ifndef MIP_PLANE_BPF_LINKS_H
#define MIP_PLANE_BPF_LINKS_H

#include <netlink/netlink.h>

#include "bpf_firewall.h"
#include "input.h"
#include "log.h"

struct mip_bpf_link;

enum mip_bpf_link_kind {
	MIP_BPF_ETHERNET,
	MIP_BPF_BARE,
	MIP_BPF_LINK_KINDS,
};

enum mip_bpf_duty {
	MIP_BPF_BOTH_WAYS,
	MIP_BPF_DECAPSULATE,
	MIP_BPF_DUTIES,
};

struct mip_bpf_links {
	const struct mip_log *log;
	struct nl_sock *socket;
	mip_link tunnel;
	uint32_t handle;
	/* Descriptors, the caller's. At a link that is Ethernet, and at one without link headers: the
	 * program that does all, and the one that only takes packets out of tunnels. */
	int programs[MIP_BPF_LINK_KINDS][MIP_BPF_DUTIES];
	int egress_program;
	struct mip_bpf_rules rules; /* as they were last looked at */
	bool blind; /* the programs do not know all that they must to go past the host's rules */
	bool waits; /* a predecessor's filters hang there still: they are replaced by mip_bpf_links_begin() */
	struct mip_bpf_link *links; /* by index */
	/* How many have a filter, and with how many of them packets go past the host's rules; for the counters. */
	uint64_t attached, early;
};

/* Hangs the egress program to the tunnel device. `links` has `log`, `tunnel`, `handle` and the programs
 * filled in. 0 or negative errno. */
int mip_bpf_links_open(struct mip_bpf_links *links);
/* The end of `waits`: every filter of the predecessor's is replaced, in one step each, or taken away where
 * there is to be none. 0, or negative errno of the tunnel device's. */
int mip_bpf_links_begin(struct mip_bpf_links *links);
/* Leaves all filters where they are, for a successor. */
void mip_bpf_links_leave(struct mip_bpf_links *links);
/* Takes all filters away, and the hooks that were made for them and that nobody else uses. */
void mip_bpf_links_close(struct mip_bpf_links *links);
/* Takes away the filters of a predecessor that was killed, from every link, with the hooks that only such
 * daemons use; for one that hangs none itself. `links` has `handle` filled in. */
void mip_bpf_links_sweep(struct mip_bpf_links *links);
/* A link as it is now: gets a filter, or is forgotten. One that takes none is said in the log, and tried
 * again with each check; so is one whose ingress has rules of netfilter's, which the filter would come
 * before. */
void mip_bpf_links_follow(struct mip_bpf_links *links, const struct mip_input_link *link);
/* 0 when every filter is where it was put, otherwise -ENOENT and the name of a link without one. Where the
 * host's rules for forwarded packets have come or gone the link gets the program that respects it; another
 * negative errno and its name when that cannot be: the one that hangs there is the wrong one. */
int mip_bpf_links_check(struct mip_bpf_links *links, char name[static MIP_LINK_NAME]);

#endif
