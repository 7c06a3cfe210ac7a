/*
 * What is around the inner packet: the outer headers of the encapsulations that are protocols of IP, put on and
 * taken off. Pure functions, for both directions and for what ICMP errors quote.
 *
 *   ipip      outer IP header | inner packet                                       RFC 2003
 *   gre       outer IP header | GRE header | inner packet                          RFC 2784
 *   minimal   inner IP header, changed | minimal forwarding header | its payload   RFC 2004
 */
#ifndef MIP_PLANE_OUTER_H
#define MIP_PLANE_OUTER_H

#include "inner.h"
#include "tunnel.h"
#include "user_segment.h"
#include "want.h"

enum {
	MIP_OUTER_TTL = 64,
	/* Octets that any encapsulation puts before an inner packet. */
	MIP_OUTER_ROOM = MIP_IP_HEADER + MIP_GRE_HEADER,
};

/* The encapsulation of an IP protocol, and the other way round. */
bool mip_outer_encapsulation(uint8_t protocol, enum mip_encapsulation *ret_encapsulation);
uint8_t mip_outer_protocol(enum mip_encapsulation encapsulation);
/* Octets that the encapsulation adds to an inner packet; of minimal encapsulation, with the original source. */
size_t mip_outer_overhead(enum mip_encapsulation encapsulation);

/*
 * rfc2004-3-1: minimal encapsulation "MUST NOT be used when an original datagram is already fragmented": those
 * go by IP in IP, which everyone who asked for another encapsulation takes as well (rfc5944-4.1-1, -2). The
 * encapsulation for a packet with this header.
 */
enum mip_encapsulation mip_outer_choose(enum mip_encapsulation wanted, const struct mip_ip *inner);

/*
 * Puts the outer header before a piece of a packet whose IP header was `inner`. There must be MIP_OUTER_ROOM
 * octets before `header`, and MIP_INNER_HEADER_MAX behind it; the piece's own header stands there, if it has
 * one. `ret_parts` are the outer packet's: one in this room and the rest of the payload where it lies. The
 * identification of a new header is zero, for the kernel to choose, and so are checksums of outer headers.
 */
void mip_outer_put(const struct mip_want_tunnel *tunnel, enum mip_encapsulation encapsulation,
	const struct mip_ip *inner, uint8_t *header, const struct mip_piece *piece,
	struct mip_piece *ret_parts);

/* What comes out of an outer packet. */
struct mip_outer {
	enum mip_encapsulation encapsulation;
	struct mip_address source;
	struct mip_address destination;
	uint8_t tos;
	const uint8_t *inner; /* within the octets that were given */
	size_t length;
};
/*
 * Takes the outer headers off `octets`, which begin with the IP header; minimal encapsulation is undone in
 * place. The outer header's checksum and total length are the kernel's to check: of a packet that an ICMP error
 * quotes there is often only the beginning, and then `length` is less than the inner header says. 0, or
 * -EBADMSG: no tunnel's protocol, a header that is broken or not all there, a payload that is not IPv4.
 */
int mip_outer_open(uint8_t *octets, size_t length, struct mip_outer *ret_outer);

#endif
