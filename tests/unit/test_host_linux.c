/*
 * The host with the real Linux beneath it, in a network namespace of its own, with another one beside it:
 *
 *   ┌ peer ───┐   ┌ host ──────────────────────────────────────────────────────────┐
 *   │   peer0 ══════ home0 (link socket)   mip0 (the data plane's)   UDP port 434  │
 *   └─────────┘   └────────────────────────────────────────────────────────────────┘
 *
 * A small machine wants a route to the tunnel device before it begins, answers each frame with a datagram,
 * and is gone again. Without the right to make a namespace the tests are skipped.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "address.h"
#include "host.h"
#include "link_path.h"
#include "link_socket.h"
#include "packet.h"
#include "reconciler.h"

enum {
	PATIENCE = 20, /* s */
};

#define HOME_ADDRESS 0xc0000201 /* 192.0.2.1 */

/* --- the machine ------------------------------------------------------------------------------ */

static struct {
	struct mip_outbox outbox;
	struct mip_loop *loop;
	mip_link home;
	uint16_t report_port; /* a socket of the test on loopback */
	int frames;
	int datagrams;
	bool began;
	mip_time deadline;
} machine;

static void report(const char *word)
{
	const struct mip_output_datagram datagram = {
		.destination = mip_address_of(INADDR_LOOPBACK), .destination_port = machine.report_port};

	mip_outbox_datagram(&machine.outbox, &datagram, word, strlen(word));
}

static void on_link(void *core, const struct mip_input_link *link, struct mip_now now)
{
	(void)core;
	(void)now;
	if (strcmp(link->name, "home0") == 0)
		machine.home = link->present ? link->link : 0;
}

static void on_begin(void *core, struct mip_now now)
{
	const struct mip_want route = {.kind = MIP_WANT_ROUTE,
		.route = {.destination = {mip_address_of(HOME_ADDRESS), 32},
			.link = MIP_LINK_TUNNEL,
			.mtu = MIP_TUNNEL_MTU}};
	const struct mip_want tunnel = {.kind = MIP_WANT_TUNNEL,
		.tunnel = {.home_address = mip_address_of(HOME_ADDRESS),
			.end = MIP_TUNNEL_HOME,
			.local = mip_address_of(0x0a010001),
			.remote = mip_address_of(0x0a020001)}};

	(void)core;
	machine.began = machine.home > 0; /* the links are told before */
	mip_outbox_want(&machine.outbox, &tunnel);
	mip_outbox_want(&machine.outbox, &route);
	report("began");
	machine.deadline = now.boot;
}

static void on_frame(void *core, const struct mip_input_frame *frame, struct mip_now now)
{
	(void)core;
	(void)now;
	if (frame->link != machine.home || frame->ethertype != MIP_ETHERTYPE_IPV4)
		return;
	machine.frames++;
	report("heard");
}

static void on_datagram(void *core, const struct mip_input_datagram *datagram, struct mip_now now)
{
	(void)core;
	(void)datagram;
	(void)now;
	machine.datagrams++;
}

static void on_advance(void *core, struct mip_now now)
{
	(void)core;
	(void)now;
	machine.deadline = MIP_NEVER;
	mip_loop_stop(machine.loop);
}

static mip_time on_deadline(const void *core)
{
	(void)core;
	return machine.deadline;
}

/* --- the namespaces --------------------------------------------------------------------------- */

static int peer_socket = -1; /* a socket in the peer's */

static void raise_link(const char *name, const char *address)
{
	struct ifreq request = {0};
	struct sockaddr_in *name_in = (struct sockaddr_in *)(void *)&request.ifr_addr;
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	if (address != NULL) {
		name_in->sin_family = AF_INET;
		assert_int_equal(inet_pton(AF_INET, address, &name_in->sin_addr), 1);
		assert_int_equal(ioctl(descriptor, SIOCSIFADDR, &request), 0);
	}
	assert_int_equal(ioctl(descriptor, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags |= IFF_UP;
	assert_int_equal(ioctl(descriptor, SIOCSIFFLAGS, &request), 0);
	close(descriptor);
}

static int new_namespace(void)
{
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static void join(int peer_namespace)
{
	struct nl_sock *netlink = nl_socket_alloc();
	struct rtnl_link *change = rtnl_link_alloc();
	struct rtnl_link *peer;

	assert_int_equal(nl_connect(netlink, NETLINK_ROUTE), 0);
	assert_int_equal(rtnl_link_veth_add(netlink, "home0", "peer0", getpid()), 0);
	assert_int_equal(rtnl_link_get_kernel(netlink, 0, "peer0", &peer), 0);
	rtnl_link_set_ns_fd(change, peer_namespace);
	assert_int_equal(rtnl_link_change(netlink, peer, change, 0), 0);
	rtnl_link_put(peer);
	rtnl_link_put(change);
	nl_socket_free(netlink);
}

/* The peer's socket stays in its namespace, though we leave it. */
static int open_peer(void)
{
	struct sockaddr_in local = {.sin_family = AF_INET, .sin_port = htons(40000)};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int yes = 1;

	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes)), 0);
	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_BINDTODEVICE, "peer0", 6), 0);
	assert_int_equal(bind(descriptor, (const struct sockaddr *)&local, sizeof(local)), 0);
	return descriptor;
}

static bool make_namespaces(void)
{
	int own;
	int other;
	int home;
	int peer;

	if (unshare(CLONE_NEWNET) < 0)
		return false;
	other = new_namespace();
	own = new_namespace();
	raise_link("lo", NULL);
	join(other);
	raise_link("home0", "10.1.0.1");
	home = link_probe("home0");
	assert_int_equal(setns(other, CLONE_NEWNET), 0);
	raise_link("peer0", "10.1.0.2");
	peer = link_probe("peer0");
	link_await_path(home, peer);
	link_await_path(peer, home);
	close(home);
	close(peer);
	peer_socket = open_peer();
	assert_int_equal(setns(own, CLONE_NEWNET), 0);
	close(other);
	close(own);
	return true;
}

/* Whether the main table has a route to the home address, by the device. */
static bool has_route(const char *device)
{
	char line[256];
	char name[32];
	unsigned destination;
	bool found = false;
	FILE *file = fopen("/proc/net/route", "r");

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file) != NULL)
		found = sscanf(line, "%31s %x", name, &destination) == 2 && strcmp(name, device) == 0 &&
			destination == mip_address_of(HOME_ADDRESS).value;
	fclose(file);
	return found;
}

static const char *const link_names[] = {"home0"};
static char folder[64];
static char control_path[96];
static char state_folder[96];
static struct mip_daemon daemon_of_test = {.control_path = control_path};
static struct mip_host *host;
static int report_socket;

static int open_report_socket(void)
{
	struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(name);
	const struct timeval patience = {.tv_sec = PATIENCE};
	int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(descriptor, (const struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(getsockname(descriptor, (struct sockaddr *)&name, &length), 0);
	assert_int_equal(setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	machine.report_port = ntohs(name.sin_port);
	return descriptor;
}

static int setup(void **state)
{
	const struct mip_host_options options = {
		.daemon = &daemon_of_test,
		.machine = {.outbox = &machine.outbox,
			.link = on_link,
			.begin = on_begin,
			.frame = on_frame,
			.datagram = on_datagram,
			.advance = on_advance,
			.deadline = on_deadline},
		.protocol = MIP_ROUTE_PROTOCOL_HA,
		.plane = MIP_PLANE_USER,
		.tunnel_device = "mip0",
		.udp_port = MIP_REGISTRATION_PORT,
		.state_folder = state_folder,
		.links = link_names,
		.link_count = 1,
	};

	(void)state;
	if (!make_namespaces())
		return 0;
	snprintf(folder, sizeof(folder), "/tmp/mip-host-XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(control_path, sizeof(control_path), "%s/test.sock", folder);
	snprintf(state_folder, sizeof(state_folder), "%s/state", folder);
	alarm(PATIENCE);
	report_socket = open_report_socket();
	assert_int_equal(mip_loop_new(&machine.loop), 0);
	daemon_of_test.loop = machine.loop;
	daemon_of_test.started = mip_clock_now().boot;
	assert_int_equal(mip_host_new(&options, &host), 0);
	return 0;
}

static void remove_in(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s%s", folder, name);
	remove(path);
}

static int teardown(void **state)
{
	(void)state;
	alarm(0);
	mip_host_free(host);
	mip_loop_free(machine.loop);
	mip_outbox_clear(&machine.outbox);
	if (folder[0] != '\0') {
		remove_in("/state/records.sqlite");
		remove_in("/state");
		remove_in("/test.sock.restore");
		remove_in("");
		close(report_socket);
		close(peer_socket);
	}
	return 0;
}

static void require_namespace(void)
{
	if (host == NULL)
		skip();
}

static void assert_reported(const char *word)
{
	char text[32] = "";
	ssize_t length = recv(report_socket, text, sizeof(text) - 1, 0);

	assert_true(length > 0);
	assert_string_equal(text, word);
}

/* The loop until the machine's next deadline; PATIENCE ends a test that turns for ever. */
static void turn(void)
{
	machine.deadline = mip_clock_now().boot + 5 * MIP_MILLISECOND;
	mip_loop_run(machine.loop);
}

static int64_t counter(const char *name)
{
	json_t *counters = mip_host_counters(host, NULL);
	int64_t value = json_integer_value(json_object_get(counters, name));

	json_decref(counters);
	return value;
}

/* --- the tests, one after another with the same host ------------------------------------------ */

static void the_route_is_there_when_the_machine_has_begun(void **state)
{
	(void)state;
	require_namespace();
	assert_true(machine.began);
	assert_true(if_nametoindex("mip0") > 0);
	assert_true(has_route("mip0"));
	assert_reported("began");
}

static void what_comes_by_the_named_link_is_a_frame(void **state)
{
	struct sockaddr_in everyone = {.sin_family = AF_INET,
		.sin_port = htons(MIP_REGISTRATION_PORT),
		.sin_addr.s_addr = INADDR_BROADCAST};

	(void)state;
	require_namespace();
	assert_int_equal(
		sendto(peer_socket, "\x01", 1, 0, (const struct sockaddr *)&everyone, sizeof(everyone)), 1);
	while (machine.frames == 0 || counter("socket_datagrams_as_frames") == 0) /* it comes both ways, */
		turn();
	assert_int_equal(machine.frames, 1); /* but the machine hears it once */
	assert_int_equal(machine.datagrams, 0);
	mip_host_deliver(host);
	assert_reported("heard");
}

static void what_comes_by_another_link_is_a_datagram(void **state)
{
	struct sockaddr_in port = {.sin_family = AF_INET,
		.sin_port = htons(MIP_REGISTRATION_PORT),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	(void)state;
	require_namespace();
	assert_int_equal(
		sendto(report_socket, "\x01", 1, 0, (const struct sockaddr *)&port, sizeof(port)), 1);
	while (machine.datagrams == 0)
		turn();
	assert_int_equal(machine.frames, 1);
	assert_int_equal(machine.datagrams, 1);
}

static void at_the_end_nothing_is_left(void **state)
{
	(void)state;
	require_namespace();
	mip_host_free(host);
	host = NULL;
	assert_int_equal(if_nametoindex("mip0"), 0);
	assert_false(has_route("mip0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_route_is_there_when_the_machine_has_begun),
		cmocka_unit_test(what_comes_by_the_named_link_is_a_frame),
		cmocka_unit_test(what_comes_by_another_link_is_a_datagram),
		cmocka_unit_test(at_the_end_nothing_is_left),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
