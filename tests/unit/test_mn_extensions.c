/*
 * Extensions in Registration Replies that the node does not know, or that come in another order than its own
 * home agent would use (RFC 5944 1.8, 3.6.2.1; RFC 3115 2.3).
 */
#include "mn_bench.h"

#include "authenticator.h"
#include "packet.h"

static enum {
	CHECKSUM_RIGHT,
	CHECKSUM_ABSENT,
	CHECKSUM_WRONG,
} checksum; /* of the next reply */

/* An accepted reply to the node's request at FA1; `before` and `after` write extensions on either side of the
 * Mobile-Home authentication extension. */
static void reply_with(struct bench *bench, void (*before)(struct mip_writer *writer),
	void (*after)(struct mip_writer *writer))
{
	struct bench_request request;
	uint8_t octets[512], packet[600];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_udp udp = {.source_port = 434, .destination_port = BENCH_PORT};
	struct mip_ip ip = {
		.ttl = 1, .source = mip_address_of(BENCH_FA1), .destination = mip_address_of(BENCH_HOME)};

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	request = bench_last_request(bench);
	mip_reply_write(&writer, &(struct mip_registration_reply){.lifetime = 600,
					 .home_address = request.fixed.home_address,
					 .home_agent = request.fixed.home_agent,
					 .identification = request.fixed.identification});
	if (before)
		before(&writer);
	assert_int_equal(
		mip_authenticator_append(&writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, bench->home),
		0);
	if (after)
		after(&writer);
	assert_false(mip_writer_failed(&writer));
	size_t length = writer.length;
	writer = mip_writer_of(packet, sizeof(packet));
	mip_udp_packet_write(&writer, &ip, &udp, octets, length);
	if (checksum == CHECKSUM_ABSENT)
		packet[MIP_IP_HEADER + 6] = packet[MIP_IP_HEADER + 7] = 0;
	else if (checksum == CHECKSUM_WRONG)
		packet[MIP_IP_HEADER + 6] ^= 0x40;
	checksum = CHECKSUM_RIGHT;
	bench_frame(bench, BENCH_WWAN, packet, writer.length);
}

static void write_critical_vendor(struct mip_writer *writer)
{
	mip_extension_write_long(writer, MIP_EXTENSION_CRITICAL_VENDOR, 0, "\0\0\x10\x92\0\1v", 7);
}

static void write_vendor(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_VENDOR, "\0\0\0\0\x10\x92\0\1vendor", 14);
}

static void write_unknown_skippable(struct mip_writer *writer)
{
	mip_extension_write(writer, 201, "?", 1);
	mip_extension_write(writer, 255, "", 0);
}

static void write_unknown(struct mip_writer *writer)
{
	mip_extension_write(writer, 99, "?", 1);
}

/* A home agent that writes its extensions as they come: NAI, vendor, challenge, padding, and the challenge of
 * a foreign agent behind the authentication. */
static void write_in_another_order(struct mip_writer *writer)
{
	mip_write8(writer, 0);
	write_vendor(writer);
	mip_extension_write(writer, MIP_EXTENSION_CHALLENGE, "challenge", 9);
	mip_extension_write(writer, MIP_EXTENSION_NODE_NAI, "alice@example.org", 17);
	write_unknown_skippable(writer);
}

static void test_an_unknown_critical_vendor_extension_makes_the_reply_a_denial(void **state)
{
	struct bench *bench = *state;

	reply_with(bench, write_critical_vendor, NULL);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_non_null(bench_event(bench, "denied", 0));
	/* It tries again as after any denial. */
	bench_forget(bench);
	bench_pass(bench, 1500 * MIP_MILLISECOND);
	assert_int_equal(bench_requests(bench), 1);
}

static void test_a_vendor_extension_is_skipped(void **state)
{
	struct bench *bench = *state;

	reply_with(bench, write_vendor, write_vendor);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_unknown_extensions_are_skipped_from_128_on(void **state)
{
	/* rfc5944-1.8-2 */
	struct bench *bench = *state;

	reply_with(bench, write_unknown_skippable, write_unknown_skippable);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_an_unknown_extension_below_128_silences_wherever_it_stands(void **state)
{
	/* rfc5944-1.8-1 */
	struct bench *bench = *state;

	reply_with(bench, NULL, write_unknown);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_null(bench_event(bench, "denied", 0));
	assert_int_equal(bench_counter(bench, "drop_unknown_extension"), 1);
}

static void test_the_extensions_of_a_reply_may_stand_in_any_order(void **state)
{
	struct bench *bench = *state;

	reply_with(bench, write_in_another_order, write_vendor);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void write_another_mobile_home(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append(
				 writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, bench_of_test.home),
		0);
}

static void test_two_mobile_home_authentications_are_none(void **state)
{
	/* rfc5944-3.6.2.1-8, rfc5944-3.6.2.1-9 */
	struct bench *bench = *state;

	reply_with(bench, NULL, write_another_mobile_home);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_int_equal(bench_counter(bench, "drop_unauthenticated"), 1);
	assert_int_equal(bench->security_exceptions, 1);
}

static struct mn_foreign_agent_settings shared;

static void with_shared(struct mn_settings *settings)
{
	settings->foreign_agents = &shared;
	settings->foreign_agent_count = 1;
}

static void write_mobile_foreign(struct mip_writer *writer)
{
	assert_int_equal(mip_authenticator_append(
				 writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, 0, shared.association),
		0);
}

static void write_mobile_foreign_twice(struct mip_writer *writer)
{
	write_mobile_foreign(writer);
	write_mobile_foreign(writer);
}

static void write_wrong_mobile_foreign(struct mip_writer *writer)
{
	write_mobile_foreign(writer);
	writer->octets[writer->length - 1] ^= 1;
}

static void test_exactly_one_right_mobile_foreign_authentication_is_asked_for(void **state)
{
	/* rfc5944-3.2-1, rfc5944-3.6.2.1-6, rfc5944-3.6.2.1-7 */
	struct bench *bench = *state;
	static void (*const trailers[])(struct mip_writer * writer) = {
		NULL, write_mobile_foreign_twice, write_wrong_mobile_foreign, write_mobile_foreign};

	shared = (struct mn_foreign_agent_settings){mip_address_of(BENCH_FA1), bench_other_association()};
	for (size_t i = 0; i < MIP_ARRAY_SIZE(trailers); i++) {
		bool right = trailers[i] == write_mobile_foreign;

		bench_again_with(with_shared);
		reply_with(bench, NULL, trailers[i]);
		assert_int_equal(bench_state(bench), right ? MN_STATE_REGISTERED : MN_STATE_REGISTERING);
		assert_int_equal(bench->security_exceptions, right ? 0 : 1);
	}
	mip_association_unref(shared.association);
}

static void test_a_reply_with_a_wrong_checksum_is_dropped_and_one_without_is_taken(void **state)
{
	/* rfc5944-3.1-5, rfc5944-3.1-6, rfc5944-3.6.2.1-1 */
	struct bench *bench = *state;

	checksum = CHECKSUM_WRONG;
	reply_with(bench, NULL, NULL);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERING);
	assert_int_equal(bench_counter(bench, "drop_malformed"), 1);
	bench_again_with(NULL);
	checksum = CHECKSUM_ABSENT;
	reply_with(bench, NULL, NULL);
	assert_int_equal(bench_state(bench), MN_STATE_REGISTERED);
}

static void test_its_requests_have_a_checksum(void **state)
{
	/* rfc5944-3.1-5 */
	struct bench *bench = *state;
	const struct mip_output *output;

	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	output = &bench->outputs[bench_last_request(bench).place];
	assert_int_equal(output->kind, MIP_OUTPUT_FRAME);
	assert_true(output->octets[MIP_IP_HEADER + 6] || output->octets[MIP_IP_HEADER + 7]);
}

static void test_denials_for_authentication_are_logged_as_security_exceptions(void **state)
{
	/* rfc5944-3.6.2.1-10, rfc5944-3.6.2.3-1 */
	struct bench *bench = *state;
	static const uint8_t codes[] = {67, 68, 131, 132};

	for (size_t i = 0; i < MIP_ARRAY_SIZE(codes); i++) {
		bench_again_with(NULL);
		bench_link(bench, BENCH_WWAN, true);
		bench_advertise(bench, &bench_fa1);
		bench_deny(bench, codes[i]);
		assert_int_equal(bench_status(bench).last_code, codes[i]);
		assert_int_equal(bench->security_exceptions, 1);
	}
	/* Another denial is logged too, and is none. */
	bench_again_with(NULL);
	bench_link(bench, BENCH_WWAN, true);
	bench_advertise(bench, &bench_fa1);
	bench_deny(bench, 66);
	assert_int_equal(bench->security_exceptions, 0);
	assert_true(bench->warnings >= 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_unknown_critical_vendor_extension_makes_the_reply_a_denial),
		TEST(test_a_vendor_extension_is_skipped),
		TEST(test_unknown_extensions_are_skipped_from_128_on),
		TEST(test_an_unknown_extension_below_128_silences_wherever_it_stands),
		TEST(test_the_extensions_of_a_reply_may_stand_in_any_order),
		TEST(test_two_mobile_home_authentications_are_none),
		TEST(test_exactly_one_right_mobile_foreign_authentication_is_asked_for),
		TEST(test_a_reply_with_a_wrong_checksum_is_dropped_and_one_without_is_taken),
		TEST(test_its_requests_have_a_checksum),
		TEST(test_denials_for_authentication_are_logged_as_security_exceptions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
