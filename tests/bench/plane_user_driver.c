/*
 * A daemon without a protocol: a user plane with one fixed tunnel, for measuring it.
 *
 *   plane_user_driver DEVICE home|visited HOME-ADDRESS LOCAL REMOTE ipip|udp
 *
 * Says "ready" when the device is there. On SIGTERM it writes the plane's counters and ends.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "address.h"
#include "loop.h"
#include "packet.h"
#include "plane.h"
#include "registration.h"
#include "udp.h"

struct driver {
	struct mip_loop *loop;
	struct mip_udp_socket *udp;
	struct mip_plane *plane;
};

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

static void on_stop(void *context)
{
	struct driver *driver = context;

	mip_loop_stop(driver->loop);
}

static int want_tunnel(struct driver *driver, char **arguments)
{
	struct mip_want tunnel = {.kind = MIP_WANT_TUNNEL}, peer = {.kind = MIP_WANT_PEER};
	int error = 0;

	tunnel.tunnel.end = strcmp(arguments[0], "home") == 0 ? MIP_TUNNEL_HOME : MIP_TUNNEL_VISITED;
	if (mip_address_read(arguments[1], &tunnel.tunnel.home_address) ||
		mip_address_read(arguments[2], &tunnel.tunnel.local) ||
		mip_address_read(arguments[3], &tunnel.tunnel.remote))
		return -EINVAL;
	if (strcmp(arguments[4], "udp") == 0) {
		tunnel.tunnel.encapsulation = MIP_ENCAPSULATION_UDP;
		tunnel.tunnel.local_port = MIP_REGISTRATION_PORT;
		tunnel.tunnel.remote_port = MIP_REGISTRATION_PORT;
	}
	peer.peer = (struct mip_want_peer){
		.home_address = tunnel.tunnel.home_address,
		.end = tunnel.tunnel.end,
		.remote = tunnel.tunnel.remote,
		.remote_port = tunnel.tunnel.remote_port,
		.local = tunnel.tunnel.local,
	};
	error = mip_plane_want(driver->plane, &tunnel);
	return error ? error : mip_plane_want(driver->plane, &peer);
}

static int watch_plane(struct driver *driver)
{
	int descriptors[4], error = 0;
	size_t count = mip_plane_descriptors(driver->plane, descriptors, MIP_ARRAY_SIZE(descriptors));
	struct mip_watch *watch;

	for (size_t i = 0; i < count && !error; i++)
		error = mip_loop_watch(
			driver->loop, descriptors[i], MIP_WATCH_READ, on_plane, driver, &watch);
	return error;
}

static void print_counters(const struct mip_plane *plane)
{
	struct mip_counter_table table = mip_plane_counters(plane);

	for (size_t i = 0; i < table.count; i++) {
		if (table.values[i])
			printf("%s %" PRIu64 "\n", table.names[i].name, table.values[i]);
	}
}

int main(int argc, char **argv)
{
	struct driver driver = {0};
	struct mip_udp_functions functions = {on_datagram, on_icmp_error, on_batch_end, &driver};
	struct mip_plane_options options = {.kind = MIP_PLANE_USER};
	char reason[MIP_PLANE_REASON] = "";
	int error;

	if (argc != 7) {
		fprintf(stderr, "usage: %s DEVICE home|visited HOME-ADDRESS LOCAL REMOTE ipip|udp\n",
			argv[0]);
		return 2;
	}
	error = mip_loop_new(&driver.loop);
	if (!error)
		error = mip_udp_socket_new(
			driver.loop, (struct mip_address){0}, MIP_REGISTRATION_PORT, &functions, &driver.udp);
	if (error) {
		fprintf(stderr, "%s: %s\n", argv[0], strerror(-error));
		return 1;
	}
	options.device = argv[1];
	options.udp_descriptor = mip_udp_socket_descriptor(driver.udp);
	error = mip_plane_new(&options, &driver.plane, reason);
	if (!error)
		error = want_tunnel(&driver, argv + 2);
	if (!error)
		error = watch_plane(&driver);
	if (!error)
		error = mip_loop_signal(driver.loop, SIGTERM, on_stop, &driver);
	if (error) {
		fprintf(stderr, "%s: %s: %s\n", argv[0], reason, strerror(-error));
		return 1;
	}
	puts("ready");
	fflush(stdout);
	mip_loop_run(driver.loop);
	print_counters(driver.plane);
	mip_plane_free(driver.plane);
	mip_udp_socket_free(driver.udp);
	mip_loop_free(driver.loop);
	return 0;
}
