/*
 * What is kept of a registration request, and how far into a message the home agent's (or the node's)
 * authority reaches.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fa_private.h"

struct fa_nai *fa_nai_new(const uint8_t *octets, size_t length)
{
	struct fa_nai *nai = malloc(sizeof(*nai) + length + 1);

	if (!nai)
		return NULL;
	nai->length = length;
	memcpy(nai->text, octets, length);
	nai->text[length] = '\0';
	return nai;
}

bool fa_nai_equal(const struct fa_nai *a, const struct fa_nai *b)
{
	if (!a || !b)
		return a == b;
	return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* FNV-1a. */
uint64_t fa_nai_digest(const struct fa_nai *nai)
{
	uint64_t digest = 0xcbf29ce484222325;

	for (size_t i = 0; nai && i < nai->length; i++)
		digest = (digest ^ (uint8_t)nai->text[i]) * 0x100000001b3;
	return digest;
}

static struct fa_nai *octets_copy(const struct fa_nai *from)
{
	return fa_nai_new((const uint8_t *)from->text, from->length);
}

int fa_registration_copy(const struct fa_registration *registration, struct fa_registration *ret_copy)
{
	struct fa_registration copy = *registration;

	copy.nai = registration->nai ? octets_copy(registration->nai) : NULL;
	copy.challenge = registration->challenge ? octets_copy(registration->challenge) : NULL;
	if ((registration->nai && !copy.nai) || (registration->challenge && !copy.challenge)) {
		fa_registration_clear(&copy);
		return -ENOMEM;
	}
	*ret_copy = copy;
	return 0;
}

void fa_registration_clear(struct fa_registration *registration)
{
	free(registration->nai);
	free(registration->challenge);
	registration->nai = NULL;
	registration->challenge = NULL;
}

bool fa_registration_same_node(const struct fa_registration *a, const struct fa_registration *b)
{
	return mip_address_equal(a->request.home_address, b->request.home_address) &&
	       mip_link_address_equal(a->link_address, b->link_address) &&
	       (!mip_address_is_none(a->request.home_address) || fa_nai_equal(a->nai, b->nai));
}

size_t fa_authorized_length(struct mip_reader reader)
{
	struct mip_extension extension;
	size_t length = 0;

	while (mip_extension_next(&reader, &extension) > 0) {
		if (extension.type == MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION ||
			extension.type == MIP_EXTENSION_GENERALIZED_AUTHENTICATION)
			length = extension.offset + extension.length;
	}
	return length;
}
