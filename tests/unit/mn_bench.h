/*
 * A bench for the mobile node's machine: a made-up clock, links that are switched by hand, an agent and a
 * home agent played by the test. Every output is kept in its order, and a small kernel follows what is
 * wanted.
 */
#ifndef MN_BENCH_H
#define MN_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "address.h"
#include "advertisement.h"
#include "extension.h"
#include "mn_core.h"
#include "registration.h"

enum {
	BENCH_OUTPUTS = 4096,
	BENCH_WANTS = 256,
	BENCH_ETH = 11, /* the links' indices */
	BENCH_WLAN = 12,
	BENCH_WWAN = 13,
	BENCH_PORT = 40434,
};

#define BENCH_HOME	 0x0a010032U /* 10.1.0.50 */
#define BENCH_HOME_AGENT 0x0a010001U
#define BENCH_FA1	 0x0a020001U
#define BENCH_FA2	 0x0a030001U
#define BENCH_SPOT	 0x0a040014U /* 10.4.0.20, of 10.4.0.0/24 */
#define BENCH_SPOT_GW	 0x0a040001U

struct bench {
	struct mn_core *core;
	struct mn_settings settings;
	struct mn_interface_settings interfaces[3];
	struct mip_association *home;
	struct mip_random random;
	uint64_t random_state;
	struct mip_now now;
	struct mip_output outputs[BENCH_OUTPUTS]; /* since bench_forget() */
	size_t count;
	struct mip_want kernel[BENCH_WANTS];
	size_t kernel_count;
	struct bench_record { /* the last that is kept; length 0: none */
		char key[MIP_RECORD_KEY];
		uint8_t octets[64];
		size_t length;
	} record;
	struct mip_log log;
	unsigned warnings;	      /* lines in it, since it was made */
	unsigned security_exceptions; /* those that say so */
	bool home_watched;  /* once set, the home address must be on some link after every single output */
	bool home_was_gone; /* … and it was not */
};

/* A registration message that the node sent, taken apart. */
struct bench_request {
	size_t place; /* among the outputs */
	bool frame;
	mip_link link;
	struct mip_link_address link_destination;
	struct mip_address source, destination;
	uint16_t source_port, destination_port;
	uint8_t ttl;
	struct mip_registration_request fixed;
	const uint8_t *octets;
	size_t length;
};

/* What the home agent (or the foreign one) answers. */
struct bench_reply {
	uint8_t code;
	uint16_t lifetime;
	uint64_t identification_xor;		/* changes what is copied from the request */
	struct mip_address home_address;	/* none: that of the request */
	struct mip_address home_agent;		/* none: that of the request */
	struct mip_address redirected;		/* in a Redirected HA extension; none: without one … */
	bool redirected_uncovered;		/* … or behind the authenticator */
	const struct mip_association *security; /* NULL: the bench's */
	bool unsigned_reply;			/* without Mobile-Home authentication */
	bool forged;				/* with a wrong authenticator */
	bool udp;				/* with a UDP Tunnel Reply … */
	uint8_t udp_code;			/* … of this code */
	uint16_t keepalive;
	struct mip_address source;	 /* none: where the request went */
	bool revocation;		 /* with a Revocation Support extension … */
	bool revocation_late;		 /* … after the Mobile-Home authentication … */
	uint32_t revocation_timestamp;	 /* … of this time */
	struct mip_association *foreign; /* Mobile-Foreign authentication with this */
	uint8_t error;			 /* with a Foreign Agent Error of this status … */
	uint8_t error_subtype;		 /* … and this sub-type */
	const char *challenge;
	size_t flip; /* this bit of the whole is flipped, counted from 1; 0: none */
};

/* An agent's advertisement. */
struct bench_agent {
	mip_link link;
	uint32_t address;
	uint16_t flags;
	uint16_t sequence;
	uint16_t lifetime;		/* 0: 3 */
	uint16_t registration_lifetime; /* 0: 1800 */
	uint32_t care_of_address;	/* 0: the address, if F is set */
	uint32_t second_care_of_address;
	uint8_t prefix_length; /* of the address; 0: no Prefix-Lengths extension */
	const char *challenge;
	uint8_t ttl;   /* 0: 1 */
	uint32_t card; /* whose link address it comes from; 0: the agent's */
	bool to_node;  /* unicast to the home address */
};

/* wlan0 (priority 10), wwan0 (20), eth0 (5); begun, nothing up. `change` may alter the settings first. */
void bench_begin(struct bench *bench, void (*change)(struct mn_settings *settings));
/* The same in parts: the settings; the machine, where it may fail. */
void bench_prepare(struct bench *bench, void (*change)(struct mn_settings *settings));
int bench_try(struct bench *bench);
void bench_end(struct bench *bench);
/* The bench of the test that runs, made and ended around it by TEST(); also its state. */
extern struct bench bench_of_test;
#define TEST(name) cmocka_unit_test_setup_teardown(name, bench_setup, bench_teardown)
int bench_setup(void **state);
int bench_teardown(void **state);
/* Begins it again, with other settings. */
void bench_again_with(void (*change)(struct mn_settings *settings));
/* Killed, and begun again some time later: the new machine gets the record. */
void bench_restart_with(void (*change)(struct mn_settings *settings), mip_time pause);
/* Takes the outputs so far as seen. */
void bench_forget(struct bench *bench);
/* Fetches what the machine has put out; called by all the functions below. */
void bench_collect(struct bench *bench);

void bench_pass(struct bench *bench, mip_time duration); /* time goes by, with every deadline on the way */
void bench_link(struct bench *bench, mip_link link, bool up);
void bench_address(struct bench *bench, mip_link link, uint32_t address, uint8_t length, bool present);
void bench_route(struct bench *bench, mip_link link, uint32_t gateway, bool present);
void bench_lease(struct bench *bench); /* BENCH_SPOT on wlan0 with its default route */
void bench_advertise(struct bench *bench, const struct bench_agent *agent);
void bench_frame(struct bench *bench, mip_link link, const void *packet, size_t length);
/* The answer to that request, by the way that it came. */
void bench_reply(struct bench *bench, const struct bench_request *request, const struct bench_reply *reply);
/* Its octets. */
size_t bench_reply_length(
	struct bench *bench, const struct bench_request *request, const struct bench_reply *reply);
/* Accepts the last request for the lifetime that it asks. */
void bench_accept(struct bench *bench);
void bench_deny(struct bench *bench, uint8_t code);

struct mip_link_address bench_link_address(uint32_t address); /* of an agent */
/* Since bench_forget(): how many requests, and the last of them. */
size_t bench_requests(const struct bench *bench);
struct bench_request bench_last_request(const struct bench *bench);
void bench_extensions_of(const struct bench_request *request, struct mip_extensions *extensions);
/* An association that is not with the home agent; to be unreferenced. */
struct mip_association *bench_other_association(void);
size_t bench_solicitations(const struct bench *bench, mip_link link);
size_t bench_gratuitous_arps(const struct bench *bench);
/* The place of the first output like this since bench_forget(); fails the test when there is none. */
size_t bench_place_of_want(const struct bench *bench, const struct mip_want *key);
size_t bench_place_of_unwant(const struct bench *bench, const struct mip_want *key);
size_t bench_place_of_gratuitous_arp(const struct bench *bench);
/* The event of that name, the n-th from 0 on; NULL. */
const struct mip_event *bench_event(const struct bench *bench, const char *name, size_t n);
const struct mip_field *bench_field(const struct mip_event *event, const char *name);

/* What the kernel has, by key; NULL. */
const struct mip_want *bench_kernel(const struct bench *bench, const struct mip_want *key);
bool bench_has_home_on(const struct bench *bench, mip_link link);
const struct mip_want_route *bench_way_out(const struct bench *bench); /* table T's default */
const struct mip_want_tunnel *bench_tunnel(const struct bench *bench);
int bench_setting(const struct bench *bench, mip_link link, enum mip_kernel_setting setting); /* -1: none */

enum mn_state bench_state(const struct bench *bench);
struct mn_status bench_status(const struct bench *bench);
uint64_t bench_counter(const struct bench *bench, const char *name);

/* Usual beginnings. */
void bench_registered_at_fa1(struct bench *bench);  /* wwan0, FA1 */
void bench_registered_at_spot(struct bench *bench); /* wlan0, co-located */
void bench_home(struct bench *bench);		    /* eth0 */
extern const struct bench_agent bench_fa1, bench_fa2, bench_home_agent;

#endif
