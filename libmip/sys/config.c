/*
 * The configuration reader. A file goes through three hands: config_source.c makes one text of it and of what
 * it includes, libconfig parses that, and this file walks the result beside the table of known settings:
 *
 *   for each group: what the table does not know is refused, with the nearest name that it knows;
 *                   each setting of the table is read, or given its default, or missed;
 *                   the schema's own check, when nothing was wrong so far.
 *
 * Every problem is one line, and the walk goes on after it, so that a person sees all of them at once.
 */
#include "config_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "input.h"

static void group_read(struct mip_config *config, const config_setting_t *group,
	const struct mip_schema *schema, void *object);
static void group_default(struct mip_config *config, const struct mip_schema *schema, void *object);
static void group_clear(const struct mip_schema *schema, void *object);

/* The group that roles see is libconfig's setting, under a name of our own. */
static const struct mip_config_group *group_of(const config_setting_t *setting)
{
	return (const struct mip_config_group *)(const void *)setting;
}

static const config_setting_t *setting_of(const struct mip_config_group *group)
{
	return (const config_setting_t *)(const void *)group;
}

__attribute__((format(printf, 4, 0))) static int complain(
	struct mip_config *config, const char *file, unsigned line, const char *format, va_list arguments)
{
	char what[1024], text[2048];

	vsnprintf(what, sizeof(what), format, arguments);
	snprintf(text, sizeof(text), "%s:%u: %s", file, line, what);
	/* A value may hold a newline or worse. */
	for (char *c = text; *c; c++) {
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = '?';
	}
	fprintf(stderr, "%s\n", text);
	if (config->complaints++ == 0)
		snprintf(config->first, sizeof(config->first), "%.*s", (int)sizeof(config->first) - 1, text);
	return -EINVAL;
}

int config_complain(struct mip_config *config, const char *file, unsigned line, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(config, file, line, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

__attribute__((format(printf, 3, 0))) static int complain_at_line(
	struct mip_config *config, unsigned line, const char *format, va_list arguments)
{
	struct config_source_line place = config_source_place(&config->source, line);

	return complain(config, config->source.files[place.file].name, place.number, format, arguments);
}

int config_complain_at(struct mip_config *config, const config_setting_t *setting, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain_at_line(config, setting->line, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int mip_config_error(struct mip_config *config, const struct mip_config_group *group, const char *name,
	const char *format, ...)
{
	const config_setting_t *at = setting_of(group);
	const config_setting_t *member =
		name && config_setting_is_group(at) ? config_setting_get_member(at, name) : NULL;
	va_list arguments;

	va_start(arguments, format);
	complain_at_line(config, member ? member->line : at->line, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int mip_config_check_interface(
	struct mip_config *config, const struct mip_config_group *group, const char *name, const char *value)
{
	size_t length = strlen(value);

	if (length > 0 && length < MIP_LINK_NAME && !strchr(value, '/'))
		return 0;
	return mip_config_error(
		config, group, name, "'%s' = \"%s\" cannot be the name of an interface", name, value);
}

const struct mip_config_group *mip_config_top(struct mip_config *config)
{
	return group_of(config_root_setting(&config->parsed));
}

const struct mip_config_group *mip_config_group_at(
	struct mip_config *config, const struct mip_config_group *group, const char *name, size_t index)
{
	const config_setting_t *at = setting_of(group);
	const config_setting_t *member =
		config_setting_is_group(at) ? config_setting_get_member(at, name) : NULL;

	(void)config;
	if (!member || (config_setting_is_group(member) && index == 0))
		return group_of(member);
	if (!config_setting_is_list(member) || index >= (size_t)config_setting_length(member))
		return NULL;
	return group_of(config_setting_get_elem(member, (unsigned)index));
}

static const struct mip_setting *schema_find(const struct mip_schema *schema, const char *name)
{
	for (size_t i = 0; i < schema->count; i++) {
		if (strcmp(schema->settings[i].name, name) == 0)
			return &schema->settings[i];
	}
	return NULL;
}

/* The known name that a misspelt one is nearest to; NULL when none is near. */
static const char *schema_nearest(const struct mip_schema *schema, const char *name)
{
	const char *nearest = NULL;
	unsigned least = UINT32_MAX;

	for (size_t i = 0; i < schema->count; i++) {
		unsigned distance = config_name_distance(name, schema->settings[i].name);

		if (distance < least) {
			least = distance;
			nearest = schema->settings[i].name;
		}
	}
	return nearest && config_name_is_near(name, least) ? nearest : NULL;
}

/* Whether the group has a misspelling of that name: it has had its complaint, and the name is not missing
 * besides. */
static bool is_misspelt(const config_setting_t *group, const struct mip_schema *schema, const char *name)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
		const char *nearest =
			schema_find(schema, member->name) ? NULL : schema_nearest(schema, member->name);

		if (nearest && strcmp(nearest, name) == 0)
			return true;
	}
	return false;
}

static void refuse_unknown(
	struct mip_config *config, const config_setting_t *group, const struct mip_schema *schema)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *member = config_setting_get_elem(group, (unsigned)i);
		const char *nearest;

		if (schema_find(schema, member->name))
			continue;
		nearest = schema_nearest(schema, member->name);
		if (nearest)
			config_complain_at(config, member, "unknown setting '%s'; did you mean '%s'?",
				member->name, nearest);
		else
			config_complain_at(config, member, "unknown setting '%s'", member->name);
	}
}

static struct config_value value_of(const config_setting_t *member)
{
	struct config_value value = {.type = config_setting_type(member)};

	switch (value.type) {
	case CONFIG_TYPE_BOOL:
		value.boolean = config_setting_get_bool(member);
		break;
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		value.integer = config_setting_get_int64(member);
		if (value.type == CONFIG_TYPE_INT)
			value.integer = config_setting_get_int(member);
		value.type = CONFIG_TYPE_INT64;
		break;
	case CONFIG_TYPE_FLOAT:
		value.decimal = config_setting_get_float(member);
		break;
	case CONFIG_TYPE_STRING:
		value.string = config_setting_get_string(member);
		break;
	}
	return value;
}

static int key_read(
	struct mip_config *config, const config_setting_t *member, struct mip_key *field, char *reason)
{
	struct config_source_line place = config_source_place(&config->source, member->line);
	int r = config_key_read(
		config, member->value.sval, &config->source.files[place.file].exposure, field, reason);

	/* libconfig frees its copy as it is. */
	explicit_bzero(member->value.sval, strlen(member->value.sval));
	return r;
}

static void list_read(struct mip_config *config, const config_setting_t *list,
	const struct mip_setting *setting, char *object)
{
	size_t count = (size_t)config_setting_length(list);
	char *elements = count ? calloc(count, setting->schema->size) : NULL;

	if (count && !elements) {
		config->failure = -ENOMEM;
		return;
	}
	*(void **)(void *)(object + setting->offset) = elements;
	*(size_t *)(void *)(object + setting->count_offset) = count;
	for (size_t i = 0; i < count; i++) {
		const config_setting_t *element = config_setting_get_elem(list, (unsigned)i);

		if (config_setting_is_group(element))
			group_read(config, element, setting->schema, elements + i * setting->schema->size);
		else
			config_complain_at(config, element, "'%s' must be %s: element %zu is no group",
				setting->name, config_type_text(setting->type), i + 1);
	}
}

static void scalar_read(struct mip_config *config, const config_setting_t *member,
	const struct mip_setting *setting, void *field)
{
	struct config_value value = value_of(member);
	char reason[CONFIG_REASON];
	int r;

	if (setting->type == MIP_SETTING_TYPE_KEY)
		r = key_read(config, member, field, reason);
	else
		r = config_value_store(setting, &value, field, reason);
	if (r == -EINVAL)
		config_complain_at(config, member, "'%s' %s", setting->name, reason);
	else if (r < 0)
		config->failure = r;
}

/* A setting that the file names. */
static void setting_read(struct mip_config *config, const config_setting_t *member,
	const struct mip_setting *setting, char *object)
{
	char reason[CONFIG_REASON];

	if (setting->present_offset)
		*(bool *)(object + setting->present_offset) = true;
	if (config_value_check_type(setting, value_of(member).type, reason) < 0)
		config_complain_at(config, member, "'%s' %s", setting->name, reason);
	else if (setting->type == MIP_SETTING_TYPE_GROUP)
		group_read(config, member, setting->schema, object + setting->offset);
	else if (setting->type == MIP_SETTING_TYPE_LIST)
		list_read(config, member, setting, object);
	else
		scalar_read(config, member, setting, object + setting->offset);
}

/* A setting that the file does not name. */
static void setting_default(struct mip_config *config, const struct mip_setting *setting, char *object)
{
	int r = 0;

	if (setting->type == MIP_SETTING_TYPE_GROUP)
		group_default(config, setting->schema, object + setting->offset);
	else if (setting->otherwise)
		r = config_value_store_text(setting, setting->otherwise, object + setting->offset);
	if (r == -EINVAL)
		config_complain(config, config->file, 0, "the default of '%s' is wrong", setting->name);
	else if (r < 0)
		config->failure = r;
}

static void group_default(struct mip_config *config, const struct mip_schema *schema, void *object)
{
	for (size_t i = 0; i < schema->count; i++)
		setting_default(config, &schema->settings[i], object);
}

static void group_read(struct mip_config *config, const config_setting_t *group,
	const struct mip_schema *schema, void *object)
{
	unsigned complaints = config->complaints;

	refuse_unknown(config, group, schema);
	for (size_t i = 0; i < schema->count; i++) {
		const struct mip_setting *setting = &schema->settings[i];
		const config_setting_t *member = config_setting_get_member(group, setting->name);

		if (member)
			setting_read(config, member, setting, object);
		else if (setting->required && !is_misspelt(group, schema, setting->name))
			config_complain_at(config, group, "'%s' is missing", setting->name);
		else if (!setting->required)
			setting_default(config, setting, object);
	}
	/* A check judges a group that is whole; one that is not has had its complaint. */
	if (schema->check && config->complaints == complaints && !config->failure &&
		schema->check(config, group_of(group), object) < 0 && config->complaints == complaints)
		config->failure = -EINVAL;
}

static void list_clear(const struct mip_setting *setting, char *object)
{
	char *elements = *(void **)(void *)(object + setting->offset);
	size_t count = *(size_t *)(void *)(object + setting->count_offset);

	for (size_t i = 0; i < count; i++)
		group_clear(setting->schema, elements + i * setting->schema->size);
	free(elements);
}

/* Frees what the struct's fields own. */
static void group_clear(const struct mip_schema *schema, void *object)
{
	for (size_t i = 0; i < schema->count; i++) {
		const struct mip_setting *setting = &schema->settings[i];
		char *field = (char *)object + setting->offset;

		switch (setting->type) {
		case MIP_SETTING_TYPE_STRING:
			free(*(char **)(void *)field);
			break;
		case MIP_SETTING_TYPE_KEY:
			mip_key_clear((struct mip_key *)(void *)field);
			break;
		case MIP_SETTING_TYPE_GROUP:
			group_clear(setting->schema, field);
			break;
		case MIP_SETTING_TYPE_LIST:
			list_clear(setting, object);
			break;
		default:
			break;
		}
	}
}

void mip_config_free(const struct mip_schema *schema, void *object)
{
	if (!object)
		return;
	group_clear(schema, object);
	free(object);
}

/* The keys of what was not read: those of a group that is unknown, for one. */
static void strings_wipe(const config_setting_t *setting)
{
	if (config_setting_type(setting) == CONFIG_TYPE_STRING && setting->value.sval)
		explicit_bzero(setting->value.sval, strlen(setting->value.sval));
	for (int i = 0; config_setting_is_aggregate(setting) && i < config_setting_length(setting); i++)
		strings_wipe(config_setting_get_elem(setting, (unsigned)i));
}

static void config_clear(struct mip_config *config)
{
	if (config->is_parsed) {
		strings_wipe(config_root_setting(&config->parsed));
		config_destroy(&config->parsed);
	}
	config_source_clear(&config->source);
	free(config->folder);
}

static int config_begin(struct mip_config *config, const char *file)
{
	const char *slash = strrchr(file, '/');

	config->file = file;
	config->folder = slash ? strndup(file, (size_t)(slash - file + 1)) : strdup("");
	return config->folder ? 0 : -ENOMEM;
}

static int config_parse(struct mip_config *config)
{
	struct config_source_line place;

	config_init(&config->parsed);
	config->is_parsed = true;
	if (config_read_string(&config->parsed, config->source.text))
		return 0;
	place = config_source_place(&config->source, (unsigned)config_error_line(&config->parsed));
	return config_complain(config, config->source.files[place.file].name, place.number, "%s",
		config_error_text(&config->parsed));
}

static int config_fill(struct mip_config *config, const struct mip_schema *schema,
	int (*check)(struct mip_config *config, void *object), void *object)
{
	group_read(config, config_root_setting(&config->parsed), schema, object);
	if (config->failure)
		return config->failure;
	if (config->complaints)
		return -EINVAL;
	return check ? check(config, object) : 0;
}

int mip_config_read_saying(const char *file, const struct mip_schema *schema,
	int (*check)(struct mip_config *config, void *object), char first[static MIP_CONFIG_COMPLAINT],
	void **ret_object)
{
	struct mip_config config = {0};
	void *object = calloc(1, schema->size);
	int r = object ? 0 : -ENOMEM;

	if (r == 0)
		r = config_begin(&config, file);
	if (r == 0)
		r = config_source_read(&config);
	if (r == 0)
		r = config_parse(&config);
	if (r == 0)
		r = config_fill(&config, schema, check, object);
	if (r == 0)
		*ret_object = object;
	else
		mip_config_free(schema, object);
	memcpy(first, config.first, sizeof(config.first));
	config_clear(&config);
	return r;
}

int mip_config_read(const char *file, const struct mip_schema *schema,
	int (*check)(struct mip_config *config, void *object), void **ret_object)
{
	char first[MIP_CONFIG_COMPLAINT];

	return mip_config_read_saying(file, schema, check, first, ret_object);
}
