/* Agent discovery: what is valid, what is discarded, and what is written. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "address.h"
#include "advertisement.h"
#include "packet.h"

static const struct mip_agent_advertisement foreign_agent = {
	.lifetime = 3,
	.router_count = 1,
	.routers = {{.preference = -1}},
	.is_agent = true,
	.sequence = 258,
	.registration_lifetime = 1800,
	.flags = MIP_AGENT_F | MIP_AGENT_T,
	.care_of_address_count = 2,
	.prefix_length_count = 1,
	.prefix_lengths = {24},
	.challenge_length = 5,
	.challenge = {1, 2, 3, 4, 5},
};

static size_t written(const struct mip_agent_advertisement *advertisement, uint8_t *octets, size_t size)
{
	struct mip_writer writer = mip_writer_of(octets, size);

	mip_advertisement_write(&writer, advertisement);
	assert_false(mip_writer_failed(&writer));
	return writer.length;
}

static int reread(const uint8_t *octets, size_t length, struct mip_agent_advertisement *ret)
{
	struct mip_reader reader = mip_reader_of(octets, length);

	return mip_advertisement_read(&reader, ret);
}

/* The same with the checksum put right, after a test has changed something. */
static int reread_summed(uint8_t *octets, size_t length, struct mip_agent_advertisement *ret)
{
	uint16_t checksum;

	octets[2] = octets[3] = 0;
	checksum = mip_checksum_finish(mip_checksum_add(0, octets, length));
	octets[2] = (uint8_t)(checksum >> 8);
	octets[3] = (uint8_t)checksum;
	return reread(octets, length, ret);
}

static void an_advertisement_is_read_as_it_was_written(void **state)
{
	struct mip_agent_advertisement read, wrote = foreign_agent;
	uint8_t octets[256];
	size_t length;

	(void)state;
	wrote.routers[0].address = mip_address_of(0x0a020001);
	wrote.care_of_addresses[0] = mip_address_of(0x0a020001);
	wrote.care_of_addresses[1] = mip_address_of(0x0a020009);
	length = written(&wrote, octets, sizeof(octets));
	assert_int_equal(length, 8 + 8 + 16 + 3 + 7);
	assert_int_equal(octets[0], 9);
	assert_int_equal(octets[17], 6 + 4 * 2);
	assert_int_equal(reread(octets, length, &read), 0);
	assert_memory_equal(&read, &wrote, sizeof(read));
}

static void an_odd_one_is_padded_at_the_end(void **state)
{
	/* rfc5944-2.1.3-1 */
	struct mip_agent_advertisement read, wrote = foreign_agent;
	uint8_t octets[256];
	size_t length;

	(void)state;
	wrote.challenge_length = 4;
	wrote.challenge[4] = 0;
	length = written(&wrote, octets, sizeof(octets));
	assert_int_equal(length, 8 + 8 + 16 + 3 + 6 + 1);
	assert_int_equal(octets[length - 1], 0);
	assert_int_equal(reread(octets, length, &read), 0);
	assert_memory_equal(&read, &wrote, sizeof(read));
}

static void an_agent_may_advertise_no_router_but_a_router_may_not(void **state)
{
	struct mip_agent_advertisement read, wrote = {.is_agent = true, .flags = MIP_AGENT_H, .code = 16};
	uint8_t octets[256];
	size_t length = written(&wrote, octets, sizeof(octets));

	(void)state;
	assert_int_equal(reread(octets, length, &read), 0);
	assert_int_equal(read.router_count, 0);
	assert_int_equal(read.code, 16);
	wrote = (struct mip_agent_advertisement){.router_count = 1};
	length = written(&wrote, octets, sizeof(octets));
	assert_int_equal(reread(octets, length, &read), 0);
	assert_false(read.is_agent);
	wrote.router_count = 0;
	length = written(&wrote, octets, sizeof(octets));
	assert_int_equal(reread(octets, length, &read), -EBADMSG);
}

static void what_rfc_1256_discards_is_refused(void **state)
{
	struct mip_agent_advertisement read = {.lifetime = 77};
	uint8_t octets[256];
	size_t length = written(&foreign_agent, octets, sizeof(octets));

	(void)state;
	octets[20] ^= 1;
	assert_int_equal(reread(octets, length, &read), -EBADMSG); /* checksum */
	octets[20] ^= 1;
	octets[1] = 1;
	assert_int_equal(reread_summed(octets, length, &read), -EBADMSG); /* code */
	octets[1] = 0;
	octets[5] = 1;
	assert_int_equal(reread_summed(octets, length, &read), -EBADMSG); /* entry size */
	octets[5] = 2;
	octets[4] = 200;
	assert_int_equal(reread_summed(octets, length, &read), -EBADMSG); /* routers past the end */
	assert_int_equal(read.lifetime, 77);
	octets[4] = 1;
	assert_int_equal(reread_summed(octets, length, &read), 0);
}

static void every_cut_advertisement_is_refused_or_lacks_whole_extensions(void **state)
{
	struct mip_agent_advertisement read;
	uint8_t octets[256];
	size_t length = written(&foreign_agent, octets, sizeof(octets));

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		uint8_t part[256];
		bool whole = cut == 16 || cut == 32 || cut == 35;

		memcpy(part, octets, cut);
		if (cut < 4)
			assert_int_equal(reread(part, cut, &read), -EBADMSG);
		else
			assert_int_equal(reread_summed(part, cut, &read), whole ? 0 : -EBADMSG);
	}
}

static void an_unknown_extension_spoils_the_message_below_128_only(void **state)
{
	/* rfc5944-1.8-1, rfc5944-1.8-2 */
	struct mip_agent_advertisement read, wrote = {.is_agent = true};
	uint8_t octets[256];
	size_t length = written(&wrote, octets, sizeof(octets));

	(void)state;
	memcpy(octets + length, "\x80\x02zz", 4);
	assert_int_equal(reread_summed(octets, length + 4, &read), 0);
	octets[length] = 127;
	assert_int_equal(reread_summed(octets, length + 4, &read), -EBADMSG);
}

static void lengths_must_fit_their_extension(void **state)
{
	struct mip_agent_advertisement read;
	uint8_t octets[256];
	size_t length = written(&foreign_agent, octets, sizeof(octets));

	(void)state;
	octets[34] = 33; /* a prefix longer than an address */
	assert_int_equal(reread_summed(octets, length, &read), -EBADMSG);
	octets[34] = 32;
	assert_int_equal(reread_summed(octets, length, &read), 0);
	memcpy(octets + length, "\x13\x02\x18\x18", 4); /* two prefix lengths for one router */
	assert_int_equal(reread_summed(octets, length + 4, &read), -EBADMSG);
}

static void the_first_of_two_challenges_stands(void **state)
{
	struct mip_agent_advertisement read;
	uint8_t octets[256];
	size_t length = written(&foreign_agent, octets, sizeof(octets));

	(void)state;
	memcpy(octets + length, "\x18\x02zz", 4);
	assert_int_equal(reread_summed(octets, length + 4, &read), 0);
	assert_int_equal(read.challenge_length, 5);
	assert_memory_equal(read.challenge, "\x01\x02\x03\x04\x05", 5);
}

static void reserved_flags_are_ignored(void **state)
{
	/* rfc5944-2.1.1-1, rfc5944-2.4-15 */
	struct mip_agent_advertisement read;
	uint8_t octets[256];
	size_t length = written(&foreign_agent, octets, sizeof(octets));

	(void)state;
	octets[22] = octets[23] = 0xff;
	assert_int_equal(reread_summed(octets, length, &read), 0);
	assert_int_equal(read.flags, 0xfde0);
}

static void more_than_the_format_holds_fails_the_writer(void **state)
{
	struct mip_agent_advertisement wrote = {.is_agent = true, .care_of_address_count = 63};
	uint8_t octets[512];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_advertisement_write(&writer, &wrote);
	assert_true(mip_writer_failed(&writer));
	writer = mip_writer_of(octets, 20);
	mip_advertisement_write(&writer, &foreign_agent);
	assert_true(mip_writer_failed(&writer));
}

static void a_solicitation_is_eight_octets_or_more(void **state)
{
	uint8_t octets[16] = {0};
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_reader reader;

	(void)state;
	mip_solicitation_write(&writer);
	assert_int_equal(writer.length, 8);
	assert_memory_equal(octets, "\x0a\0\xf5\xff\0\0\0\0", 8);
	reader = mip_reader_of(octets, 16);
	assert_int_equal(mip_solicitation_read(&reader), 0);
	reader = mip_reader_of(octets, 7);
	assert_int_equal(mip_solicitation_read(&reader), -EBADMSG);
	octets[3] ^= 1;
	reader = mip_reader_of(octets, 8);
	assert_int_equal(mip_solicitation_read(&reader), -EBADMSG);
}

static void other_icmp_messages_are_told_apart(void **state)
{
	struct mip_agent_advertisement read;
	struct mip_reader reader = mip_reader_of("\x08\0\0\0\0\0\0\0", 8);

	(void)state;
	assert_int_equal(mip_advertisement_read(&reader, &read), -ENOMSG);
	assert_int_equal(mip_solicitation_read(&reader), -ENOMSG);
}

static void flags_have_letters_in_the_order_of_the_rfc(void **state)
{
	char text[MIP_AGENT_FLAGS_TEXT];

	(void)state;
	assert_string_equal(mip_agent_flags_text(0xffff, text), "RBHFMGTUXI");
	assert_string_equal(mip_agent_flags_text(MIP_AGENT_T | MIP_AGENT_F, text), "FT");
	assert_string_equal(mip_agent_flags_text(0, text), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_advertisement_is_read_as_it_was_written),
		cmocka_unit_test(an_odd_one_is_padded_at_the_end),
		cmocka_unit_test(an_agent_may_advertise_no_router_but_a_router_may_not),
		cmocka_unit_test(what_rfc_1256_discards_is_refused),
		cmocka_unit_test(every_cut_advertisement_is_refused_or_lacks_whole_extensions),
		cmocka_unit_test(an_unknown_extension_spoils_the_message_below_128_only),
		cmocka_unit_test(lengths_must_fit_their_extension),
		cmocka_unit_test(the_first_of_two_challenges_stands),
		cmocka_unit_test(reserved_flags_are_ignored),
		cmocka_unit_test(more_than_the_format_holds_fails_the_writer),
		cmocka_unit_test(a_solicitation_is_eight_octets_or_more),
		cmocka_unit_test(other_icmp_messages_are_told_apart),
		cmocka_unit_test(flags_have_letters_in_the_order_of_the_rfc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
