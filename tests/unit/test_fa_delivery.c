/*
 * Delivery styles at a foreign agent (RFC 3024 3.3, 3.4, 4.2, 5): who gets which, what is wanted of the kernel and the data
 * plane in each, and code 79.
 */
#include "fa_world.h"

#include "address.h"
#include "extension.h"

static void write_style(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_ENCAPSULATING_DELIVERY, NULL, 0);
}

static void begin(struct fa_world *world)
{
	fa_world_init(world);
	world->settings.encapsulating_delivery = true;
	fa_world_start(world);
	fa_world_clear(world);
}

static struct fa_world_request encapsulating(void)
{
	struct fa_world_request request = fa_world_request();

	request.trailer = write_style;
	return request;
}

/* rfc3024-4.2.1-2, rfc3024-3.4-4: cannot support the requested form of delivery style: MUST return code 79. */
static void a_style_that_is_not_had_gets_code_79(void **state)
{
	struct fa_world world;
	struct fa_world_request request = encapsulating();
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	fa_world_begin(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	assert_int_equal(fa_world_code(&world), 79);
	fa_world_end(&world);
}

/* rfc3024-3.3-1: the foreign agent MUST consume this extension: it must not relay it or include it in replies. */
static void the_extension_is_consumed(void **state)
{
	struct fa_world world;
	struct fa_world_request request = encapsulating(), plain = fa_world_request();
	uint8_t message[WORLD_MESSAGE], without[WORLD_MESSAGE];
	const struct mip_output *relayed;
	size_t length;

	(void)state;
	begin(&world);
	fa_world_send(&world, &request, message);
	length = fa_world_write_request(&plain, without);
	relayed = fa_world_only(&world, MIP_OUTPUT_DATAGRAM);
	assert_int_equal(relayed->length, length);
	assert_memory_equal(relayed->octets, without, length);
	fa_world_end(&world);
}

static void write_before(struct mip_writer *writer)
{
	write_style(writer);
	mip_extension_write(writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, "0123456789012345678", 20);
}

static void write_behind(struct mip_writer *writer)
{
	mip_extension_write(writer, MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION, "0123456789012345678", 20);
	write_style(writer);
}

/* rfc3024-3.3-2: after the Mobile-Home, and before the Mobile-Foreign Authentication Extension; rfc3024-3.3-3: MUST NOT be
 * included if the 'T' bit is not set. */
static void the_extension_has_its_place_and_needs_t(void **state)
{
	static void (*const trailers[])(struct mip_writer * writer) = {
		write_before, write_behind, write_style};
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(trailers); i++) {
		struct fa_world_request request = fa_world_request();
		struct fa_world world;

		request.trailer = trailers[i];
		if (trailers[i] == write_style)
			request.fields.flags &= (uint8_t)~MIP_REQUEST_T;
		begin(&world);
		fa_world_send(&world, &request, message);
		assert_int_equal(fa_world_code(&world), 70);
		fa_world_end(&world);
	}
}

/* rfc3024-A.4-5: "Foreign agents MUST support reverse tunneling in order to support private …" */
/* rfc3024-3.1-1: "A foreign agent that sets the 'T' bit MUST support the Direct Delivery Style." */
/* rfc5944-4.2.2-9: "Each foreign agent SHOULD support the mandatory features for reverse tunneling …" */
/* rfc3024-4.2.2-2: the visitor list indicates that the node has been granted a reverse tunnel and the delivery style expected.
 * rfc3024-5.1.1-2: in the direct style it detects packets sent by the node, and encapsulates them before forwarding. */
static void in_the_direct_style_packets_from_the_node_are_led_into_the_tunnel(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	const struct mip_want *rule;
	struct fa_visitor_view view;

	(void)state;
	begin(&world);
	fa_world_register(&world, &request);
	rule = fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RULE);
	assert_non_null(rule);
	assert_int_equal(rule->rule.incoming, WORLD_VISITED);
	assert_true(mip_address_equal(rule->rule.from.address, address("10.1.0.50")));
	assert_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RELAY));
	assert_true(fa_world_view(&world, address("10.1.0.50"), &view));
	assert_true(view.reverse_tunnel);
	assert_false(view.encapsulating);
	fa_world_end(&world);
}

/* rfc3024-3.3-4: "Foreign agents SHOULD support the Encapsulating Delivery Style Extension." */
/* rfc3024-3.1-2: "Encapsulating Delivery Style SHOULD be supported as well (section 5)." */
/* rfc3024-5.2.1-1, rfc3024-5.4-1: un-encapsulated packets MUST NOT be reverse tunnelled: no rule leads them there.
 * rfc3024-5.4-2: encapsulated ones MUST be; rfc3024-5.2.2-2: from the care-of address to the home agent. */
static void in_the_encapsulating_style_only_what_comes_in_a_tunnel_is_tunnelled_on(void **state)
{
	struct fa_world world;
	struct fa_world_request request = encapsulating();
	const struct mip_want *relay, *tunnel;
	struct fa_visitor_view view;

	(void)state;
	begin(&world);
	fa_world_register(&world, &request);
	assert_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RULE));
	relay = fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RELAY);
	assert_non_null(relay);
	assert_true(mip_address_equal(relay->relay.home_address, address("10.1.0.50")));
	assert_int_equal(relay->relay.link, WORLD_VISITED);
	tunnel = fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL);
	assert_non_null(tunnel);
	assert_true(mip_address_equal(tunnel->tunnel.local, address("10.2.0.1")));
	assert_true(mip_address_equal(tunnel->tunnel.remote, address("10.1.0.1")));
	assert_true(fa_world_view(&world, address("10.1.0.50"), &view));
	assert_true(view.encapsulating);
	/* All of it before the reply that promises it. */
	assert_true(fa_world_want_place(&world, MIP_OUTPUT_WANT, MIP_WANT_RELAY) <
		    fa_world_place(&world, MIP_OUTPUT_FRAME));
	fa_world_end(&world);
}

static void the_style_changes_with_the_registration(void **state)
{
	struct fa_world world;
	struct fa_world_request request = encapsulating();

	(void)state;
	begin(&world);
	fa_world_register(&world, &request);
	request.fields.identification++;
	request.trailer = NULL;
	fa_world_register(&world, &request);
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RULE));
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_RELAY));
	assert_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_TUNNEL));
	request.fields.identification++;
	request.trailer = write_style;
	fa_world_register(&world, &request);
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_RELAY));
	assert_non_null(fa_world_want(&world, MIP_OUTPUT_UNWANT, MIP_WANT_RULE));
	fa_world_end(&world);
}

/* rfc5944-4.2.2-5: MUST NOT advertise to other routers, nor to any other mobile node, the presence of a mobile node. */
static void nobody_else_is_told_of_a_visitor(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();

	(void)state;
	begin(&world);
	fa_world_register(&world, &request);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), 0);
	assert_int_equal(fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.ethertype, MIP_ETHERTYPE_IPV4);
	assert_true(mip_link_address_equal(
		fa_world_only(&world, MIP_OUTPUT_FRAME)->frame.destination, request.link_address));
	assert_null(fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_PROXY));
	fa_world_end(&world);
}

/* rfc3024-A.4-6: from a private address without the 'T' bit: SHOULD reject it. */
static void private_addresses_without_t_are_rejected_if_configured(void **state)
{
	static const struct {
		const char *address;
		int code;
	} cases[] = {{"10.1.0.50", 75}, {"172.31.0.5", 75}, {"192.168.3.4", 75}, {"172.32.0.5", -1},
		{"11.0.0.1", -1}};
	uint8_t message[WORLD_MESSAGE];

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct fa_world_request request = fa_world_request();
		struct fa_world world;

		fa_world_init(&world);
		world.settings.private_needs_reverse_tunnel = true;
		fa_world_start(&world);
		request.fields.flags = 0;
		request.fields.home_address = address(cases[i].address);
		fa_world_clear(&world);
		fa_world_send(&world, &request, message);
		assert_int_equal(fa_world_code(&world), cases[i].code);
		fa_world_clear(&world);
		request.fields.flags = MIP_REQUEST_T;
		request.fields.identification++;
		fa_world_wait(&world, 2 * MIP_SECOND);
		fa_world_clear(&world);
		fa_world_send(&world, &request, message);
		assert_int_equal(fa_world_code(&world), -1);
		fa_world_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_style_that_is_not_had_gets_code_79),
		cmocka_unit_test(the_extension_is_consumed),
		cmocka_unit_test(the_extension_has_its_place_and_needs_t),
		cmocka_unit_test(in_the_direct_style_packets_from_the_node_are_led_into_the_tunnel),
		cmocka_unit_test(in_the_encapsulating_style_only_what_comes_in_a_tunnel_is_tunnelled_on),
		cmocka_unit_test(the_style_changes_with_the_registration),
		cmocka_unit_test(nobody_else_is_told_of_a_visitor),
		cmocka_unit_test(private_addresses_without_t_are_rejected_if_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
