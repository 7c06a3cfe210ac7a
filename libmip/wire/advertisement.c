/*
 * Agent discovery: the router discovery messages of RFC 1256 with the extensions of RFC 5944 2.1.
 *
 *   type 9 | code 0 or 16 | checksum
 *   number of addresses | address entry size, 2 | lifetime
 *   router address, preference level              for each router
 *   16 | 6 + 4 N | sequence | registration lifetime | flags | N care-of addresses
 *   19 | number of addresses | a prefix length for each router
 *   24 | length | challenge
 *   0                                              to an even length, if need be
 *
 * RFC 1256 wants at least one router address; RFC 5944 2.1 lets an Agent Advertisement have none.
 */
#include <errno.h>
#include <string.h>

#include "advertisement.h"
#include "packet.h"

enum {
	CODE_ROUTES = 0,
	CODE_ROUTES_NOT = 16,
	ENTRY_WORDS = 2, /* 32 bit words for each router address */
	CHECKSUM_PLACE = 2,
	SOLICITATION_LENGTH = 8,
	AGENT_FIXED = 6, /* sequence, registration lifetime, flags */
	PADDING = 0,
	FIRST_SKIPPABLE = 128,
	PREFIX_LENGTH_MOST = 32,
};

/* rfc5944-2.1.1-1: 'r' SHOULD NOT be allocated for any other uses; rfc5944-2.4-15: a mobile node MUST
 * ignore reserved bits in Agent Advertisements. */
static const uint16_t flags_known = MIP_AGENT_R | MIP_AGENT_B | MIP_AGENT_H | MIP_AGENT_F | MIP_AGENT_M |
				    MIP_AGENT_G | MIP_AGENT_T | MIP_AGENT_U | MIP_AGENT_X | MIP_AGENT_I;

static bool checksum_holds(const struct mip_reader *reader)
{
	struct mip_reader whole = *reader;
	size_t length = mip_reader_left(reader);
	const uint8_t *octets = mip_read_octets(&whole, length);

	/* Unreachable branch: the callers' fields have failed before, if there are no octets */
	return octets && mip_checksum_finish(mip_checksum_add(0, octets, length)) == 0;
}

static void checksum_write(struct mip_writer *writer, size_t start)
{
	if (mip_writer_failed(writer))
		return;
	mip_write16_at(writer, start + CHECKSUM_PLACE,
		mip_checksum_finish(mip_checksum_add(0, writer->octets + start, writer->length - start)));
}

/* RFC 1256 5.2: "ICMP Addr Entry Size is greater than or equal to 2", and what an entry has beyond is
 * ignored. */
static int routers_read(struct mip_reader *reader, struct mip_agent_advertisement *advertisement)
{
	size_t entry_words;

	advertisement->router_count = mip_read8(reader);
	entry_words = mip_read8(reader);
	advertisement->lifetime = mip_read16(reader);
	if (entry_words < ENTRY_WORDS)
		return -EBADMSG;
	for (size_t i = 0; i < advertisement->router_count; i++) {
		advertisement->routers[i].address = mip_read_address(reader);
		advertisement->routers[i].preference = (int32_t)mip_read32(reader);
		mip_read_skip(reader, (entry_words - ENTRY_WORDS) * 4);
	}
	return mip_reader_failed(reader) ? -EBADMSG : 0;
}

static int agent_read(struct mip_reader *data, struct mip_agent_advertisement *advertisement)
{
	size_t addresses;

	if (advertisement->is_agent)
		return 0; /* a second one: the first stands */
	if (mip_reader_left(data) < AGENT_FIXED || (mip_reader_left(data) - AGENT_FIXED) % 4 != 0)
		return -EBADMSG;
	advertisement->is_agent = true;
	advertisement->sequence = mip_read16(data);
	advertisement->registration_lifetime = mip_read16(data);
	advertisement->flags = mip_read16(data) & flags_known;
	addresses = mip_reader_left(data) / 4;
	for (size_t i = 0; i < addresses; i++)
		advertisement->care_of_addresses[i] = mip_read_address(data);
	advertisement->care_of_address_count = addresses;
	return 0;
}

/* RFC 5944 2.1.2: the length is "the value (possibly zero) of the Num Addrs field". */
static int prefix_lengths_read(struct mip_reader *data, struct mip_agent_advertisement *advertisement)
{
	if (mip_reader_left(data) != advertisement->router_count)
		return -EBADMSG;
	for (size_t i = 0; i < advertisement->router_count; i++) {
		advertisement->prefix_lengths[i] = mip_read8(data);
		if (advertisement->prefix_lengths[i] > PREFIX_LENGTH_MOST)
			return -EBADMSG;
	}
	advertisement->prefix_length_count = advertisement->router_count;
	return 0;
}

static int challenge_read(struct mip_reader *data, struct mip_agent_advertisement *advertisement)
{
	size_t length = mip_reader_left(data);
	const uint8_t *octets = mip_read_octets(data, length);

	if (advertisement->challenge_length > 0)
		return 0; /* a second one: the first stands */
	memcpy(advertisement->challenge, octets, length);
	advertisement->challenge_length = length;
	return 0;
}

static int extension_read(
	uint8_t type, struct mip_reader *data, struct mip_agent_advertisement *advertisement)
{
	switch (type) {
	case MIP_ADVERTISEMENT_EXTENSION_MOBILITY_AGENT:
		return agent_read(data, advertisement);
	case MIP_ADVERTISEMENT_EXTENSION_PREFIX_LENGTHS:
		return prefix_lengths_read(data, advertisement);
	case MIP_ADVERTISEMENT_EXTENSION_CHALLENGE:
		return challenge_read(data, advertisement);
	default:
		/* rfc5944-1.8-1, rfc5944-1.8-2: unknown, so the message is discarded if it is 0 to 127. */
		return type < FIRST_SKIPPABLE ? -EBADMSG : 0;
	}
}

static int extensions_read(struct mip_reader *reader, struct mip_agent_advertisement *advertisement)
{
	int r = 0;

	while (r == 0 && mip_reader_left(reader) > 0) {
		uint8_t type = mip_read8(reader);
		struct mip_reader data;

		if (type == PADDING)
			continue;
		data = mip_read_sub(reader, mip_read8(reader));
		if (mip_reader_failed(reader))
			return -EBADMSG;
		r = extension_read(type, &data, advertisement);
	}
	return r;
}

int mip_advertisement_read(struct mip_reader *reader, struct mip_agent_advertisement *ret_advertisement)
{
	struct mip_agent_advertisement advertisement = {0};
	struct mip_reader fields = *reader;
	int r;

	if (mip_reader_left(reader) == 0)
		return -EBADMSG;
	if (mip_read8(&fields) != MIP_ICMP_ROUTER_ADVERTISEMENT)
		return -ENOMSG;
	advertisement.code = mip_read8(&fields);
	mip_read_skip(&fields, 2);
	if (!checksum_holds(reader))
		return -EBADMSG;
	/* RFC 5944 2.1 adds code 16 to the only one, 0, that RFC 1256 5.2 lets through. */
	if (advertisement.code != CODE_ROUTES && advertisement.code != CODE_ROUTES_NOT)
		return -EBADMSG;
	r = routers_read(&fields, &advertisement);
	if (r == 0)
		r = extensions_read(&fields, &advertisement);
	if (r < 0)
		return r;
	if (!advertisement.is_agent && advertisement.router_count == 0)
		return -EBADMSG;
	*reader = fields;
	*ret_advertisement = advertisement;
	return 0;
}

static void agent_write(struct mip_writer *writer, const struct mip_agent_advertisement *advertisement)
{
	size_t addresses = advertisement->care_of_address_count;

	if (addresses > MIP_CARE_OF_ADDRESSES_MAX) {
		writer->failed = true;
		return;
	}
	mip_write8(writer, MIP_ADVERTISEMENT_EXTENSION_MOBILITY_AGENT);
	mip_write8(writer, (uint8_t)(AGENT_FIXED + 4 * addresses));
	mip_write16(writer, advertisement->sequence);
	mip_write16(writer, advertisement->registration_lifetime);
	mip_write16(writer, advertisement->flags & flags_known);
	for (size_t i = 0; i < addresses; i++)
		mip_write_address(writer, advertisement->care_of_addresses[i]);
}

static void octets_write(struct mip_writer *writer, uint8_t type, const uint8_t *octets, size_t length)
{
	if (length == 0)
		return;
	mip_write8(writer, type);
	mip_write8(writer, (uint8_t)length);
	mip_write_octets(writer, octets, length);
}

void mip_advertisement_write(struct mip_writer *writer, const struct mip_agent_advertisement *advertisement)
{
	size_t start = writer->length;

	if (advertisement->router_count > MIP_ROUTERS_MAX ||
		advertisement->challenge_length > MIP_CHALLENGE_MAX) {
		writer->failed = true;
		return;
	}
	mip_write8(writer, MIP_ICMP_ROUTER_ADVERTISEMENT);
	mip_write8(writer, advertisement->code);
	mip_write16(writer, 0);
	mip_write8(writer, (uint8_t)advertisement->router_count);
	mip_write8(writer, ENTRY_WORDS);
	mip_write16(writer, advertisement->lifetime);
	for (size_t i = 0; i < advertisement->router_count; i++) {
		mip_write_address(writer, advertisement->routers[i].address);
		mip_write32(writer, (uint32_t)advertisement->routers[i].preference);
	}
	if (advertisement->is_agent)
		agent_write(writer, advertisement);
	/* One for each router, whatever the struct says (RFC 5944 2.1.2). */
	if (advertisement->prefix_length_count > 0)
		octets_write(writer, MIP_ADVERTISEMENT_EXTENSION_PREFIX_LENGTHS,
			advertisement->prefix_lengths, advertisement->router_count);
	octets_write(writer, MIP_ADVERTISEMENT_EXTENSION_CHALLENGE, advertisement->challenge,
		advertisement->challenge_length);
	/* rfc5944-2.1.3-1: not more than one, and the last. */
	if ((writer->length - start) % 2 != 0)
		mip_write8(writer, PADDING);
	checksum_write(writer, start);
}

/* RFC 1256 4.2: checksum, code 0, 8 octets or more; what is beyond the first 8 is ignored. */
int mip_solicitation_read(struct mip_reader *reader)
{
	struct mip_reader fields = *reader;
	uint8_t code;

	if (mip_reader_left(reader) == 0)
		return -EBADMSG;
	if (mip_read8(&fields) != MIP_ICMP_ROUTER_SOLICITATION)
		return -ENOMSG;
	code = mip_read8(&fields);
	mip_read_skip(&fields, SOLICITATION_LENGTH - 2);
	if (mip_reader_failed(&fields) || code != 0 || !checksum_holds(reader))
		return -EBADMSG;
	*reader = fields;
	return 0;
}

void mip_solicitation_write(struct mip_writer *writer)
{
	size_t start = writer->length;

	mip_write8(writer, MIP_ICMP_ROUTER_SOLICITATION);
	mip_write_zeros(writer, SOLICITATION_LENGTH - 1);
	checksum_write(writer, start);
}

const char *mip_agent_flags_text(uint16_t flags, char text[static MIP_AGENT_FLAGS_TEXT])
{
	static const struct {
		uint16_t flag;
		char letter;
	} letters[] = {
		{MIP_AGENT_R, 'R'},
		{MIP_AGENT_B, 'B'},
		{MIP_AGENT_H, 'H'},
		{MIP_AGENT_F, 'F'},
		{MIP_AGENT_M, 'M'},
		{MIP_AGENT_G, 'G'},
		{MIP_AGENT_T, 'T'},
		{MIP_AGENT_U, 'U'},
		{MIP_AGENT_X, 'X'},
		{MIP_AGENT_I, 'I'},
	};
	size_t length = 0;

	for (size_t i = 0; i < MIP_ARRAY_SIZE(letters); i++) {
		if (flags & letters[i].flag)
			text[length++] = letters[i].letter;
	}
	text[length] = '\0';
	return text;
}
