#include "message.h"

#include <string.h>

#include "address.h"
#include "authenticator.h"
#include "fuzz.h"
#include "revocation.h"

enum {
	EXTENSIONS_MOST = 32,
	DATA_MOST = 24,	     /* of an extension that is put in, unless its kind needs more */
	AUTHENTICATION = 20, /* octets of data: an SPI and the authenticator of HMAC-MD5 */
};

uint32_t fuzz_dice_below(struct fuzz_dice *dice, uint32_t bound)
{
	dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
	return bound == 0 ? 0 : (uint32_t)(dice->state >> 33) % bound;
}

bool fuzz_dice_one_in(struct fuzz_dice *dice, uint32_t count)
{
	return fuzz_dice_below(dice, count) == 0;
}

size_t fuzz_message_fixed(const uint8_t *octets, size_t length)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	struct mip_registration_request request;
	struct mip_registration_reply reply;
	struct mip_revocation revocation;
	struct mip_revocation_ack ack;
	int error = -1;

	switch (mip_message_type(octets, length)) {
	case MIP_MESSAGE_REGISTRATION_REQUEST:
		error = mip_request_read(&reader, &request);
		break;
	case MIP_MESSAGE_REGISTRATION_REPLY:
		error = mip_reply_read(&reader, &reply);
		break;
	case MIP_MESSAGE_REVOCATION:
		error = mip_revocation_read(&reader, &revocation);
		break;
	case MIP_MESSAGE_REVOCATION_ACK:
		error = mip_revocation_ack_read(&reader, &ack);
		break;
	default:
		break;
	}
	return error == 0 ? reader.position : 0;
}

static void put_address(struct fuzz_dice *dice, const struct fuzz_addresses *addresses, uint8_t *octets)
{
	struct mip_address address;

	if (addresses->count == 0)
		return;
	address = mip_address_of(addresses->numbers[fuzz_dice_below(dice, (uint32_t)addresses->count)]);
	memcpy(octets, &address, sizeof(address));
}

/* --- extensions ------------------------------------------------------------------------------- */

/* Where the extensions stand; what cannot be read at the end is not counted. */
static size_t find_all(const uint8_t *octets, size_t length, struct mip_extension *extensions)
{
	struct mip_reader reader = mip_reader_of(octets, length);
	size_t count = 0;

	mip_read_skip(&reader, fuzz_message_fixed(octets, length));
	while (count < EXTENSIONS_MOST && mip_extension_next(&reader, &extensions[count]) > 0)
		count++;
	return count;
}

/* Puts octets in at a place. Returns the new length, the old one when there is no room. */
static size_t insert(uint8_t *message, size_t length, size_t place, const uint8_t *octets, size_t count)
{
	if (length + count > FUZZ_MESSAGE_MOST)
		return length;
	memmove(message + place + count, message + place, length - place);
	memcpy(message + place, octets, count);
	return length + count;
}

static size_t take_out(uint8_t *message, size_t length, const struct mip_extension *extension)
{
	size_t end = extension->offset + extension->length;

	memmove(message + extension->offset, message + end, length - end);
	return length - extension->length;
}

static bool is_authentication(const struct mip_extension_row *row)
{
	return row->slot <= MIP_SLOT_MOBILE_AAA_AUTHENTICATION;
}

/* An extension of some known kind, that its reader takes. */
static size_t make(
	struct fuzz_dice *dice, const struct fuzz_addresses *addresses, uint8_t *octets, size_t size)
{
	const struct mip_extension_row *row =
		&mip_extension_rows[fuzz_dice_below(dice, (uint32_t)mip_extension_row_count)];
	uint8_t data[MIP_REGISTRATION_MAX] = {0};
	struct mip_writer writer = mip_writer_of(octets, size);
	size_t most = row->most_data < DATA_MOST ? row->most_data : DATA_MOST, length;

	length = most <= row->least_data
			 ? row->least_data
			 : row->least_data + fuzz_dice_below(dice, (uint32_t)(most - row->least_data + 1));
	if (is_authentication(row))
		length = AUTHENTICATION;
	else if (!fuzz_dice_one_in(dice, 3))
		for (size_t i = 0; i < length; i++)
			data[i] = (uint8_t)fuzz_dice_below(dice, 256);
	if (row->type == MIP_EXTENSION_DYNAMIC_HOME_AGENT)
		put_address(dice, addresses, data);
	if (row->format == MIP_FORMAT_PLAIN)
		mip_extension_write(&writer, row->type, data, length);
	else if (row->format == MIP_FORMAT_LONG)
		mip_extension_write_long(&writer, row->type, row->subtype, data, length);
	else
		mip_extension_write_short(&writer, row->type, row->subtype, data, length);
	return mip_writer_failed(&writer) ? 0 : writer.length;
}

/* Before an extension, mostly the first that authenticates, so that it is covered; or at the end. */
static size_t choose_place(struct fuzz_dice *dice, const uint8_t *octets, size_t length)
{
	struct mip_extension extensions[EXTENSIONS_MOST];
	size_t count = find_all(octets, length, extensions), choice;

	if (count == 0)
		return length;
	choice = fuzz_dice_below(dice, (uint32_t)count + 1);
	return choice == count ? length : extensions[choice].offset;
}

static size_t mutate_extension(struct fuzz_dice *dice, uint8_t *octets, size_t length)
{
	struct mip_extension extensions[EXTENSIONS_MOST], *one;
	size_t count = find_all(octets, length, extensions), place;
	uint8_t copy[FUZZ_MESSAGE_MOST];

	if (count == 0)
		return length;
	one = &extensions[fuzz_dice_below(dice, (uint32_t)count)];
	memcpy(copy, octets + one->offset, one->length);
	switch (fuzz_dice_below(dice, 4)) {
	case 0: /* gone; the last that authenticates mostly stays */
		if (one->type >= MIP_EXTENSION_MOBILE_HOME_AUTHENTICATION &&
			one->type <= MIP_EXTENSION_FOREIGN_HOME_AUTHENTICATION && !fuzz_dice_one_in(dice, 8))
			return length;
		return take_out(octets, length, one);
	case 1: /* twice */
		return insert(octets, length, one->offset, copy, one->length);
	case 2: /* elsewhere */
		length = take_out(octets, length, one);
		place = choose_place(dice, octets, length);
		return insert(octets, length, place, copy, one->length);
	default: /* another value */
		if (one->data_length > 0)
			octets[one->offset + one->length - one->data_length +
				fuzz_dice_below(dice, (uint32_t)one->data_length)] ^=
				(uint8_t)(1 << fuzz_dice_below(dice, 8));
		return length;
	}
}

/* --- fields ----------------------------------------------------------------------------------- */

static void mutate_field(
	struct fuzz_dice *dice, const struct fuzz_addresses *addresses, uint8_t *octets, size_t fixed)
{
	static const uint8_t usual[] = {0, 1, 0x7f, 0x80, 0xff};
	size_t words = fixed / 4, place;

	if (fixed < 4)
		return;
	/* All addresses stand at multiples of four. */
	if (words > 1 && fuzz_dice_one_in(dice, 2)) {
		put_address(dice, addresses, octets + 4 * (1 + fuzz_dice_below(dice, (uint32_t)words - 1)));
		return;
	}
	place = 1 + fuzz_dice_below(dice, (uint32_t)fixed - 1);
	if (fuzz_dice_one_in(dice, 2))
		octets[place] = usual[fuzz_dice_below(dice, MIP_ARRAY_SIZE(usual))];
	else
		octets[place] ^= (uint8_t)(1 << fuzz_dice_below(dice, 8));
}

size_t fuzz_message_mutate(struct fuzz_dice *dice, const struct fuzz_addresses *addresses,
	uint8_t octets[static FUZZ_MESSAGE_MOST], size_t length)
{
	size_t fixed = fuzz_message_fixed(octets, length), count;
	uint8_t extension[FUZZ_MESSAGE_MOST];

	if (fixed == 0 || fuzz_dice_one_in(dice, 32))
		return LLVMFuzzerMutate(octets, length, FUZZ_MESSAGE_MOST);
	switch (fuzz_dice_below(dice, 4)) {
	case 0:
		mutate_field(dice, addresses, octets, fixed);
		return length;
	case 1:
		count = make(dice, addresses, extension, sizeof(extension));
		return insert(octets, length, choose_place(dice, octets, length), extension, count);
	default:
		return mutate_extension(dice, octets, length);
	}
}

/* --- signatures ------------------------------------------------------------------------------- */

static void sign(
	uint8_t *octets, const struct mip_extension *extension, const struct mip_association *association)
{
	struct mip_authentication authentication;
	uint32_t spi = mip_association_spi(association);
	struct mip_writer writer;

	if (mip_authentication_read(extension, &authentication) < 0 ||
		authentication.authenticator_length != mip_association_authenticator_length(association))
		return;
	writer = mip_writer_of(octets + authentication.covered - sizeof(spi), sizeof(spi));
	mip_write32(&writer, spi);
	FUZZ_CHECK(mip_authenticator_compute(association, octets, authentication.covered,
			   octets + authentication.covered) == 0);
}

void fuzz_message_sign(uint8_t *octets, size_t length, fuzz_signer *signer, void *context)
{
	struct mip_extension extensions[EXTENSIONS_MOST];
	size_t count = find_all(octets, length, extensions);
	const struct mip_association *association;

	for (size_t i = 0; i < count; i++) {
		association = signer(context, extensions[i].type);
		if (association)
			sign(octets, &extensions[i], association);
	}
}
