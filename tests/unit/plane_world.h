/*
 * Two hosts joined by a veth, each in a namespace of its own, each with a user plane; one thread drives both.
 *
 *   correspondent 10.5.0.1 on lo ┐                                ┌ 10.1.0.50 on mip0, the home address
 *                       home end │ v0 10.9.0.1 ──── v1 10.9.0.2   │ visited end
 *
 * The home end's host is the correspondent too, so that what a correspondent does is a socket there.
 */
#ifndef TESTS_UNIT_PLANE_WORLD_H
#define TESTS_UNIT_PLANE_WORLD_H

#include "packet.h"
#include "plane.h"

enum side {
	AT_HOME,
	AWAY,
	SIDES,
};

#define CORRESPONDENT "10.5.0.1"
#define HOME_ADDRESS  "10.1.0.50"
#define AGENT	      "10.9.0.1"
#define CARE_OF	      "10.9.0.2"

enum {
	PLANE_DESCRIPTORS = 8,
};

struct host {
	int space; /* descriptor of the namespace */
	struct mip_plane *plane;
	int udp;
	int descriptors[PLANE_DESCRIPTORS];
};

struct world {
	struct host hosts[SIDES];
	int capture; /* sees IPv4 packets that come in to v1, from their IP header on */
	/* What `inspect` of the home end saw and answers. */
	unsigned inspected;
	bool take_inspected;
	/* What `group` of the home end saw, and whether it wants none. */
	unsigned groups;
	struct mip_address group_home, group_destination;
	bool refuse_groups;
	struct mip_log log;
	unsigned warnings; /* of the home end's plane */
	bool hold_away;	   /* the visited end's plane is not driven */
	int mtu;	   /* of the route at home into the tunnel; 0: there is none yet */
};

struct mip_address plane_address(const char *text);
/* The plane that is tested: the user plane, or that which PLANE names in the environment. */
enum mip_plane_kind plane_tested(void);

/* cmocka's setup and teardown: two hosts, planes without tunnels. */
int plane_setup(void **state);
int plane_teardown(void **state);
/* A fresh world for each turn of a loop: in the first it is the one there is. */
struct world *plane_next_world(void **state, size_t turn);
/* The thread is in this host's namespace from now on. */
void plane_enter(const struct world *world, enum side side);
/* What each encapsulation has: octets around an inner packet, the outer header's protocol, a route's MTU. */
struct plane_encapsulation {
	enum mip_encapsulation encapsulation;
	size_t overhead;
	uint8_t protocol;
	int mtu;
};
enum {
	PLANE_ENCAPSULATIONS = 4,
};
extern const struct plane_encapsulation plane_encapsulations[PLANE_ENCAPSULATIONS];

/* A tunnel between the two and the peers at both ends, by UDP between the ports 434, and the routes into it.
 */
void plane_join(struct world *world, enum mip_encapsulation encapsulation);
struct mip_want plane_tunnel(enum side side, enum mip_encapsulation encapsulation);
struct mip_want plane_peer(enum side side, enum mip_encapsulation encapsulation);

/* Drives both planes until the condition holds; at most a few seconds. Whether it came to hold. */
bool plane_run(struct world *world, bool (*done)(void *context), void *context);
/* Drives them until nothing more happens. */
void plane_settle(struct world *world);

uint64_t plane_counter(const struct world *world, enum side side, const char *name);
struct mip_plane_traffic plane_traffic(const struct world *world, enum side side);

/* A socket of a host, bound and connected: "" leaves that out. Non-blocking. */
int plane_socket(const struct world *world, enum side side, int type, const char *local, uint16_t local_port,
	const char *remote, uint16_t remote_port);
void plane_set_option(int descriptor, int level, int option, int value);
/* One packet that v1 took in, of this protocol; its length. Fails the test when none comes. */
size_t plane_captured(struct world *world, uint8_t protocol, uint8_t *octets, size_t size);
/* Sends an IP packet of any source to the other host, by the host's raw socket. */
void plane_inject(const struct world *world, enum side side, const uint8_t *packet, size_t length);
/* The next error of a socket's error queue: its ICMP type, code and MTU. Fails the test when none comes. */
struct icmp_error {
	uint8_t type, code;
	uint32_t mtu;
};
struct icmp_error plane_error(struct world *world, int descriptor);

/* --- plane_traffic.c: what flows between them --- */

enum {
	PLANE_PORT = 7000, /* of the mobile node */
	PLANE_CORRESPONDENT_PORT = 6000,
	PLANE_STREAM = 6 * 1024 * 1024, /* octets */
};

/* UDP sockets towards each other. */
int plane_correspondent(const struct world *world);
int plane_mobile_node(const struct world *world);
/* The next datagram that a socket gets; its length. Fails the test when none comes. */
size_t plane_received(struct world *world, int descriptor, uint8_t *octets);
bool plane_nothing_arrives(struct world *world, int descriptor);
/* Joins the two, sends one datagram of five octets with this TOS and IP_MTU_DISCOVER, and gives what goes
 * over the wire; its length. */
size_t plane_outer_packet(struct world *world, enum mip_encapsulation encapsulation, int tos, int discovery,
	uint8_t octets[static 2000]);
struct mip_ip plane_ip(const uint8_t *octets, size_t length);
/* What stands at a place of a stream or a long datagram. */
uint8_t plane_octet(size_t place);
/* A TCP connection from the correspondent to the node, non-blocking. */
void plane_connect_stream(struct world *world, int *ret_near, int *ret_far);
/* PLANE_STREAM octets from one socket to the other; for plane_run(). */
struct plane_stream {
	int from, to;
	size_t sent, got;
};
bool plane_stream_is_through(void *context);

#endif
