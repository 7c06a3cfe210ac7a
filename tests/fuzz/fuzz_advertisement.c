/*
 * Agent discovery: what is read and written again is read the same. The checksum is put right in a copy, for
 * a fuzzer does not guess it.
 */
#include "advertisement.h"
#include "fuzz.h"
#include "packet.h"

static void advertisement_fuzz(const uint8_t *octets, size_t length)
{
	static struct mip_agent_advertisement read, reread;
	static uint8_t written[8 + 8 * MIP_ROUTERS_MAX + 3 * 257 + 1];
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_writer writer = mip_writer_of(written, sizeof(written));
	char flags[MIP_AGENT_FLAGS_TEXT];

	memset(&read, 0, sizeof(read));
	memset(&reread, 0, sizeof(reread));
	if (mip_advertisement_read(&reader, &read) < 0)
		return;
	FUZZ_CHECK(read.is_agent || read.router_count > 0);
	FUZZ_CHECK(strlen(mip_agent_flags_text(read.flags, flags)) < MIP_AGENT_FLAGS_TEXT);
	mip_advertisement_write(&writer, &read);
	FUZZ_CHECK(!mip_writer_failed(&writer) && writer.length % 2 == 0);
	reader = mip_reader_of(written, writer.length);
	FUZZ_CHECK(mip_advertisement_read(&reader, &reread) == 0);
	FUZZ_CHECK(memcmp(&read, &reread, sizeof(read)) == 0);
}

static void all_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);

	advertisement_fuzz(octets, length);
	if (mip_solicitation_read(&reader) == 0)
		FUZZ_CHECK(length >= 8 && octets[0] == MIP_ICMP_ROUTER_SOLICITATION && octets[1] == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	uint8_t *copy = fuzz_copy(octets, length);
	uint16_t checksum;

	all_fuzz(octets, length);
	if (length >= 4) {
		copy[2] = copy[3] = 0;
		checksum = mip_checksum_finish(mip_checksum_add(0, copy, length));
		copy[2] = (uint8_t)(checksum >> 8);
		copy[3] = (uint8_t)checksum;
		all_fuzz(copy, length);
	}
	free(copy);
	return 0;
}
