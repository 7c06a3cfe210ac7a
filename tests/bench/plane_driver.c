/*
 * A daemon without a protocol: a data plane with as many bindings as it is told, for measuring it.
 *
 *   plane_driver [-d PLANE] [-e ENCAPSULATION] [-n BINDINGS] [-i LINK] home|visited
 *
 * It is one end of the tunnels of tests/bench/path.py: binding i is for the home address 10.16.0.0 + i, and its
 * care-of address is one of 65,536 that the foreign agent has. It is told its tunnels and peers as a daemon
 * tells them, in batches with a commit after each, and wants the routes that a daemon would want: at home one
 * for each binding into mip0, abroad a table for what comes from the visitors by LINK. There only the first
 * visitor gets its rule: the kernel walks rules one by one, and no foreign agent has a million visitors.
 *
 * After each step it says a line and waits for a line on standard input, so that somebody can look at the
 * memory meanwhile:
 *
 *   made PLANE REASON        the plane runs
 *   installed SECONDS        it has its tunnels and peers
 *   routed SECONDS           the kernel has the routes; from now on it carries packets, until it is killed
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "address.h"
#include "loop.h"
#include "monitor.h"
#include "packet.h"
#include "plane.h"
#include "reconciler.h"
#include "registration.h"
#include "stderr_log.h"
#include "udp.h"

enum {
	HOME_BASE = 0x0a100000,	   /* 10.16.0.0 */
	CARE_OF_BASE = 0x0a800000, /* 10.128.0.0 */
	CARE_OF_COUNT = 65536,
	HOME_AGENT = 0x0a090101, /* 10.9.1.1 */
	BATCH = 4096,		 /* bindings between two commits */
	VISITOR_TABLE = 434,
	VISITOR_PRIORITY = 434,
};

static const struct mip_name encapsulation_names[] = {
	{MIP_ENCAPSULATION_IPIP, "ipip"},
	{MIP_ENCAPSULATION_GRE, "gre"},
	{MIP_ENCAPSULATION_MINIMAL, "minimal"},
	{MIP_ENCAPSULATION_UDP, "udp"},
	{0, NULL},
};

struct driver {
	enum mip_plane_kind kind;
	enum mip_encapsulation encapsulation;
	enum mip_tunnel_end end;
	uint32_t bindings;
	mip_link visitor_link;

	const struct mip_log *log;
	struct mip_loop *loop;
	struct mip_udp_socket *udp;
	struct mip_plane *plane;
	struct mip_watch *watches[8];
	struct mip_reconciler *reconciler;
	struct mip_monitor *monitor;
	bool translate; /* the routes are to be wanted anew */
};

/* --- the daemon's part of the plane ------------------------------------------------------------ */

static void on_datagram(void *context, const struct mip_input_datagram *datagram)
{
	struct driver *driver = context;

	if (mip_message_type(datagram->octets, datagram->length) == MIP_MESSAGE_TUNNEL_DATA)
		mip_plane_udp_input(driver->plane, datagram);
}

static void on_icmp_error(void *context, const struct mip_input_icmp_error *error)
{
	struct driver *driver = context;

	mip_plane_udp_error(driver->plane, error);
}

static void on_batch_end(void *context)
{
	struct driver *driver = context;

	mip_plane_batch_end(driver->plane);
}

static void on_plane(void *context, int descriptor, unsigned events)
{
	struct driver *driver = context;

	(void)events;
	mip_plane_service(driver->plane, descriptor);
}

static void on_link(void *context, const struct mip_input_link *link)
{
	struct driver *driver = context;

	mip_plane_follow(driver->plane, link);
}

static void on_translation_changed(void *context)
{
	struct driver *driver = context;

	driver->translate = true;
}

static void on_device_changed(void *context)
{
	(void)context;
	fputs("the device was taken away: these measurements are worth nothing\n", stderr);
	exit(1);
}

/* --- what it wants ------------------------------------------------------------------------------ */

static struct mip_address home_address(uint32_t index)
{
	return mip_address_of(HOME_BASE + index);
}

static void binding(
	const struct driver *driver, uint32_t index, struct mip_want *ret_tunnel, struct mip_want *ret_peer)
{
	struct mip_address agent = mip_address_of(HOME_AGENT);
	struct mip_address care_of = mip_address_of(CARE_OF_BASE + index % CARE_OF_COUNT);
	bool home = driver->end == MIP_TUNNEL_HOME;
	uint16_t port = driver->encapsulation == MIP_ENCAPSULATION_UDP ? MIP_REGISTRATION_PORT : 0;

	*ret_tunnel = (struct mip_want){
		.kind = MIP_WANT_TUNNEL,
		.tunnel =
			{
				.home_address = home_address(index),
				.end = driver->end,
				.local = home ? agent : care_of,
				.remote = home ? care_of : agent,
				.encapsulation = driver->encapsulation,
				.local_port = port,
				.remote_port = port,
			},
	};
	*ret_peer = (struct mip_want){
		.kind = MIP_WANT_PEER,
		.peer =
			{
				.home_address = home_address(index),
				.end = driver->end,
				.remote = home ? care_of : agent,
				.remote_port = port,
				.local = home ? agent : care_of,
			},
	};
}

static struct mip_want home_route(uint32_t index)
{
	return (struct mip_want){
		.kind = MIP_WANT_ROUTE,
		.route = {.destination = {home_address(index), 32}, .link = MIP_LINK_TUNNEL},
	};
}

/* A binding as the host of a machine tells it to the plane: at home with its route. */
static int install_one(struct driver *driver, uint32_t index)
{
	struct mip_want tunnel, peer, route = home_route(index);
	int error;

	binding(driver, index, &tunnel, &peer);
	error = mip_plane_want(driver->plane, &tunnel);
	if (!error)
		error = mip_plane_want(driver->plane, &peer);
	if (!error && driver->end == MIP_TUNNEL_HOME)
		error = mip_plane_want(driver->plane, &route);
	return error;
}

static int install(struct driver *driver)
{
	int error = 0;

	for (uint32_t i = 0; i < driver->bindings && !error; i++) {
		error = install_one(driver, i);
		if (i % BATCH == BATCH - 1)
			mip_plane_commit(driver->plane);
	}
	mip_plane_commit(driver->plane);
	return error;
}

static int want(struct driver *driver, struct mip_want wanted)
{
	(void)mip_plane_translate(driver->plane, &wanted);
	return mip_reconciler_want(driver->reconciler, &wanted);
}

static int want_home_routes(struct driver *driver)
{
	int error = 0;

	for (uint32_t i = 0; i < driver->bindings && !error; i++) {
		error = want(driver, home_route(i));
		if (i % BATCH == BATCH - 1)
			mip_reconciler_flush(driver->reconciler);
	}
	return error;
}

static int want_visitor_table(struct driver *driver)
{
	struct mip_want route = {
		.kind = MIP_WANT_ROUTE,
		.route = {.table = VISITOR_TABLE, .link = MIP_LINK_TUNNEL},
	};
	struct mip_want rule = {
		.kind = MIP_WANT_RULE,
		.rule = {.priority = VISITOR_PRIORITY,
			.from = {home_address(0), 32},
			.incoming = driver->visitor_link,
			.table = VISITOR_TABLE,
			.suppress_prefix_length = -1},
	};
	int error = want(driver, route);

	return error ? error : want(driver, rule);
}

static int want_routes(struct driver *driver)
{
	int error = driver->end == MIP_TUNNEL_HOME ? want_home_routes(driver) : want_visitor_table(driver);

	mip_reconciler_flush(driver->reconciler);
	driver->translate = false;
	return error;
}

/* --- its life ----------------------------------------------------------------------------------- */

static mip_time on_settle(void *context)
{
	struct driver *driver = context;
	mip_time now = mip_clock_now().boot;
	mip_time plane, reconciler;

	if (mip_plane_deadline(driver->plane) <= now)
		mip_plane_advance(driver->plane, now);
	if (driver->translate)
		(void)want_routes(driver);
	if (mip_reconciler_deadline(driver->reconciler) <= now)
		mip_reconciler_flush(driver->reconciler);
	plane = mip_plane_deadline(driver->plane);
	reconciler = mip_reconciler_deadline(driver->reconciler);
	return plane < reconciler ? plane : reconciler;
}

static int watch_plane(struct driver *driver)
{
	int descriptors[MIP_ARRAY_SIZE(driver->watches)], error = 0;
	size_t count = mip_plane_descriptors(driver->plane, descriptors, MIP_ARRAY_SIZE(descriptors));

	for (size_t i = 0; i < count && !error; i++)
		error = mip_loop_watch(driver->loop, descriptors[i], MIP_WATCH_READ | MIP_WATCH_BULK,
			on_plane, driver, &driver->watches[i]);
	return error;
}

static int make(struct driver *driver, char reason[static MIP_PLANE_REASON])
{
	const struct mip_udp_functions udp = {on_datagram, on_icmp_error, on_batch_end, driver};
	const struct mip_monitor_functions follow = {.link = on_link, .context = driver};
	struct mip_plane_options options = {
		.kind = driver->kind,
		.device = "mip0",
		.log = driver->log,
		.device_changed = on_device_changed,
		.translation_changed = on_translation_changed,
		.context = driver,
	};
	int error = mip_loop_new(&driver->loop);

	if (!error)
		error = mip_udp_socket_new(
			driver->loop, (struct mip_address){0}, MIP_REGISTRATION_PORT, &udp, &driver->udp);
	if (!error) {
		options.udp_descriptor = mip_udp_socket_descriptor(driver->udp);
		error = mip_plane_new(&options, &driver->plane, reason);
	}
	if (!error)
		error = watch_plane(driver);
	if (!error)
		error = mip_reconciler_new(
			driver->loop, driver->log, MIP_ROUTE_PROTOCOL_HA, NULL, &driver->reconciler);
	if (!error)
		error = mip_monitor_new(driver->loop, MIP_ROUTE_PROTOCOL_HA, &follow, &driver->monitor);
	if (!error)
		mip_reconciler_set_tunnel(driver->reconciler, mip_plane_link(driver->plane));
	return error;
}

/* Says how long a step took, and waits to be told to go on. */
static int step(struct driver *driver, const char *name, int (*function)(struct driver *driver))
{
	mip_time began = mip_clock_now().boot;
	int error = function(driver);

	if (error)
		return error;
	printf("%s %.6f\n", name, (double)(mip_clock_now().boot - began) / (double)MIP_SECOND);
	fflush(stdout);
	return getchar() == '\n' ? 0 : -ECANCELED;
}

static int run(struct driver *driver)
{
	printf("made %s %s\n", mip_name_of(mip_plane_names, (int)mip_plane_kind(driver->plane), "?"),
		mip_plane_reason(driver->plane));
	fflush(stdout);
	int error = getchar() == '\n' ? 0 : -ECANCELED;

	if (!error)
		error = step(driver, "installed", install);
	if (!error)
		error = step(driver, "routed", want_routes);
	if (!error) {
		mip_loop_settle(driver->loop, on_settle, driver);
		mip_loop_run(driver->loop);
	}
	return error;
}

static int read_arguments(struct driver *driver, int argc, char **argv)
{
	int kind = MIP_PLANE_USER, encapsulation = MIP_ENCAPSULATION_IPIP, option, error = 0;

	driver->bindings = 1;
	while ((option = getopt(argc, argv, "d:e:n:i:")) != -1 && !error) {
		if (option == 'd')
			error = mip_name_find(mip_plane_names, optarg, &kind);
		else if (option == 'e')
			error = mip_name_find(encapsulation_names, optarg, &encapsulation);
		else if (option == 'n')
			driver->bindings = (uint32_t)strtoul(optarg, NULL, 10);
		else if (option == 'i')
			driver->visitor_link = mip_link_index(optarg);
		else
			error = -EINVAL;
	}
	if (error || optind + 1 != argc)
		return -EINVAL;
	driver->kind = (enum mip_plane_kind)kind;
	driver->encapsulation = (enum mip_encapsulation)encapsulation;
	driver->end = strcmp(argv[optind], "home") == 0 ? MIP_TUNNEL_HOME : MIP_TUNNEL_VISITED;
	return 0;
}

int main(int argc, char **argv)
{
	struct driver driver = {.log = mip_stderr_log("plane_driver", MIP_LOG_WARNING)};
	char reason[MIP_PLANE_REASON] = "";
	int error;

	if (read_arguments(&driver, argc, argv)) {
		fprintf(stderr,
			"usage: %s [-d PLANE] [-e ENCAPSULATION] [-n BINDINGS] [-i LINK] home|visited\n",
			argv[0]);
		return 2;
	}
	error = make(&driver, reason);
	if (!error)
		error = run(&driver);
	if (error) {
		printf("failed %s%s%s\n", reason, reason[0] ? ": " : "", strerror(-error));
		fflush(stdout);
	}
	mip_monitor_free(driver.monitor);
	mip_reconciler_free(driver.reconciler);
	for (size_t i = 0; i < MIP_ARRAY_SIZE(driver.watches); i++)
		mip_watch_free(driver.watches[i]);
	mip_plane_free(driver.plane);
	mip_udp_socket_free(driver.udp);
	mip_loop_free(driver.loop);
	return error ? 1 : 0;
}
