/*
 * The foreign agent's machine without memory: links, requests of several nodes, replies, denials, challenges, revocation,
 * other settings. Whatever fails: nobody is on the visitor list whose home agent has not accepted; and once there is
 * memory again, a node registers through it and has its tunnel.
 */
#include "fault.h"

#include <errno.h>
#include <string.h>

#include "fa_world.h"

static struct fa_world world;
static struct mip_association *keys;
static bool has_tunnel;
static bool accepted; /* some reply was */

static void look_at(void *context, const struct fa_visitor_view *visitor)
{
	(void)context;
	FAULT_CHECK(visitor->registered || visitor->pending);
	FAULT_CHECK(!visitor->registered || accepted);
}

static void look(void)
{
	for (size_t i = 0; i < world.count; i++) {
		const struct mip_output *output = &world.outputs[i];

		if ((output->kind == MIP_OUTPUT_WANT || output->kind == MIP_OUTPUT_UNWANT) &&
			output->want.kind == MIP_WANT_PEER)
			has_tunnel = output->kind == MIP_OUTPUT_WANT;
	}
	fa_world_clear(&world);
	fa_core_visitors(world.core, world.now, look_at, NULL);
	FAULT_CHECK(fa_core_deadline(world.core) > world.now.boot);
}

static void pass(mip_time time)
{
	fa_world_wait(&world, time);
	look();
}

static void ask(const struct fa_world_request *request)
{
	uint8_t message[WORLD_MESSAGE];

	fa_world_send(&world, request, message);
	look();
}

static void answer(const struct fa_world_request *request, uint8_t code)
{
	struct mip_registration_reply reply = fa_world_reply_to(request);

	reply.code = code;
	accepted = accepted || mip_code_is_accepted(code);
	fa_world_reply(&world, &reply);
	look();
}

static struct fa_world_request request_of(uint32_t node, uint64_t identification)
{
	struct fa_world_request request = fa_world_request();

	request.fields.home_address = request.source = mip_address_of(0x0a010032 + node);
	request.fields.identification = identification;
	request.link_address = link_address((uint8_t)(0x32 + node));
	request.fields.flags |= MIP_REQUEST_T;
	return request;
}

static void registrations(void)
{
	struct fa_world_request first = request_of(0, 1), second = request_of(1, 2), named = request_of(2, 3);

	ask(&first);
	answer(&first, MIP_CODE_ACCEPTED);
	ask(&second);
	answer(&second, MIP_CODE_HA_PROHIBITED);
	named.nai = "alice@example.org";
	named.fields.home_address = (struct mip_address){0};
	ask(&named);
	pass(10 * MIP_SECOND);
	first = request_of(0, 4);
	ask(&first);
	answer(&first, MIP_CODE_ACCEPTED);
	first = request_of(0, 5);
	first.fields.lifetime = 0;
	ask(&first);
	answer(&first, MIP_CODE_ACCEPTED);
	second = request_of(1, 6);
	second.link = WORLD_OTHER_VISITED;
	ask(&second);
	answer(&second, MIP_CODE_ACCEPTED);
	(void)fa_core_revoke(world.core, second.fields.home_address, (struct mip_address){0}, world.now);
	look();
}

static void change_settings(bool challenge)
{
	static const char *const nai = "bob@example.org";
	struct fa_mobile_node_settings node = {.nai = nai, .aaa = keys};
	struct fa_home_agent_settings home_agent = {
		.address = fa_world_request().fields.home_agent, .realm = "example.org"};
	int r;

	world.settings.mobile_nodes = &node;
	world.settings.mobile_node_count = 1;
	world.settings.home_agents = &home_agent;
	world.settings.home_agent_count = 1;
	world.settings.challenge = challenge;
	world.settings.challenge_window = 2;
	world.settings.challenges_most = 4;
	world.settings.revocation = (struct mip_revocation_settings){true, true, true, 8, 2, 5};
	r = fa_core_configure(world.core, &world.settings, world.now);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	world.settings.mobile_node_count = world.settings.home_agent_count = 0;
	world.settings.challenge = false;
	pass(2 * MIP_SECOND);
}

static void tell_links(void)
{
	struct mip_input_link link = {.link = WORLD_VISITED,
		.name = "visit0",
		.present = true,
		.up = true,
		.link_address = link_address(5)};
	struct mip_input_address own = {
		.link = WORLD_VISITED, .address = address("10.2.0.1"), .prefix_length = 24, .present = true};
	struct mip_input_link uplink = {.link = WORLD_UPLINK, .name = "uplink", .present = true, .up = true};
	struct mip_input_address outer = {
		.link = WORLD_UPLINK, .address = address("192.0.2.2"), .prefix_length = 24, .present = true};

	fa_core_link(world.core, &uplink, world.now);
	fa_core_address(world.core, &outer, world.now);
	fa_core_link(world.core, &link, world.now);
	fa_core_address(world.core, &own, world.now);
	pass(MIP_SECOND);
}

static void go_on(void)
{
	struct fa_world_request request = request_of(3, 77);
	struct fa_visitor_view view;

	fault_pause();
	FAULT_CHECK(fa_core_configure(world.core, &world.settings, world.now) == 0);
	tell_links();
	pass(3000 * MIP_SECOND);
	FAULT_CHECK(fa_core_visitor_count(world.core) == 0);
	has_tunnel = false;
	ask(&request);
	answer(&request, MIP_CODE_ACCEPTED);
	FAULT_CHECK(fa_world_view(&world, request.fields.home_address, &view) && view.registered);
	FAULT_CHECK(has_tunnel);
	pass(3000 * MIP_SECOND);
	FAULT_CHECK(fa_core_visitor_count(world.core) == 0 && !has_tunnel);
}

static void run(bool challenge)
{
	int r;

	fault_pause();
	fa_world_init(&world);
	world.may_lose = true;
	world.settings.advertise_interval = 600 * MIP_SECOND;
	world.settings.advertise_lifetime = 1800 * MIP_SECOND;
	world.settings.revocation = (struct mip_revocation_settings){true, true, true, 8, 2, 5};
	keys = fa_world_association(3000);
	accepted = has_tunnel = false;
	fault_resume();
	r = fa_world_try(&world);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	if (r == 0) {
		look();
		registrations();
		change_settings(challenge);
		registrations();
		go_on();
	}
	fault_pause();
	fa_world_end(&world);
	mip_association_unref(keys);
}

static void life(void)
{
	run(false);
}

static void life_with_challenges(void)
{
	run(true);
}

int main(void)
{
	fault_run("foreign agent", life);
	fault_run("foreign agent, challenges", life_with_challenges);
	return 0;
}
