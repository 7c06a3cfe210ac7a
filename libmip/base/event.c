/*
 * Events: a name and its fields. Names are constants of the machine and are not copied; values are, so that
 * an event may outlive what it tells of.
 */
#include "event.h"

#include "text.h"

struct mip_event mip_event_of(const char *name)
{
	return (struct mip_event){.name = name};
}

static struct mip_field *add(struct mip_event *event, const char *name, enum mip_field_type type)
{
	struct mip_field *field;

	if (event->count >= MIP_EVENT_FIELDS)
		return NULL;
	field = &event->fields[event->count++];
	field->name = name;
	field->type = type;
	return field;
}

void mip_event_null(struct mip_event *event, const char *name)
{
	add(event, name, MIP_FIELD_NULL);
}

void mip_event_boolean(struct mip_event *event, const char *name, bool value)
{
	struct mip_field *field = add(event, name, MIP_FIELD_BOOLEAN);

	if (field != NULL)
		field->boolean = value;
}

void mip_event_number(struct mip_event *event, const char *name, int64_t value)
{
	struct mip_field *field = add(event, name, MIP_FIELD_NUMBER);

	if (field != NULL)
		field->number = value;
}

void mip_event_string(struct mip_event *event, const char *name, const char *value)
{
	struct mip_field *field = add(event, name, value == NULL ? MIP_FIELD_NULL : MIP_FIELD_STRING);

	if (field != NULL && value != NULL) {
		struct mip_text text = mip_text_of(field->string, sizeof(field->string));

		mip_text_add(&text, value);
	}
}

void mip_event_address(struct mip_event *event, const char *name, struct mip_address value)
{
	struct mip_field *field = add(event, name, MIP_FIELD_ADDRESS);

	if (field != NULL)
		field->address = value;
}
