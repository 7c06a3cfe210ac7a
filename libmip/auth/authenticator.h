/*
 * Authenticators (RFC 5944 3.5.1): computed over a message up to and with the SPI of the extension, compared
 * in constant time, appended to a message that is being written.
 */
#ifndef MIP_AUTH_AUTHENTICATOR_H
#define MIP_AUTH_AUTHENTICATOR_H

#include "association.h"
#include "cursor.h"
#include "extension.h"

/* The challenge that a Mobile-AAA authenticator of the algorithm chap-md5 is computed with; the others do not
 * look at it. A NULL pointer stands for "the Challenge value 0" of RFC 4721 3.5, which a node uses that
 * registers with its home agent directly: one octet of zero. */
struct mip_challenge {
	const uint8_t *octets;
	size_t length; /* 1 to 255 */
};

/* Computes the authenticator of `length` octets. `authenticator` has room for
 * mip_association_authenticator_length(). 0 or -EIO. */
int mip_authenticator_compute(
	const struct mip_association *association, const void *octets, size_t length, uint8_t *authenticator);

/*
 * Checks the authentication extension that stands in `message` (message: the UDP payload's first octet).
 * Returns 0; -EBADMSG when it is malformed; -EKEYREJECTED when its SPI is not the association's; -EACCES when
 * the authenticator is of another length or does not match; -EIO when libcrypto fails.
 */
int mip_authenticator_check(const struct mip_association *association, const uint8_t *message,
	const struct mip_extension *extension);

/*
 * Appends an authentication extension of `type` (32, 33, 34; or 36 with subtype 1, Mobile-AAA) that covers
 * all that the writer holds: the message must begin with the writer's first octet. Returns 0; -ENOBUFS when
 * there is no room; -EIO. After an error the writer has failed.
 */
int mip_authenticator_append(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const struct mip_association *association);

/* The same two with a challenge, for Mobile-AAA (RFC 4721 6 and 8). */
int mip_authenticator_check_challenge(const struct mip_association *association, const uint8_t *message,
	const struct mip_extension *extension, const struct mip_challenge *challenge);
int mip_authenticator_append_challenge(struct mip_writer *writer, const struct mip_association *association,
	const struct mip_challenge *challenge);

#endif
