/*
 * Associations and authenticators without memory, and with a libcrypto that fails at any of its functions. Whatever
 * fails: no association is half made, no message goes out with an authenticator that is not one, and none is taken
 * for right that could not be computed.
 */
#include "fault.h"

#include <errno.h>
#include <string.h>

#include "authenticator.h"
#include "registration.h"

static const struct mip_challenge challenge = {(const uint8_t *)"challenge", 9};

static bool append(struct mip_association *association, struct mip_writer *writer)
{
	int r = mip_association_algorithm(association) == MIP_ALGORITHM_CHAP_MD5
			? mip_authenticator_append_challenge(writer, association, &challenge)
			: mip_authenticator_append(
				  writer, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, 0, association);

	FAULT_CHECK(r == 0 || r == -EIO);
	FAULT_CHECK(mip_writer_failed(writer) == (r < 0));
	return r == 0;
}

static int check(struct mip_association *association, const struct mip_writer *writer)
{
	struct mip_reader reader = mip_reader_of(writer->octets, writer->length);
	struct mip_extension extension;

	mip_read_skip(&reader, MIP_REQUEST_LENGTH);
	FAULT_CHECK(mip_extension_next(&reader, &extension) == 1);
	return mip_authenticator_check_challenge(association, writer->octets, &extension, &challenge);
}

static void use(struct mip_association *association)
{
	uint8_t message[256];
	struct mip_writer writer = mip_writer_of(message, sizeof(message));
	int r;

	mip_request_write(&writer, &(struct mip_registration_request){.lifetime = 600});
	if (!append(association, &writer))
		return;
	r = check(association, &writer);
	FAULT_CHECK(r == 0 || (r == -EIO && fault_happened()));
	message[1] ^= 1;
	r = check(association, &writer);
	FAULT_CHECK(r == -EACCES || (r == -EIO && fault_happened()));
}

static void every_algorithm(void)
{
	uint8_t key[] = {1, 2, 3, 4, 5};
	struct mip_association_settings settings = {.spi = 1000, .key = {key, sizeof(key)}};
	struct mip_association *association;
	int r;

	for (int i = MIP_ALGORITHM_HMAC_MD5; i <= MIP_ALGORITHM_CHAP_MD5; i++) {
		settings.algorithm = (enum mip_algorithm)i;
		association = NULL;
		r = mip_association_new(&settings, &association);
		FAULT_CHECK((r == 0) == (association != NULL));
		FAULT_CHECK(r == 0 || ((r == -ENOMEM || r == -ENOTSUP) && fault_happened()));
		if (r == 0)
			use(association);
		mip_association_unref(association);
	}
	/* With memory and libcrypto again: */
	fault_pause();
	r = mip_association_new(&settings, &association);
	FAULT_CHECK(r == 0);
	use(association);
	mip_association_unref(association);
}

static void without_libcrypto(void)
{
	fault_libcrypto_too();
	every_algorithm();
}

int main(void)
{
	fault_run("authenticators", every_algorithm);
	fault_run("authenticators, libcrypto", without_libcrypto);
	return 0;
}
