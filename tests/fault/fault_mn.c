/*
 * The mobile node's machine without memory: an agent, a handover to a network without one, home, commands, other
 * settings. Whatever fails: it is registered only after an accepting reply; and once there is memory again, it registers
 * where it comes up, and has its address, its tunnel and its way out.
 */
#include "fault.h"

#include <errno.h>
#include <string.h>

#include "mn_bench.h"

static struct bench bench;
static bool accepted;

static void look(void)
{
	struct mn_status status;

	bench_pass(&bench, 0); /* what is due at once: a request that found no memory may be */
	status = mn_core_status(bench.core, bench.now);
	FAULT_CHECK(!status.bound || accepted);
	FAULT_CHECK(mn_core_deadline(bench.core) > bench.now.boot);
	bench_forget(&bench);
}

/* The request that was sent, if one was. */
static void accept(void)
{
	if (bench_requests(&bench) > 0) {
		accepted = true;
		bench_accept(&bench);
	}
	look();
}

static void pass(mip_time duration)
{
	bench_pass(&bench, duration);
	accept();
}

static void move(void)
{
	const char *reason = NULL;

	bench_link(&bench, BENCH_WWAN, true);
	bench_advertise(&bench, &bench_fa1);
	accept();
	pass(2 * MIP_SECOND);
	bench_advertise(&bench, &bench_fa2);
	accept();
	bench_link(&bench, BENCH_WLAN, true);
	bench_lease(&bench);
	pass(50 * MIP_MILLISECOND);
	pass(20 * MIP_SECOND);
	(void)mn_core_handover(bench.core, "wwan0", bench.now, &reason);
	bench_collect(&bench);
	accept();
	bench_link(&bench, BENCH_WLAN, false);
	pass(2 * MIP_SECOND);
	bench_link(&bench, BENCH_ETH, true);
	bench_advertise(&bench, &bench_home_agent);
	accept();
	pass(2 * MIP_SECOND);
	(void)mn_core_deregister(bench.core, bench.now, &reason);
	bench_collect(&bench);
	accept();
	(void)mn_core_register(bench.core, bench.now, &reason);
	bench_collect(&bench);
	accept();
	bench_link(&bench, BENCH_ETH, false);
	pass(5 * MIP_SECOND);
}

static void change_settings(void)
{
	struct mn_interface_settings interfaces[2] = {{"wlan0", 1}, {"wwan0", 2}};
	struct mn_settings settings = bench.settings;
	const char *reason = NULL;
	int r;

	settings.interfaces = interfaces;
	settings.interface_count = 2;
	r = mn_core_reconfigure(bench.core, &settings, bench.now, &reason);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	bench_collect(&bench);
	look();
}

/* Everything goes down, what was registered runs out; then one network comes, as if it were the first. */
static void go_on(void)
{
	const char *reason = NULL;

	fault_pause();
	FAULT_CHECK(mn_core_reconfigure(bench.core, &bench.settings, bench.now, &reason) == 0);
	for (mip_link link = BENCH_ETH; link <= BENCH_WWAN; link++)
		bench_link(&bench, link, false);
	bench_address(&bench, BENCH_WLAN, BENCH_SPOT, 24, false);
	bench_route(&bench, BENCH_WLAN, BENCH_SPOT_GW, false);
	pass(2000 * MIP_SECOND);
	bench_link(&bench, BENCH_WLAN, true);
	bench_lease(&bench);
	(void)mn_core_register(bench.core, bench.now, &reason);
	bench_collect(&bench);
	bench_pass(&bench, MIP_SECOND);
	FAULT_CHECK(bench_requests(&bench) > 0);
	accept();
	FAULT_CHECK(bench_state(&bench) == MN_STATE_REGISTERED);
	FAULT_CHECK(bench_has_home_on(&bench, MIP_LINK_TUNNEL));
	FAULT_CHECK(bench_tunnel(&bench) && bench_way_out(&bench));
}

static void life(void)
{
	int r;

	fault_pause();
	accepted = false;
	bench_prepare(&bench, NULL);
	fault_resume();
	r = bench_try(&bench);
	FAULT_CHECK(r == 0 || r == -ENOMEM);
	if (r == 0) {
		look();
		move();
		change_settings();
		move();
		go_on();
		bench_end(&bench);
	} else {
		mip_association_unref(bench.home);
	}
}

int main(void)
{
	fault_run("mobile node", life);
	return 0;
}
