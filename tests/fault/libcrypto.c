/*
 * libcrypto's functions as the libraries under test call them: each fails as an allocation does, if the scenario has
 * said fault_libcrypto_too(). The names are those that the Makefile gives.
 */
#include "fault.h"

#include <openssl/evp.h>

#define FAULTY(type, name, failure, parameters, arguments)                                                   \
	type fault_##name parameters;                                                                        \
	type fault_##name parameters                                                                         \
	{                                                                                                    \
		return fault_libcrypto_fails() ? failure : name arguments;                                   \
	}

FAULTY(EVP_MAC *, EVP_MAC_fetch, NULL, (OSSL_LIB_CTX * library, const char *name, const char *properties),
	(library, name, properties))
FAULTY(EVP_MAC_CTX *, EVP_MAC_CTX_new, NULL, (EVP_MAC * mac), (mac))
FAULTY(EVP_MAC_CTX *, EVP_MAC_CTX_dup, NULL, (const EVP_MAC_CTX *context), (context))
FAULTY(int, EVP_MAC_init, 0,
	(EVP_MAC_CTX * context, const unsigned char *key, size_t length, const OSSL_PARAM *parameters),
	(context, key, length, parameters))
FAULTY(int, EVP_MAC_update, 0, (EVP_MAC_CTX * context, const unsigned char *octets, size_t length),
	(context, octets, length))
FAULTY(EVP_MD *, EVP_MD_fetch, NULL, (OSSL_LIB_CTX * library, const char *name, const char *properties),
	(library, name, properties))
FAULTY(EVP_MD_CTX *, EVP_MD_CTX_new, NULL, (void), ())
FAULTY(int, EVP_MD_CTX_copy_ex, 0, (EVP_MD_CTX * to, const EVP_MD_CTX *from), (to, from))
FAULTY(int, EVP_DigestInit_ex, 0, (EVP_MD_CTX * context, const EVP_MD *md, ENGINE *engine),
	(context, md, engine))
FAULTY(int, EVP_DigestUpdate, 0, (EVP_MD_CTX * context, const void *octets, size_t length),
	(context, octets, length))
FAULTY(int, EVP_DigestFinal_ex, 0, (EVP_MD_CTX * context, unsigned char *digest, unsigned int *length),
	(context, digest, length))
FAULTY(int, EVP_Digest, 0,
	(const void *octets, size_t count, unsigned char *digest, unsigned int *length, const EVP_MD *md,
		ENGINE *engine),
	(octets, count, digest, length, md, engine))

/* It may also come out too short. */
int fault_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *octets, size_t *length, size_t size);
int fault_EVP_MAC_final(EVP_MAC_CTX *context, unsigned char *octets, size_t *length, size_t size)
{
	if (!fault_libcrypto_fails())
		return EVP_MAC_final(context, octets, length, size);
	*length = 0;
	return fault_goes_on() ? 1 : 0;
}
