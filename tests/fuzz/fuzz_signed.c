/*
 * Authenticated messages: the mutator changes a message field by field and extension by extension, and signs it again.
 * The first octet says with which algorithm; the message follows. Of what verifies:
 *
 *   - it is read, and printed
 *   - with any octet that the authenticator covers changed, or with another one, it does not verify any more
 *   - no other association verifies it
 *
 * FUZZ_PLAIN=1 leaves the mutations to libFuzzer alone, FUZZ_COUNT=1 counts what verified.
 */
#include "fuzz.h"

#include <stdio.h>

#include "address.h"
#include "authenticator.h"
#include "message.h"
#include "print.h"

enum {
	ALGORITHMS = 4,
	OTHER = ALGORITHMS, /* with the first algorithm, and another key */
	PRELUDE = 1,
	STEPS_MOST = 4,
	JUNK = 16, /* one in so many is not signed again */
};

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t length, size_t most, unsigned int seed);

static struct mip_association *associations[ALGORITHMS + 1];
static uint64_t messages, verified;

static void tell(void)
{
	fprintf(stderr, "messages: %llu, past the authenticator: %llu\n", (unsigned long long)messages,
		(unsigned long long)verified);
}

static void associate_once(void)
{
	uint8_t key[] = {0x5a, 0xc3, 0x00, 0xff, 0x17, 0x99, 0x28, 0x6e};
	struct mip_association_settings settings = {.spi = 1000, .key = {key, sizeof(key)}};

	if (associations[0])
		return;
	for (size_t i = 0; i < ALGORITHMS; i++) {
		settings.algorithm = (enum mip_algorithm)i;
		FUZZ_CHECK(mip_association_new(&settings, &associations[i]) == 0);
	}
	settings.algorithm = MIP_ALGORITHM_HMAC_MD5;
	key[0] ^= 1;
	FUZZ_CHECK(mip_association_new(&settings, &associations[OTHER]) == 0);
	if (getenv("FUZZ_COUNT"))
		atexit(tell);
}

static const struct mip_association *association_for(void *context, uint8_t type)
{
	(void)type;
	return context;
}

/* One octet at a time: those that are covered, and the authenticator itself. */
static void flip(const uint8_t *message, size_t length, const struct mip_extension *extension,
	const struct mip_association *association)
{
	size_t end = extension->offset + extension->length, step = 1 + length / 16;
	uint8_t *copy = fuzz_copy(message, length);
	struct mip_extension moved = *extension;

	moved.data = copy + (extension->data - message);
	for (size_t i = message[length - 1] % step; i < end; i += step) {
		copy[i] ^= (uint8_t)(1 << i % 8);
		FUZZ_CHECK(mip_authenticator_check(association, copy, &moved) != 0);
		copy[i] ^= (uint8_t)(1 << i % 8);
	}
	FUZZ_CHECK(mip_authenticator_check(association, copy, &moved) == 0);
	free(copy);
}

static void check_verified(const uint8_t *message, size_t length, const struct mip_extension *extension,
	const struct mip_association *association)
{
	char text[4096];
	struct mip_text printed = mip_text_of(text, sizeof(text));

	for (size_t i = 0; i <= ALGORITHMS; i++)
		FUZZ_CHECK((mip_authenticator_check(associations[i], message, extension) == 0) ==
			   (associations[i] == association));
	mip_print_message(&printed, message, length);
	flip(message, length, extension, association);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	const struct mip_association *association;
	struct mip_extension extension;
	struct mip_reader reader;
	uint8_t *message;
	bool any = false;

	associate_once();
	if (length < PRELUDE)
		return 0;
	association = associations[octets[0] % ALGORITHMS];
	message = fuzz_copy(octets + PRELUDE, length - PRELUDE);
	reader = mip_reader_of(message, length - PRELUDE);
	mip_read_skip(&reader, fuzz_message_fixed(message, length - PRELUDE));
	while (mip_extension_next(&reader, &extension) > 0) {
		if (mip_authenticator_check(association, message, &extension) != 0)
			continue;
		check_verified(message, length - PRELUDE, &extension, association);
		any = true;
	}
	messages++;
	verified += any;
	free(message);
	return 0;
}

/* --- the mutator ------------------------------------------------------------------------------ */

static size_t make_message(struct fuzz_dice *dice, uint8_t octets[static FUZZ_MESSAGE_MOST],
	const struct mip_association *association)
{
	struct mip_writer writer = mip_writer_of(octets, FUZZ_MESSAGE_MOST);
	struct mip_registration_request request = {
		.lifetime = 1800, .home_address = mip_address_of(0x0a010032)};
	struct mip_registration_reply reply = {.lifetime = 1800, .home_address = mip_address_of(0x0a010032)};

	if (fuzz_dice_one_in(dice, 2))
		mip_request_write(&writer, &request);
	else
		mip_reply_write(&writer, &reply);
	FUZZ_CHECK(mip_authenticator_append(
			   &writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, association) == 0);
	return writer.length;
}

size_t LLVMFuzzerCustomMutator(uint8_t *octets, size_t length, size_t most, unsigned int seed)
{
	static const uint32_t known[] = {0, 0xffffffff, 0x0a010001, 0x0a010032, 0x0a020001};
	const struct fuzz_addresses addresses = {known, MIP_ARRAY_SIZE(known)};
	struct fuzz_dice dice = {seed};
	uint8_t message[FUZZ_MESSAGE_MOST];
	struct mip_association *association;
	size_t count = length > PRELUDE ? length - PRELUDE : 0, steps;

	if (getenv("FUZZ_PLAIN") || most < PRELUDE + FUZZ_MESSAGE_MOST)
		return LLVMFuzzerMutate(octets, length, most);
	associate_once();
	if (length < PRELUDE || fuzz_dice_one_in(&dice, JUNK))
		octets[0] = (uint8_t)fuzz_dice_below(&dice, ALGORITHMS);
	association = associations[octets[0] % ALGORITHMS];
	if (count > FUZZ_MESSAGE_MOST)
		count = FUZZ_MESSAGE_MOST;
	memcpy(message, octets + PRELUDE, count);
	if (fuzz_message_fixed(message, count) == 0 || fuzz_dice_one_in(&dice, JUNK))
		count = make_message(&dice, message, association);
	steps = 1 + fuzz_dice_below(&dice, STEPS_MOST);
	for (size_t i = 0; i < steps; i++)
		count = fuzz_message_mutate(&dice, &addresses, message, count);
	if (!fuzz_dice_one_in(&dice, JUNK))
		fuzz_message_sign(message, count, association_for, association);
	memcpy(octets + PRELUDE, message, count);
	return PRELUDE + count;
}
