/*
 * The bounded cursor. Every access asks claim() for its octets first, which compares lengths by subtraction
 * only (never position + length, which a length from a packet could make wrap) and makes the error stick.
 */
#include "cursor.h"

#include <string.h>

static const uint8_t nothing[1];

struct mip_reader mip_reader_of(const void *octets, size_t length)
{
	return (struct mip_reader){
		.octets = octets == NULL ? nothing : octets,
		.length = octets == NULL ? 0 : length,
	};
}

size_t mip_reader_left(const struct mip_reader *reader)
{
	return reader->failed ? 0 : reader->length - reader->position;
}

static const uint8_t *claim_read(struct mip_reader *reader, size_t length)
{
	const uint8_t *octets;

	if (reader->failed || length > reader->length - reader->position) {
		reader->failed = true;
		return NULL;
	}
	octets = reader->octets + reader->position;
	reader->position += length;
	return octets;
}

static uint64_t read_number(struct mip_reader *reader, size_t length)
{
	const uint8_t *octets = claim_read(reader, length);
	uint64_t number = 0;

	for (size_t i = 0; octets != NULL && i < length; i++)
		number = number << 8 | octets[i];
	return number;
}

uint8_t mip_read8(struct mip_reader *reader)
{
	return (uint8_t)read_number(reader, 1);
}

uint16_t mip_read16(struct mip_reader *reader)
{
	return (uint16_t)read_number(reader, 2);
}

uint32_t mip_read32(struct mip_reader *reader)
{
	return (uint32_t)read_number(reader, 4);
}

uint64_t mip_read64(struct mip_reader *reader)
{
	return read_number(reader, 8);
}

struct mip_address mip_read_address(struct mip_reader *reader)
{
	const uint8_t *octets = claim_read(reader, 4);
	struct mip_address address = {0};

	if (octets != NULL)
		memcpy(&address.value, octets, 4);
	return address;
}

const uint8_t *mip_read_octets(struct mip_reader *reader, size_t length)
{
	return claim_read(reader, length);
}

void mip_read_skip(struct mip_reader *reader, size_t length)
{
	claim_read(reader, length);
}

struct mip_reader mip_read_sub(struct mip_reader *reader, size_t length)
{
	const uint8_t *octets = claim_read(reader, length);
	struct mip_reader sub = mip_reader_of(octets, length);

	sub.failed = octets == NULL;
	return sub;
}

struct mip_writer mip_writer_of(void *octets, size_t size)
{
	return (struct mip_writer){.octets = octets, .size = octets == NULL ? 0 : size};
}

static uint8_t *claim_write(struct mip_writer *writer, size_t length)
{
	uint8_t *octets;

	if (writer->failed || writer->octets == NULL || length > writer->size - writer->length) {
		writer->failed = true;
		return NULL;
	}
	octets = writer->octets + writer->length;
	writer->length += length;
	return octets;
}

static void write_number(struct mip_writer *writer, uint64_t value, size_t length)
{
	uint8_t *octets = claim_write(writer, length);

	for (size_t i = length; octets != NULL && i-- > 0; value >>= 8)
		octets[i] = (uint8_t)value;
}

void mip_write8(struct mip_writer *writer, uint8_t value)
{
	write_number(writer, value, 1);
}

void mip_write16(struct mip_writer *writer, uint16_t value)
{
	write_number(writer, value, 2);
}

void mip_write32(struct mip_writer *writer, uint32_t value)
{
	write_number(writer, value, 4);
}

void mip_write64(struct mip_writer *writer, uint64_t value)
{
	write_number(writer, value, 8);
}

void mip_write_address(struct mip_writer *writer, struct mip_address address)
{
	mip_write_octets(writer, &address.value, 4);
}

void mip_write_octets(struct mip_writer *writer, const void *octets, size_t length)
{
	uint8_t *room = claim_write(writer, length);

	if (room != NULL && length > 0)
		memcpy(room, octets, length);
}

void mip_write_zeros(struct mip_writer *writer, size_t length)
{
	mip_write_room(writer, length);
}

uint8_t *mip_write_room(struct mip_writer *writer, size_t length)
{
	uint8_t *room = claim_write(writer, length);

	if (room != NULL)
		memset(room, 0, length);
	return room;
}

/* What is overwritten must have been written: `length` octets from `position` on. */
static uint8_t *written_at(struct mip_writer *writer, size_t position, size_t length)
{
	if (writer->failed || position > writer->length || length > writer->length - position) {
		writer->failed = true;
		return NULL;
	}
	return writer->octets + position;
}

void mip_write16_at(struct mip_writer *writer, size_t position, uint16_t value)
{
	uint8_t *octets = written_at(writer, position, 2);

	if (octets != NULL) {
		octets[0] = (uint8_t)(value >> 8);
		octets[1] = (uint8_t)value;
	}
}

void mip_write8_at(struct mip_writer *writer, size_t position, uint8_t value)
{
	uint8_t *octets = written_at(writer, position, 1);

	if (octets != NULL)
		octets[0] = value;
}
