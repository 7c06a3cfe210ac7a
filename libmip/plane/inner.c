/*
 * The inner packet: its parts, its checksums, its TOS on leaving the tunnel.
 */
#include "inner.h"

#include <errno.h>

#include "address.h"
#include "octets.h"

static size_t transport_header(const uint8_t *transport, size_t length, uint8_t protocol)
{
	size_t header;

	if (protocol == MIP_PROTOCOL_UDP && length >= MIP_UDP_HEADER)
		return mip_octets_get16(transport + MIP_UDP_LENGTH) == length ? MIP_UDP_HEADER : 0;
	if (protocol != MIP_PROTOCOL_TCP || length < MIP_TCP_HEADER)
		return 0;
	header = (size_t)(transport[MIP_TCP_OFFSET] >> 4) * 4;
	return header >= MIP_TCP_HEADER && header <= length ? header : 0;
}

int mip_inner_read(const uint8_t *octets, size_t length, struct mip_inner *ret_inner)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_reader payload;
	struct mip_inner inner = {.octets = octets};
	int error = mip_ip_read(&reader, &inner.ip, &payload);

	if (error)
		return error;
	inner.length = inner.ip.total_length;
	if (!inner.ip.more_fragments && !inner.ip.fragment_offset)
		inner.transport_header = transport_header(octets + inner.ip.header_length,
			inner.length - inner.ip.header_length, inner.ip.protocol);
	*ret_inner = inner;
	return 0;
}

void mip_inner_finish_ip(uint8_t *header, size_t header_length)
{
	mip_octets_put16(header + MIP_IP_CHECKSUM, 0);
	mip_octets_put16(
		header + MIP_IP_CHECKSUM, mip_checksum_finish(mip_checksum_add(0, header, header_length)));
}

size_t mip_inner_checksum_place(const struct mip_inner *inner)
{
	return inner->ip.protocol == MIP_PROTOCOL_TCP ? MIP_TCP_CHECKSUM : MIP_UDP_CHECKSUM;
}

enum mip_inner_checksum mip_inner_check(const struct mip_inner *inner)
{
	const uint8_t *transport = inner->octets + inner->ip.header_length;
	size_t length = inner->length - inner->ip.header_length;
	uint16_t written, pseudo;
	uint64_t sum;

	if (!inner->transport_header)
		return MIP_CHECKSUM_UNKNOWN;
	written = mip_octets_get16(transport + mip_inner_checksum_place(inner));
	if (inner->ip.protocol == MIP_PROTOCOL_UDP && written == 0)
		return MIP_CHECKSUM_UNKNOWN;
	sum = mip_checksum_pseudo_header(
		inner->ip.source, inner->ip.destination, inner->ip.protocol, (uint16_t)length);
	if (mip_checksum_finish(mip_checksum_add(sum, transport, length)) == 0)
		return MIP_CHECKSUM_VALID;
	pseudo = (uint16_t)~mip_checksum_finish(sum);
	return written == pseudo ? MIP_CHECKSUM_PARTIAL : MIP_CHECKSUM_WRONG;
}

/*
 * RFC 6040 4.2, Figure 4, by the ECN fields of the inner and the outer header: 0 Not-ECT, 1 ECT(1), 2 ECT(0),
 * 3 CE. 4 stands for "drop".
 */
static const uint8_t outgoing_ecn[4][4] = {
	[0] = {0, 0, 0, 4},
	[1] = {1, 1, 1, 3},
	[2] = {2, 1, 2, 3},
	[3] = {3, 3, 3, 3},
};

int mip_inner_decapsulated_tos(uint8_t inner, uint8_t outer, uint8_t *ret_tos)
{
	uint8_t ecn = outgoing_ecn[inner & 3][outer & 3];

	if (ecn > 3)
		return -EBADMSG;
	*ret_tos = (uint8_t)((inner & ~3) | ecn);
	return 0;
}

/* RFC 1624 3, equation 3: the checksum after one 16 bit word of what it covers has changed. */
static void correct_checksum(uint8_t *place, uint16_t old, uint16_t changed)
{
	uint32_t sum = (uint16_t)~mip_octets_get16(place);

	sum += (uint16_t)~old;
	sum += changed;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	mip_octets_put16(place, (uint16_t)~sum);
}

void mip_inner_set_tos(uint8_t *header, uint8_t tos)
{
	uint16_t old = mip_octets_get16(header);

	header[MIP_IP_TOS] = tos;
	correct_checksum(header + MIP_IP_CHECKSUM, old, mip_octets_get16(header));
}

/* --- the maximum segment size ----------------------------------------------------------------- */

/* The place of the option's value from the TCP header's first octet; 0: there is none. */
static size_t find_mss(const uint8_t *tcp, size_t header)
{
	enum { OPTION_END = 0, OPTION_NOTHING = 1, OPTION_MSS = 2, OPTION_MSS_LENGTH = 4 };
	size_t position = MIP_TCP_HEADER;

	while (position < header && tcp[position] != OPTION_END) {
		size_t length = 1;

		if (tcp[position] != OPTION_NOTHING) {
			length = position + 1 < header ? tcp[position + 1] : 0;
			if (length < 2 || position + length > header)
				return 0;
		}
		if (tcp[position] == OPTION_MSS && length == OPTION_MSS_LENGTH)
			return position + 2;
		position += length;
	}
	return 0;
}

bool mip_inner_exceeds_mss(const struct mip_inner *inner, uint16_t most, size_t *ret_place)
{
	const uint8_t *tcp = inner->octets + inner->ip.header_length;
	size_t place;

	if (inner->ip.protocol != MIP_PROTOCOL_TCP || !inner->transport_header ||
		!(tcp[MIP_TCP_FLAGS] & MIP_TCP_FLAG_SYN))
		return false;
	place = find_mss(tcp, inner->transport_header);
	if (!place || mip_octets_get16(tcp + place) <= most)
		return false;
	*ret_place = inner->ip.header_length + place;
	return true;
}

void mip_inner_set_mss(
	uint8_t *packet, const struct mip_inner *inner, size_t place, uint16_t size, bool partial)
{
	uint8_t *checksum = packet + inner->ip.header_length + MIP_TCP_CHECKSUM;
	uint16_t old = mip_octets_get16(packet + place);
	bool odd = (place - inner->ip.header_length) % 2;

	mip_octets_put16(packet + place, size);
	if (partial)
		return;
	/* At an odd place its octets belong to two words: to the sum that is the same as the octets swapped. */
	correct_checksum(checksum, odd ? mip_swap16(old) : old, odd ? mip_swap16(size) : size);
}
