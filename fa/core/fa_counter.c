/*
 * The table of the counters' names, made from the same rows as their numbers.
 */
#include "fa_counter.h"

#include "registration.h"

const struct mip_counter_name fa_counter_names[FA_COUNTER_COUNT] = {
#define FA_COUNTER_ROW(name, text, help) [FA_COUNT_##name] = {text, help},
	FA_COUNTERS(FA_COUNTER_ROW)
#undef FA_COUNTER_ROW
#define FA_CODE_ROW(code) [FA_COUNT_REPLY_##code] = {"reply_" #code, "replies to nodes with code " #code},
		FA_CODES(FA_CODE_ROW)
#undef FA_CODE_ROW
			[FA_COUNT_REPLY_OTHER] = {"replies_other", "replies to nodes with any other code"},
};

enum fa_counter fa_counter_of_code(uint8_t code)
{
	switch (code) {
#define FA_CODE_ROW(number)                                                                                  \
	case number:                                                                                         \
		return FA_COUNT_REPLY_##number;
		FA_CODES(FA_CODE_ROW)
#undef FA_CODE_ROW
	default:
		return FA_COUNT_REPLY_OTHER;
	}
}
