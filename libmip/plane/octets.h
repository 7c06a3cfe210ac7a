/*
 * Numbers at places of a packet, in network byte order there, for headers that were checked to be whole
 * before. The bounded cursor reads what is not yet known; here a segment's header is changed in a few places,
 * a million times a second.
 */
#ifndef MIP_PLANE_OCTETS_H
#define MIP_PLANE_OCTETS_H

#include "types.h"

static inline uint16_t mip_octets_get16(const uint8_t *octets)
{
	return (uint16_t)(octets[0] << 8 | octets[1]);
}

static inline uint32_t mip_octets_get32(const uint8_t *octets)
{
	return (uint32_t)mip_octets_get16(octets) << 16 | mip_octets_get16(octets + 2);
}

static inline void mip_octets_put16(uint8_t *octets, uint16_t value)
{
	octets[0] = (uint8_t)(value >> 8);
	octets[1] = (uint8_t)value;
}

static inline void mip_octets_put32(uint8_t *octets, uint32_t value)
{
	mip_octets_put16(octets, (uint16_t)(value >> 16));
	mip_octets_put16(octets + 2, (uint16_t)value);
}

#endif
