/*
 * Values of settings: from what libconfig read, or from a default's text, into the field of a struct, checked
 * on the way. What is wrong is told as the end of a sentence that begins with the setting's name.
 */
#include "config_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	MOST_NAME = 64,
};

/* The optimal string alignment distance, by three rows of its table. */
unsigned config_name_distance(const char *a, const char *b)
{
	unsigned rows[3][MOST_NAME + 1];
	size_t a_length = strlen(a), b_length = strlen(b);

	if (a_length > MOST_NAME || b_length > MOST_NAME)
		return UINT32_MAX;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_length; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *two_above = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= b_length; j++) {
			unsigned best = above[j - 1] + (a[i - 1] != b[j - 1]);

			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
				two_above[j - 2] + 1 < best)
				best = two_above[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[a_length % 3][b_length];
}

bool config_name_is_near(const char *name, unsigned distance)
{
	return distance <= 1 + strlen(name) / 4;
}

const char *config_type_text(enum mip_setting_type type)
{
	static const char *const texts[] = {
		[MIP_SETTING_TYPE_BOOLEAN] = "true or false",
		[MIP_SETTING_TYPE_INTEGER] = "an integer",
		[MIP_SETTING_TYPE_DURATION] = "a number of seconds",
		[MIP_SETTING_TYPE_STRING] = "a string",
		[MIP_SETTING_TYPE_ADDRESS] = "an IPv4 address in quotes",
		[MIP_SETTING_TYPE_PREFIX] = "an IPv4 prefix in quotes",
		[MIP_SETTING_TYPE_RANGE] = "a range of IPv4 addresses in quotes",
		[MIP_SETTING_TYPE_KEY] = "a key in quotes",
		[MIP_SETTING_TYPE_CHOICE] = "a string",
		[MIP_SETTING_TYPE_GROUP] = "a group { … }",
		[MIP_SETTING_TYPE_LIST] = "a list of groups ( { … }, … )",
	};

	return texts[type];
}

void config_bounds(const struct mip_setting *setting, int64_t *ret_least, int64_t *ret_most)
{
	bool bounded = setting->least != 0 || setting->most != 0;

	*ret_least = bounded ? setting->least : setting->type == MIP_SETTING_TYPE_DURATION;
	*ret_most = bounded ? setting->most : INT64_MAX;
}

const char *config_seconds_text(mip_time time, char text[static 32])
{
	char *end = text + snprintf(text, 32, "%lld.%09lld", (long long)(time / MIP_SECOND),
				   (long long)(time % MIP_SECOND));

	while (end[-1] == '0')
		*--end = '\0';
	if (end[-1] == '.')
		*--end = '\0';
	return text;
}

static int refuse(char *reason, const char *what)
{
	snprintf(reason, CONFIG_REASON, "%s", what);
	return -EINVAL;
}

static int refuse_value(char *reason, const char *value, const char *what)
{
	snprintf(reason, CONFIG_REASON, "is \"%.200s\", which is %s", value, what);
	return -EINVAL;
}

/* "it must be from 0.1 to 1800 s", in the setting's own terms. */
static int refuse_bounds(const struct mip_setting *setting, const char *value, char *reason)
{
	bool duration = setting->type == MIP_SETTING_TYPE_DURATION;
	char least_text[32], most_text[32];
	const char *unit = setting->unit ? setting->unit : duration ? "s" : "";
	int64_t least, most;

	config_bounds(setting, &least, &most);
	snprintf(least_text, sizeof(least_text), "%lld", (long long)least);
	snprintf(most_text, sizeof(most_text), "%lld", (long long)most);
	if (duration) {
		config_seconds_text(least, least_text);
		config_seconds_text(most, most_text);
	}
	if (most == INT64_MAX && duration && least == 1)
		snprintf(reason, CONFIG_REASON, "is %s; it must be more than 0", value);
	else if (most == INT64_MAX)
		snprintf(reason, CONFIG_REASON, "is %s; it must be at least %s%s%s", value, least_text,
			*unit ? " " : "", unit);
	else
		snprintf(reason, CONFIG_REASON, "is %s; it must be from %s to %s%s%s", value, least_text,
			most_text, *unit ? " " : "", unit);
	return -EINVAL;
}

static int store_integer(
	const struct mip_setting *setting, const struct config_value *value, int64_t *field, char *reason)
{
	int64_t least, most;
	char text[32];

	config_bounds(setting, &least, &most);
	if (value->integer >= least && value->integer <= most) {
		*field = value->integer;
		return 0;
	}
	snprintf(text, sizeof(text), "%lld", (long long)value->integer);
	return refuse_bounds(setting, text, reason);
}

static mip_time nanoseconds(double seconds)
{
	return (mip_time)(seconds * 1e9 + (seconds < 0 ? -0.5 : 0.5));
}

static int store_duration(
	const struct mip_setting *setting, const struct config_value *value, mip_time *field, char *reason)
{
	bool decimal = value->type == CONFIG_TYPE_FLOAT;
	double seconds = decimal ? value->decimal : (double)value->integer;
	int64_t least, most;
	char text[32];

	config_bounds(setting, &least, &most);
	/* Not representable in ns: some 292 years. */
	if (seconds > -9e9 && seconds < 9e9) {
		mip_time time = decimal ? nanoseconds(seconds) : value->integer * MIP_SECOND;

		if (time >= least && time <= most) {
			*field = time;
			return 0;
		}
	} else if (most == INT64_MAX) {
		return refuse(reason, "is too long a time");
	}
	snprintf(text, sizeof(text), "%.10g", seconds);
	return refuse_bounds(setting, text, reason);
}

static int store_string(const char *string, char **field)
{
	char *copy = strdup(string);

	if (!copy)
		return -ENOMEM;
	*field = copy;
	return 0;
}

static int store_address(const char *string, struct mip_address *field, char *reason)
{
	struct mip_address address;

	if (mip_address_read(string, &address) < 0)
		return refuse_value(reason, string, "not an IPv4 address");
	if (!mip_address_is_unicast(address))
		return refuse_value(reason, string, "not the address of a host");
	*field = address;
	return 0;
}

/* "10.1.0.7/24": the prefix that was probably meant. */
static bool prefix_meant(const char *string, struct mip_prefix *ret_prefix)
{
	const char *slash = strchr(string, '/');
	char address_text[MIP_ADDRESS_TEXT];
	struct mip_address address;
	unsigned long length;
	char *end;

	if (!slash || (size_t)(slash - string) >= sizeof(address_text) || slash[1] < '0' || slash[1] > '9')
		return false;
	memcpy(address_text, string, (size_t)(slash - string));
	address_text[slash - string] = '\0';
	length = strtoul(slash + 1, &end, 10);
	if (*end || length > 32 || mip_address_read(address_text, &address) < 0)
		return false;
	*ret_prefix = mip_prefix_of(address, (uint8_t)length);
	return true;
}

static int store_prefix(const char *string, struct mip_prefix *field, char *reason)
{
	char text[MIP_PREFIX_TEXT];
	struct mip_prefix meant;

	if (mip_prefix_read(string, field) == 0)
		return 0;
	if (!prefix_meant(string, &meant))
		return refuse_value(reason, string, "not an IPv4 prefix (ADDRESS/LENGTH)");
	snprintf(reason, CONFIG_REASON,
		"is \"%.200s\", which has bits set beyond its length; did you mean \"%s\"?", string,
		mip_prefix_text(meant, text));
	return -EINVAL;
}

static int store_range(const char *string, struct mip_address_range *field, char *reason)
{
	const char *dash = strchr(string, '-');
	char first_text[MIP_ADDRESS_TEXT];
	struct mip_address_range range;

	if (!dash || (size_t)(dash - string) >= sizeof(first_text))
		return refuse_value(reason, string, "not a range of IPv4 addresses (FIRST-LAST)");
	memcpy(first_text, string, (size_t)(dash - string));
	first_text[dash - string] = '\0';
	if (mip_address_read(first_text, &range.first) < 0 || mip_address_read(dash + 1, &range.last) < 0)
		return refuse_value(reason, string, "not a range of IPv4 addresses (FIRST-LAST)");
	if (!mip_address_is_unicast(range.first) || !mip_address_is_unicast(range.last))
		return refuse_value(reason, string, "not a range of addresses of hosts");
	if (mip_address_number(range.first) > mip_address_number(range.last))
		return refuse_value(reason, string, "a range that ends before it begins");
	*field = range;
	return 0;
}

static int store_choice(const struct mip_setting *setting, const char *string, int *field, char *reason)
{
	const struct mip_name *nearest = NULL;
	unsigned least = UINT32_MAX;
	size_t length;

	if (mip_name_find(setting->choices, string, field) == 0)
		return 0;
	length = (size_t)snprintf(reason, CONFIG_REASON, "cannot be \"%.100s\"; it is one of", string);
	for (const struct mip_name *choice = setting->choices; choice->name; choice++) {
		unsigned distance = config_name_distance(string, choice->name);

		if (distance < least) {
			least = distance;
			nearest = choice;
		}
		if (length < CONFIG_REASON)
			length += (size_t)snprintf(reason + length, CONFIG_REASON - length, "%s %s",
				choice == setting->choices ? "" : ",", choice->name);
	}
	if (nearest && config_name_is_near(string, least) && length < CONFIG_REASON)
		snprintf(reason + length, CONFIG_REASON - length, "; did you mean \"%s\"?", nearest->name);
	return -EINVAL;
}

static const char *value_text(int type)
{
	switch (type) {
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_INT64:
		return "an integer";
	case CONFIG_TYPE_FLOAT:
		return "a decimal number";
	case CONFIG_TYPE_STRING:
		return "a string";
	case CONFIG_TYPE_GROUP:
		return "a group { … }";
	case CONFIG_TYPE_LIST:
		return "a list ( … )";
	default:
		return "an array [ … ]";
	}
}

static bool type_fits(enum mip_setting_type wanted, int type)
{
	switch (wanted) {
	case MIP_SETTING_TYPE_BOOLEAN:
		return type == CONFIG_TYPE_BOOL;
	case MIP_SETTING_TYPE_INTEGER:
		return type == CONFIG_TYPE_INT64;
	case MIP_SETTING_TYPE_DURATION:
		return type == CONFIG_TYPE_INT64 || type == CONFIG_TYPE_FLOAT;
	case MIP_SETTING_TYPE_GROUP:
		return type == CONFIG_TYPE_GROUP;
	case MIP_SETTING_TYPE_LIST:
		return type == CONFIG_TYPE_LIST;
	default:
		return type == CONFIG_TYPE_STRING;
	}
}

int config_value_check_type(const struct mip_setting *setting, int type, char reason[static CONFIG_REASON])
{
	if (type_fits(setting->type, type))
		return 0;
	snprintf(reason, CONFIG_REASON, "must be %s, not %s", config_type_text(setting->type),
		value_text(type));
	return -EINVAL;
}

int config_value_store(const struct mip_setting *setting, const struct config_value *value, void *field,
	char reason[static CONFIG_REASON])
{
	switch (setting->type) {
	case MIP_SETTING_TYPE_BOOLEAN:
		*(bool *)field = value->boolean;
		return 0;
	case MIP_SETTING_TYPE_INTEGER:
		return store_integer(setting, value, field, reason);
	case MIP_SETTING_TYPE_DURATION:
		return store_duration(setting, value, field, reason);
	case MIP_SETTING_TYPE_STRING:
		return store_string(value->string, field);
	case MIP_SETTING_TYPE_ADDRESS:
		return store_address(value->string, field, reason);
	case MIP_SETTING_TYPE_PREFIX:
		return store_prefix(value->string, field, reason);
	case MIP_SETTING_TYPE_RANGE:
		return store_range(value->string, field, reason);
	case MIP_SETTING_TYPE_CHOICE:
		return store_choice(setting, value->string, field, reason);
	default:
		return refuse(reason, "cannot be given here");
	}
}

int config_value_store_text(const struct mip_setting *setting, const char *text, void *field)
{
	struct config_value value = {
		.boolean = strcmp(text, "true") == 0,
		.string = text,
	};
	char reason[CONFIG_REASON];

	if (setting->type == MIP_SETTING_TYPE_INTEGER) {
		value.type = CONFIG_TYPE_INT64;
		value.integer = strtoll(text, NULL, 0);
	} else if (setting->type == MIP_SETTING_TYPE_DURATION) {
		value.type = CONFIG_TYPE_FLOAT;
		value.decimal = strtod(text, NULL);
	}
	return config_value_store(setting, &value, field, reason);
}
