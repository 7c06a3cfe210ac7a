/*
 * Outer headers.
 *
 * The outer IP header of IP in IP and GRE is a new one; that of minimal encapsulation is the inner one with
 * other addresses and another protocol, so that its TTL, its identification and its options stay, and routers
 * in the tunnel count the inner packet's TTL down (RFC 2004 3).
 */
#include "outer.h"

#include <errno.h>
#include <string.h>

#include "address.h"
#include "octets.h"
#include "registration.h"

static const uint8_t protocols[] = {
	[MIP_ENCAPSULATION_IPIP] = MIP_PROTOCOL_IPIP,
	[MIP_ENCAPSULATION_GRE] = MIP_PROTOCOL_GRE,
	[MIP_ENCAPSULATION_MINIMAL] = MIP_PROTOCOL_MINIMAL,
	[MIP_ENCAPSULATION_UDP] = MIP_PROTOCOL_UDP,
};

/* The lower layers know no headers, and what is kept free is here what is put on. */
_Static_assert((int)MIP_OVERHEAD_IPIP == (int)MIP_IP_HEADER &&
		       (int)MIP_OVERHEAD_GRE == MIP_IP_HEADER + MIP_GRE_HEADER &&
		       (int)MIP_OVERHEAD_UDP == MIP_IP_HEADER + MIP_UDP_HEADER + MIP_TUNNEL_DATA_HEADER &&
		       (int)MIP_OVERHEAD_MINIMAL >= (int)MIP_MINIMAL_HEADER_MAX,
	"what is kept free around an inner packet is what its headers take");

bool mip_outer_encapsulation(uint8_t protocol, enum mip_encapsulation *ret_encapsulation)
{
	for (size_t i = 0; i < MIP_ARRAY_SIZE(protocols); i++) {
		if (protocols[i] == protocol && i != MIP_ENCAPSULATION_UDP) {
			*ret_encapsulation = (enum mip_encapsulation)i;
			return true;
		}
	}
	return false;
}

uint8_t mip_outer_protocol(enum mip_encapsulation encapsulation)
{
	return protocols[encapsulation];
}

size_t mip_outer_overhead(enum mip_encapsulation encapsulation)
{
	static const uint8_t overheads[] = {
		[MIP_ENCAPSULATION_IPIP] = MIP_OVERHEAD_IPIP,
		[MIP_ENCAPSULATION_GRE] = MIP_OVERHEAD_GRE,
		[MIP_ENCAPSULATION_MINIMAL] = MIP_MINIMAL_HEADER_MAX,
		[MIP_ENCAPSULATION_UDP] = MIP_OVERHEAD_UDP,
	};

	return overheads[encapsulation];
}

enum mip_encapsulation mip_outer_choose(enum mip_encapsulation wanted, const struct mip_ip *inner)
{
	bool fragment = inner->more_fragments || inner->fragment_offset;

	return wanted == MIP_ENCAPSULATION_MINIMAL && fragment ? MIP_ENCAPSULATION_IPIP : wanted;
}

/* --- putting on ------------------------------------------------------------------------------- */

/* A new header, with what belongs between it and the piece. Its length. */
static size_t put_header(const struct mip_want_tunnel *tunnel, enum mip_encapsulation encapsulation,
	const struct mip_ip *inner, uint8_t *header, size_t piece_length)
{
	size_t length = mip_outer_overhead(encapsulation);
	struct mip_writer writer = mip_writer_of(header - length, length);
	struct mip_ip outer = {
		/* RFC 2003 3.1: "The Type of Service (TOS) is copied from the inner IP header"; its two ECN bits
		 * too, as RFC 6040 4.1 has it in normal mode. */
		.tos = inner->tos,
		.total_length = (uint16_t)(length + piece_length),
		/* rfc2003-5.1-3: "SHOULD normally do Path MTU Discovery": DF is set where the sender has set it. */
		/* rfc5944-4.1-1: "Home agents and foreign agents MUST support tunneling datagrams using IP in IP encapsulation." */
		/* rfc5944-4.1-2: "… that uses a co-located care-of address MUST support receiving datagrams tunneled using IP in …" */
		/* rfc2003-3.1-1: "if the "Don't Fragment" bit is set in the inner IP header, it MUST be set in
		 * the outer IP header". */
		.dont_fragment = inner->dont_fragment,
		.ttl = MIP_OUTER_TTL,
		.protocol = mip_outer_protocol(encapsulation),
		/* rfc5944-4.2.3-4: "the source address in the outer IP header … MUST be the address sent to the
		 * mobile node in the Home Agent field of the Registration Reply". */
		.source = tunnel->local,
		.destination = tunnel->remote,
	};

	mip_ip_write(&writer, &outer);
	if (encapsulation == MIP_ENCAPSULATION_GRE)
		mip_gre_write(&writer, MIP_GRE_IPV4);
	return length;
}

static void put_address(uint8_t *octets, struct mip_address address)
{
	memcpy(octets, &address.value, sizeof(address.value));
}

/*
 * RFC 2004 3: "the minimal forwarding header is inserted into the datagram, as follows": the IP header, which
 * stands at `header`, moves to the front, and into the gap goes the forwarding header. How far it moved.
 */
static size_t put_minimal(const struct mip_want_tunnel *tunnel, const struct mip_ip *inner, uint8_t *header,
	size_t piece_length)
{
	struct mip_minimal minimal = {
		.protocol = inner->protocol,
		/* "If the encapsulator is not the original source of the datagram". */
		.has_source = !mip_address_equal(inner->source, tunnel->local),
		.destination = inner->destination,
		.source = inner->source,
	};
	size_t length = mip_minimal_length(&minimal);
	uint8_t *outer = header - length;
	struct mip_writer writer;

	memmove(outer, header, inner->header_length);
	writer = mip_writer_of(outer + inner->header_length, length);
	mip_minimal_write(&writer, &minimal);
	outer[MIP_IP_PROTOCOL] = MIP_PROTOCOL_MINIMAL;
	put_address(outer + MIP_IP_SOURCE, tunnel->local);
	put_address(outer + MIP_IP_DESTINATION, tunnel->remote);
	mip_octets_put16(outer + MIP_IP_LENGTH, (uint16_t)(length + piece_length));
	return length;
}

void mip_outer_put(const struct mip_want_tunnel *tunnel, enum mip_encapsulation encapsulation,
	const struct mip_ip *inner, uint8_t *header, const struct mip_piece *piece,
	struct mip_piece *ret_parts)
{
	struct mip_piece parts = *piece;
	size_t length = parts.header_length + parts.payload_length, outer;

	if (encapsulation == MIP_ENCAPSULATION_MINIMAL && !parts.header_length) {
		memcpy(header, parts.payload, inner->header_length);
		parts.header_length = inner->header_length;
		parts.payload += inner->header_length;
		parts.payload_length -= inner->header_length;
	}
	outer = encapsulation == MIP_ENCAPSULATION_MINIMAL
			? put_minimal(tunnel, inner, header, length)
			: put_header(tunnel, encapsulation, inner, header, length);
	parts.header = header - outer;
	parts.header_length += outer;
	*ret_parts = parts;
}

/* --- taking off ------------------------------------------------------------------------------- */

static struct mip_address address_at(const uint8_t *octets)
{
	struct mip_address address;

	memcpy(&address.value, octets, sizeof(address.value));
	return address;
}

/*
 * RFC 2004 3: "the fields in the minimal forwarding header are restored to the IP header, and the forwarding
 * header is removed from the datagram". The IP header moves up to its payload.
 */
static int open_minimal(uint8_t *octets, size_t length, size_t header, struct mip_outer *outer)
{
	struct mip_reader reader = mip_reader_of(octets + header, length - header);
	struct mip_minimal minimal;
	size_t removed, total = mip_octets_get16(octets + MIP_IP_LENGTH);
	uint8_t *inner;

	if (mip_minimal_read(&reader, &minimal) != 0)
		return -EBADMSG;
	removed = reader.position;
	if (total < header + removed)
		return -EBADMSG;
	inner = octets + removed;
	memmove(inner, octets, header);
	inner[MIP_IP_PROTOCOL] = minimal.protocol;
	put_address(inner + MIP_IP_DESTINATION, minimal.destination);
	if (minimal.has_source)
		put_address(inner + MIP_IP_SOURCE, minimal.source);
	mip_octets_put16(inner + MIP_IP_LENGTH, (uint16_t)(total - removed));
	mip_inner_finish_ip(inner, header);
	outer->inner = inner;
	outer->length = length - removed;
	return 0;
}

static int open_gre(const uint8_t *octets, size_t length, size_t header, struct mip_outer *outer)
{
	struct mip_reader reader = mip_reader_of(octets + header, length - header);
	uint16_t type;

	/* RFC 2784 2.4: another protocol type "SHOULD" be discarded; here is nobody for it. */
	if (mip_gre_read(&reader, &type) != 0 || type != MIP_GRE_IPV4)
		return -EBADMSG;
	outer->inner = octets + header + reader.position;
	outer->length = mip_reader_left(&reader);
	return 0;
}

int mip_outer_open(uint8_t *octets, size_t length, struct mip_outer *ret_outer)
{
	size_t header = length > 0 ? (octets[0] & 0x0f) * 4u : 0;
	struct mip_outer outer = {0};
	int error = 0;

	if (header < MIP_IP_HEADER || header > length ||
		!mip_outer_encapsulation(octets[MIP_IP_PROTOCOL], &outer.encapsulation))
		return -EBADMSG;
	outer.source = address_at(octets + MIP_IP_SOURCE);
	outer.destination = address_at(octets + MIP_IP_DESTINATION);
	outer.tos = octets[MIP_IP_TOS];
	outer.inner = octets + header;
	outer.length = length - header;
	if (outer.encapsulation == MIP_ENCAPSULATION_GRE)
		error = open_gre(octets, length, header, &outer);
	else if (outer.encapsulation == MIP_ENCAPSULATION_MINIMAL)
		error = open_minimal(octets, length, header, &outer);
	if (error)
		return error;
	*ret_outer = outer;
	return 0;
}
