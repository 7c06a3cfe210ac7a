/*
 * Registration revocation, RFC 3543 3.2 to 3.4. Reserved bits are sent as zero and ignored when received
 * (rfc3543-3.2-5, rfc3543-3.3-1, rfc3543-3.3-5, rfc3543-3.4-1, rfc3543-3.4-4).
 */
#include <errno.h>

#include "registration.h"
#include "revocation.h"

enum {
	REVOCATION_A = 0x8000,
	REVOCATION_I = 0x4000,
	ACK_I = 0x8000,
	SUPPORT_I = 0x8000,
};

int mip_revocation_read(struct mip_reader *reader, struct mip_revocation *ret_revocation)
{
	struct mip_revocation revocation;
	struct mip_reader fields = *reader;
	uint16_t flags;
	uint8_t type;

	type = mip_read8(&fields);
	mip_read_skip(&fields, 1);
	flags = mip_read16(&fields);
	revocation.from_home_agent = flags & REVOCATION_A;
	revocation.inform = flags & REVOCATION_I;
	revocation.home_address = mip_read_address(&fields);
	revocation.home_domain = mip_read_address(&fields);
	revocation.foreign_domain = mip_read_address(&fields);
	revocation.identifier = mip_read32(&fields);
	if (mip_reader_failed(&fields) || type != MIP_MESSAGE_REVOCATION)
		return -EBADMSG;
	*reader = fields;
	*ret_revocation = revocation;
	return 0;
}

void mip_revocation_write(struct mip_writer *writer, const struct mip_revocation *revocation)
{
	uint16_t flags = 0;

	if (revocation->from_home_agent)
		flags |= REVOCATION_A;
	if (revocation->inform)
		flags |= REVOCATION_I;
	mip_write8(writer, MIP_MESSAGE_REVOCATION);
	mip_write8(writer, 0);
	mip_write16(writer, flags);
	mip_write_address(writer, revocation->home_address);
	mip_write_address(writer, revocation->home_domain);
	mip_write_address(writer, revocation->foreign_domain);
	mip_write32(writer, revocation->identifier);
}

int mip_revocation_ack_read(struct mip_reader *reader, struct mip_revocation_ack *ret_ack)
{
	struct mip_revocation_ack ack;
	struct mip_reader fields = *reader;
	uint8_t type;

	type = mip_read8(&fields);
	mip_read_skip(&fields, 1);
	ack.inform = mip_read16(&fields) & ACK_I;
	ack.home_address = mip_read_address(&fields);
	ack.identifier = mip_read32(&fields);
	if (mip_reader_failed(&fields) || type != MIP_MESSAGE_REVOCATION_ACK)
		return -EBADMSG;
	*reader = fields;
	*ret_ack = ack;
	return 0;
}

void mip_revocation_ack_write(struct mip_writer *writer, const struct mip_revocation_ack *ack)
{
	mip_write8(writer, MIP_MESSAGE_REVOCATION_ACK);
	mip_write8(writer, 0);
	mip_write16(writer, ack->inform ? ACK_I : 0);
	mip_write_address(writer, ack->home_address);
	mip_write32(writer, ack->identifier);
}

int mip_revocation_support_read(
	const struct mip_extension *extension, struct mip_revocation_support *ret_support)
{
	struct mip_revocation_support support;
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);

	support.inform = mip_read16(&data) & SUPPORT_I;
	support.timestamp = mip_read32(&data);
	if (mip_reader_failed(&data) || extension->type != MIP_EXTENSION_REVOCATION_SUPPORT)
		return -EBADMSG;
	*ret_support = support;
	return 0;
}

void mip_revocation_support_write(struct mip_writer *writer, const struct mip_revocation_support *support)
{
	mip_write8(writer, MIP_EXTENSION_REVOCATION_SUPPORT);
	mip_write8(writer, 6);
	mip_write16(writer, support->inform ? SUPPORT_I : 0);
	mip_write32(writer, support->timestamp);
}
