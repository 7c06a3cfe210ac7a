/*
 * Segmentation in software, and RFC 791 fragmentation.
 *
 * The kernel hands TCP to mip0 in packets of up to 64 KB with one header, as it does to a network card that
 * can cut them. Cutting them here, once, behind one read, is what makes a tunnel in user space bearable: five
 * times the throughput of one packet per read. What each segment's header must be is the card's contract:
 * sequence numbers and identifications count on, CWR stays with the first segment (RFC 3168 6.1.2), FIN and
 * PSH with the last.
 */
#include "user_segment.h"

#include <errno.h>
#include <string.h>

#include "octets.h"

int mip_segmenter_begin(
	struct mip_segmenter *segmenter, const struct mip_inner *inner, const struct mip_offload *offload)
{
	uint8_t protocol = offload->kind == MIP_OFFLOAD_TCP ? MIP_PROTOCOL_TCP : MIP_PROTOCOL_UDP;
	size_t headers = inner->ip.header_length + inner->transport_header;

	if (offload->kind == MIP_OFFLOAD_NONE || inner->ip.protocol != protocol || !inner->transport_header ||
		inner->length <= headers || offload->segment_size == 0)
		return -EBADMSG;
	*segmenter = (struct mip_segmenter){
		.inner = inner,
		.headers = headers,
		.segment_size = offload->segment_size,
	};
	return 0;
}

size_t mip_segmenter_count(const struct mip_segmenter *segmenter)
{
	size_t payload = segmenter->inner->length - segmenter->headers;

	return (payload + segmenter->segment_size - 1) / segmenter->segment_size;
}

static void finish_tcp(const struct mip_segmenter *segmenter, uint8_t *tcp, bool last)
{
	uint8_t flags = tcp[MIP_TCP_FLAGS];

	if (segmenter->position > 0)
		flags &= (uint8_t)~MIP_TCP_FLAG_CWR;
	if (!last)
		flags &= (uint8_t) ~(MIP_TCP_FLAG_FIN | MIP_TCP_FLAG_PSH);
	tcp[MIP_TCP_FLAGS] = flags;
	mip_octets_put32(tcp + MIP_TCP_SEQUENCE,
		mip_octets_get32(tcp + MIP_TCP_SEQUENCE) + (uint32_t)segmenter->position);
}

static void finish_transport_checksum(const struct mip_segmenter *segmenter, uint8_t *transport,
	const uint8_t *payload, size_t payload_length)
{
	const struct mip_inner *inner = segmenter->inner;
	uint8_t *place = transport + mip_inner_checksum_place(inner);
	size_t length = inner->transport_header + payload_length;
	uint64_t sum = mip_checksum_pseudo_header(
		inner->ip.source, inner->ip.destination, inner->ip.protocol, (uint16_t)length);
	uint16_t checksum;

	mip_octets_put16(place, 0);
	sum = mip_checksum_add(sum, transport, inner->transport_header);
	checksum = mip_checksum_finish(mip_checksum_add(sum, payload, payload_length));
	/* RFC 768: a computed checksum of zero is sent as all ones. */
	if (checksum == 0 && inner->ip.protocol == MIP_PROTOCOL_UDP)
		checksum = 0xffff;
	mip_octets_put16(place, checksum);
}

bool mip_segmenter_next(struct mip_segmenter *segmenter, uint8_t header[static MIP_INNER_HEADER_MAX],
	struct mip_piece *ret_piece)
{
	const struct mip_inner *inner = segmenter->inner;
	size_t left = inner->length - segmenter->headers - segmenter->position;
	size_t length = left < segmenter->segment_size ? left : segmenter->segment_size;
	const uint8_t *payload = inner->octets + segmenter->headers + segmenter->position;
	uint8_t *transport = header + inner->ip.header_length;

	if (left == 0)
		return false;
	memcpy(header, inner->octets, segmenter->headers);
	mip_octets_put16(header + MIP_IP_LENGTH, (uint16_t)(segmenter->headers + length));
	mip_octets_put16(
		header + MIP_IP_IDENTIFICATION, (uint16_t)(inner->ip.identification + segmenter->index));
	mip_inner_finish_ip(header, inner->ip.header_length);
	if (inner->ip.protocol == MIP_PROTOCOL_TCP)
		finish_tcp(segmenter, transport, length == left);
	else
		mip_octets_put16(transport + MIP_UDP_LENGTH, (uint16_t)(MIP_UDP_HEADER + length));
	finish_transport_checksum(segmenter, transport, payload, length);
	*ret_piece = (struct mip_piece){header, segmenter->headers, payload, length};
	segmenter->position += length;
	segmenter->index++;
	return true;
}

int mip_complete_checksum(uint8_t *packet, size_t length, const struct mip_offload *offload)
{
	size_t place = (size_t)offload->checksum_start + offload->checksum_offset;
	uint16_t checksum;

	if (place + 2 > length)
		return -EBADMSG;
	checksum = mip_checksum_finish(
		mip_checksum_add(0, packet + offload->checksum_start, length - offload->checksum_start));
	/* Zero would say to a UDP receiver that there is no checksum; to TCP the two zeros are the same. */
	mip_octets_put16(packet + place, checksum ? checksum : 0xffff);
	return 0;
}

void mip_fragmenter_begin(struct mip_fragmenter *fragmenter, const struct mip_inner *inner, size_t mtu)
{
	*fragmenter = (struct mip_fragmenter){
		.inner = inner,
		.mtu = mtu < MIP_FRAGMENT_MTU_MIN ? MIP_FRAGMENT_MTU_MIN : mtu,
	};
}

/*
 * RFC 791 3.1: of the options those with the copied flag stand in every fragment, the others in the first
 * only. Returns the length of the later fragments' header.
 */
static size_t copy_options(uint8_t *header, const uint8_t *original, size_t original_length)
{
	enum { OPTION_END = 0, OPTION_NOTHING = 1, OPTION_COPIED = 0x80 };
	size_t position = MIP_IP_HEADER, length = MIP_IP_HEADER;

	while (position < original_length && original[position] != OPTION_END) {
		size_t option = 1;

		if (original[position] != OPTION_NOTHING) {
			option = position + 1 < original_length ? original[position + 1] : 0;
			if (option < 2 || position + option > original_length)
				break;
		}
		if (original[position] & OPTION_COPIED) {
			memcpy(header + length, original + position, option);
			length += option;
		}
		position += option;
	}
	while (length % 4)
		header[length++] = OPTION_END;
	return length;
}

static size_t write_fragment_header(const struct mip_fragmenter *fragmenter, uint8_t *header)
{
	const struct mip_inner *inner = fragmenter->inner;
	size_t length = inner->ip.header_length;

	memcpy(header, inner->octets, length);
	if (fragmenter->position > 0)
		length = copy_options(header, inner->octets, length);
	header[0] = (uint8_t)(0x40 | length / 4);
	return length;
}

bool mip_fragmenter_next(struct mip_fragmenter *fragmenter, uint8_t header[static MIP_IP_HEADER_MAX],
	struct mip_piece *ret_piece)
{
	const struct mip_inner *inner = fragmenter->inner;
	size_t left = inner->length - inner->ip.header_length - fragmenter->position;
	size_t header_length, length;
	uint16_t fragment;

	if (left == 0)
		return false;
	header_length = write_fragment_header(fragmenter, header);
	length = fragmenter->mtu - header_length;
	/* All fragments but the last carry a multiple of 8 octets. */
	length = left <= length ? left : length & ~(size_t)7;
	fragment = (uint16_t)(inner->ip.fragment_offset + fragmenter->position / 8);
	if (length < left || inner->ip.more_fragments)
		fragment |= MIP_IP_FLAG_MORE_FRAGMENTS;
	mip_octets_put16(header + MIP_IP_LENGTH, (uint16_t)(header_length + length));
	mip_octets_put16(header + MIP_IP_FLAGS, fragment);
	mip_inner_finish_ip(header, header_length);
	*ret_piece = (struct mip_piece){header, header_length,
		inner->octets + inner->ip.header_length + fragmenter->position, length};
	fragmenter->position += length;
	return true;
}
