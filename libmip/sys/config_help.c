/*
 * The table of settings as text: what a person may write into a configuration, for the help and for the
 * manual pages.
 */
#include "config_private.h"

#include <inttypes.h>
#include <stdio.h>

static void print_bounds(const struct mip_setting *setting)
{
	bool duration = setting->type == MIP_SETTING_TYPE_DURATION;
	char least_text[32], most_text[32];
	int64_t least, most;

	if (!duration && setting->type != MIP_SETTING_TYPE_INTEGER)
		return;
	config_bounds(setting, &least, &most);
	if (most == INT64_MAX)
		return;
	if (duration)
		printf(", %s to %s", config_seconds_text(least, least_text),
			config_seconds_text(most, most_text));
	else
		printf(", %" PRId64 " to %" PRId64, least, most);
	if (setting->unit && !duration)
		printf(" %s", setting->unit);
}

static void print_choices(const struct mip_name *choices)
{
	for (const struct mip_name *choice = choices; choice->name; choice++)
		printf("%s\"%s\"", choice == choices ? "" : " | ", choice->name);
}

static bool is_text(enum mip_setting_type type)
{
	return type != MIP_SETTING_TYPE_BOOLEAN && type != MIP_SETTING_TYPE_INTEGER &&
	       type != MIP_SETTING_TYPE_DURATION;
}

static void print_setting(const struct mip_setting *setting, int indent)
{
	const char *quote = is_text(setting->type) ? "\"" : "";

	printf("%*s%s: ", indent, "", setting->name);
	if (setting->type == MIP_SETTING_TYPE_CHOICE)
		print_choices(setting->choices);
	else
		printf("%s", config_type_text(setting->type));
	print_bounds(setting);
	if (setting->required)
		printf(", required");
	else if (setting->otherwise)
		printf(", default %s%s%s", quote, setting->otherwise, quote);
	printf("\n");
	if (setting->help)
		printf("%*s%s\n", indent + 4, "", setting->help);
}

static void print_schema(const struct mip_schema *schema, int indent)
{
	for (size_t i = 0; i < schema->count; i++) {
		print_setting(&schema->settings[i], indent);
		if (schema->settings[i].schema)
			print_schema(schema->settings[i].schema, indent + 4);
	}
}

void mip_config_help(const struct mip_schema *schema)
{
	print_schema(schema, 0);
}
