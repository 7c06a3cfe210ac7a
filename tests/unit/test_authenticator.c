/* Associations and authenticators, against the vectors of RFC 2104, 2202 and 4231. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include "authenticator.h"
#include "registration.h"

static struct mip_association *association_of(
	enum mip_algorithm algorithm, uint32_t spi, const void *key, size_t length)
{
	uint8_t octets[256];
	struct mip_association_settings settings = {
		.spi = spi, .algorithm = algorithm, .key = {.octets = octets, .length = length}};
	struct mip_association *association = NULL;

	memcpy(octets, key, length);
	assert_int_equal(mip_association_new(&settings, &association), 0);
	memset(octets, 0, sizeof(octets)); /* the association has a copy of its own */
	return association;
}

struct vector {
	enum mip_algorithm algorithm;
	uint8_t key_octet; /* repeated; 0: the key is "Jefe" */
	size_t key_length;
	const char *data;
	const char *expected;
};

#define LARGER "Test Using Larger Than Block-Size Key - Hash Key First"
#define DD     "\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd\xdd"

static const struct vector vectors[] = {
	/* RFC 2104, appendix; RFC 2202 2 */
	{MIP_ALGORITHM_HMAC_MD5, 0x0b, 16, "Hi There", "9294727a3638bb1c13f48ef8158bfc9d"},
	{MIP_ALGORITHM_HMAC_MD5, 0, 4, "what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"},
	{MIP_ALGORITHM_HMAC_MD5, 0xaa, 16, DD DD DD DD DD, "56be34521d144c88dbb8c733f0e8b3f6"},
	{MIP_ALGORITHM_HMAC_MD5, 0xaa, 80, LARGER, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd"},
	/* RFC 2202 3 */
	{MIP_ALGORITHM_HMAC_SHA1, 0x0b, 20, "Hi There", "b617318655057264e28bc0b6fb378c8ef146be00"},
	{MIP_ALGORITHM_HMAC_SHA1, 0, 4, "what do ya want for nothing?",
		"effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"},
	{MIP_ALGORITHM_HMAC_SHA1, 0xaa, 80, LARGER, "aa4ae5e15272d00e95705637ce8a3b55ed402112"},
	/* RFC 4231 4.2, 4.3, 4.7 */
	{MIP_ALGORITHM_HMAC_SHA256, 0x0b, 20, "Hi There",
		"b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{MIP_ALGORITHM_HMAC_SHA256, 0, 4, "what do ya want for nothing?",
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{MIP_ALGORITHM_HMAC_SHA256, 0xaa, 131, LARGER,
		"60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
};

static void hex_of(const uint8_t *octets, size_t length, char *hex)
{
	for (size_t i = 0; i < length; i++) {
		hex[2 * i] = "0123456789abcdef"[octets[i] >> 4];
		hex[2 * i + 1] = "0123456789abcdef"[octets[i] & 15];
	}
	hex[2 * length] = '\0';
}

static void assert_computes(const struct mip_association *association, const char *data, const char *expected)
{
	uint8_t authenticator[MIP_AUTHENTICATOR_MAX];
	char hex[2 * MIP_AUTHENTICATOR_MAX + 1];

	assert_int_equal(mip_authenticator_compute(association, data, strlen(data), authenticator), 0);
	hex_of(authenticator, mip_association_authenticator_length(association), hex);
	assert_string_equal(hex, expected);
}

/* rfc5944-5.1-2, rfc5944-5.1-3 */
static void the_vectors_of_the_rfcs_come_out(void **state)
{
	/* rfc5944-3.5.1-4, rfc5944-5.1-1 */
	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(vectors); i++) {
		const struct vector *vector = &vectors[i];
		struct mip_association *association;
		uint8_t key[256] = "Jefe";

		if (vector->key_octet)
			memset(key, vector->key_octet, vector->key_length);
		association = association_of(vector->algorithm, 256, key, vector->key_length);
		/* Twice: the keyed context must stay as it was. */
		assert_computes(association, vector->data, vector->expected);
		assert_computes(association, vector->data, vector->expected);
		mip_association_unref(association);
	}
}

/* rfc5944-5.1-4 */
static void keyed_md5_is_md5_of_key_message_key(void **state)
{
	/* rfc5944-5.1-4 */
	struct mip_association *association = association_of(MIP_ALGORITHM_KEYED_MD5, 256, "key", 3);

	(void)state;
	/* md5sum of "keymessagekey" */
	assert_computes(association, "message", "52483b1fb2280576484acb0573cdc52c");
	assert_computes(association, "message", "52483b1fb2280576484acb0573cdc52c");
	mip_association_unref(association);
}

static void assert_answers(
	struct mip_association *association, const uint8_t *challenge, size_t length, const char *expected)
{
	struct mip_challenge value = {challenge, length};
	uint8_t octets[64];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	struct mip_extension extension;
	struct mip_reader reader;
	char hex[2 * MIP_AUTHENTICATOR_MAX + 1];

	mip_write_octets(&writer, "preceding", 9);
	assert_int_equal(
		mip_authenticator_append_challenge(&writer, association, challenge ? &value : NULL), 0);
	assert_int_equal(writer.length, 9 + 8 + 16);
	/* rfc4721-5-1: the length is 4 plus that of the authenticator: at least 20. */
	assert_memory_equal(octets + 9, "\x24\x01\x00\x14\x00\x00\x00\x02", 8);
	hex_of(octets + 17, 16, hex);
	assert_string_equal(hex, expected);
	reader = mip_reader_of(octets, writer.length);
	mip_read_skip(&reader, 9);
	assert_int_equal(mip_extension_next(&reader, &extension), 1);
	assert_int_equal(
		mip_authenticator_check_challenge(association, octets, &extension, challenge ? &value : NULL),
		0);
	/* Another challenge has another authenticator. */
	value = (struct mip_challenge){(const uint8_t *)"other", 5};
	assert_int_equal(mip_authenticator_check_challenge(association, octets, &extension, &value), -EACCES);
}

/* RFC 4721 8, by Python: md5(challenge[:1] + key + md5(b"preceding" + bytes([36, 1, 0, 20, 0, 0, 0,
 * 2])).digest() + challenge[-237:]). */
static void chap_md5_is_computed_in_the_order_of_section_8(void **state)
{
	struct mip_association *association =
		association_of(MIP_ALGORITHM_CHAP_MD5, 2, "0123456789abcdef", 16);
	uint8_t longest[255];

	(void)state;
	for (size_t i = 0; i < sizeof(longest); i++)
		longest[i] = (uint8_t)i;
	assert_answers(association, (const uint8_t *)"\1\2\3\4", 4, "8ea48bfad609d34f6318bfd9a866594c");
	assert_answers(association, (const uint8_t *)"\7", 1, "25f9a23aa6ee31595e3423b298d7be7b");
	assert_answers(association, longest, 237, "fab2a73f246bb3909ea034e8dd51e2c9");
	assert_answers(association, longest, 238, "184a4c4796260c011722e472ca81ea83");
	assert_answers(association, longest, 255, "4d1855f238d5e40caf8688823f5e2a55");
	/* 3.5: "the Challenge value 0" */
	assert_answers(association, NULL, 0, "89f60eae1e9e3ed6bf207a1e12638747");
	mip_association_unref(association);
}

/* rfc4721-6-5: HMAC-MD5 over the preceding data and the type, sub-type, length and SPI, whatever the
 * challenge is. */
static void a_mobile_aaa_authenticator_of_hmac_md5_needs_no_challenge(void **state)
{
	struct mip_association *association =
		association_of(MIP_ALGORITHM_HMAC_MD5, 256, "0123456789abcdef", 16);
	struct mip_challenge challenge = {(const uint8_t *)"1234", 4};
	uint8_t octets[64];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));
	char hex[2 * MIP_AUTHENTICATOR_MAX + 1];

	(void)state;
	mip_write_octets(&writer, "preceding", 9);
	assert_int_equal(mip_authenticator_append_challenge(&writer, association, &challenge), 0);
	hex_of(octets + 17, 16, hex);
	assert_string_equal(hex, "75d83a3bfd7b160c7216726897c125f6");
	mip_association_unref(association);
}

static size_t request_with(struct mip_association *association, uint8_t type, uint8_t *octets, size_t size)
{
	struct mip_registration_request request = {.lifetime = 600, .identification = 7};
	struct mip_writer writer = mip_writer_of(octets, size);

	mip_request_write(&writer, &request);
	assert_int_equal(mip_authenticator_append(&writer, type, type == 36, association), 0);
	return writer.length;
}

static int check(const struct mip_association *association, const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_extension extension;

	mip_read_skip(&reader, MIP_REQUEST_LENGTH);
	assert_int_equal(mip_extension_next(&reader, &extension), 1);
	return mip_authenticator_check(association, octets, &extension);
}

/* rfc5944-5.1-1 */
static void what_is_appended_verifies_and_any_changed_bit_does_not(void **state)
{
	/* rfc5944-3.5.1-1, rfc5944-5.1-1 */
	static const uint8_t types[] = {32, 33, 34, 36};

	(void)state;
	for (int algorithm = MIP_ALGORITHM_HMAC_MD5; algorithm <= MIP_ALGORITHM_KEYED_MD5; algorithm++) {
		struct mip_association *association =
			association_of((enum mip_algorithm)algorithm, 1000, "0123456789abcdef", 16);

		for (size_t i = 0; i < sizeof(types); i++) {
			uint8_t octets[128];
			size_t length = request_with(association, types[i], octets, sizeof(octets));
			size_t header = types[i] == 36 ? 4 : 2;

			assert_int_equal(
				length, 24 + header + 4 + mip_association_authenticator_length(association));
			assert_int_equal(check(association, octets, length), 0);
			for (size_t bit = 0; bit < 8 * length; bit++) {
				if (bit / 8 >= 24 && bit / 8 < 24 + header)
					continue; /* changes the extension's bounds */
				octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
				assert_int_not_equal(check(association, octets, length), 0);
				octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
			}
		}
		mip_association_unref(association);
	}
}

static void the_error_says_what_is_wrong(void **state)
{
	/* rfc5944-3.2-1, rfc5944-3.5.1-2 */
	struct mip_association *association = association_of(MIP_ALGORITHM_HMAC_MD5, 1000, "secret", 6);
	struct mip_association *other_key = association_of(MIP_ALGORITHM_HMAC_MD5, 1000, "Secret", 6);
	struct mip_association *other_spi = association_of(MIP_ALGORITHM_HMAC_MD5, 1001, "secret", 6);
	struct mip_association *longer = association_of(MIP_ALGORITHM_HMAC_SHA1, 1000, "secret", 6);
	uint8_t octets[128];
	size_t length = request_with(association, 32, octets, sizeof(octets));

	(void)state;
	assert_int_equal(check(association, octets, length), 0);
	assert_int_equal(check(other_key, octets, length), -EACCES);
	assert_int_equal(check(other_spi, octets, length), -EKEYREJECTED);
	assert_int_equal(check(longer, octets, length), -EACCES);
	/* An authenticator cut to nothing verifies nothing. */
	octets[25] = 4;
	assert_int_equal(check(association, octets, 24 + 6), -EACCES);
	octets[24] = MIP_EXTENSION_NODE_NAI;
	assert_int_equal(check(association, octets, 24 + 6), -EBADMSG);
	mip_association_unref(association);
	mip_association_unref(other_key);
	mip_association_unref(other_spi);
	mip_association_unref(longer);
}

static void without_room_nothing_is_appended(void **state)
{
	struct mip_association *association = association_of(MIP_ALGORITHM_HMAC_MD5, 1000, "secret", 6);
	uint8_t octets[24 + 2 + 4 + 15];
	struct mip_writer writer = mip_writer_of(octets, sizeof(octets));

	(void)state;
	mip_write_zeros(&writer, 24);
	assert_int_equal(mip_authenticator_append(&writer, 32, 0, association), -ENOBUFS);
	assert_true(mip_writer_failed(&writer));
	mip_association_unref(association);
}

static void any_spi_goes_with_any_algorithm(void **state)
{
	/* rfc5944-3.5.1-3 */
	static const uint32_t spis[] = {256, 257, 1000, 0x7fffffff, 0xffffffff};
	static const enum mip_algorithm algorithms[] = {MIP_ALGORITHM_HMAC_MD5, MIP_ALGORITHM_HMAC_SHA1,
		MIP_ALGORITHM_HMAC_SHA256, MIP_ALGORITHM_KEYED_MD5};

	(void)state;
	for (size_t i = 0; i < MIP_ARRAY_SIZE(spis) * MIP_ARRAY_SIZE(algorithms); i++) {
		uint32_t spi = spis[i / MIP_ARRAY_SIZE(algorithms)];
		struct mip_association *association = association_of(
			algorithms[i % MIP_ARRAY_SIZE(algorithms)], spi, "0123456789abcdef", 16);
		struct mip_extensions extensions;
		struct mip_authentication authentication;
		uint8_t octets[256];
		struct mip_reader reader;
		size_t length = request_with(
			association, MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION, octets, sizeof(octets));
		const struct mip_extension *extension;

		reader = mip_reader_of(octets, length);
		reader.position = MIP_REQUEST_LENGTH;
		assert_int_equal(mip_extensions_read(&reader, &extensions), 0);
		extension = mip_extension_of(&extensions, MIP_SLOT_MOBILE_HOME_AUTHENTICATION);
		assert_int_equal(mip_authentication_read(extension, &authentication), 0);
		assert_int_equal(authentication.spi, spi);
		assert_int_equal(mip_authenticator_check(association, octets, extension), 0);
		mip_association_unref(association);
	}
}

/* Nothing ends at a zero, and every octet of the key counts, up to 256 of them. */
static void keys_have_any_octets_and_all_of_them_count(void **state)
{
	/* rfc5944-5.1-3 */
	uint8_t key[256], one[MIP_AUTHENTICATOR_MAX], other[MIP_AUTHENTICATOR_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i ^ 0x80 * (i % 2)); /* begins with 0, and has every value once */
	for (int algorithm = MIP_ALGORITHM_HMAC_MD5; algorithm <= MIP_ALGORITHM_KEYED_MD5; algorithm++) {
		for (size_t place = 0; place < sizeof(key); place += 15) {
			struct mip_association *a =
				association_of((enum mip_algorithm)algorithm, 1000, key, sizeof(key));
			struct mip_association *b;
			size_t length = mip_association_authenticator_length(a);

			key[place] ^= 0x40;
			b = association_of((enum mip_algorithm)algorithm, 1000, key, sizeof(key));
			key[place] ^= 0x40;
			assert_int_equal(mip_authenticator_compute(a, "message", 7, one), 0);
			assert_int_equal(mip_authenticator_compute(b, "message", 7, other), 0);
			assert_memory_not_equal(one, other, length);
			mip_association_unref(a);
			mip_association_unref(b);
		}
	}
}

static void settings_that_make_no_association_are_refused(void **state)
{
	/* rfc5944-1.6-2 */
	uint8_t key[] = "secret";
	struct mip_association *association = NULL;
	struct mip_association_settings settings = {.spi = 255, .key = {key, 6}};

	(void)state;
	assert_int_equal(mip_association_new(&settings, &association), -EINVAL);
	/* CHAP_SPI, 2, is reserved for the procedure that goes with it; 0 is nobody's. */
	settings.spi = 0;
	settings.algorithm = MIP_ALGORITHM_CHAP_MD5;
	assert_int_equal(mip_association_new(&settings, &association), -EINVAL);
	settings.algorithm = MIP_ALGORITHM_HMAC_MD5;
	settings.spi = 256;
	settings.key.length = 0;
	assert_int_equal(mip_association_new(&settings, &association), -EINVAL);
	settings.key.length = 6;
	settings.algorithm = (enum mip_algorithm)9;
	assert_int_equal(mip_association_new(&settings, &association), -EINVAL);
	assert_null(association);
}

static void an_association_lives_as_long_as_its_last_holder(void **state)
{
	struct mip_association *association =
		association_of(MIP_ALGORITHM_HMAC_SHA256, 4000000000, "secret", 6);

	(void)state;
	assert_ptr_equal(mip_association_ref(association), association);
	mip_association_unref(association);
	assert_true(mip_association_spi(association) == 4000000000);
	assert_int_equal(mip_association_algorithm(association), MIP_ALGORITHM_HMAC_SHA256);
	assert_int_equal(mip_association_replay(association), MIP_REPLAY_TIMESTAMP);
	assert_true(mip_association_replay_tolerance(association) == 7 * MIP_SECOND);
	mip_association_unref(association);
	mip_association_unref(NULL);
	assert_null(mip_association_ref(NULL));
}

static void a_challenge_without_octets_makes_no_authenticator(void **state)
{
	struct mip_association *association =
		association_of(MIP_ALGORITHM_CHAP_MD5, MIP_CHAP_SPI, "secret", 6);
	const struct mip_challenge challenge = {(const uint8_t *)"", 0};
	uint8_t message[64] = {0};
	struct mip_writer writer = mip_writer_of(message, sizeof(message));

	(void)state;
	assert_int_equal(mip_authenticator_append_challenge(&writer, association, &challenge), -EIO);
	assert_true(mip_writer_failed(&writer));
	mip_association_unref(association);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfcs_come_out),
		cmocka_unit_test(keyed_md5_is_md5_of_key_message_key),
		cmocka_unit_test(chap_md5_is_computed_in_the_order_of_section_8),
		cmocka_unit_test(a_mobile_aaa_authenticator_of_hmac_md5_needs_no_challenge),
		cmocka_unit_test(what_is_appended_verifies_and_any_changed_bit_does_not),
		cmocka_unit_test(the_error_says_what_is_wrong),
		cmocka_unit_test(without_room_nothing_is_appended),
		cmocka_unit_test(any_spi_goes_with_any_algorithm),
		cmocka_unit_test(keys_have_any_octets_and_all_of_them_count),
		cmocka_unit_test(settings_that_make_no_association_are_refused),
		cmocka_unit_test(an_association_lives_as_long_as_its_last_holder),
		cmocka_unit_test(a_challenge_without_octets_makes_no_authenticator),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
