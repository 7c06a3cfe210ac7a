/*
 * The inner packet: its parts, its checksums, its TOS on leaving the tunnel.
 */
#include "inner.h"

#include <errno.h>

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

void mip_inner_set_tos(uint8_t *header, uint8_t tos)
{
	uint16_t old = mip_octets_get16(header);
	uint16_t changed = (uint16_t)((old & 0xff00) | tos);
	uint32_t sum = (uint16_t)~mip_octets_get16(header + MIP_IP_CHECKSUM);

	header[MIP_IP_TOS] = tos;
	sum += (uint16_t)~old;
	sum += changed;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	mip_octets_put16(header + MIP_IP_CHECKSUM, (uint16_t)~sum);
}
