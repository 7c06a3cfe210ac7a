/*
 * Extensions of registration messages (RFC 5944 1.8 to 1.11).
 *
 * One table says all that is particular to a kind: its number, its format, how long its data may be and which
 * slot it falls into. Reading is one loop over the message: mip_extension_next() finds the bounds of each
 * extension, mip_extensions_read() looks it up and files it. An unknown one of 128 to 255 is skipped by its
 * length; at an unknown one of 0 to 127 the message is lost anyway, and since nobody can say whether such a
 * one is in the long format, reading stops there.
 *
 *   plain  | type | length |          data …
 *   short  | type | length | sub-type | data …          the length counts the sub-type
 *   long   | type | sub-type | length of 16 bits | data …
 */
#include <errno.h>

#include "extension.h"

enum {
	PLAIN_MOST = 255,
	SHORT_MOST = 254,
	LONG_MOST = 0xffff,
	SPI_LENGTH = 4,
	UDP_TUNNEL_DATA = 5, /* without the sub-type */
	UDP_TUNNEL_F = 0x80,
	UDP_TUNNEL_R = 0x40,
	FIRST_SKIPPABLE = 128,
	MOBILE_AAA = 1, /* sub-type of the generalized authentication extension, RFC 4721 6 */
};

#define PLAIN(number, slot, name, least, most)                                                               \
	{                                                                                                    \
		(number), 0, false, MIP_FORMAT_PLAIN, (slot), (name), (least), (most)                        \
	}
#define LONG(number, subtype, slot, name, least, most)                                                       \
	{                                                                                                    \
		(number), (subtype), true, MIP_FORMAT_LONG, (slot), (name), (least), (most)                  \
	}
#define SHORT(number, subtype, slot, name, least, most)                                                      \
	{                                                                                                    \
		(number), (subtype), true, MIP_FORMAT_SHORT, (slot), (name), (least), (most)                 \
	}

const struct mip_extension_row mip_extension_rows[] = {
	/* rfc5944-1.6-1: an authorization-enabling extension MUST contain a Security Parameter Index. */
	PLAIN(MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, MIP_SLOT_MOBILE_HOME_AUTHENTICATION,
		"mobile-home-authentication", SPI_LENGTH, PLAIN_MOST),
	PLAIN(MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION,
		"mobile-foreign-authentication", SPI_LENGTH, PLAIN_MOST),
	PLAIN(MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION, MIP_SLOT_FOREIGN_HOME_AUTHENTICATION,
		"foreign-home-authentication", SPI_LENGTH, PLAIN_MOST),
	/* rfc4721-5-1: "4 plus the number of octets in the Authenticator; MUST be at least 20." */
	LONG(MIP_EXTENSION_GENERALIZED_AUTHENTICATION, MOBILE_AAA, MIP_SLOT_MOBILE_AAA_AUTHENTICATION,
		"mobile-aaa-authentication", 20, LONG_MOST),
	SHORT(MIP_EXTENSION_UDP_TUNNEL_REQUEST, 0, MIP_SLOT_UDP_TUNNEL_REQUEST, "udp-tunnel-request",
		UDP_TUNNEL_DATA, UDP_TUNNEL_DATA),
	SHORT(MIP_EXTENSION_UDP_TUNNEL_REPLY, 0, MIP_SLOT_UDP_TUNNEL_REPLY, "udp-tunnel-reply",
		UDP_TUNNEL_DATA, UDP_TUNNEL_DATA),
	PLAIN(MIP_EXTENSION_ENCAPSULATING_DELIVERY, MIP_SLOT_ENCAPSULATING_DELIVERY, "encapsulating-delivery",
		0, 0),
	PLAIN(MIP_EXTENSION_NODE_NAI, MIP_SLOT_NODE_NAI, "mobile-node-nai", 1, PLAIN_MOST),
	/* rfc4721-3.4-3: "within the range 128-255": who does not know it skips it. */
	PLAIN(MIP_EXTENSION_CHALLENGE, MIP_SLOT_CHALLENGE, "challenge", 1, PLAIN_MOST),
	/* RFC 3543 3.2: "This allows for a longer extension length should more bits be required". */
	PLAIN(MIP_EXTENSION_REVOCATION_SUPPORT, MIP_SLOT_REVOCATION_SUPPORT, "revocation-support", 6,
		PLAIN_MOST),
	LONG(MIP_EXTENSION_DYNAMIC_HOME_AGENT, MIP_REQUESTED_HOME_AGENT, MIP_SLOT_REQUESTED_HOME_AGENT,
		"requested-home-agent", 4, 4),
	LONG(MIP_EXTENSION_DYNAMIC_HOME_AGENT, MIP_REDIRECTED_HOME_AGENT, MIP_SLOT_REDIRECTED_HOME_AGENT,
		"redirected-home-agent", 4, 4),
	SHORT(MIP_EXTENSION_FOREIGN_AGENT_ERROR, 0, MIP_SLOT_FOREIGN_AGENT_ERROR, "foreign-agent-error", 1,
		1),
	/* RFC 3115 2.1: where the long format has its sub-type there is an octet that "MUST be ignored on
	 * reception". Vendor and type make 6 octets; 2.2 has two reserved ones before. */
	{MIP_EXTENSION_CRITICAL_VENDOR, 0, false, MIP_FORMAT_LONG, MIP_SLOT_CRITICAL_VENDOR,
		"critical-vendor", 6, LONG_MOST},
	PLAIN(MIP_EXTENSION_VENDOR, MIP_SLOT_VENDOR, "vendor", 8, PLAIN_MOST),
};
const size_t mip_extension_row_count = MIP_ARRAY_SIZE(mip_extension_rows);

const struct mip_extension_row *mip_extension_row_of(uint8_t type, uint8_t subtype)
{
	for (size_t i = 0; i < mip_extension_row_count; i++) {
		const struct mip_extension_row *row = &mip_extension_rows[i];

		if (row->type == type && (!row->has_subtype || row->subtype == subtype))
			return row;
	}
	return NULL;
}

/*
 * RFC 4433 3.4 draws its extension in the long format, though it is skippable and RFC 5944 1.10 says that
 * such "can never use the long format": who does not know it takes the second octet for a length. So there
 * are senders of either kind, and the second octet tells them apart: a sub-type, 1 or 2, in the long format;
 * a length, 5, in the short one.
 */
static enum mip_extension_format format_of(uint8_t type, uint8_t second)
{
	if (type == MIP_EXTENSION_DYNAMIC_HOME_AGENT)
		return second >= 5 ? MIP_FORMAT_SHORT : MIP_FORMAT_LONG;
	for (size_t i = 0; i < mip_extension_row_count; i++) {
		if (mip_extension_rows[i].type == type)
			return mip_extension_rows[i].format;
	}
	return MIP_FORMAT_PLAIN;
}

/* What stands between the type and the data. */
static void header_read(struct mip_reader *reader, struct mip_extension *extension)
{
	uint8_t second = mip_read8(reader);

	/* Unreachable branch: the enumeration has no other value. */
	switch (format_of(extension->type, second)) {
	case MIP_FORMAT_LONG:
		extension->subtype = second;
		extension->data_length = mip_read16(reader);
		break;
	case MIP_FORMAT_SHORT:
		/* rfc5944-1.11-1: "This field MUST be set to 1 plus the total length of the Data field." */
		extension->subtype = mip_read8(reader);
		extension->data_length = second - 1u;
		if (second == 0)
			reader->failed = true;
		break;
	case MIP_FORMAT_PLAIN:
		extension->data_length = second;
		break;
	}
}

int mip_extension_next(struct mip_reader *reader, struct mip_extension *ret_extension)
{
	struct mip_extension extension = {0};

	do {
		if (!mip_reader_failed(reader) && mip_reader_left(reader) == 0)
			return 0;
		extension.offset = reader->position;
		extension.type = mip_read8(reader);
	} while (extension.type == MIP_EXTENSION_PADDING && !mip_reader_failed(reader));
	header_read(reader, &extension);
	extension.data = mip_read_octets(reader, extension.data_length);
	if (mip_reader_failed(reader))
		return -EBADMSG;
	extension.length = reader->position - extension.offset;
	*ret_extension = extension;
	return 1;
}

/* rfc3519-3.1-3: Reserved 3 "MUST be verified as 0 on receipt; otherwise the extension must be handled as not
 * understood and silently skipped." */
static bool is_understood(const struct mip_extension *extension)
{
	struct mip_udp_tunnel_request request;

	return extension->type != MIP_EXTENSION_UDP_TUNNEL_REQUEST ||
	       mip_udp_tunnel_request_read(extension, &request) == 0;
}

static int extension_file(struct mip_extensions *extensions, const struct mip_extension *extension,
	const struct mip_extension_row *row)
{
	if (extension->data_length < row->least_data || extension->data_length > row->most_data)
		return -EBADMSG;
	if (!is_understood(extension)) {
		extensions->skipped++;
		return 0;
	}
	if (extensions->occurrences[row->slot]++ == 0) {
		extensions->present[row->slot] = true;
		extensions->slot[row->slot] = *extension;
	}
	return 0;
}

int mip_extensions_read(struct mip_reader *reader, struct mip_extensions *ret_extensions)
{
	struct mip_extensions extensions = {0};
	struct mip_extension extension;
	int r;

	while ((r = mip_extension_next(reader, &extension)) > 0) {
		const struct mip_extension_row *row = mip_extension_row_of(extension.type, extension.subtype);

		if (row) {
			r = extension_file(&extensions, &extension, row);
			if (r < 0)
				return r;
		} else if (extension.type >= FIRST_SKIPPABLE) {
			/* rfc5944-1.8-2: "that particular Extension is ignored, but the rest … MUST still be
			 * processed." */
			extensions.skipped++;
		} else {
			/* rfc5944-1.8-1: "the message containing that Extension MUST be silently discarded."
			 */
			extensions.unknown_not_skippable = true;
			extensions.unknown_type = extension.type;
			break;
		}
	}
	if (r < 0)
		return r;
	*ret_extensions = extensions;
	return 0;
}

const struct mip_extension *mip_extension_of(const struct mip_extensions *extensions, enum mip_slot slot)
{
	return extensions->present[slot] ? &extensions->slot[slot] : NULL;
}

static bool is_authentication(uint8_t type)
{
	return type == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION ||
	       type == MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION ||
	       type == MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION ||
	       type == MIP_EXTENSION_GENERALIZED_AUTHENTICATION;
}

int mip_authentication_read(
	const struct mip_extension *extension, struct mip_authentication *ret_authentication)
{
	struct mip_authentication authentication;
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);

	authentication.spi = mip_read32(&data);
	if (mip_reader_failed(&data) || !is_authentication(extension->type))
		return -EBADMSG;
	authentication.authenticator_length = mip_reader_left(&data);
	authentication.authenticator = mip_read_octets(&data, authentication.authenticator_length);
	/* rfc5944-3.5.1-1: the UDP payload, all prior extensions, and type, length and SPI of this one. */
	authentication.covered = extension->offset + extension->length - authentication.authenticator_length;
	*ret_authentication = authentication;
	return 0;
}

/* The header of an extension whose data, `length` octets, follows. */
static void header_write(struct mip_writer *writer, uint8_t type, enum mip_extension_format format,
	uint8_t subtype, size_t length)
{
	static const size_t most[] = {
		[MIP_FORMAT_PLAIN] = PLAIN_MOST,
		[MIP_FORMAT_LONG] = LONG_MOST,
		[MIP_FORMAT_SHORT] = SHORT_MOST,
	};

	if (length > most[format]) {
		writer->failed = true;
		return;
	}
	mip_write8(writer, type);
	/* Unreachable branch: the enumeration has no other value. */
	switch (format) {
	case MIP_FORMAT_LONG:
		mip_write8(writer, subtype);
		mip_write16(writer, (uint16_t)length);
		break;
	case MIP_FORMAT_SHORT:
		mip_write8(writer, (uint8_t)(length + 1));
		mip_write8(writer, subtype);
		break;
	case MIP_FORMAT_PLAIN:
		mip_write8(writer, (uint8_t)length);
		break;
	}
}

uint8_t *mip_authentication_write(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, uint32_t spi, size_t authenticator_length)
{
	enum mip_extension_format format =
		type == MIP_EXTENSION_GENERALIZED_AUTHENTICATION ? MIP_FORMAT_LONG : MIP_FORMAT_PLAIN;

	header_write(writer, type, format, subtype, SPI_LENGTH + authenticator_length);
	mip_write32(writer, spi);
	return mip_write_room(writer, authenticator_length);
}

struct mip_address mip_dynamic_home_agent_read(const struct mip_extension *extension)
{
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);
	struct mip_address address = mip_read_address(&data);

	if (mip_reader_failed(&data) || extension->type != MIP_EXTENSION_DYNAMIC_HOME_AGENT)
		return (struct mip_address){0};
	return address;
}

void mip_dynamic_home_agent_write(
	struct mip_writer *writer, enum mip_dynamic_home_agent kind, struct mip_address address)
{
	/* RFC 4433 3.4: "Length is always 4 bytes". */
	header_write(writer, MIP_EXTENSION_DYNAMIC_HOME_AGENT, MIP_FORMAT_LONG, (uint8_t)kind, 4);
	mip_write_address(writer, address);
}

int mip_udp_tunnel_request_read(
	const struct mip_extension *extension, struct mip_udp_tunnel_request *ret_request)
{
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);
	struct mip_udp_tunnel_request request;
	uint16_t reserved3;
	uint8_t flags;

	/* rfc3519-3.1.3-1: Reserved 1 and 2 are ignored, Reserved 3 must be 0. */
	mip_read_skip(&data, 1);
	flags = mip_read8(&data);
	request.force = flags & UDP_TUNNEL_F;
	request.through_foreign_agent = flags & UDP_TUNNEL_R;
	request.encapsulation = mip_read8(&data);
	reserved3 = mip_read16(&data);
	if (mip_reader_failed(&data) || mip_reader_left(&data) || reserved3 != 0 ||
		extension->type != MIP_EXTENSION_UDP_TUNNEL_REQUEST)
		return -EBADMSG;
	*ret_request = request;
	return 0;
}

void mip_udp_tunnel_request_write(struct mip_writer *writer, const struct mip_udp_tunnel_request *request)
{
	uint8_t flags = 0;

	if (request->force)
		flags |= UDP_TUNNEL_F;
	if (request->through_foreign_agent)
		flags |= UDP_TUNNEL_R;
	header_write(writer, MIP_EXTENSION_UDP_TUNNEL_REQUEST, MIP_FORMAT_SHORT, 0, UDP_TUNNEL_DATA);
	/* rfc3519-3.1-1: "MUST be set to 0 on sending, MUST be ignored on reception." */
	/* rfc3519-3.1-2: "MUST be set to 0 on sending, MUST be ignored on reception." */
	mip_write8(writer, 0);
	mip_write8(writer, flags);
	mip_write8(writer, request->encapsulation);
	mip_write16(writer, 0);
}

int mip_udp_tunnel_reply_read(const struct mip_extension *extension, struct mip_udp_tunnel_reply *ret_reply)
{
	struct mip_reader data = mip_reader_of(extension->data, extension->data_length);
	struct mip_udp_tunnel_reply reply;

	reply.code = mip_read8(&data);
	reply.forced = mip_read16(&data) & UDP_TUNNEL_F << 8;
	reply.keepalive_interval = mip_read16(&data);
	if (mip_reader_failed(&data) || mip_reader_left(&data) ||
		extension->type != MIP_EXTENSION_UDP_TUNNEL_REPLY)
		return -EBADMSG;
	*ret_reply = reply;
	return 0;
}

void mip_udp_tunnel_reply_write(struct mip_writer *writer, const struct mip_udp_tunnel_reply *reply)
{
	header_write(writer, MIP_EXTENSION_UDP_TUNNEL_REPLY, MIP_FORMAT_SHORT, 0, UDP_TUNNEL_DATA);
	mip_write8(writer, reply->code);
	/* rfc3519-3.2-4: "MUST be set to 0 on sending, MUST be ignored on reception." */
	mip_write16(writer, reply->forced ? UDP_TUNNEL_F << 8 : 0);
	mip_write16(writer, reply->keepalive_interval);
}

void mip_extension_write(struct mip_writer *writer, uint8_t type, const void *data, size_t length)
{
	header_write(writer, type, MIP_FORMAT_PLAIN, 0, length);
	mip_write_octets(writer, data, length);
}

void mip_extension_write_short(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const void *data, size_t length)
{
	header_write(writer, type, MIP_FORMAT_SHORT, subtype, length);
	mip_write_octets(writer, data, length);
}

void mip_extension_write_long(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const void *data, size_t length)
{
	header_write(writer, type, MIP_FORMAT_LONG, subtype, length);
	mip_write_octets(writer, data, length);
}
