/*
 * A foreign agent's machine with a made-up clock, one visited link and an uplink, for the tests of its parts:
 *
 *   home agent 10.1.0.1 ── uplink (3) 192.0.2.2 [ foreign agent ] visit0 (5) 10.2.0.1 ── node 10.1.0.50
 *                                                                 visit1 (6) 10.3.0.1
 */
#ifndef FA_WORLD_H
#define FA_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "advertisement.h"
#include "authenticator.h"
#include "extension.h"
#include "fa_core.h"
#include "packet.h"
#include "registration.h"

enum {
	WORLD_UPLINK = 3,
	WORLD_VISITED = 5,
	WORLD_OTHER_VISITED = 6,
	WORLD_MESSAGE = 2048,
	WORLD_LIFETIME_MOST = 1800,
};

struct fa_world {
	struct mip_outbox outbox;
	struct fa_core_settings settings;
	struct fa_core *core;
	struct mip_now now;
	bool may_lose; /* outputs, for want of memory */
	/* Everything that came out since fa_world_clear(). */
	struct mip_output *outputs;
	size_t count;
};

/* A request as a node sends it; fa_world_request() gives one that is in order. */
struct fa_world_request {
	struct mip_registration_request fields;
	struct mip_address source, destination;
	uint16_t source_port;
	uint8_t ttl;
	mip_link link;
	struct mip_link_address link_address;
	bool without_authorization;
	const char *nai; /* before the Mobile-Home authentication; NULL: none */
	/* Written after the Mobile-Home authentication extension. */
	void (*trailer)(struct mip_writer *writer);
	uint8_t raw_flags; /* or-ed into the octet on the wire */
};

struct mip_address address(const char *text);
struct mip_link_address link_address(uint8_t last);

/* Settings that tests change before fa_world_start(). */
void fa_world_init(struct fa_world *world);
void fa_world_start(struct fa_world *world);
int fa_world_try(struct fa_world *world); /* the same where it may fail */
/* Both, with the usual settings. */
void fa_world_begin(struct fa_world *world);
void fa_world_end(struct fa_world *world);
/* An association of this SPI; to be unreferenced. */
struct mip_association *fa_world_association(uint32_t spi);

struct fa_world_request fa_world_request(void);
/* Builds it, hands it to the machine, takes what comes out. Returns the message's length in `message`. */
size_t fa_world_send(
	struct fa_world *world, const struct fa_world_request *request, uint8_t message[WORLD_MESSAGE]);
size_t fa_world_write_request(const struct fa_world_request *request, uint8_t message[WORLD_MESSAGE]);
void fa_world_send_message(struct fa_world *world, const struct fa_world_request *request,
	const uint8_t *message, size_t length);
/* The reply of its home agent, accepted for the requested lifetime; change it, then deliver it. */
struct mip_registration_reply fa_world_reply_to(const struct fa_world_request *request);
size_t fa_world_write_reply(const struct mip_registration_reply *reply, const char *nai,
	void (*trailer)(struct mip_writer *writer), uint8_t message[WORLD_MESSAGE]);
void fa_world_deliver(
	struct fa_world *world, struct mip_address source, const uint8_t *message, size_t length);
void fa_world_reply(struct fa_world *world, const struct mip_registration_reply *reply);
/* Request and accepted reply; the outputs of the reply are what is left. */
void fa_world_register(struct fa_world *world, const struct fa_world_request *request);
/* fa_world_begin(), and that. */
void fa_world_begin_with_visitor(struct fa_world *world, const struct fa_world_request *request);

/* Time goes on, all deadlines on the way are served. */
void fa_world_wait(struct fa_world *world, mip_time duration);
void fa_world_clear(struct fa_world *world);

/* The only output of a kind since fa_world_clear(); a failure if there is none or more than one. */
const struct mip_output *fa_world_only(const struct fa_world *world, enum mip_output_kind kind);
size_t fa_world_count(const struct fa_world *world, enum mip_output_kind kind);
/* The place of the first output of this kind, and of the first want or unwant of a kind; SIZE_MAX if none. */
size_t fa_world_place(const struct fa_world *world, enum mip_output_kind kind);
size_t fa_world_want_place(
	const struct fa_world *world, enum mip_output_kind kind, enum mip_want_kind want_kind);
const struct mip_want *fa_world_want(
	const struct fa_world *world, enum mip_output_kind kind, enum mip_want_kind want_kind);
/* The code of the only reply that was sent to a node. */
int fa_world_code(const struct fa_world *world);
/* The reply in a frame: IP and UDP headers, the message. */
struct mip_reader fa_world_open(
	const struct mip_output *frame, struct mip_ip *ret_ip, struct mip_udp *ret_udp);
uint64_t fa_world_counter(const struct fa_world *world, const char *name);
/* The visitor of this home address as the list shows it; false if there is none. */
bool fa_world_view(struct fa_world *world, struct mip_address home_address, struct fa_visitor_view *ret_view);

#endif
