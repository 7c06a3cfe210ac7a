/*
 * What a machine is told, in the shapes that all three roles share. Each core takes them by a function of its
 * own (ha_core_datagram(), fa_core_frame(), mn_core_link() …), always with the time.
 */
#ifndef MIP_BASE_INPUT_H
#define MIP_BASE_INPUT_H

#include "types.h"

enum {
	MIP_LINK_NAME = 16,
};

/* A UDP datagram that a UDP socket of the daemon received. Ports in host byte order. */
struct mip_input_datagram {
	mip_link link; /* where it came in; MIP_LINK_NONE: from this host itself */
	struct mip_address source;
	uint16_t source_port;
	struct mip_address destination;
	uint16_t destination_port;
	uint8_t ttl;
	uint8_t tos; /* with the ECN bits: a tunnel hands congestion marks on (RFC 6040); 0 when not known */
	/* The link's own socket did not see it as a packet: the kernel had joined it with others of the same
	 * flow (UDP GRO: tunnel data and a reply share ports), or it came in fragments. Where frames are
	 * preferred to datagrams, this one is wanted as a datagram all the same. */
	bool unframed;
	const uint8_t *octets; /* the payload; valid during the call only */
	size_t length;
};

/*
 * A packet that was taken off a link itself: an IPv4 packet (UDP to the registration port, ICMP router
 * discovery) or an ARP packet, with the link addresses of its frame. Nothing in it has been checked but that
 * the frame was for this host, a group or everyone.
 */
struct mip_input_frame {
	mip_link link;
	struct mip_link_address source;
	bool unicast;		/* to this host's own link address */
	bool checksum_unfilled; /* the sender is on this machine and left the UDP checksum to a card: do not
				   check it */
	uint16_t ethertype;
	const uint8_t *octets; /* from the IPv4 or ARP header on; valid during the call only */
	size_t length;
};

/* A link as it is now. `present` false: it is gone. */
struct mip_input_link {
	mip_link link;
	char name[MIP_LINK_NAME];
	bool present;
	bool up; /* administratively up and with a carrier */
	struct mip_link_address link_address;
	uint32_t mtu;
};

/* An IPv4 address on a link, as it is now. `present` false: it is gone. */
struct mip_input_address {
	mip_link link;
	struct mip_address address;
	uint8_t prefix_length;
	bool present;
};

/* A default route of the main table, as it is now. `present` false: it is gone. */
struct mip_input_default_route {
	mip_link link;
	struct mip_address gateway; /* 0.0.0.0: straight on the link */
	uint32_t metric;
	bool present;
};

/* An ICMP error about a datagram that we sent (RFC 5944 3.7.2.3: codes 80, 81, 82, 88). Ports in host byte
 * order. */
struct mip_input_icmp_error {
	struct mip_address destination; /* where our datagram went */
	uint16_t destination_port;
	uint8_t type;
	uint8_t code;
	const uint8_t *octets; /* as much of our datagram's payload as is known */
	size_t length;
};

#endif
