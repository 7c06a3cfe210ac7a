/*
 * The bounded cursor: all reading and writing of packets goes through it, so that nothing reads or writes
 * past the end. An error sticks: after the first access out of bounds every further one fails too, reads give
 * zero, and mip_reader_failed()/mip_writer_failed() tell. Numbers on the wire are in network byte order, in C
 * in host order; addresses stay in network order in their own type.
 */
#ifndef MIP_BASE_CURSOR_H
#define MIP_BASE_CURSOR_H

#include "types.h"

struct mip_reader {
	const uint8_t *octets;
	size_t length;
	size_t position;
	bool failed;
};

/* Reads from `octets`, which must outlive the reader; it is not copied. */
struct mip_reader mip_reader_of(const void *octets, size_t length);
uint8_t mip_read8(struct mip_reader *reader);
uint16_t mip_read16(struct mip_reader *reader);
uint32_t mip_read32(struct mip_reader *reader);
uint64_t mip_read64(struct mip_reader *reader);
struct mip_address mip_read_address(struct mip_reader *reader);
/* A view of the next `length` octets (NULL on failure), not a copy. */
const uint8_t *mip_read_octets(struct mip_reader *reader, size_t length);
void mip_read_skip(struct mip_reader *reader, size_t length);
/* A reader of its own over the next `length` octets, which this one skips: it cannot read past them. */
struct mip_reader mip_read_sub(struct mip_reader *reader, size_t length);
size_t mip_reader_left(const struct mip_reader *reader);
static inline bool mip_reader_failed(const struct mip_reader *reader)
{
	return reader->failed;
}

struct mip_writer {
	uint8_t *octets;
	size_t size;
	size_t length; /* written so far */
	bool failed;
};

/* Writes to `octets`, which must outlive the writer. */
struct mip_writer mip_writer_of(void *octets, size_t size);
void mip_write8(struct mip_writer *writer, uint8_t value);
void mip_write16(struct mip_writer *writer, uint16_t value);
void mip_write32(struct mip_writer *writer, uint32_t value);
void mip_write64(struct mip_writer *writer, uint64_t value);
void mip_write_address(struct mip_writer *writer, struct mip_address address);
void mip_write_octets(struct mip_writer *writer, const void *octets, size_t length);
void mip_write_zeros(struct mip_writer *writer, size_t length);
/* Room for `length` octets to fill in later (a checksum, an authenticator), zeroed; NULL on failure. */
uint8_t *mip_write_room(struct mip_writer *writer, size_t length);
/* Overwrites what was written at `position` (a length field known only later). */
void mip_write16_at(struct mip_writer *writer, size_t position, uint16_t value);
void mip_write8_at(struct mip_writer *writer, size_t position, uint8_t value);
static inline bool mip_writer_failed(const struct mip_writer *writer)
{
	return writer->failed;
}

#endif
