/*
 * Extensions: each lies within the message and after the one before, written again it is the same octets,
 * what stands in a slot is of the slot's kind, and what the typed readers give is written and read the same.
 */
#include "extension.h"
#include "fuzz.h"
#include "registration.h"
#include "revocation.h"

static size_t fixed_length(const uint8_t *octets, size_t length)
{
	switch (mip_message_type(octets, length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		return MIP_REQUEST_LENGTH;
	case MIP_MESSAGE_REGISTRATION_REPLY:
		return MIP_REPLY_LENGTH;
	case MIP_MESSAGE_REVOCATION:
		return MIP_REVOCATION_LENGTH;
	case MIP_MESSAGE_REVOCATION_ACK:
		return MIP_REVOCATION_ACK_LENGTH;
	default:
		return 0;
	}
}

static void rewrite(const uint8_t *octets, const struct mip_extension *extension)
{
	uint8_t *written = malloc(extension->length);
	struct mip_writer writer = mip_writer_of(written, extension->length);

	FUZZ_CHECK(written);
	switch (extension->length - extension->data_length) {
	case 2:
		mip_extension_write(&writer, extension->type, extension->data, extension->data_length);
		break;
	case 3:
		mip_extension_write_short(&writer, extension->type, extension->subtype, extension->data,
			extension->data_length);
		break;
	case 4:
		mip_extension_write_long(&writer, extension->type, extension->subtype, extension->data,
			extension->data_length);
		break;
	default:
		abort();
	}
	FUZZ_CHECK(!mip_writer_failed(&writer) && writer.length == extension->length);
	FUZZ_CHECK(memcmp(written, octets + extension->offset, extension->length) == 0);
	free(written);
}

static void walk(const uint8_t *octets, size_t length, size_t start)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extension extension;
	size_t end = start;

	mip_read_skip(&reader, start);
	while (mip_extension_next(&reader, &extension) > 0) {
		FUZZ_CHECK(extension.type != MIP_EXTENSION_PADDING);
		FUZZ_CHECK(extension.offset >= end && extension.offset + extension.length <= length);
		FUZZ_CHECK(extension.data ==
			   octets + extension.offset + extension.length - extension.data_length);
		end = extension.offset + extension.length;
		rewrite(octets, &extension);
	}
}

static void authentication_fuzz(const struct mip_extension *extension, size_t length)
{
	struct mip_authentication authentication;

	if (!extension)
		return;
	FUZZ_CHECK(mip_authentication_read(extension, &authentication) == 0);
	FUZZ_CHECK(authentication.covered + authentication.authenticator_length ==
		   extension->offset + extension->length);
	FUZZ_CHECK(
		authentication.covered <= length && authentication.authenticator_length <= extension->length);
}

static void udp_tunnel_fuzz(const struct mip_extension *request, const struct mip_extension *reply)
{
	struct mip_udp_tunnel_request asked, asked_again;
	struct mip_udp_tunnel_reply answered, answered_again;
	struct mip_extension extension;
	uint8_t written[16];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));
	struct mip_reader reader = mip_reader_of(written, 8);

	if (request) {
		FUZZ_CHECK(mip_udp_tunnel_request_read(request, &asked) == 0);
		mip_udp_tunnel_request_write(&writer, &asked);
		FUZZ_CHECK(writer.length == 8 && mip_extension_next(&reader, &extension) == 1);
		FUZZ_CHECK(mip_udp_tunnel_request_read(&extension, &asked_again) == 0);
		FUZZ_CHECK(asked_again.force == asked.force &&
			   asked_again.encapsulation == asked.encapsulation &&
			   asked_again.through_foreign_agent == asked.through_foreign_agent);
	}
	if (reply) {
		writer = mip_writer_of(written, sizeof(written));
		reader = mip_reader_of(written, 8);
		FUZZ_CHECK(mip_udp_tunnel_reply_read(reply, &answered) == 0);
		mip_udp_tunnel_reply_write(&writer, &answered);
		FUZZ_CHECK(writer.length == 8 && mip_extension_next(&reader, &extension) == 1);
		FUZZ_CHECK(mip_udp_tunnel_reply_read(&extension, &answered_again) == 0);
		FUZZ_CHECK(answered_again.code == answered.code && answered_again.forced == answered.forced &&
			   answered_again.keepalive_interval == answered.keepalive_interval);
	}
}

static void slots_fuzz(const struct mip_extensions *extensions, size_t length)
{
	for (int slot = 0; slot < MIP_SLOT_COUNT; slot++) {
		const struct mip_extension *extension = mip_extension_of(extensions, (enum mip_slot)slot);
		const struct mip_extension_row *row;

		FUZZ_CHECK((extension != NULL) == (extensions->occurrences[slot] > 0));
		if (!extension)
			continue;
		row = mip_extension_row_of(extension->type, extension->subtype);
		FUZZ_CHECK(row && row->slot == (enum mip_slot)slot);
		FUZZ_CHECK(extension->data_length >= row->least_data &&
			   extension->data_length <= row->most_data);
	}
	for (int slot = MIP_SLOT_MOBILE_HOME_AUTHENTICATION; slot <= MIP_SLOT_MOBILE_AAA_AUTHENTICATION;
		slot++)
		authentication_fuzz(mip_extension_of(extensions, (enum mip_slot)slot), length);
	udp_tunnel_fuzz(mip_extension_of(extensions, MIP_SLOT_UDP_TUNNEL_REQUEST),
		mip_extension_of(extensions, MIP_SLOT_UDP_TUNNEL_REPLY));
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	size_t start = fixed_length(octets, length);
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extensions extensions;

	mip_read_skip(&reader, start);
	if (mip_extensions_read(&reader, &extensions) == 0)
		slots_fuzz(&extensions, length);
	if (start <= length)
		walk(octets, length, start);
	return 0;
}
