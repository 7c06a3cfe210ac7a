/*
 * For the tests of revocation at a foreign agent: one world, a home agent that answers offers, the messages that
 * leave, and those of the home agent.
 */
#ifndef FA_REVOCATION_WORLD_H
#define FA_REVOCATION_WORLD_H

#include "fa_world.h"
#include "revocation.h"

#define HOME_CLOCK 9000 /* the home agent's timestamps: its clock is far from ours */

extern struct fa_world foreign_world;
extern struct mip_association *foreign_association, *foreign_other;
extern struct mip_revocation_support foreign_answer;	 /* what the home agent's reply says … */
extern bool foreign_answers, foreign_answer_unprotected; /* … if it does */

/* A message to the home agent that left. The octets are a view into the world's outputs. */
struct sent {
	struct mip_output_datagram datagram;
	const uint8_t *octets;
	size_t length;
	struct mip_reader reader; /* at the first extension */
	struct mip_registration_request request;
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	struct mip_extensions extensions;
};

int foreign_setup(void **state);
int foreign_teardown(void **state);
/* Other settings from now on: a reload; and the changes. */
void foreign_use(void (*change)(struct mip_revocation_settings *settings));
void foreign_without_i(struct mip_revocation_settings *settings);
void foreign_without_informing(struct mip_revocation_settings *settings);
void foreign_without_both(struct mip_revocation_settings *settings);
void foreign_without_any(struct mip_revocation_settings *settings);
void foreign_few(struct mip_revocation_settings *settings);
/* Datagrams of this message type among the outputs; the n-th; the only one. */
size_t foreign_count_of(int type);
struct sent foreign_sent_of(int type, size_t n);
struct sent foreign_only_sent(int type);
/* Its last extension is a right Foreign-Home authentication. */
bool foreign_is_authentic(const struct sent *sent);
/* Unicast advertisements with sequence number 0 to the node, among the outputs. */
size_t foreign_informed(void);
/* What the home agent adds to its reply. */
void foreign_write_answer(struct mip_writer *writer);
void foreign_answer_request(const struct fa_world_request *request);
/* Each with another identification. */
struct fa_world_request foreign_next_request(void);
void foreign_register_node(void);
/* A visitor whose registration may be revoked, a while ago. */
void foreign_visited(void);
struct mip_revocation foreign_home_agents_revocation(void);
void foreign_deliver_revocation(const struct mip_revocation *revocation, const struct mip_association *by);
void foreign_deliver_ack(
	const struct mip_revocation_ack *ack, const char *source, const struct mip_association *by);
struct mip_revocation_ack foreign_ack_of(const struct sent *sent, bool inform);
/* As `fa revoke` does. */
void foreign_revoke(void);
uint32_t foreign_our_clock(void);
/* Nothing is said, the visitor stays, and the counter counts. */
void foreign_check_dropped(
	const struct mip_revocation *revocation, const struct mip_association *by, const char *counter);

#define TEST(name) cmocka_unit_test_setup_teardown(name, foreign_setup, foreign_teardown)

#endif
