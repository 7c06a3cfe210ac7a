/*
 * GRE and minimal encapsulation as bytes and as structs.
 *
 * Of GRE everything is read that a receiver may meet from a sender of its time (RFC 2890 put the key and the
 * sequence number back where RFC 1701 had them), and the plain header is sent, which every receiver must take.
 */
#include "tunnel.h"

#include <errno.h>

#include "packet.h"

enum {
	GRE_CHECKSUM = 0x8000,
	GRE_KEY = 0x2000,
	GRE_SEQUENCE = 0x1000,
	/* Routing, strict source route and the first bit of the recursion control of RFC 1701, which are bits 1, 4
	 * and 5: what follows such a header cannot be told. */
	GRE_FORBIDDEN = 0x4c00,
	GRE_VERSION = 0x0007,
	GRE_CHECKSUM_FIELDS = 4, /* octets */
	GRE_KEY_FIELD = 4,
	GRE_SEQUENCE_FIELD = 4,
	MINIMAL_SOURCE_PRESENT = 0x80,
	MINIMAL_CHECKSUM_PLACE = 2,
};

static size_t gre_options(uint16_t flags)
{
	size_t length = 0;

	if (flags & GRE_CHECKSUM)
		length += GRE_CHECKSUM_FIELDS;
	if (flags & GRE_KEY)
		length += GRE_KEY_FIELD;
	if (flags & GRE_SEQUENCE)
		length += GRE_SEQUENCE_FIELD;
	return length;
}

int mip_gre_read(struct mip_reader *reader, uint16_t *ret_protocol_type)
{
	struct mip_reader fields = *reader, whole = *reader;
	size_t length = mip_reader_left(reader);
	const uint8_t *octets = mip_read_octets(&whole, length);
	uint16_t flags = mip_read16(&fields);
	uint16_t protocol_type = mip_read16(&fields);

	mip_read_skip(&fields, gre_options(flags));
	/* Unreachable branch: without octets the fields have failed. */
	if (mip_reader_failed(&fields) || !octets)
		return -EBADMSG;
	/* RFC 2784 2.3: "A receiver MUST discard a packet where any of bits 1-5 are non-zero" – but for those that
	 * RFC 2890 2 gave a meaning to; "Bits 6-12 … MUST be ignored on receipt". 2.3.1: "The Version Number field
	 * MUST contain the value zero." */
	if (flags & (GRE_FORBIDDEN | GRE_VERSION))
		return -EBADMSG;
	/* RFC 2784 2.2: "a compliant implementation MUST accept and process this field". */
	if (flags & GRE_CHECKSUM && mip_checksum_finish(mip_checksum_add(0, octets, length)) != 0)
		return -EBADMSG;
	*reader = fields;
	*ret_protocol_type = protocol_type;
	return 0;
}

void mip_gre_write(struct mip_writer *writer, uint16_t protocol_type)
{
	mip_write16(writer, 0);
	mip_write16(writer, protocol_type);
}

int mip_minimal_read(struct mip_reader *reader, struct mip_minimal *ret_minimal)
{
	struct mip_reader fields = *reader, whole = *reader;
	struct mip_minimal minimal = {.protocol = mip_read8(&fields)};
	const uint8_t *octets;
	size_t length;

	/* RFC 2004 3: the reserved bits are "Sent as zero; ignored on reception". */
	minimal.has_source = mip_read8(&fields) & MINIMAL_SOURCE_PRESENT;
	mip_read_skip(&fields, 2);
	minimal.destination = mip_read_address(&fields);
	if (minimal.has_source)
		minimal.source = mip_read_address(&fields);
	length = mip_minimal_length(&minimal);
	octets = mip_read_octets(&whole, length);
	/* Unreachable branch: without octets the fields have failed. */
	if (mip_reader_failed(&fields) || !octets ||
		mip_checksum_finish(mip_checksum_add(0, octets, length)) != 0)
		return -EBADMSG;
	*reader = fields;
	*ret_minimal = minimal;
	return 0;
}

void mip_minimal_write(struct mip_writer *writer, const struct mip_minimal *minimal)
{
	size_t start = writer->length;

	mip_write8(writer, minimal->protocol);
	mip_write8(writer, minimal->has_source ? MINIMAL_SOURCE_PRESENT : 0);
	mip_write16(writer, 0);
	mip_write_address(writer, minimal->destination);
	if (minimal->has_source)
		mip_write_address(writer, minimal->source);
	if (mip_writer_failed(writer))
		return;
	mip_write16_at(writer, start + MINIMAL_CHECKSUM_PLACE,
		mip_checksum_finish(
			mip_checksum_add(0, writer->octets + start, mip_minimal_length(minimal))));
}
