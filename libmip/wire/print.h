/*
 * Any message as one line of text or as a JSON object, for logs, tests and people. Reads the octets itself
 * and says what is malformed in them. Authenticators are shown (they go over the wire), keys are never here.
 *
 * The JSON is an object with "message" (what it is), the fields by their names in the RFC, "extensions" as an
 * array of objects, and "malformed": what is wrong with it, or null. Octets are hexadecimal. It is valid
 * unless the text was cut, see text.h; a message of n octets needs at most 600 + 32 n characters.
 */
#ifndef MIP_WIRE_PRINT_H
#define MIP_WIRE_PRINT_H

#include "text.h"

/* A message to or from the registration port (its UDP payload). */
void mip_print_message(struct mip_text *text, const uint8_t *octets, size_t length);
void mip_print_message_json(struct mip_text *text, const uint8_t *octets, size_t length);
/* An ICMP router advertisement or solicitation (from the ICMP type octet on). */
void mip_print_discovery(struct mip_text *text, const uint8_t *octets, size_t length);
void mip_print_discovery_json(struct mip_text *text, const uint8_t *octets, size_t length);

#endif
