/*
 * Text without stdio. All additions end in mip_text_add_octets(), which keeps the NUL in its place and cuts
 * what does not fit; once something was cut nothing more is added, so that a cut text is always a beginning
 * of the whole one.
 */
#include "text.h"

#include <string.h>

struct mip_text mip_text_of(char *characters, size_t size)
{
	characters[0] = '\0';
	return (struct mip_text){.characters = characters, .size = size};
}

void mip_text_add_octets(struct mip_text *text, const char *characters, size_t length)
{
	size_t room = text->size - text->length - 1;

	if (text->cut || length == 0)
		return;
	if (length > room) {
		text->cut = true;
		length = room;
	}
	memcpy(text->characters + text->length, characters, length);
	text->length += length;
	text->characters[text->length] = '\0';
}

void mip_text_add(struct mip_text *text, const char *string)
{
	mip_text_add_octets(text, string, strlen(string));
}

void mip_text_add_character(struct mip_text *text, char character)
{
	mip_text_add_octets(text, &character, 1);
}

void mip_text_add_number(struct mip_text *text, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	mip_text_add_octets(text, digits + at, sizeof(digits) - at);
}

void mip_text_add_signed(struct mip_text *text, int64_t number)
{
	if (number < 0)
		mip_text_add_character(text, '-');
	mip_text_add_number(text, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

static char hex_digit(unsigned value)
{
	return "0123456789abcdef"[value & 0xf];
}

void mip_text_add_hex(struct mip_text *text, uint64_t number, unsigned digits)
{
	for (unsigned i = digits; i-- > 0;)
		mip_text_add_character(text, i < 16 ? hex_digit((unsigned)(number >> (4 * i))) : '0');
}

void mip_text_add_address(struct mip_text *text, struct mip_address address)
{
	uint8_t octets[4];

	memcpy(octets, &address.value, sizeof(octets));
	for (size_t i = 0; i < sizeof(octets); i++) {
		if (i > 0)
			mip_text_add_character(text, '.');
		mip_text_add_number(text, octets[i]);
	}
}

void mip_text_add_hex_octets(struct mip_text *text, const uint8_t *octets, size_t length)
{
	for (size_t i = 0; i < length; i++)
		mip_text_add_hex(text, octets[i], 2);
}

/* RFC 3629 3: how many octets the sequence that this octet begins has; 0 when none begins with it. */
static size_t sequence_length(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* RFC 3629 4: the length of the well-formed sequence at `octets`, 0 when there is none (overlong, a
 * surrogate, beyond U+10FFFF, cut short). */
static size_t well_formed(const uint8_t *octets, size_t left)
{
	size_t length = sequence_length(octets[0]);
	uint8_t least = 0x80;
	uint8_t most = 0xbf;

	if (length == 0 || length > left)
		return 0;
	if (octets[0] == 0xe0)
		least = 0xa0;
	else if (octets[0] == 0xed)
		most = 0x9f;
	else if (octets[0] == 0xf0)
		least = 0x90;
	else if (octets[0] == 0xf4)
		most = 0x8f;
	for (size_t i = 1; i < length; i++, least = 0x80, most = 0xbf) {
		if (octets[i] < least || octets[i] > most)
			return 0;
	}
	return length;
}

/* RFC 8259 7: quotation mark, reverse solidus and the control characters must be escaped. */
static void add_json_ascii(struct mip_text *text, char character)
{
	if (character == '"' || character == '\\') {
		mip_text_add_character(text, '\\');
		mip_text_add_character(text, character);
	} else if (character == '\n') {
		mip_text_add(text, "\\n");
	} else if (character == '\t') {
		mip_text_add(text, "\\t");
	} else if (character == '\r') {
		mip_text_add(text, "\\r");
	} else if ((unsigned char)character < 0x20 || character == 0x7f) {
		mip_text_add(text, "\\u");
		mip_text_add_hex(text, (unsigned char)character, 4);
	} else {
		mip_text_add_character(text, character);
	}
}

void mip_text_add_json(struct mip_text *text, const char *characters, size_t length)
{
	mip_text_add_character(text, '"');
	for (size_t i = 0; i < length;) {
		size_t octets = well_formed((const uint8_t *)characters + i, length - i);

		if (octets == 0)
			mip_text_add(text, "\xef\xbf\xbd"); /* U+FFFD */
		else if (octets == 1)
			add_json_ascii(text, characters[i]);
		else
			mip_text_add_octets(text, characters + i, octets);
		i += octets == 0 ? 1 : octets;
	}
	mip_text_add_character(text, '"');
}
