/*
 * Authenticators: no message of a fuzzer verifies, what we append to any message verifies, and stops to when
 * an octet of it changes.
 */
#include "authenticator.h"
#include "fuzz.h"

static struct mip_association *associations[4];

static void associations_make(void)
{
	uint8_t key[] = {0x5a, 0xc3, 0x00, 0xff, 0x17, 0x99, 0x28, 0x6e, 0x41, 0xd0, 0x0b, 0x7c, 0xe5, 0x33,
		0x82, 0xaf};
	struct mip_association_settings settings = {.spi = 1000, .key = {key, sizeof(key)}};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(associations); i++) {
		settings.algorithm = (enum mip_algorithm)i;
		FUZZ_CHECK(mip_association_new(&settings, &associations[i]) == 0);
	}
}

static void refused_fuzz(const uint8_t *octets, size_t length, const struct mip_association *association)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extension extension;

	if (length > 1)
		mip_read_skip(&reader, octets[0] == 1 ? 24 : 20);
	while (mip_extension_next(&reader, &extension) > 0)
		FUZZ_CHECK(mip_authenticator_check(association, octets, &extension) != 0);
}

static void appended_fuzz(
	const uint8_t *octets, size_t length, const struct mip_association *association, uint8_t type)
{
	size_t size = length + 8 + MIP_AUTHENTICATOR_MAX, change;
	uint8_t *message = malloc(size);
	struct mip_writer writer = mip_writer_of(message, size);
	struct mip_extension extension;
	struct mip_reader reader;

	FUZZ_CHECK(message);
	mip_write_octets(&writer, octets, length);
	FUZZ_CHECK(mip_authenticator_append(&writer, type, type == 36, association) == 0);
	reader = mip_reader_of(message, writer.length);
	mip_read_skip(&reader, length);
	FUZZ_CHECK(mip_extension_next(&reader, &extension) == 1 && mip_reader_left(&reader) == 0);
	FUZZ_CHECK(mip_authenticator_check(association, message, &extension) == 0);
	change = length > 0 ? octets[0] * 251u % writer.length : writer.length - 1;
	message[change] ^= 0x80;
	FUZZ_CHECK(mip_authenticator_check(association, message, &extension) != 0);
	free(message);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	static const uint8_t types[] = {32, 33, 34, 36};
	size_t choice = length > 0 ? octets[length - 1] % 4 : 0;

	if (!associations[0])
		associations_make();
	for (size_t i = 0; i < MIP_ARRAY_SIZE(associations); i++)
		refused_fuzz(octets, length, associations[i]);
	appended_fuzz(octets, length, associations[choice], types[length % 4]);
	return 0;
}
