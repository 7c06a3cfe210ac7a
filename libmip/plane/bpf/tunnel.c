/*
 * The bpf programs: tunnels at the price of a look-up.
 *
 *   a link ──> ingress ──┬─ out of a tunnel, from its peer ──> header off ──> straight on, or mip0, coming in
 *                        ├─ for a node that is away ──> header on ──> straight out of the outer link
 *                        └─ everything else, untouched ──> the host's stack
 *
 * Where netfilter has rules for what is forwarded, a link's program only takes packets out of tunnels and
 * lets them come in by mip0, and those for a node come to mip0 by the stack; so that both meet the rules.
 *
 *   the host's stack ──> mip0, going out ──> egress ──┬─ has a tunnel ──> header on ──> out of the outer link
 *                                                     └─ everything else ──> the daemon
 *
 * What they take they finish; everything else they leave as it was, to the stack and the daemon behind
 * mip0, which do the whole of RFC 2003, 2004, 2784 and 3519: packets that are too large, that have run out
 * of hops or have options, fragments in a tunnel, broadcasts, ICMP to be made, and whatever looks wrong, so
 * that it is counted and logged in one place. Only what is half changed when memory runs out is dropped,
 * and counted.
 *
 * Where the outer packet goes is asked for (bpf_fib_lookup) before anything is changed.
 */
#include "out.h"

char program_license[] SEC("license") = "Dual MIT/GPL";

/* --- the hooks ------------------------------------------------------------------------------------- */

/* The IP header, at hand. NULL: nothing for us. */
static ALWAYS_INLINE struct iphdr *begin(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip;

	/* A frame of a VLAN comes by again, without its tag, on the VLAN's own link. */
	if (skb->protocol != bpf_htons(ETH_P_IP) || skb->vlan_present)
		return NULL;
	ip = header_at(skb, offset, IP_HEADER);
	if (!ip && bpf_skb_pull_data(skb, offset + IP_HEADER) == 0)
		ip = header_at(skb, offset, IP_HEADER);
	if (!ip || ip->version != 4 || ip->ihl < IP_WORDS)
		return NULL;
	return ip;
}

/* The same with `more` octets after it, if the packet has them, once it is clear that they may matter. */
static ALWAYS_INLINE struct iphdr *pull(struct __sk_buff *skb, __u32 offset, __u32 more)
{
	struct iphdr *ip = header_at(skb, offset, IP_HEADER + more);

	if (ip || skb->len < offset + IP_HEADER + more)
		return ip ? ip : header_at(skb, offset, IP_HEADER);
	if (bpf_skb_pull_data(skb, offset + IP_HEADER + more) != 0)
		return NULL;
	return header_at(skb, offset, IP_HEADER);
}

static ALWAYS_INLINE bool may_be_tunnelled(__u8 protocol)
{
	return protocol == PROTOCOL_IPIP || protocol == IPPROTO_GRE || protocol == IPPROTO_UDP ||
	       protocol == PROTOCOL_MINIMAL;
}

/* Takes off what Ethernet put behind a short packet, as the stack would. False: the packet is not whole, or
 * the kernel has no memory for that. Pointers into the packet are not good any more. */
static ALWAYS_INLINE bool trim(struct __sk_buff *skb, __u32 offset, __u32 length)
{
	__u32 whole = offset + length;

	if (skb->len == whole)
		return true;
	return length >= IP_HEADER && skb->len > whole && skb->gso_size == 0 &&
	       bpf_skb_change_tail(skb, whole, 0) == 0;
}

/* A packet that looks like a tunnel's. TC_ACT_UNSPEC: it is not, or not for us. */
static ALWAYS_INLINE int try_decapsulate(struct __sk_buff *skb, __u32 offset, bool forward)
{
	struct outer outer = {.kind = MIP_BPF_MINIMAL};
	struct iphdr *ip = pull(skb, offset, MINIMAL_HEADER + IP_HEADER);

	if (ip)
		ip = header_at(skb, offset, IP_HEADER + MINIMAL_HEADER);
	if (!ip || ip->frag_off & bpf_htons(FRAGMENT) || !is_intact(ip))
		return TC_ACT_UNSPEC;
	if (ip->protocol != PROTOCOL_MINIMAL && !read_outer(ip, &outer))
		return TC_ACT_UNSPEC;
	if (!trim(skb, offset, bpf_ntohs(ip->tot_len)))
		return TC_ACT_UNSPEC;
	if (outer.kind != MIP_BPF_MINIMAL)
		return decapsulate(skb, offset, &outer, forward);
	ip = header_at(skb, offset, IP_HEADER + MINIMAL_HEADER);
	return ip ? decapsulate_minimal(skb, offset, ip, forward) : TC_ACT_UNSPEC;
}

/* A packet that a router would forward: not broken, not for the router's own attention. */
static ALWAYS_INLINE bool can_forward(const struct iphdr *ip)
{
	__u32 source = ip->saddr;

	if (ip->ihl != IP_WORDS || ip->ttl <= 1 || !is_unicast(source) || !is_intact(ip))
		return false;
	/* rfc2003-3.2-1: "If the IP Source Address of the datagram matches the router's own IP address on any of its
	 * network interfaces, the router MUST NOT tunnel the datagram". The stack calls it martian. */
	return bpf_map_lookup_elem(&own, &source) == NULL;
}

/*
 * At the visited end: whether the host's routing leads what comes from this node, in by this link, to mip0.
 * The rules that say so are the machine's (RFC 3024 5.2), and what is for the host itself or its neighbours
 * they may lead elsewhere.
 */
static ALWAYS_INLINE bool is_led(struct __sk_buff *skb, const struct iphdr *ip)
{
	struct bpf_fib_lookup way = {
		.family = INET,
		.l4_protocol = ip->protocol,
		.tos = ip->tos & ~ECN,
		.ipv4_src = ip->saddr,
		.ipv4_dst = ip->daddr,
		.ifindex = skb->ifindex,
	};
	long result = ask_routing(skb, &way, 0);

	/* A TUN device has no neighbours to be known. */
	return (result == BPF_FIB_LKUP_RET_SUCCESS || result == BPF_FIB_LKUP_RET_NO_NEIGH) &&
	       way.ifindex == shared.settings.tunnel;
}

/* The tunnel that a packet goes into from here. At home it is by the destination, and the machine has said
 * that it is led; away by the source. */
static ALWAYS_INLINE bool find_tunnel(const struct iphdr *ip, struct tunnel *tunnel)
{
	__u32 source = ip->saddr;

	if (find(ip->daddr, 0, tunnel))
		return tunnel->flags & MIP_BPF_LED;
	return find(source, MIP_BPF_VISITED, tunnel) && tunnel->flags & MIP_BPF_HAS_TUNNEL;
}

static ALWAYS_INLINE int ingress(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip = begin(skb, offset);
	struct tunnel tunnel;
	int action;

	/* On a link that others share, and on the ports of a bridge, not everything is for this host. */
	if (!ip || skb->pkt_type != 0 /* PACKET_HOST */)
		return TC_ACT_UNSPEC;
	if (ip->ihl == IP_WORDS && may_be_tunnelled(ip->protocol)) {
		action = try_decapsulate(skb, offset, true);
		if (action != TC_ACT_UNSPEC)
			return action;
		ip = header_at(skb, offset, IP_HEADER);
	}
	if (!ip || !find_tunnel(ip, &tunnel))
		return TC_ACT_UNSPEC;
	if (!trim(skb, offset, bpf_ntohs(ip->tot_len)))
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	ip = pull(skb, offset, TCP_HEADER);
	if (!ip || ip->saddr == tunnel.local || !can_forward(ip))
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	if (tunnel.flags & MIP_BPF_VISITED && !is_led(skb, ip))
		return TC_ACT_UNSPEC;
	return encapsulate(skb, offset, ip, &tunnel, true);
}

/* The other half alone: the host's rules for what it forwards are asked before mip0. */
static ALWAYS_INLINE int only_decapsulate(struct __sk_buff *skb, __u32 offset)
{
	struct iphdr *ip = begin(skb, offset);

	if (!ip || skb->pkt_type != 0 /* PACKET_HOST */ || ip->ihl != IP_WORDS ||
		!may_be_tunnelled(ip->protocol))
		return TC_ACT_UNSPEC;
	return try_decapsulate(skb, offset, false);
}

SEC("tc")
int link_ethernet(struct __sk_buff *skb)
{
	return ingress(skb, ETH_HLEN);
}

/* A link without link headers: PPP, another tunnel. */
SEC("tc")
int link_bare(struct __sk_buff *skb)
{
	return ingress(skb, 0);
}

SEC("tc")
int exit_ethernet(struct __sk_buff *skb)
{
	return only_decapsulate(skb, ETH_HLEN);
}

SEC("tc")
int exit_bare(struct __sk_buff *skb)
{
	return only_decapsulate(skb, 0);
}

SEC("tc")
int egress_tunnel(struct __sk_buff *skb)
{
	struct iphdr *ip = begin(skb, 0);
	struct tunnel tunnel;

	if (!ip)
		return TC_ACT_UNSPEC;
	ip = pull(skb, 0, TCP_HEADER);
	if (!ip || bpf_ntohs(ip->tot_len) != skb->len)
		return leave(MIP_BPF_LEFT_ENCAPSULATION);
	if (!find(ip->daddr, 0, &tunnel) || !(tunnel.flags & MIP_BPF_HAS_TUNNEL)) {
		if (!find(ip->saddr, MIP_BPF_VISITED, &tunnel))
			return TC_ACT_UNSPEC;
	}
	return encapsulate(skb, 0, ip, &tunnel, false);
}
