/*
 * For tests of challenges at a foreign agent (RFC 4721), in the world of fa_world.h: nodes with associations of each
 * kind, requests that answer a challenge, what replies and advertisements bring.
 */
#ifndef FA_CHALLENGE_WORLD_H
#define FA_CHALLENGE_WORLD_H

#include "fa_world.h"

/* A challenge as it is on the wire. */
struct challenge_value {
	size_t length;
	uint8_t octets[MIP_CHALLENGE_MAX];
};

/* The nodes' associations, and what the next request has behind the Mobile-Home authentication. */
extern struct challenge_keys {
	struct mip_association *foreign, *aaa, *chap;
	struct mip_association *wrong; /* of the SPI of `foreign`, with another key */
	struct challenge_value answered;
	struct mip_association *with_aaa, *with_foreign;
	struct fa_mobile_node_settings nodes[3];
} challenge_keys;

/* 10.1.0.50 has a Mobile-Foreign association, 10.1.0.51 a Mobile-AAA one, 10.1.0.52 one of chap-md5; of
 * 10.1.0.53 nothing is known here. */
enum {
	WITH_FOREIGN = 50,
	WITH_AAA = 51,
	WITH_CHAP = 52,
	UNKNOWN_NODE = 53,
};

/* What the only reply to a node has. */
struct challenge_seen {
	struct mip_registration_reply fields;
	struct mip_extensions extensions;
	struct challenge_value challenge;
	uint8_t error;
	uint8_t message[WORLD_MESSAGE];
	size_t length;
};

/* A 128-bit key whose first octet is `first`; to be unreferenced. */
struct mip_association *challenge_association_of(uint32_t spi, enum mip_algorithm algorithm, char first);
/* What stands behind the Mobile-Home authentication: the trailer of the requests here. */
void challenge_write_answer(struct mip_writer *writer);

#define TEST(name) cmocka_unit_test_setup_teardown(name, challenge_setup, challenge_teardown)
int challenge_setup(void **state);
int challenge_teardown(void **state);
/* The usual settings with challenges, and those nodes; the same, and the world starts. */
void challenge_init(struct fa_world *world);
void challenge_begin(struct fa_world *world);
/* The challenge of the last advertisement on a link since fa_world_clear(), and whether there is one. */
bool challenge_advertisement_of(
	const struct fa_world *world, mip_link link, struct challenge_value *ret_value);
struct challenge_value challenge_advertised(const struct fa_world *world);
/* Waits for the next unsolicited advertisement. */
struct challenge_value challenge_next_advertised(struct fa_world *world);
bool challenge_is_same(const struct challenge_value *a, const struct challenge_value *b);
/* Octets that nobody has offered. */
struct challenge_value challenge_made_up(void);
/* A request of 10.1.0.NODE with what it has keys for; a new identification each time. */
struct fa_world_request challenge_request_of(uint8_t node);
/* The code of the reply to this request with this challenge; -1: it is relayed; -2: silence. */
int challenge_code_of(
	struct fa_world *world, struct fa_world_request *request, const struct challenge_value *challenge);
int challenge_code_for(struct fa_world *world, uint8_t node, const struct challenge_value *challenge);
struct challenge_seen challenge_seen_in(const struct fa_world *world);
/* The home agent's reply, with `echo` as its challenge; what the node gets. */
struct challenge_seen challenge_reply_with(struct fa_world *world, const struct fa_world_request *request,
	uint8_t code, const struct challenge_value *echo);
/* Registers with this challenge; the challenge of the reply. */
struct challenge_value challenge_register_with(
	struct fa_world *world, uint8_t node, const struct challenge_value *challenge);
void challenge_solicit(struct fa_world *world, const char *source, uint8_t card);
struct challenge_value challenge_solicited(struct fa_world *world, const char *source, uint8_t card);

#endif
