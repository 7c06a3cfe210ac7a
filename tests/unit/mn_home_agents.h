/*
 * For tests of which home agent a node registers with, on the bench of the test that runs (mn_bench.h): one that is
 * assigned by the network (RFC 4433) or found by the broadcast address of the home network (RFC 5944 3.6.1.2).
 */
#ifndef MN_HOME_AGENTS_H
#define MN_HOME_AGENTS_H

#include "mn_bench.h"

#define HA1   (BENCH_HOME_AGENT)
#define HA2   (BENCH_HOME_AGENT + 1)
#define HA3   (BENCH_HOME_AGENT + 2)
#define GIVEN 0x0a010064U /* 10.1.0.100: the home address that a home agent gives */

extern char bench_nai[]; /* "alice@example.org" */

/* Settings, for bench_again_with(): a node with a name only; the same that knows whom to ask. */
void bench_by_assignment(struct mn_settings *settings);
void bench_by_assignment_with_a_hint(struct mn_settings *settings);
void bench_by_assignment_with_nonces(struct mn_settings *settings);
/* A node with a home address whose home agent is to be found. */
void bench_by_resolution(struct mn_settings *settings);
/* The same keys with nonces; the bench has the reference. */
void bench_use_nonces(struct mn_settings *settings);

/* The Requested HA extension of a request, before its authenticator; 0: none. */
uint32_t bench_requested_of(const struct bench_request *request);
/* The first one since bench_forget(), no later than that. */
struct bench_request bench_next_request(mip_time within);
/* The first one through the foreign agent FA1 on wwan0; co-located on wlan0. */
struct bench_request bench_first_at_fa1(void);
struct bench_request bench_first_at_spot(void);
/* FA1 is still there: its second advertisement. */
void bench_hear_fa1(void);
/* bench_reply() to it, with what was said before it forgotten. */
void bench_answer(const struct bench_request *request, struct bench_reply reply);
/* This home agent accepts, and gives GIVEN. */
void bench_accept_by(const struct bench_request *request, uint32_t home_agent);

#endif
