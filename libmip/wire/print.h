/*
 * Any message as one line of text or as a JSON object, for logs, tests and people. Reads the octets itself
 * and says what is malformed in them. Authenticators are shown (they go over the wire), keys are never here.
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
