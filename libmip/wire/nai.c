#include "nai.h"

#include <stdbool.h>

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

/* RFC 4282 2.4: the realm is compared without regard to case, the user name with it. */
void mip_nai_normalize(char *normalized, const char *nai, size_t length)
{
	bool realm = false;

	for (size_t i = 0; i < length; i++) {
		bool at = nai[i] == '@';

		normalized[i] = realm ? lower(nai[i]) : nai[i];
		realm = realm || at;
	}
}
