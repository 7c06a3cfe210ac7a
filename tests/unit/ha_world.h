/*
 * A home agent's machine and a world around it, for its unit tests: a made-up clock, requests signed as nodes
 * and foreign agents sign them, the outbox taken apart.
 *
 *   10.1.0.0/24     home0 (link 2, up, 02:00:00:00:00:01), the home agent is 10.1.0.1
 *   172.20.0.0/16   a virtual home network
 *   nodes           10.1.0.50 (timestamps), 10.1.0.60 (nonces), 172.20.0.50, alice@example.org and
 *                   bob@example.org (from the pool 10.1.0.100-10.1.0.101)
 *   foreign agents  10.2.0.1 shares an association, 10.3.0.1 does not
 */
#ifndef HA_WORLD_H
#define HA_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "address.h"
#include "extension.h"
#include "ha_core.h"
#include "packet.h"
#include "registration.h"
#include "revocation.h"

enum {
	HOME_LINK = 2,
	UPLINK = 3,
	WORLD_OUTPUTS = 4096,
	NODE_PORT = 4340,
};

#define HA_ADDRESS     mip_address_of(0x0a010001) /* 10.1.0.1 */
#define NODE_ADDRESS   mip_address_of(0x0a010032) /* 10.1.0.50 */
#define NONCE_ADDRESS  mip_address_of(0x0a01003c) /* 10.1.0.60 */
#define VIRTUAL_NODE   mip_address_of(0xac140032) /* 172.20.0.50 */
#define POOL_FIRST     mip_address_of(0x0a010064) /* 10.1.0.100 */
#define POOL_LAST      mip_address_of(0x0a010065) /* 10.1.0.101 */
#define AGENT_ADDRESS  mip_address_of(0x0a020001) /* 10.2.0.1, with an association */
#define OTHER_AGENT    mip_address_of(0x0a030001) /* 10.3.0.1, without */
#define CARE_OF	       mip_address_of(0x0a040007) /* 10.4.0.7, co-located */
#define NAT_ADDRESS    mip_address_of(0xc6336401) /* 198.51.100.1 */
#define PRIVATE	       mip_address_of(0xc0a80105) /* 192.168.1.5, behind the NAT */
#define HOME_BROADCAST mip_address_of(0x0a0100ff)

extern const struct mip_link_address ha_link_address, ha_node_link_address;

/* A reply among the outputs. */
struct answer {
	size_t place; /* among the outputs */
	bool framed;
	struct mip_output_datagram datagram;
	struct mip_output_frame frame;
	struct mip_ip ip; /* of a frame */
	struct mip_udp udp;
	uint8_t message[MIP_REGISTRATION_MAX];
	size_t length;
	struct mip_registration_reply fields;
	struct mip_extensions extensions;
};

struct world {
	struct ha_core *core;
	struct mip_now now;
	struct mip_association *node, *nonce, *virtual_node, *alice, *bob, *agent, *wrong, *aaa;
	struct ha_network_settings networks[3];
	struct ha_node_settings nodes[8];
	struct ha_foreign_agent_settings agents[2];
	struct ha_settings settings;
	struct mip_output outputs[WORLD_OUTPUTS];
	size_t count;
	uint64_t identification; /* of the last request that was built */
	struct answer answer;	 /* the last one taken */
	struct mip_log log;
	unsigned warnings; /* lines of that level in the log */
};

/* The settings and associations, without a machine: change world->settings, then ha_world_start(). */
void ha_world_prepare(struct world *world);
/* Makes the machine, tells it of home0 and its address, begins, and throws away what it says to that. */
void ha_world_start(struct world *world);
/* The same in parts, for records before the beginning. */
void ha_world_make(struct world *world);
int ha_world_try(struct world *world); /* the same where it may fail */
void ha_world_link(struct world *world, bool up);
void ha_world_address(struct world *world, struct mip_address address, uint8_t prefix_length, bool present);
void ha_world_begin(struct world *world);
void ha_world_end(struct world *world);

void ha_world_clear_outputs(struct world *world);
/* Empties the outbox into world->outputs, after what is there. */
void ha_world_collect(struct world *world);
/* Time passes, with each deadline at its own time. */
void ha_world_pass(struct world *world, mip_time time);

/* A request as a test describes it. Zero means: as usual. */
struct ask {
	struct mip_address home_address, home_agent, care_of;
	bool no_home_address;
	bool no_home_agent;	      /* 0.0.0.0 in the field */
	struct mip_address requested; /* in a Requested HA extension; none: without one */
	uint8_t flags;
	int lifetime;		 /* 0: 600; -1: 0 */
	uint64_t identification; /* 0: the time now */
	const char *nai;
	const struct mip_association *security; /* NULL: the node's */
	bool no_security;
	bool twice; /* two Mobile-Home authentication extensions */
	const struct mip_association
		*aaa;	/* a Mobile-AAA one, after the Mobile-Home one and the challenge … */
	bool aaa_first; /* … or before both */
	bool tunnel_request, tunnel_force, tunnel_through_agent, tunnel_by_agent, tunnel_reserved;
	uint8_t tunnel_encapsulation;
	const struct mip_association *foreign_home;
	unsigned foreign_home_times;		     /* 0: once, if there is one */
	bool foreign_home_first;		     /* before the challenge and the Mobile-AAA one */
	int unknown_extension;			     /* its type; 0: none */
	int unknown_after;			     /* the same after the Mobile-Home authentication */
	bool critical_vendor, critical_vendor_after; /* RFC 3115, before and after that authentication */
	bool vendor;				     /* the other kind, on both sides */
	uint8_t raw_flags;			     /* or-ed into the octet on the wire */
	bool challenge;
	bool challenge_twice;
	bool aaa_other_challenge; /* the Mobile-AAA authenticator was computed with another one */
	/* RFC 3543: after the Mobile-Home authentication, as a foreign agent does it; NULL: none. */
	const struct mip_revocation_support *support;
	bool support_by_node; /* before it, as a node does it … */
	bool support_last;    /* … or after the Foreign-Home authentication, where nothing covers it */
	size_t cut;	      /* octets cut off at the end */
	/* Where it comes from and how. */
	struct mip_address source, destination;
	uint16_t source_port;
	bool from_nowhere; /* source 0.0.0.0 */
	bool framed;
	struct mip_link_address link_source;
};

size_t ha_ask_build(struct world *world, const struct ask *ask, uint8_t *message, size_t size);
/* Builds and delivers it, then collects. */
void ha_ask_send(struct world *world, const struct ask *ask);
void ha_ask_deliver(struct world *world, const struct ask *ask, const uint8_t *message, size_t length);

/* A registration by a foreign agent (without an association), by a co-located care-of address, a
 * deregistration from home. */
struct ask ha_ask_by_agent(void);
struct ask ha_ask_co_located(void);
struct ask ha_ask_from_home(void);

/* The only reply among the outputs, valid until the next is taken; fails the test when there is none or more
 * than one. */
const struct answer *ha_answer_take(struct world *world);
/* … with this code, and with the low half of the request's identification. */
const struct answer *ha_answer_expect(struct world *world, int code);
void ha_answer_expect_none(struct world *world);
/* Whether the extension is there and authenticates the answer. */
bool ha_answer_authentic(
	const struct answer *answer, enum mip_slot slot, const struct mip_association *association);
/* Sends and expects the code, and forgets the outputs. */
void ha_ask_expect(struct world *world, const struct ask *ask, int code);

/* The place of the n-th (from 0) output of a kind among the outputs; -1: none. */
int ha_find_want(const struct world *world, enum mip_output_kind kind, enum mip_want_kind want, int n);
int ha_find_kind(const struct world *world, enum mip_output_kind kind, int n);
int ha_find_event(const struct world *world, const char *name);
int ha_find_record(const struct world *world, enum mip_output_kind kind, const char *key);
/* A gratuitous ARP for the address: who has it now. */
int ha_find_gratuitous(
	const struct world *world, struct mip_address address, struct mip_link_address link, int n);
int ha_count_gratuitous(const struct world *world, struct mip_address address);
const struct mip_want *ha_want_at(const struct world *world, int place);
/* What the kernel has by the outputs so far, of a kind and a place: its value, NULL if it is not wanted (any
 * more). */
const struct mip_want *ha_kernel_has(
	const struct world *world, enum mip_want_kind kind, struct mip_address remote);

uint64_t ha_counter_value(const struct world *world, const char *name);
/* The only binding. */
struct ha_binding_view ha_only_binding(const struct world *world);
bool ha_has_binding(const struct world *world, struct mip_address home_address);

#define assert_address_equal(a, b) assert_string_equal(MIP_TEXT(a), MIP_TEXT(b))

#endif
