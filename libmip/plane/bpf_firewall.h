/*
 * Whether a packet on its way through this host has somebody to ask: netfilter's rules, or a strict reverse
 * path filter. What is forwarded the bpf programs must not send past them at the link then, and encapsulate
 * behind them, at mip0. At a link whose ingress has rules they must take nothing, for they come before
 * those.
 */
#ifndef MIP_PLANE_BPF_FIREWALL_H
#define MIP_PLANE_BPF_FIREWALL_H

#include "input.h"

/* A link with a chain at one of its sides. */
struct mip_bpf_ruled {
	char link[MIP_LINK_NAME];
	bool at_egress;
};

/* What netfilter has in this namespace for IPv4, in nftables' base chains or in a table of the old
 * iptables. */
struct mip_bpf_rules {
	bool known;	/* somebody has looked */
	bool forwarded; /* at prerouting, forward or postrouting; also true when it cannot be found out */
	/* The links with a chain of the family netdev or inet; `everywhere`: some are not told, or it cannot be
	 * found out. */
	struct mip_bpf_ruled *links;
	size_t count, size;
	bool everywhere;
};
/* Looks anew; where the chains change meanwhile, what was known stays. `rules` is zero-initialised the first
 * time, and goes with mip_bpf_rules_clear(). */
void mip_bpf_rules_look(struct mip_bpf_rules *rules);
void mip_bpf_rules_clear(struct mip_bpf_rules *rules);
/* Whether a link's ingress has rules; whether its egress has. */
bool mip_bpf_rules_at(const struct mip_bpf_rules *rules, const char *link_name);
bool mip_bpf_rules_behind(const struct mip_bpf_rules *rules, const char *link_name);

/* Whether there are policies of IPsec for packets that come in, leave or are forwarded. Then no program may
 * carry tunnels: what must be encrypted between two agents (or be dropped when it is not) would pass in
 * clear. Also true when it cannot be found out. */
bool mip_bpf_ipsec_is_there(void);

/* Whether packets that come in by the link are checked against their source's route (rp_filter is 1 there, or
 * for all links: the kernel takes the larger of the two, and 2 is loose). */
bool mip_bpf_source_is_checked(const char *link_name);

#endif
