/*
 * Events: what a machine tells the people who watch it (`mipctl watch`, the log). A name and some fields.
 */
#ifndef MIP_BASE_EVENT_H
#define MIP_BASE_EVENT_H

#include "types.h"

enum mip_field_type {
	MIP_FIELD_NULL,
	MIP_FIELD_BOOLEAN,
	MIP_FIELD_NUMBER,
	MIP_FIELD_STRING,  /* copied into the field; longer ones are cut */
	MIP_FIELD_ADDRESS, /* 0.0.0.0 shows as null */
};

enum {
	MIP_EVENT_FIELDS = 12,
	MIP_FIELD_STRING_SIZE = 64,
};

struct mip_field {
	const char *name; /* a constant */
	enum mip_field_type type;
	union {
		bool boolean;
		int64_t number;
		char string[MIP_FIELD_STRING_SIZE];
		struct mip_address address;
	};
};

struct mip_event {
	const char *name; /* a constant: "binding_added", "handover", "state" */
	struct mip_field fields[MIP_EVENT_FIELDS];
	size_t count;
};

/* An event under this name, without fields; then add them. A field beyond the last place is left out. */
struct mip_event mip_event_of(const char *name);
void mip_event_null(struct mip_event *event, const char *name);
void mip_event_boolean(struct mip_event *event, const char *name, bool value);
void mip_event_number(struct mip_event *event, const char *name, int64_t value);
void mip_event_string(struct mip_event *event, const char *name, const char *value);
void mip_event_address(struct mip_event *event, const char *name, struct mip_address value);

#endif
