/*
 * Printing: whatever comes in, the text is one line of valid UTF-8, the JSON parses strictly, and neither is
 * longer than print.h promises.
 */
#include <jansson.h>

#include "fuzz.h"
#include "packet.h"
#include "print.h"

enum {
	INPUT_MAX = 4096,
	TEXT_MAX = 600 + 32 * INPUT_MAX,
};

static char characters[TEXT_MAX];

static void text_check(const struct mip_text *text)
{
	json_t *string = json_stringn(text->characters, text->length); /* refuses what is no UTF-8 */

	FUZZ_CHECK(!text->cut && string);
	for (size_t i = 0; i < text->length; i++)
		FUZZ_CHECK((unsigned char)text->characters[i] >= 0x20 && text->characters[i] != 0x7f);
	json_decref(string);
}

static void json_check(const struct mip_text *text)
{
	json_t *object =
		json_loadb(text->characters, text->length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);

	FUZZ_CHECK(json_is_object(object));
	FUZZ_CHECK(json_object_get(object, "message") && json_object_get(object, "malformed"));
	json_decref(object);
}

static void print_fuzz(const uint8_t *octets, size_t length)
{
	struct mip_text text = mip_text_of(characters, 600 + 32 * length);

	mip_print_message(&text, octets, length);
	text_check(&text);
	text = mip_text_of(characters, 600 + 32 * length);
	mip_print_message_json(&text, octets, length);
	text_check(&text);
	json_check(&text);
	text = mip_text_of(characters, 600 + 32 * length);
	mip_print_discovery(&text, octets, length);
	text_check(&text);
	text = mip_text_of(characters, 600 + 32 * length);
	mip_print_discovery_json(&text, octets, length);
	text_check(&text);
	json_check(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	uint8_t *copy;
	uint16_t checksum;

	if (length > INPUT_MAX)
		return 0;
	copy = fuzz_copy(octets, length);
	print_fuzz(octets, length);
	if (length >= 4 && copy[0] == MIP_ICMP_ROUTER_ADVERTISEMENT) {
		copy[2] = copy[3] = 0;
		checksum = mip_checksum_finish(mip_checksum_add(0, copy, length));
		copy[2] = (uint8_t)(checksum >> 8);
		copy[3] = (uint8_t)checksum;
		print_fuzz(copy, length);
	}
	free(copy);
	return 0;
}
