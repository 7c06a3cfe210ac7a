/*
 * Registration revocation (RFC 3543): the Revocation message, its Acknowledgment, and the Revocation Support
 * extension. Fixed parts only; extensions and the authenticator follow as in a registration message.
 */
#ifndef MIP_WIRE_REVOCATION_H
#define MIP_WIRE_REVOCATION_H

#include "cursor.h"
#include "extension.h"
#include "types.h"

enum {
	MIP_REVOCATION_LENGTH = 20,
	MIP_REVOCATION_ACK_LENGTH = 12,
};

/* RFC 3543 3.3. */
struct mip_revocation {
	bool from_home_agent; /* A, the direction: set when the revoking agent is the binding's home agent */
	bool inform;	      /* I */
	struct mip_address home_address;
	struct mip_address home_domain;	   /* the home agent's address */
	struct mip_address foreign_domain; /* the foreign agent's, or the co-located care-of address */
	uint32_t identifier;		   /* a timestamp of the revoking agent's clock */
};

/* RFC 3543 3.4. */
struct mip_revocation_ack {
	bool inform;
	struct mip_address home_address;
	uint32_t identifier; /* copied from the Revocation */
};

/* Each reads the fixed part, type octet included, and leaves the reader at the first extension. 0 or
 * -EBADMSG. */
int mip_revocation_read(struct mip_reader *reader, struct mip_revocation *ret_revocation);
int mip_revocation_ack_read(struct mip_reader *reader, struct mip_revocation_ack *ret_ack);
void mip_revocation_write(struct mip_writer *writer, const struct mip_revocation *revocation);
void mip_revocation_ack_write(struct mip_writer *writer, const struct mip_revocation_ack *ack);

/* The Revocation Support extension, RFC 3543 3.2. */
struct mip_revocation_support {
	bool inform;	    /* I: this agent supports the I bit of revocations */
	uint32_t timestamp; /* of the clock that its revocation identifiers come from */
};
/* Returns 0, or -EBADMSG when it is no such extension. */
int mip_revocation_support_read(
	const struct mip_extension *extension, struct mip_revocation_support *ret_support);
void mip_revocation_support_write(struct mip_writer *writer, const struct mip_revocation_support *support);

#endif
