/*
 * Extensions in Registration Replies that the node does not know, or that come in another order than its own
 * home agent would use (RFC 5944 1.8, 3.6.2.1; RFC 3115 2.3).
 */
#include "mn_bench.h"

#include "authenticator.h"
#include "packet.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_unknown_critical_vendor_extension_makes_the_reply_a_denial),
		TEST(test_a_vendor_extension_is_skipped),
		TEST(test_unknown_extensions_are_skipped_from_128_on),
		TEST(test_an_unknown_extension_below_128_silences_wherever_it_stands),
		TEST(test_the_extensions_of_a_reply_may_stand_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
