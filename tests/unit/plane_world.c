/* Two hosts and their planes. */
#include "plane_world.h"

#include <errno.h>
#include <time.h> /* linux/errqueue.h needs it */
#include <fcntl.h>
#include <linux/errqueue.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "address.h"
#include "counter_value.h"
#include "link_path.h"
#include "namespace.h"
#include "packet.h"
#include "registration.h"

enum {
	TURN = 10,   /* milliseconds */
	TURNS = 500, /* that anything may take */
	QUIET_TURNS = 5,
};

const struct plane_encapsulation plane_encapsulations[PLANE_ENCAPSULATIONS] = {
	{MIP_ENCAPSULATION_IPIP, 20, 4, MIP_OUTER_MTU - MIP_OVERHEAD_IPIP},
	{MIP_ENCAPSULATION_GRE, 24, 47, MIP_OUTER_MTU - MIP_OVERHEAD_GRE},
	{MIP_ENCAPSULATION_MINIMAL, 12, 55, MIP_OUTER_MTU - MIP_OVERHEAD_MINIMAL},
	{MIP_ENCAPSULATION_UDP, 32, 17, MIP_OUTER_MTU - MIP_OVERHEAD_UDP},
};

struct mip_address plane_address(const char *text)
{
	struct mip_address address = {0};

	assert_int_equal(mip_address_read(text, &address), 0);
	return address;
}

void plane_enter(const struct world *world, enum side side)
{
	assert_int_equal(setns(world->hosts[side].space, CLONE_NEWNET), 0);
}

void plane_set_option(int descriptor, int level, int option, int value)
{
	assert_int_equal(setsockopt(descriptor, level, option, &value, sizeof(value)), 0);
}

static struct sockaddr_in name_of(const char *address, uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr = {.s_addr = *address ? plane_address(address).value : 0},
	};
}

int plane_socket(const struct world *world, enum side side, int type, const char *local, uint16_t local_port,
	const char *remote, uint16_t remote_port)
{
	struct sockaddr_in from = name_of(local, local_port), to = name_of(remote, remote_port);
	int descriptor;

	plane_enter(world, side);
	descriptor = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(descriptor >= 0);
	plane_set_option(descriptor, SOL_SOCKET, SO_REUSEADDR, 1);
	assert_int_equal(bind(descriptor, (struct sockaddr *)&from, sizeof(from)), 0);
	if (*remote && connect(descriptor, (struct sockaddr *)&to, sizeof(to)) < 0)
		assert_int_equal(errno, EINPROGRESS);
	return descriptor;
}

/* --- making it -------------------------------------------------------------------------------- */

static void count_warning(void *context, enum mip_log_level level, const char *format, va_list arguments)
{
	struct world *world = context;

	(void)format;
	(void)arguments;
	world->warnings += level == MIP_LOG_WARNING;
}

static bool on_inspect(void *context, const uint8_t *packet, size_t length)
{
	struct world *world = context;

	assert_in_range(length, MIP_IP_HEADER, 65535);
	assert_int_equal(packet[9], MIP_PROTOCOL_ICMP);
	world->inspected++;
	return world->take_inspected;
}

static bool on_group(void *context, struct mip_address home_address, const uint8_t *packet, size_t length)
{
	struct world *world = context;
	struct mip_reader reader = mip_reader_of(packet, length), payload;
	struct mip_ip ip;

	if (world->refuse_groups)
		return false;
	assert_int_equal(mip_ip_read(&reader, &ip, &payload), 0);
	world->groups++;
	world->group_home = home_address;
	world->group_destination = ip.destination;
	return true;
}

/* The route into the tunnel, as the plane has it. */
static void lead(
	const struct world *world, enum side side, const char *destination, const char *source, int mtu)
{
	struct mip_want want = {
		.kind = MIP_WANT_ROUTE,
		.route = {.destination = {plane_address(destination), 32},
			.link = MIP_LINK_TUNNEL,
			.source = plane_address(source)},
	};

	plane_enter(world, side);
	if (mip_plane_translate(world->hosts[side].plane, &want))
		namespace_must("ip route replace %s/32 nhid %u src %s mtu %d", destination,
			want.route.nexthop, source, mtu);
	else
		namespace_must("ip route replace %s/32 dev mip0 src %s mtu %d", destination, source, mtu);
}

/* The route at home has to lead elsewhere, as the host's reconciler has it then. The thread stays where it is. */
static void on_route_changed(void *context, struct mip_address home_address)
{
	struct world *world = context;
	int space = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(mip_address_equal(home_address, plane_address(HOME_ADDRESS)));
	if (world->mtu)
		lead(world, AT_HOME, HOME_ADDRESS, CORRESPONDENT, world->mtu);
	assert_int_equal(setns(space, CLONE_NEWNET), 0);
	close(space);
}

static int open_space(void)
{
	int descriptor;

	assert_int_equal(namespace_enter(), 0);
	namespace_must("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0");
	/* The bpf programs ask for a way as a router does; a host that is none leaves it to the daemon. */
	if (plane_tested() == MIP_PLANE_BPF)
		namespace_must("sysctl -qw net.ipv4.ip_forward=1");
	descriptor = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(descriptor >= 0);
	return descriptor;
}

enum mip_plane_kind plane_tested(void)
{
	const char *name = getenv("PLANE");
	int kind = MIP_PLANE_USER;

	if (name != NULL)
		assert_int_equal(mip_name_find(mip_plane_names, name, &kind), 0);
	return (enum mip_plane_kind)kind;
}

static const char *const side_links[SIDES] = {[AT_HOME] = "v0", [AWAY] = "v1"};

/* As the host's monitor tells it. */
static void follow(const struct host *host, const char *name)
{
	struct mip_input_link link = {
		.link = (int)if_nametoindex(name), .present = true, .up = true, .mtu = 1500};

	strncpy(link.name, name, sizeof(link.name) - 1);
	mip_plane_follow(host->plane, &link);
}

static void make_plane(struct world *world, enum side side)
{
	struct host *host = &world->hosts[side];
	struct mip_plane_options options = {.kind = plane_tested(), .device = "mip0"};
	char reason[MIP_PLANE_REASON] = "";

	host->udp = plane_socket(world, side, SOCK_DGRAM, "", MIP_REGISTRATION_PORT, "", 0);
	plane_set_option(host->udp, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT);
	plane_set_option(host->udp, IPPROTO_IP, IP_PKTINFO, 1);
	plane_set_option(host->udp, IPPROTO_IP, IP_RECVTOS, 1);
	options.udp_descriptor = host->udp;
	world->log = (struct mip_log){.write = count_warning, .context = world};
	if (side == AT_HOME) {
		options.inspect = on_inspect;
		options.group = on_group;
		options.route_changed = on_route_changed;
		options.context = world;
		options.log = &world->log;
	}
	if (mip_plane_new(&options, &host->plane, reason) != 0)
		fail_msg("%s", reason);
	assert_int_equal(
		mip_plane_descriptors(host->plane, host->descriptors, PLANE_DESCRIPTORS), PLANE_DESCRIPTORS);
	follow(host, side_links[side]);
}

static void open_capture(struct world *world)
{
	/* One that hears of every protocol hears before the programs at the link. */
	struct sockaddr_ll name = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

	plane_enter(world, AWAY);
	world->capture = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	assert_true(world->capture >= 0);
	name.sll_ifindex = (int)if_nametoindex("v1");
	assert_int_equal(bind(world->capture, (struct sockaddr *)&name, sizeof(name)), 0);
}

static void await_path(const struct world *world)
{
	int probes[SIDES];

	for (int side = 0; side < SIDES; side++) {
		plane_enter(world, (enum side)side);
		probes[side] = link_probe(side_links[side]);
	}
	link_await_path(probes[AT_HOME], probes[AWAY]);
	link_await_path(probes[AWAY], probes[AT_HOME]);
	for (int side = 0; side < SIDES; side++)
		close(probes[side]);
}

int plane_setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	for (int side = 0; side < SIDES; side++)
		world->hosts[side].space = open_space();
	plane_enter(world, AT_HOME);
	namespace_must("ip link add v0 type veth peer name v1 && ip link set v1 netns /proc/%d/fd/%d && "
		       "ip address add " AGENT "/24 dev v0 && ip link set v0 up && "
		       "ip address add " CORRESPONDENT "/32 dev lo",
		(int)getpid(), world->hosts[AWAY].space);
	plane_enter(world, AWAY);
	namespace_must("ip address add " CARE_OF "/24 dev v1 && ip link set v1 up");
	await_path(world);
	make_plane(world, AT_HOME);
	make_plane(world, AWAY);
	open_capture(world);
	*state = world;
	return 0;
}

int plane_teardown(void **state)
{
	struct world *world = *state;

	for (int side = 0; side < SIDES; side++) {
		plane_enter(world, (enum side)side);
		mip_plane_free(world->hosts[side].plane);
		close(world->hosts[side].udp);
		close(world->hosts[side].space);
	}
	close(world->capture);
	free(world);
	return 0;
}

struct world *plane_next_world(void **state, size_t turn)
{
	if (turn > 0) {
		plane_teardown(state);
		plane_setup(state);
	}
	return *state;
}

struct mip_want plane_tunnel(enum side side, enum mip_encapsulation encapsulation)
{
	struct mip_want want = {.kind = MIP_WANT_TUNNEL};

	want.tunnel = (struct mip_want_tunnel){
		.home_address = plane_address(HOME_ADDRESS),
		.end = side == AT_HOME ? MIP_TUNNEL_HOME : MIP_TUNNEL_VISITED,
		.local = plane_address(side == AT_HOME ? AGENT : CARE_OF),
		.remote = plane_address(side == AT_HOME ? CARE_OF : AGENT),
		.encapsulation = encapsulation,
	};
	if (encapsulation == MIP_ENCAPSULATION_UDP) {
		want.tunnel.local_port = MIP_REGISTRATION_PORT;
		want.tunnel.remote_port = MIP_REGISTRATION_PORT;
	}
	return want;
}

struct mip_want plane_peer(enum side side, enum mip_encapsulation encapsulation)
{
	struct mip_want tunnel = plane_tunnel(side, encapsulation);
	struct mip_want want = {.kind = MIP_WANT_PEER};

	want.peer = (struct mip_want_peer){
		.home_address = tunnel.tunnel.home_address,
		.end = tunnel.tunnel.end,
		.remote = tunnel.tunnel.remote,
		.remote_port = tunnel.tunnel.remote_port,
		.local = tunnel.tunnel.local,
	};
	return want;
}

void plane_join(struct world *world, enum mip_encapsulation encapsulation)
{
	int mtu = plane_encapsulations[encapsulation].mtu;

	for (int side = 0; side < SIDES; side++) {
		struct mip_want tunnel = plane_tunnel(side, encapsulation),
				peer = plane_peer(side, encapsulation);

		plane_enter(world, (enum side)side); /* libnftables is where the thread is */
		assert_int_equal(mip_plane_want(world->hosts[side].plane, &tunnel), 0);
		assert_int_equal(mip_plane_want(world->hosts[side].plane, &peer), 0);
		mip_plane_commit(world->hosts[side].plane);
	}
	plane_enter(world, AWAY);
	namespace_must("ip address add " HOME_ADDRESS "/32 dev mip0");
	world->mtu = mtu;
	lead(world, AT_HOME, HOME_ADDRESS, CORRESPONDENT, mtu);
	lead(world, AWAY, CORRESPONDENT, HOME_ADDRESS, mtu);
}

/* --- driving it ------------------------------------------------------------------------------- */

static void read_control(struct msghdr *message, struct mip_input_datagram *datagram)
{
	struct in_pktinfo info;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		if (c->cmsg_type == IP_TOS)
			datagram->tos = *CMSG_DATA(c);
		if (c->cmsg_type == IP_PKTINFO) {
			memcpy(&info, CMSG_DATA(c), sizeof(info));
			datagram->destination.value = info.ipi_addr.s_addr;
		}
	}
}

static bool take_datagram(struct host *host)
{
	static uint8_t octets[65536];
	uint64_t control[32];
	struct sockaddr_in name;
	struct iovec part = {octets, sizeof(octets)};
	struct msghdr message = {.msg_name = &name,
		.msg_namelen = sizeof(name),
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	ssize_t length = recvmsg(host->udp, &message, 0);
	struct mip_input_datagram datagram = {.octets = octets};

	if (length < 0)
		return false;
	datagram.length = (size_t)length;
	datagram.source.value = name.sin_addr.s_addr;
	datagram.source_port = ntohs(name.sin_port);
	read_control(&message, &datagram);
	mip_plane_udp_input(host->plane, &datagram);
	return true;
}

/* Whether anything happened. */
static bool drive(struct host *host, int milliseconds)
{
	struct pollfd ready[PLANE_DESCRIPTORS + 1] = {{.fd = host->udp, .events = POLLIN}};

	for (size_t i = 0; i < PLANE_DESCRIPTORS; i++)
		ready[i + 1] = (struct pollfd){.fd = host->descriptors[i], .events = POLLIN};
	if (poll(ready, PLANE_DESCRIPTORS + 1, milliseconds) <= 0)
		return false;
	/* A plane opens sockets while it runs. */
	assert_int_equal(setns(host->space, CLONE_NEWNET), 0);
	for (size_t i = 0; i < PLANE_DESCRIPTORS; i++) {
		if (ready[i + 1].revents)
			mip_plane_service(host->plane, host->descriptors[i]);
	}
	for (int i = 0; i < 64 && take_datagram(host); i++)
		;
	mip_plane_batch_end(host->plane);
	return true;
}

static bool turn(struct world *world, int milliseconds)
{
	bool busy = drive(&world->hosts[AT_HOME], milliseconds);

	if (!world->hold_away && drive(&world->hosts[AWAY], busy ? 0 : milliseconds))
		busy = true;
	return busy;
}

bool plane_run(struct world *world, bool (*done)(void *context), void *context)
{
	int idle = 0;

	while (!done(context)) {
		if (!turn(world, TURN) && ++idle > TURNS)
			return false;
	}
	return true;
}

void plane_settle(struct world *world)
{
	for (int quiet = 0; quiet < QUIET_TURNS; quiet++) {
		if (turn(world, TURN))
			quiet = 0;
	}
}

/* --- looking at it ---------------------------------------------------------------------------- */

/* What the bpf programs carry they count by names of their own. */
static bool is_alias(const char *own, const char *name)
{
	return strncmp(own, "bpf_packets_", 12) == 0 && strncmp(name, "tunnel_packets_", 15) == 0 &&
	       strcmp(own + 12, name + 15) == 0;
}

uint64_t plane_counter(const struct world *world, enum side side, const char *name)
{
	const struct mip_plane *plane = world->hosts[side].plane;
	struct mip_counter_table more = mip_plane_accelerator_counters(plane);
	uint64_t value = counter_value(mip_plane_counters(plane), name);

	for (size_t i = 0; i < more.count; i++) {
		if (strcmp(more.names[i].name, name) == 0 || is_alias(more.names[i].name, name))
			value += more.values[i];
	}
	return value;
}

struct mip_plane_traffic plane_traffic(const struct world *world, enum side side)
{
	enum mip_tunnel_end end = side == AT_HOME ? MIP_TUNNEL_HOME : MIP_TUNNEL_VISITED;
	struct mip_plane_traffic found;

	assert_int_equal(
		mip_plane_traffic(world->hosts[side].plane, plane_address(HOME_ADDRESS), end, &found), 0);
	return found;
}

struct capture {
	int descriptor;
	uint8_t protocol;
	uint8_t *octets;
	size_t size;
	ssize_t length;
};

static bool has_captured(void *context)
{
	struct capture *capture = context;
	struct sockaddr_ll from;
	socklen_t size;

	do {
		size = sizeof(from);
		capture->length = recvfrom(capture->descriptor, capture->octets, capture->size, 0,
			(struct sockaddr *)&from, &size);
	} while (capture->length >= 0 &&
		 (from.sll_pkttype == PACKET_OUTGOING || from.sll_protocol != htons(ETH_P_IP) ||
			 capture->length < MIP_IP_HEADER || capture->octets[9] != capture->protocol));
	return capture->length >= 0;
}

size_t plane_captured(struct world *world, uint8_t protocol, uint8_t *octets, size_t size)
{
	struct capture capture = {world->capture, protocol, octets, size, 0};

	assert_true(plane_run(world, has_captured, &capture));
	return (size_t)capture.length;
}

void plane_inject(const struct world *world, enum side side, const uint8_t *packet, size_t length)
{
	struct sockaddr_in name = name_of(side == AT_HOME ? CARE_OF : AGENT, 0);
	int descriptor;

	plane_enter(world, side);
	descriptor = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	assert_true(descriptor >= 0);
	assert_int_equal(
		sendto(descriptor, packet, length, 0, (struct sockaddr *)&name, sizeof(name)), length);
	close(descriptor);
}

struct queue {
	int descriptor;
	struct icmp_error error;
};

static bool has_error(void *context)
{
	struct queue *queue = context;
	uint8_t octets[600];
	uint64_t control[64];
	struct iovec part = {octets, sizeof(octets)};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};

	if (recvmsg(queue->descriptor, &message, MSG_ERRQUEUE) < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		struct sock_extended_err error;

		memcpy(&error, CMSG_DATA(c), sizeof(error));
		if (c->cmsg_type != IP_RECVERR || error.ee_origin != SO_EE_ORIGIN_ICMP)
			continue;
		queue->error = (struct icmp_error){error.ee_type, error.ee_code, error.ee_info};
		return true;
	}
	return false;
}

struct icmp_error plane_error(struct world *world, int descriptor)
{
	struct queue queue = {.descriptor = descriptor};

	assert_true(plane_run(world, has_error, &queue));
	return queue.error;
}
