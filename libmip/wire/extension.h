/*
 * Extensions of registration messages: one table row each (number, name, format, least length, who may send
 * it), a reader that collects the known ones, and writers.
 *
 * RFC 5944 1.8: an unknown extension numbered 0 to 127 makes the message be discarded in silence; an unknown
 * one numbered 128 to 255 is skipped. Formats: type-length-value (1.9), long (1.10), short (1.11), and the
 * one-octet padding, type 0.
 *
 * A vendor extension is known, whatever its vendor. What RFC 3115 2.3 asks of who does not know the vendor of
 * a critical one (deny with code 100, 101, 140 or 141) is the role's.
 */
#ifndef MIP_WIRE_EXTENSION_H
#define MIP_WIRE_EXTENSION_H

#include "cursor.h"
#include "types.h"

enum mip_extension_type {
	MIP_EXTENSION_PADDING = 0,
	MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION = 32,
	MIP_EXTENSION_MOBILE_FOREIGN_AUTHENTICATION = 33,
	MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION = 34,
	MIP_EXTENSION_GENERALIZED_AUTHENTICATION = 36, /* RFC 4721 5; subtype 1 is Mobile-AAA; long format */
	MIP_EXTENSION_CRITICAL_VENDOR = 38,	/* RFC 3115 2.1; as the long format, its sub-type reserved */
	MIP_EXTENSION_UDP_TUNNEL_REPLY = 44,	/* RFC 3519 3.2 */
	MIP_EXTENSION_FOREIGN_AGENT_ERROR = 45, /* RFC 4636 3; short format */
	MIP_EXTENSION_ENCAPSULATING_DELIVERY = 130, /* RFC 3024 3.3 */
	MIP_EXTENSION_NODE_NAI = 131,		    /* RFC 2794 */
	MIP_EXTENSION_CHALLENGE = 132,		    /* RFC 4721 */
	MIP_EXTENSION_VENDOR = 134,		    /* RFC 3115 2.2; type-length-value */
	MIP_EXTENSION_REVOCATION_SUPPORT = 137,	    /* rfc3543-7.2-1: in the skippable range */
	MIP_EXTENSION_DYNAMIC_HOME_AGENT = 139,	    /* RFC 4433 */
	MIP_EXTENSION_UDP_TUNNEL_REQUEST = 144,	    /* RFC 3519 3.1 */
};

/* Known extensions have a slot each: the first one of its kind in a message. */
enum mip_slot {
	MIP_SLOT_MOBILE_HOME_AUTHENTICATION,
	MIP_SLOT_MOBILE_FOREIGN_AUTHENTICATION,
	MIP_SLOT_FOREIGN_HOME_AUTHENTICATION,
	MIP_SLOT_MOBILE_AAA_AUTHENTICATION,
	MIP_SLOT_UDP_TUNNEL_REQUEST,
	MIP_SLOT_UDP_TUNNEL_REPLY,
	MIP_SLOT_ENCAPSULATING_DELIVERY,
	MIP_SLOT_NODE_NAI,
	MIP_SLOT_CHALLENGE,
	MIP_SLOT_REVOCATION_SUPPORT,
	MIP_SLOT_REQUESTED_HOME_AGENT,
	MIP_SLOT_REDIRECTED_HOME_AGENT,
	MIP_SLOT_FOREIGN_AGENT_ERROR,
	MIP_SLOT_CRITICAL_VENDOR,
	MIP_SLOT_VENDOR,
	MIP_SLOT_COUNT,
};

/* One extension as it stands in a message. The octets are a view into the message. */
struct mip_extension {
	uint8_t type;
	uint8_t subtype;     /* long and short formats; 0 else */
	size_t offset;	     /* of its type octet, from the message's first octet */
	size_t length;	     /* whole, header included */
	const uint8_t *data; /* after type, length and subtype */
	size_t data_length;
};

enum mip_extension_format {
	MIP_FORMAT_PLAIN, /* type, length, data: RFC 5944 1.9 */
	MIP_FORMAT_LONG,  /* type, sub-type, length of 16 bits, data: 1.10 */
	MIP_FORMAT_SHORT, /* type, length, sub-type, data: 1.11 */
};

struct mip_extension_row {
	uint8_t type;
	uint8_t subtype; /* of formats that have one; matched only if `has_subtype` */
	bool has_subtype;
	enum mip_extension_format format;
	enum mip_slot slot;
	const char *name; /* "mobile-home-authentication" */
	size_t least_data;
	size_t most_data;
};
extern const struct mip_extension_row mip_extension_rows[];
extern const size_t mip_extension_row_count;

/* The row of a known type and sub-type, or NULL. */
const struct mip_extension_row *mip_extension_row_of(uint8_t type, uint8_t subtype);

/* What a message carries. */
struct mip_extensions {
	bool present[MIP_SLOT_COUNT];
	struct mip_extension slot[MIP_SLOT_COUNT];
	unsigned occurrences[MIP_SLOT_COUNT]; /* a second authenticator of one kind is for the caller to judge
					       */
	bool unknown_not_skippable;	      /* an unknown one of 0 to 127 is there … */
	uint8_t unknown_type;		      /* … the first such */
	unsigned skipped;		      /* unknown ones of 128 to 255 */
};

/*
 * Steps through extensions. The reader is one over the whole message (offsets count from where it began) and
 * stands at an extension's type. Returns 1 and an extension (padding is passed over), 0 at the end, -EBADMSG
 * when one runs past the end.
 */
int mip_extension_next(struct mip_reader *reader, struct mip_extension *ret_extension);

/*
 * Reads all from where the reader stands to its end. Returns 0, or -EBADMSG: one runs past the message, or a
 * known one is too short or too long for its kind. An unknown type is no error here; after one that may not
 * be skipped nothing more is read, for its format is unknown too. A UDP Tunnel Request with a non-zero
 * Reserved 3 counts as unknown, as RFC 3519 3.1.3 says.
 */
int mip_extensions_read(struct mip_reader *reader, struct mip_extensions *ret_extensions);

/* Slot's extension, or NULL. */
const struct mip_extension *mip_extension_of(const struct mip_extensions *extensions, enum mip_slot slot);

/* An authentication extension taken apart (32, 33, 34, and 36 alike). The covered octets are message[0 ..
 * covered). */
struct mip_authentication {
	uint32_t spi;
	const uint8_t *authenticator;
	size_t authenticator_length;
	size_t covered; /* octets of the message before the authenticator: type, length and SPI are covered
			   too */
};
/* Returns 0, or -EBADMSG when it is no authentication extension. */
int mip_authentication_read(
	const struct mip_extension *extension, struct mip_authentication *ret_authentication);
/*
 * Writes type (32, 33, 34, or 36 with subtype), length and SPI, and room for the authenticator. Returns that
 * room (zeroed), or NULL when there is no space. The covered octets are all that the writer held before the
 * room.
 */
uint8_t *mip_authentication_write(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, uint32_t spi, size_t authenticator_length);

/* RFC 4433 3.4: the Dynamic Home Agent extension, by its sub-type. */
enum mip_dynamic_home_agent {
	MIP_REQUESTED_HOME_AGENT = 1,  /* in requests, 3.4.1 */
	MIP_REDIRECTED_HOME_AGENT = 2, /* in replies, 3.4.2 */
};
/* The address in one; what it is good for is the caller's to judge. 0.0.0.0 when it is no such extension. */
struct mip_address mip_dynamic_home_agent_read(const struct mip_extension *extension);
/* rfc4433-3.4.1-1: the address of a Requested HA must be a unicast one. */
void mip_dynamic_home_agent_write(
	struct mip_writer *writer, enum mip_dynamic_home_agent kind, struct mip_address address);

/* RFC 3519 3.1. */
struct mip_udp_tunnel_request {
	bool force;
	bool through_foreign_agent; /* R */
	uint8_t encapsulation;	    /* IP protocol number, 0: as M and G say */
};
/* 0, or -EBADMSG: also for a non-zero Reserved 3, "handled as not understood and silently skipped". */
int mip_udp_tunnel_request_read(
	const struct mip_extension *extension, struct mip_udp_tunnel_request *ret_request);
void mip_udp_tunnel_request_write(struct mip_writer *writer, const struct mip_udp_tunnel_request *request);

/* RFC 3519 3.2. */
struct mip_udp_tunnel_reply {
	uint8_t code; /* 0 to 63 assent */
	bool forced;
	uint16_t keepalive_interval; /* seconds; 0: the node's own */
};
int mip_udp_tunnel_reply_read(const struct mip_extension *extension, struct mip_udp_tunnel_reply *ret_reply);
void mip_udp_tunnel_reply_write(struct mip_writer *writer, const struct mip_udp_tunnel_reply *reply);

/* A type-length-value extension (1.9), a short one (1.11), a long one (1.10). `length` is that of the data;
 * more than the format can hold makes the writer fail. */
void mip_extension_write(struct mip_writer *writer, uint8_t type, const void *data, size_t length);
void mip_extension_write_short(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const void *data, size_t length);
void mip_extension_write_long(
	struct mip_writer *writer, uint8_t type, uint8_t subtype, const void *data, size_t length);

#endif
