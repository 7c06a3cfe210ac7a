/*
 * Text without stdio: appends to a buffer of fixed size, always ends it with a NUL, and says when it was cut.
 * The pure layers print messages and names with it.
 */
#ifndef MIP_BASE_TEXT_H
#define MIP_BASE_TEXT_H

#include "types.h"

struct mip_text {
	char *characters;
	size_t size;
	size_t length; /* without the NUL */
	bool cut;
};

/* Text goes to `characters`, `size` of them with the NUL; size is at least 1. */
struct mip_text mip_text_of(char *characters, size_t size);
void mip_text_add(struct mip_text *text, const char *string);
void mip_text_add_octets(struct mip_text *text, const char *characters, size_t length);
void mip_text_add_character(struct mip_text *text, char character);
void mip_text_add_number(struct mip_text *text, uint64_t number);
void mip_text_add_signed(struct mip_text *text, int64_t number);
void mip_text_add_hex(struct mip_text *text, uint64_t number, unsigned digits);
void mip_text_add_address(struct mip_text *text, struct mip_address address);
void mip_text_add_hex_octets(struct mip_text *text, const uint8_t *octets, size_t length);
/* A JSON string with its quotes, escaped; octets that are no UTF-8 become U+FFFD. */
void mip_text_add_json(struct mip_text *text, const char *characters, size_t length);

#endif
