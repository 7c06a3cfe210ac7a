/*
 * The types that every layer shares: addresses, prefixes, link addresses, time.
 *
 * An IPv4 address is kept in network byte order inside a type of its own, so that it cannot be mixed up with
 * a number, an index or an address in host order. Times are signed nanoseconds: `mip_time` of CLOCK_BOOTTIME,
 * the clock that goes on while a machine sleeps. Wall time is for identifications (RFC 5944 5.7.1) and for
 * people only.
 */
#ifndef MIP_BASE_TYPES_H
#define MIP_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mip_address {
	uint32_t value; /* network byte order; 0 is 0.0.0.0, "none" */
};

struct mip_prefix {
	struct mip_address address; /* bits below the length are zero after mip_prefix_read() */
	uint8_t length;		    /* 0 to 32 */
};

enum {
	MIP_LINK_ADDRESS_MAX = 8,
	MIP_ETHERNET_ADDRESS = 6,
};

/* A link-layer address; length 0 means "none known". Octets beyond the length are zero. */
struct mip_link_address {
	uint8_t length;
	uint8_t octets[MIP_LINK_ADDRESS_MAX];
};

/* An interface by its kernel index. MIP_LINK_TUNNEL stands for the tunnel device, whatever index it has. */
typedef int mip_link;
enum {
	MIP_LINK_NONE = 0,
	MIP_LINK_TUNNEL = -1,
};

typedef int64_t mip_time;
#define MIP_NEVER	INT64_MAX
#define MIP_MICROSECOND ((mip_time)1000)
#define MIP_MILLISECOND ((mip_time)1000000)
#define MIP_SECOND	((mip_time)1000000000)

/* The time as it is handed to a machine with each event. */
struct mip_now {
	mip_time boot; /* CLOCK_BOOTTIME, ns */
	mip_time wall; /* CLOCK_REALTIME, ns since 1970-01-01 UTC */
};

/* Randomness as it is handed to a machine: `fill` writes `length` unpredictable octets. */
struct mip_random {
	void (*fill)(void *context, void *octets, size_t length);
	void *context;
};

/* A secret. Owned by who holds it; wiped and freed by mip_key_clear(). */
struct mip_key {
	uint8_t *octets;
	size_t length;
};

#define MIP_ARRAY_SIZE(array)		     (sizeof(array) / sizeof((array)[0]))
#define MIP_CONTAINER(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
