/*
 * See sim_random.h. The generator is SplitMix64 (Steele, Lea, Flood 2014).
 */
#include "sim_random.h"

enum {
	CERTAIN = 1000,
};

static uint64_t mix(uint64_t value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9U;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebU;
	return value ^ (value >> 31);
}

struct sim_random sim_random_of(uint64_t seed, uint64_t stream)
{
	return (struct sim_random){.state = mix(seed) + mix(stream + 1)};
}

uint64_t sim_random_next(struct sim_random *random)
{
	random->state += 0x9e3779b97f4a7c15U;
	return mix(random->state);
}

int64_t sim_between(struct sim_random *random, int64_t least, int64_t most)
{
	uint64_t span = (uint64_t)(most - least) + 1;

	return least + (int64_t)(sim_random_next(random) % span);
}

bool sim_chance(struct sim_random *random, unsigned parts)
{
	return parts > 0 && sim_random_next(random) % CERTAIN < parts;
}

void sim_random_fill(void *context, void *octets, size_t length)
{
	struct sim_random *random = context;
	uint8_t *to = octets;

	while (length > 0) {
		uint64_t value = sim_random_next(random);

		for (size_t i = 0; i < sizeof(value) && length > 0; i++, length--) {
			*to++ = (uint8_t)value;
			value >>= 8;
		}
	}
}
