/*
 * Network access identifiers (RFC 4282): user@realm, as the Mobile Node NAI extension (RFC 2794) has it. A peer's may be
 * any octets, so they have a length and need no NUL.
 */
#ifndef MIP_WIRE_NAI_H
#define MIP_WIRE_NAI_H

#include <stddef.h>

/* The form in which equal ones have equal octets: the realm in lower case. `normalized` has room for as many octets; it
 * may be `nai` itself. */
void mip_nai_normalize(char *normalized, const char *nai, size_t length);

#endif
