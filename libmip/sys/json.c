/*
 * Answers as JSON: how addresses, counters and metrics look in all three daemons. What is not known is null.
 */
#include "control.h"

#include "address.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *mip_json_address(struct mip_address address)
{
	return mip_address_is_none(address) ? json_null() : json_string(MIP_TEXT(address));
}

json_t *mip_json_link_address(struct mip_link_address address)
{
	return address.length == 0 ? json_null() : json_string(MIP_LINK_TEXT(address));
}

json_t *mip_json_endpoint(struct mip_address address, uint16_t port)
{
	char text[MIP_ENDPOINT_TEXT];

	return mip_address_is_none(address) ? json_null()
					    : json_string(mip_endpoint_text(address, port, text));
}

/* A NAI is what a peer sent: octets that are no UTF-8 become U+FFFD, for jansson takes none. */
static json_t *string_repaired(const char *string)
{
	size_t length = strlen(string), size = 6 * length + 3;
	char *characters = malloc(size);
	struct mip_text text;
	json_t *json;

	if (!characters)
		return NULL;
	text = mip_text_of(characters, size);
	mip_text_add_json(&text, string, length);
	json = json_loads(characters, JSON_DECODE_ANY, NULL);
	free(characters);
	return json;
}

json_t *mip_json_string(const char *string)
{
	json_t *json;

	if (!string || !*string)
		return json_null();
	json = json_string(string);
	return json ? json : string_repaired(string);
}

/* The data plane and its accelerator count some things each on its own: by the same name they are one counter. False: it has
 * been told with an earlier table. */
static bool sum_counter(const struct mip_counter_table *tables, size_t count, size_t table, const char *name,
	uint64_t *ret_sum)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < tables[i].count; j++) {
			if (strcmp(tables[i].names[j].name, name) != 0)
				continue;
			if (i < table)
				return false;
			sum += tables[i].values[j];
		}
	}
	*ret_sum = sum;
	return true;
}

json_t *mip_json_counters(const struct mip_counter_table *tables, size_t count)
{
	json_t *object = json_object();
	uint64_t sum;

	for (size_t i = 0; i < count && object; i++) {
		for (size_t j = 0; j < tables[i].count; j++) {
			const char *name = tables[i].names[j].name;

			if (sum_counter(tables, count, i, name, &sum))
				json_object_set_new(object, name, json_integer((json_int_t)sum));
		}
	}
	return object;
}

/* OpenMetrics: in a help text only these two are escaped. */
static void print_help(FILE *stream, const char *help)
{
	for (; *help; help++) {
		if (*help == '\\' || *help == '"')
			putc('\\', stream);
		if (*help == '\n')
			fputs("\\n", stream);
		else
			putc(*help, stream);
	}
}

static void print_metric(FILE *stream, const char *role, const struct mip_counter_name *name, uint64_t value)
{
	fprintf(stream, "# TYPE mip_%s_%s counter\n", role, name->name);
	if (name->help) {
		fprintf(stream, "# HELP mip_%s_%s ", role, name->name);
		print_help(stream, name->help);
		putc('\n', stream);
	}
	fprintf(stream, "mip_%s_%s_total %llu\n", role, name->name, (unsigned long long)value);
}

json_t *mip_json_metrics(const char *role, const struct mip_counter_table *tables, size_t count)
{
	char *text = NULL;
	size_t length = 0;
	FILE *stream = open_memstream(&text, &length);
	json_t *object = NULL;
	uint64_t sum;

	if (!stream)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < tables[i].count; j++) {
			const struct mip_counter_name *name = &tables[i].names[j];

			if (sum_counter(tables, count, i, name->name, &sum))
				print_metric(stream, role, name, sum);
		}
	}
	fputs("# EOF\n", stream);
	if (fclose(stream) == 0)
		object = json_pack("{s:s}", "text", text);
	free(text);
	return object;
}
