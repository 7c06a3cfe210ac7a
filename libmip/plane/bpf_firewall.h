/*
 * Whether a packet on its way through this host has somebody to ask: netfilter's rules for what is forwarded, or a strict
 * reverse path filter. If so the bpf programs must not send it past them at the link, and encapsulate behind them, at
 * mip0.
 */
#ifndef MIP_PLANE_BPF_FIREWALL_H
#define MIP_PLANE_BPF_FIREWALL_H

#include "types.h"

/* Whether netfilter has a chain at prerouting, forward or postrouting for IPv4 in this namespace: nftables' base chains, or
 * a table of the old iptables. Also true when it cannot be found out. */
bool mip_bpf_firewall_is_there(void);

/* Whether there are policies of IPsec for packets that come in, leave or are forwarded. Then no program may carry
 * tunnels: what must be encrypted between two agents (or be dropped when it is not) would pass in clear. Also true when
 * it cannot be found out. */
bool mip_bpf_ipsec_is_there(void);

/* Whether packets that come in by the link are checked against their source's route (rp_filter is 1 there, or for
 * all links: the kernel takes the larger of the two, and 2 is loose). */
bool mip_bpf_source_is_checked(const char *link_name);

#endif
