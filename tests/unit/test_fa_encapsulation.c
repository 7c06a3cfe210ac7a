/*
 * GRE and minimal encapsulation at a foreign agent (RFC 5944 2.1.1, 4.1; RFC 3024 3.4, 4.2.1): which requests
 * are relayed, code 72, and the tunnel of a visitor.
 */
#include "fa_world.h"

#include "address.h"

static const struct encapsulation_case {
	uint8_t flag;
	enum mip_encapsulation encapsulation;
} cases[] = {
	{0, MIP_ENCAPSULATION_IPIP},
	{MIP_REQUEST_G, MIP_ENCAPSULATION_GRE},
	{MIP_REQUEST_M, MIP_ENCAPSULATION_MINIMAL},
};

/* The code that a request with these flags gets; -1: it is relayed. */
static int code_of(bool gre, bool minimal, uint8_t flags, uint16_t lifetime)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	uint8_t message[WORLD_MESSAGE];
	int code;

	fa_world_init(&world);
	world.settings.gre = gre;
	world.settings.minimal = minimal;
	request.fields.flags = flags;
	request.fields.lifetime = lifetime;
	fa_world_start(&world);
	fa_world_clear(&world);
	fa_world_send(&world, &request, message);
	code = fa_world_code(&world);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_DATAGRAM), code == -1 ? 1 : 0);
	fa_world_end(&world);
	return code;
}

static void what_is_had_is_relayed(void **state)
{
	(void)state;
	assert_int_equal(code_of(true, true, MIP_REQUEST_T | MIP_REQUEST_G, 600), -1);
	assert_int_equal(code_of(true, true, MIP_REQUEST_T | MIP_REQUEST_M, 600), -1);
	assert_int_equal(code_of(true, true, MIP_REQUEST_G | MIP_REQUEST_M, 600), -1);
	assert_int_equal(code_of(true, false, MIP_REQUEST_G, 600), -1);
	assert_int_equal(code_of(false, true, MIP_REQUEST_M, 600), -1);
}

/* rfc3024-4.2.1-1 */
static void what_is_not_had_gets_code_72(void **state)
{
	(void)state;
	assert_int_equal(code_of(false, true, MIP_REQUEST_T | MIP_REQUEST_G, 600), 72);
	assert_int_equal(code_of(false, true, MIP_REQUEST_G, 600), 72);
	assert_int_equal(code_of(true, false, MIP_REQUEST_T | MIP_REQUEST_M, 600), 72);
	assert_int_equal(code_of(true, false, MIP_REQUEST_M, 600), 72);
	/* The home agent may use either. */
	assert_int_equal(code_of(true, false, MIP_REQUEST_G | MIP_REQUEST_M, 600), 72);
	assert_int_equal(code_of(false, true, MIP_REQUEST_G | MIP_REQUEST_M, 600), 72);
	assert_int_equal(code_of(false, false, MIP_REQUEST_T, 600), -1);
}

static void who_takes_packets_out_itself_and_who_leaves_is_relayed_in_any_case(void **state)
{
	/* rfc5944-3.7-5 */
	(void)state;
	assert_int_equal(code_of(false, false, MIP_REQUEST_D | MIP_REQUEST_G, 600), -1);
	/* rfc5944-3.7-5: MUST relay well-formed deregistrations. */
	assert_int_equal(code_of(false, false, MIP_REQUEST_G, 0), -1);
}

/* RFC 3024 3.4: forward and reverse tunnels are symmetric. */
static void the_reverse_tunnel_is_in_the_encapsulation_that_was_registered(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct fa_world world;
		struct fa_world_request request = fa_world_request();
		const struct mip_want *tunnel;

		request.fields.flags |= cases[i].flag;
		fa_world_begin_with_visitor(&world, &request);
		tunnel = fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL);
		assert_non_null(tunnel);
		assert_int_equal(tunnel->tunnel.encapsulation, cases[i].encapsulation);
		assert_true(mip_address_equal(tunnel->tunnel.local, address("10.2.0.1")));
		assert_true(mip_address_equal(tunnel->tunnel.remote, address("10.1.0.1")));
		fa_world_end(&world);
	}
}

static void a_renewal_in_another_encapsulation_changes_the_tunnel_in_place(void **state)
{
	struct fa_world world;
	struct fa_world_request request = fa_world_request();
	const struct mip_want *tunnel;

	(void)state;
	fa_world_begin_with_visitor(&world, &request);
	fa_world_clear(&world);
	request.fields.identification++;
	request.fields.flags |= MIP_REQUEST_G;
	fa_world_register(&world, &request);
	tunnel = fa_world_want(&world, MIP_OUTPUT_WANT, MIP_WANT_TUNNEL);
	assert_non_null(tunnel);
	assert_int_equal(tunnel->tunnel.encapsulation, MIP_ENCAPSULATION_GRE);
	/* Nothing else is touched. */
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_WANT), 1);
	assert_int_equal(fa_world_count(&world, MIP_OUTPUT_UNWANT), 0);
	fa_world_end(&world);
}

static void the_list_says_which_encapsulation_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(cases); i++) {
		struct fa_world world;
		struct fa_world_request request = fa_world_request();
		struct fa_visitor_view view;
		uint8_t message[WORLD_MESSAGE];

		request.fields.flags = cases[i].flag;
		fa_world_begin_with_visitor(&world, &request);
		assert_true(fa_world_view(&world, address("10.1.0.50"), &view));
		assert_int_equal(view.encapsulation, cases[i].encapsulation);
		/* What is asked for meanwhile is not what there is. */
		request.fields.identification++;
		request.fields.flags ^= MIP_REQUEST_G;
		fa_world_send(&world, &request, message);
		assert_true(fa_world_view(&world, address("10.1.0.50"), &view));
		assert_int_equal(view.encapsulation, cases[i].encapsulation);
		fa_world_end(&world);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_had_is_relayed),
		cmocka_unit_test(what_is_not_had_gets_code_72),
		cmocka_unit_test(who_takes_packets_out_itself_and_who_leaves_is_relayed_in_any_case),
		cmocka_unit_test(the_reverse_tunnel_is_in_the_encapsulation_that_was_registered),
		cmocka_unit_test(a_renewal_in_another_encapsulation_changes_the_tunnel_in_place),
		cmocka_unit_test(the_list_says_which_encapsulation_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
