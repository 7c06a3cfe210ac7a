/*
 * The fixed parts of messages: what is read and written again is read the same, and nothing is read from what
 * is too short.
 */
#include "fuzz.h"
#include "registration.h"
#include "revocation.h"

static void request_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_request read = {0}, reread = {0};
	uint8_t written[MIP_REQUEST_LENGTH];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));

	if (mip_request_read(&reader, &read) < 0)
		return;
	FUZZ_CHECK(reader.position == MIP_REQUEST_LENGTH);
	mip_request_write(&writer, &read);
	FUZZ_CHECK(!mip_writer_failed(&writer) && writer.length == MIP_REQUEST_LENGTH);
	FUZZ_CHECK(written[0] == octets[0] && memcmp(written + 2, octets + 2, MIP_REQUEST_LENGTH - 2) == 0);
	reader = mip_reader_of(written, sizeof(written));
	FUZZ_CHECK(mip_request_read(&reader, &reread) == 0 && reread.flags == read.flags);
}

static void reply_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_reply read = {0};
	uint8_t written[MIP_REPLY_LENGTH];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));

	if (mip_reply_read(&reader, &read) < 0)
		return;
	FUZZ_CHECK(reader.position == MIP_REPLY_LENGTH);
	FUZZ_CHECK(mip_code_text(read.code));
	mip_reply_write(&writer, &read);
	FUZZ_CHECK(memcmp(written, octets, MIP_REPLY_LENGTH) == 0);
}

static void tunnel_data_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	uint8_t next_header, written[MIP_TUNNEL_DATA_HEADER];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));

	if (mip_tunnel_data_read(&reader, &next_header) < 0)
		return;
	FUZZ_CHECK(reader.position == MIP_TUNNEL_DATA_HEADER);
	mip_tunnel_data_write(&writer, next_header);
	FUZZ_CHECK(memcmp(written, octets, 2) == 0);
}

static void revocation_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_revocation read = {0}, reread = {0};
	uint8_t written[MIP_REVOCATION_LENGTH];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));

	if (mip_revocation_read(&reader, &read) < 0)
		return;
	mip_revocation_write(&writer, &read);
	FUZZ_CHECK(memcmp(written + 4, octets + 4, MIP_REVOCATION_LENGTH - 4) == 0);
	reader = mip_reader_of(written, sizeof(written));
	FUZZ_CHECK(mip_revocation_read(&reader, &reread) == 0);
	FUZZ_CHECK(reread.inform == read.inform && reread.from_home_agent == read.from_home_agent);
}

static void revocation_ack_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_revocation_ack read = {0}, reread = {0};
	uint8_t written[MIP_REVOCATION_ACK_LENGTH];
	struct mip_writer writer = mip_writer_of(written, sizeof(written));

	if (mip_revocation_ack_read(&reader, &read) < 0)
		return;
	mip_revocation_ack_write(&writer, &read);
	FUZZ_CHECK(memcmp(written + 4, octets + 4, MIP_REVOCATION_ACK_LENGTH - 4) == 0);
	reader = mip_reader_of(written, sizeof(written));
	FUZZ_CHECK(mip_revocation_ack_read(&reader, &reread) == 0 && reread.inform == read.inform);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	request_fuzz(octets, length);
	reply_fuzz(octets, length);
	tunnel_data_fuzz(octets, length);
	revocation_fuzz(octets, length);
	revocation_ack_fuzz(octets, length);
	return 0;
}
