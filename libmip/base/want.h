/*
 * The kernel state that a machine wants, as values. A machine says "this route is wanted" and later "no
 * longer"; a reconciler makes the kernel match, repairs it when someone else breaks it, and puts everything
 * back at the end.
 *
 * Each item has a key (which thing it is) and a value (how it shall be): wanting an item whose key is wanted
 * already replaces its value in one step, without a moment in which there is neither.
 *
 *   kind       key                                value
 *   ADDRESS    link, address, prefix length       no_prefix_route
 *   ROUTE      table, destination, metric         link, gateway, source, mtu, type, onlink, nexthop
 *   RULE       all                                -
 *   NEIGHBOUR  link, address                      link_address, seed
 *   PROXY      link, address                      -       a proxy ARP entry
 *   SETTING    link, setting                      value   a sysctl of the interface, or of the host
 *   GROUP      link, address                      -       membership of a multicast group
 *   TUNNEL     home address, end                  local, remote, ports, encapsulation, link
 *   COPY       home address, remote, its port     local, port, encapsulation, link
 *   PEER       home address, remote, its port     local
 *   GROUPS     home address, end, remote, port    local
 *   RELAY      home address                       local, link, encapsulation
 *   BROADCAST  address                            -
 *   LISTEN     link                               -
 *
 * TUNNEL, COPY, PEER, GROUPS, RELAY and BROADCAST are the data plane's, LISTEN is the link sockets', the others are the
 * reconciler's.
 */
#ifndef MIP_BASE_WANT_H
#define MIP_BASE_WANT_H

#include "types.h"

enum mip_want_kind {
	MIP_WANT_NONE,
	MIP_WANT_ADDRESS,
	MIP_WANT_ROUTE,
	MIP_WANT_RULE,
	MIP_WANT_NEIGHBOUR,
	MIP_WANT_PROXY,
	MIP_WANT_SETTING,
	MIP_WANT_GROUP,
	MIP_WANT_TUNNEL,
	MIP_WANT_COPY,
	MIP_WANT_PEER,
	MIP_WANT_GROUPS,
	MIP_WANT_RELAY,
	MIP_WANT_BROADCAST,
	MIP_WANT_LISTEN,
};

enum mip_route_type {
	MIP_ROUTE_UNICAST,
	MIP_ROUTE_BLACKHOLE,
	MIP_ROUTE_UNREACHABLE,
	MIP_ROUTE_LOCAL,
	MIP_ROUTE_THROW,
	MIP_ROUTE_BROADCAST, /* the address is a broadcast of the link */
};

/* Routing tables by number; 0 in `table` means the main one. */
enum {
	MIP_TABLE_MAIN = 254,
};

/* A route is one destination in one table. `source` is the preferred source address, 0.0.0.0 for none. */
struct mip_want_route {
	uint32_t table;
	struct mip_prefix destination;
	uint32_t metric;
	enum mip_route_type type;
	mip_link link;
	struct mip_address gateway; /* 0.0.0.0: on the link itself */
	struct mip_address source;
	uint32_t mtu; /* 0: the device's */
	bool onlink;  /* the gateway is reached on the link though no address of ours says so */
	/* A nexthop object of the kernel's in place of link and gateway, 0 for none. A machine never sets it: the
	 * data plane leads a route into the tunnel device there. */
	uint32_t nexthop;
};

struct mip_want_rule {
	uint32_t priority;
	struct mip_prefix from; /* length 0: any */
	struct mip_prefix to;
	mip_link incoming; /* MIP_LINK_NONE: any */
	bool local_only;   /* only packets that this host itself sends (iif lo) */
	uint32_t table;
	int suppress_prefix_length; /* -1: none; 0 passes over default routes of the table */
};

struct mip_want_address {
	mip_link link;
	struct mip_address address;
	uint8_t prefix_length;
	bool no_prefix_route;
};

struct mip_want_neighbour {
	mip_link link;
	struct mip_address address;
	struct mip_link_address link_address;
	/* Told to the kernel once as something just learned (NUD_REACHABLE), then the kernel's own: not
	 * repaired, not removed. Otherwise permanent. */
	bool seed;
};

struct mip_want_proxy {
	mip_link link;
	struct mip_address address;
};

/* Settings of an interface; with link MIP_LINK_NONE those of the host ("all", or the host's only one). */
enum mip_kernel_setting {
	MIP_SETTING_FORWARDING, /* net.ipv4.conf.LINK.forwarding; of the host: net.ipv4.ip_forward */
	MIP_SETTING_RP_FILTER,	/* 2 is loose; the kernel uses the larger of this and "all" */
	MIP_SETTING_PROXY_ARP,
	MIP_SETTING_ARP_IGNORE,
	MIP_SETTING_ARP_ANNOUNCE,
	MIP_SETTING_ARP_NOTIFY,
	MIP_SETTING_ACCEPT_LOCAL,
	MIP_SETTING_ACCEPT_REDIRECTS,
	MIP_SETTING_SEND_REDIRECTS,
	MIP_SETTING_PROXY_DELAY, /* net.ipv4.neigh.LINK.proxy_delay; 0 answers proxy ARP at once */
	MIP_SETTING_COUNT,
};

struct mip_want_setting {
	mip_link link;
	enum mip_kernel_setting setting;
	int value;
};

struct mip_want_group {
	mip_link link;
	struct mip_address address;
};

enum mip_encapsulation {
	MIP_ENCAPSULATION_IPIP,	   /* RFC 2003, protocol 4 */
	MIP_ENCAPSULATION_GRE,	   /* RFC 2784, protocol 47 */
	MIP_ENCAPSULATION_MINIMAL, /* RFC 2004, protocol 55 */
	MIP_ENCAPSULATION_UDP,	   /* RFC 3519, UDP with a MIP Tunnel Data header, IP-in-IP inside */
};

/* Which end of the tunnel this host is, as seen from the mobile node's home address. */
enum mip_tunnel_end {
	MIP_TUNNEL_HOME,    /* the home agent: what comes to mip0 *for* the home address is encapsulated */
	MIP_TUNNEL_VISITED, /* foreign agent or co-located node: what comes to mip0 *from* the home address is */
	/* In its place for packets to groups and to everyone, where those go another way (rfc5944-4.4-7). TUNNEL only. */
	MIP_TUNNEL_VISITED_GROUPS,
};

/*
 * Encapsulation: packets of (or for) one home address that the host's routing leads to mip0. As a COPY (at
 * the HOME end only): a further tunnel, for simultaneous bindings; a copy of each packet goes there as well
 * as into the TUNNEL. One without a TUNNEL beside it carries nothing.
 */
struct mip_want_tunnel {
	struct mip_address home_address;
	enum mip_tunnel_end end;
	struct mip_address local;  /* outer source */
	struct mip_address remote; /* outer destination */
	enum mip_encapsulation encapsulation;
	uint16_t local_port; /* UDP only, host byte order */
	uint16_t remote_port;
	mip_link link; /* outer packets leave by this interface; MIP_LINK_NONE leaves it to the routing */
	/* RFC 3024 5.2, a mobile node's Encapsulating Delivery Style: the outer packets go to the foreign agent on the
	 * link, and `local` is the home address itself. */
	bool delivery;
};

/*
 * Decapsulation: packets with this outer source are taken out of the tunnel if the inner packet is *from* the
 * home address (at the HOME end) or *for* it (at the VISITED end). A home address may have several peers at
 * once: during a handover packets by the old way are still welcome.
 */
struct mip_want_peer {
	struct mip_address home_address;
	enum mip_tunnel_end end;
	struct mip_address remote; /* outer source */
	uint16_t remote_port;	   /* UDP only; 0 for the others */
	struct mip_address local;  /* outer destination; 0.0.0.0 any of ours */
};

/*
 * Packets to groups and to everyone, whose destination names no home address (RFC 5944 4.3, 4.4). At the VISITED end,
 * the mobile node's: those from `remote` to `local` are taken out and come to this host by the tunnel device. At the
 * HOME end: those of the node by this way go to the machine, as those by a PEER's way do anyhow.
 */
struct mip_want_groups {
	struct mip_address home_address;
	enum mip_tunnel_end end;
	struct mip_address remote; /* outer source */
	uint16_t remote_port;	   /* UDP only; 0 for the others */
	struct mip_address local;  /* outer destination; 0.0.0.0 any of ours */
};

/*
 * RFC 3024 5.2, a foreign agent's part in the Encapsulating Delivery Style: what the visitor itself sends in a tunnel to
 * `local` by `link` – outer and inner source are its home address – goes into the TUNNEL of its VISITED end.
 */
struct mip_want_relay {
	struct mip_address home_address;
	struct mip_address local;	      /* outer destination; 0.0.0.0 any of ours */
	mip_link link;			      /* where they come in */
	enum mip_encapsulation encapsulation; /* that the node has registered */
};

/* An address that is everyone's on a link, though it looks like a host's (10.1.0.255). */
struct mip_want_broadcast {
	struct mip_address address;
};

/* What comes to groups and to everyone by this link is wanted as frames. */
struct mip_want_listen {
	mip_link link;
};

struct mip_want {
	enum mip_want_kind kind;
	union {
		struct mip_want_address address;
		struct mip_want_route route;
		struct mip_want_rule rule;
		struct mip_want_neighbour neighbour;
		struct mip_want_proxy proxy;
		struct mip_want_setting setting;
		struct mip_want_group group;
		struct mip_want_tunnel tunnel; /* of a COPY too */
		struct mip_want_peer peer;
		struct mip_want_groups groups;
		struct mip_want_relay relay;
		struct mip_want_broadcast broadcast;
		struct mip_want_listen listen;
	};
};

enum {
	MIP_WANT_KEY = 32, /* octets that hold any key */
	MIP_WANT_TEXT = 256,
};

/* The item's key as octets, the same for the same thing: for hashing and comparing. Returns the length used.
 */
size_t mip_want_key(const struct mip_want *want, uint8_t key[static MIP_WANT_KEY]);
bool mip_want_same_key(const struct mip_want *a, const struct mip_want *b);
/* The same key and the same value. */
bool mip_want_equal(const struct mip_want *a, const struct mip_want *b);
/* In words, as `ip` would show it: "route 10.1.0.50/32 dev mip0 table 254". */
const char *mip_want_text(const struct mip_want *want, char text[static MIP_WANT_TEXT]);

const char *mip_encapsulation_name(
	enum mip_encapsulation encapsulation); /* "ipip", "gre", "minimal", "udp" */

enum {
	/* Octets that the path of a tunnel is taken to carry, until it says otherwise. */
	MIP_OUTER_MTU = 1500,
	/* Octets that are to be kept free around an inner packet: an IP header, with GRE's (RFC 2784 2, without a
	 * checksum), with those of UDP and MIP Tunnel Data (RFC 3519 3.3). Minimal encapsulation takes 12 (RFC 2004
	 * 3.1), but a fragment, of which nothing larger is made than the rest of the tunnel takes, goes by IP-in-IP:
	 * cut for 12, it would be cut again. */
	MIP_OVERHEAD_IPIP = 20,
	MIP_OVERHEAD_GRE = 20 + 4,
	MIP_OVERHEAD_MINIMAL = MIP_OVERHEAD_IPIP,
	MIP_OVERHEAD_UDP = 20 + 8 + 4,
	MIP_OVERHEAD_MOST = MIP_OVERHEAD_UDP,
	/* What a tunnel carries unless its setting `tunnel_mtu` says otherwise: the same by each encapsulation, so that a
	 * connection keeps its segments' size when the node moves to where another is needed (behind a NAT). */
	MIP_TUNNEL_MTU = MIP_OUTER_MTU - MIP_OVERHEAD_MOST,
	/* Bounds of that setting: what every host takes (RFC 791 3.1), and what fits into a packet. */
	MIP_TUNNEL_MTU_LEAST = 576,
	MIP_TUNNEL_MTU_MOST = 65535 - MIP_OVERHEAD_MOST,
};

#endif
