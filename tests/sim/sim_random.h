/*
 * The simulator's chance: all of a run is drawn from its seed, by streams that do not disturb one another.
 */
#ifndef MIP_TESTS_SIM_RANDOM_H
#define MIP_TESTS_SIM_RANDOM_H

#include "types.h"

struct sim_random {
	uint64_t state;
};

/* The stream number `stream` of a seed. */
struct sim_random sim_random_of(uint64_t seed, uint64_t stream);
uint64_t sim_random_next(struct sim_random *random);
/* least to most, both included. */
int64_t sim_between(struct sim_random *random, int64_t least, int64_t most);
/* True `parts` times of a thousand. */
bool sim_chance(struct sim_random *random, unsigned parts);
/* As struct mip_random wants it; the context is a struct sim_random. */
void sim_random_fill(void *context, void *octets, size_t length);

#endif
