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

struct host {
	int space; /* descriptor of the namespace */
	struct mip_plane *plane;
	int udp;
	int descriptors[2];
};

struct world {
	struct host hosts[SIDES];
	int capture; /* sees IPv4 packets that come in to v1, from their IP header on */
	/* What `inspect` of the home end saw and answers. */
	unsigned inspected;
	bool take_inspected;
	bool hold_away; /* the visited end's plane is not driven */
};

struct mip_address address_of(const char *text);

/* cmocka's setup and teardown: two hosts, planes without tunnels. */
int world_setup(void **state);
int world_teardown(void **state);
/* The thread is in this host's namespace from now on. */
void world_enter(const struct world *world, enum side side);
/* A tunnel between the two and the peers at both ends, by UDP between the ports 434, and the routes into it.
 */
void world_tunnel(struct world *world, enum mip_encapsulation encapsulation);
struct mip_want tunnel_of(enum side side, enum mip_encapsulation encapsulation);
struct mip_want peer_of(enum side side, enum mip_encapsulation encapsulation);

/* Drives both planes until the condition holds; at most a few seconds. Whether it came to hold. */
bool world_run(struct world *world, bool (*done)(void *context), void *context);
/* Drives them until nothing more happens. */
void world_settle(struct world *world);

uint64_t counter(const struct world *world, enum side side, const char *name);
struct mip_plane_traffic traffic(const struct world *world, enum side side);

/* A socket of a host, bound and connected: "" leaves that out. Non-blocking. */
int open_socket(const struct world *world, enum side side, int type, const char *local, uint16_t local_port,
	const char *remote, uint16_t remote_port);
void set_option(int descriptor, int level, int option, int value);
/* One packet that v1 took in, of this protocol; its length. Fails the test when none comes. */
size_t captured(struct world *world, uint8_t protocol, uint8_t *octets, size_t size);
/* Sends an IP packet of any source to the other host, by the host's raw socket. */
void inject(const struct world *world, enum side side, const uint8_t *packet, size_t length);
/* The next error of a socket's error queue: its ICMP type, code and MTU. Fails the test when none comes. */
struct icmp_error {
	uint8_t type, code;
	uint32_t mtu;
};
struct icmp_error error_of(struct world *world, int descriptor);

#endif
