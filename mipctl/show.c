/*
 * Answers as text.
 */
#include "show.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	INFINITE_LIFETIME = 65535, /* RFC 5944 3.3: "A value of 0xffff indicates infinity." */
	MOST_COLUMNS = 48,
};

#define BOLD   "\033[1m"
#define DIM    "\033[2m"
#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"
#define PLAIN  "\033[0m"

/* Headings that differ from the name in capitals. */
static const struct {
	const char *name;
	const char *heading;
} headings[] = {
	{"care_of_address", "CARE-OF ADDRESS"},
	{"care_of_addresses", "CARE-OF ADDRESSES"},
	{"encapsulation", "TUNNEL"},
	{"reverse_tunnel", "REVERSE"},
	{"told_apart", "TOLD APART"},
	{"registration_lifetime", "REG. LIFETIME"},
};

/* --- values ----------------------------------------------------------------------------------- */

size_t mipctl_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

/* Control characters of ASCII, and those of Latin 1 as UTF-8 has them (U+0080 to U+009F). */
static void tame(char *text)
{
	for (unsigned char *c = (unsigned char *)text; *c; c++) {
		if (*c < ' ' || *c == 0x7f) {
			*c = '?';
		} else if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] <= 0x9f) {
			c[0] = '?';
			memmove(c + 1, c + 2, strlen((char *)c + 2) + 1);
		}
	}
}

/* A cut must not leave half a character. */
static void copy(char *text, const char *string)
{
	size_t length = strlen(string);

	if (length >= MIPCTL_CELL) {
		length = MIPCTL_CELL - 1;
		while (length > 0 && ((unsigned char)string[length] & 0xc0) == 0x80)
			length--;
	}
	memcpy(text, string, length);
	text[length] = '\0';
	tame(text);
}

static bool is_lifetime(const char *name)
{
	size_t length = strlen(name), suffix = strlen("lifetime");

	return length >= suffix && strcmp(name + length - suffix, "lifetime") == 0;
}

static void array_text(const char *name, const json_t *array, char *text)
{
	size_t length = 0;

	copy(text, json_array_size(array) ? "" : "-");
	for (size_t i = 0; i < json_array_size(array); i++) {
		char element[MIPCTL_CELL];

		mipctl_cell(name, json_array_get(array, i), element);
		if (length + strlen(element) + 2 > MIPCTL_CELL)
			break;
		length += (size_t)sprintf(text + length, "%s%s", i ? "," : "", element);
	}
}

const char *mipctl_cell(const char *name, const json_t *value, char text[static MIPCTL_CELL])
{
	switch (value ? json_typeof(value) : JSON_NULL) {
	case JSON_NULL:
		copy(text, "-");
		break;
	case JSON_TRUE:
		copy(text, "yes");
		break;
	case JSON_FALSE:
		copy(text, "no");
		break;
	case JSON_INTEGER:
		if (is_lifetime(name) && json_integer_value(value) == INFINITE_LIFETIME)
			copy(text, "infinite");
		else
			sprintf(text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		break;
	case JSON_REAL:
		snprintf(text, MIPCTL_CELL, "%.1f", json_real_value(value));
		break;
	case JSON_STRING:
		copy(text, *json_string_value(value) ? json_string_value(value) : "-");
		break;
	case JSON_ARRAY:
		array_text(name, value, text);
		break;
	case JSON_OBJECT:
		copy(text, "{…}");
		break;
	}
	return text;
}

static void put_colour(FILE *stream, bool colour, const char *sequence)
{
	if (colour)
		fputs(sequence, stream);
}

static void put_padded(FILE *stream, const char *text, size_t width, bool right)
{
	size_t own = mipctl_width(text);
	int padding = own < width ? (int)(width - own) : 0;

	if (right)
		fprintf(stream, "%*s%s", padding, "", text);
	else
		fprintf(stream, "%s%*s", text, padding, "");
}

/* --- tables ----------------------------------------------------------------------------------- */

struct column {
	const char *name;
	char heading[64];
	size_t width;
	bool right;
};

static void column_begin(struct column *column, const char *name)
{
	column->name = name;
	column->right = true;
	snprintf(column->heading, sizeof(column->heading), "%s", name);
	tame(column->heading);
	for (char *c = column->heading; *c; c++) {
		if (*c == '_')
			*c = ' ';
		else if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	for (size_t i = 0; i < sizeof(headings) / sizeof(headings[0]); i++) {
		if (strcmp(headings[i].name, name) == 0)
			snprintf(column->heading, sizeof(column->heading), "%s", headings[i].heading);
	}
	column->width = mipctl_width(column->heading);
}

static void column_measure(struct column *column, const json_t *row)
{
	const json_t *value = json_object_get(row, column->name);
	char text[MIPCTL_CELL];
	size_t width = mipctl_width(mipctl_cell(column->name, value, text));

	if (width > column->width)
		column->width = width;
	if (value && !json_is_number(value) && !json_is_null(value))
		column->right = false;
}

/* A column for each name of the first row, in its order; the daemons give every row the same. */
static size_t columns_of(const json_t *rows, struct column *columns)
{
	json_t *first = json_array_get(rows, 0);
	const char *name;
	size_t count = 0;
	json_t *value;

	json_object_foreach(first, name, value)
	{
		if (count < MOST_COLUMNS)
			column_begin(&columns[count++], name);
	}
	for (size_t i = 0; i < json_array_size(rows); i++) {
		for (size_t j = 0; j < count; j++)
			column_measure(&columns[j], json_array_get(rows, i));
	}
	return count;
}

/* Nothing follows the last cell of a line. */
static void put_cell(FILE *stream, const struct column *column, const char *text, bool last)
{
	put_padded(stream, text, last && !column->right ? 0 : column->width, column->right);
	if (!last)
		fputs("  ", stream);
}

static void print_row(FILE *stream, const struct column *columns, size_t count, const json_t *row)
{
	char text[MIPCTL_CELL];

	for (size_t j = 0; j < count; j++) {
		const json_t *value = json_object_get(row, columns[j].name);

		put_cell(stream, &columns[j], mipctl_cell(columns[j].name, value, text), j + 1 == count);
	}
	putc('\n', stream);
}

static void print_rows(FILE *stream, const json_t *rows, bool colour)
{
	struct column columns[MOST_COLUMNS];
	size_t count = columns_of(rows, columns);

	put_colour(stream, colour, BOLD);
	for (size_t j = 0; j < count; j++)
		put_cell(stream, &columns[j], columns[j].heading, j + 1 == count);
	put_colour(stream, colour, PLAIN);
	putc('\n', stream);
	for (size_t i = 0; i < json_array_size(rows); i++)
		print_row(stream, columns, count, json_array_get(rows, i));
}

void mipctl_print_table(FILE *stream, json_t *result, bool colour)
{
	const char *name;
	json_t *value;

	json_object_foreach(result, name, value)
	{
		if (!json_is_array(value))
			continue;
		if (json_array_size(value) > 0)
			print_rows(stream, value, colour);
		else
			fprintf(stream, "no %s\n", name);
	}
}

/* --- facts ------------------------------------------------------------------------------------ */

static void duration_text(json_int_t seconds, char *text)
{
	static const struct {
		json_int_t seconds;
		const char *name;
	} units[] = {{86400, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}};
	size_t length = 0;

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		json_int_t count = seconds / units[i].seconds;

		seconds %= units[i].seconds;
		if (count > 0 || (i == 3 && length == 0))
			length += (size_t)sprintf(text + length, "%s%" JSON_INTEGER_FORMAT " %s",
				length ? " " : "", count, units[i].name);
	}
}

static const char *fact_text(const char *name, const json_t *value, char *text)
{
	bool seconds = is_lifetime(name) || strcmp(name, "remaining") == 0 || strcmp(name, "age") == 0;

	mipctl_cell(name, value, text);
	if (strcmp(name, "uptime") == 0 && json_is_number(value) && json_number_value(value) >= 0)
		duration_text((json_int_t)json_number_value(value), text);
	else if (seconds && json_is_number(value) && strcmp(text, "infinite") != 0)
		memcpy(text + strlen(text), " s", sizeof(" s"));
	return text;
}

static const char *fact_colour(const char *name, const char *text)
{
	if (strcmp(name, "state") != 0)
		return "";
	if (strcmp(text, "home") == 0 || strcmp(text, "registered") == 0)
		return GREEN;
	return strcmp(text, "unreachable") == 0 ? RED : YELLOW;
}

static void name_text(const char *name, char text[static MIPCTL_CELL])
{
	copy(text, name);
	for (char *c = text; *c; c++) {
		if (*c == '_')
			*c = ' ';
	}
}

static size_t widest_name(json_t *object)
{
	char text[MIPCTL_CELL];
	const char *name;
	json_t *value;
	size_t width = 0;

	json_object_foreach(object, name, value)
	{
		name_text(name, text);
		if (mipctl_width(text) > width)
			width = mipctl_width(text);
	}
	return width;
}

void mipctl_print_facts(FILE *stream, json_t *result, bool colour)
{
	size_t width = widest_name(result) + 2;
	const char *name;
	json_t *value;

	json_object_foreach(result, name, value)
	{
		char text[MIPCTL_CELL + 64];
		const char *sequence;

		name_text(name, text);
		memcpy(text + strlen(text), ":", sizeof(":"));
		put_colour(stream, colour, BOLD);
		put_padded(stream, text, width, false);
		put_colour(stream, colour, PLAIN);
		fact_text(name, value, text);
		sequence = colour ? fact_colour(name, text) : "";
		fprintf(stream, "%s%s%s\n", sequence, text, *sequence ? PLAIN : "");
	}
}

/* --- counters --------------------------------------------------------------------------------- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_sorted(FILE *stream, json_t *result, const char **names, size_t count, bool colour)
{
	size_t name_width = widest_name(result), value_width = 0;
	char text[MIPCTL_CELL], name[MIPCTL_CELL];

	for (size_t i = 0; i < count; i++) {
		size_t width = mipctl_width(mipctl_cell("", json_object_get(result, names[i]), text));

		if (width > value_width)
			value_width = width;
	}
	for (size_t i = 0; i < count; i++) {
		bool zero = json_integer_value(json_object_get(result, names[i])) == 0;

		/* Names stay as they are: one looks for them in scripts. */
		copy(name, names[i]);
		put_colour(stream, colour && zero, DIM);
		put_padded(stream, name, name_width, false);
		fputs("  ", stream);
		put_padded(
			stream, mipctl_cell("", json_object_get(result, names[i]), text), value_width, true);
		put_colour(stream, colour && zero, PLAIN);
		putc('\n', stream);
	}
}

void mipctl_print_counters(FILE *stream, json_t *result, bool colour)
{
	size_t count = json_object_size(result), i = 0;
	const char **names = calloc(count + 1, sizeof(*names));
	const char *name;
	json_t *value;

	if (!names)
		return;
	json_object_foreach(result, name, value)
	{
		if (i < count)
			names[i++] = name;
	}
	qsort(names, i, sizeof(*names), compare_names);
	print_sorted(stream, result, names, i, colour);
	free(names);
}

/* --- events ----------------------------------------------------------------------------------- */

static void print_time(FILE *stream, const json_t *value)
{
	json_int_t milliseconds = (json_int_t)(json_number_value(value) * 1000 + 0.5);
	time_t time = (time_t)(milliseconds / 1000);
	char text[32] = "-";
	struct tm broken;

	if (json_is_number(value) && localtime_r(&time, &broken))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &broken);
	fprintf(stream, "%s.%03d", text, (int)(milliseconds % 1000));
}

void mipctl_print_event(FILE *stream, json_t *event, bool colour)
{
	char text[MIPCTL_CELL], label[MIPCTL_CELL];
	const char *name;
	json_t *value;

	put_colour(stream, colour, DIM);
	print_time(stream, json_object_get(event, "time"));
	put_colour(stream, colour, PLAIN);
	fputs("  ", stream);
	put_colour(stream, colour, BOLD CYAN);
	fputs(mipctl_cell("event", json_object_get(event, "event"), text), stream);
	put_colour(stream, colour, PLAIN);
	json_object_foreach(event, name, value)
	{
		if (strcmp(name, "time") == 0 || strcmp(name, "event") == 0)
			continue;
		copy(label, name);
		fprintf(stream, "  %s=%s", label, mipctl_cell(name, value, text));
	}
	putc('\n', stream);
}

void mipctl_print(FILE *stream, enum mipctl_form form, json_t *result, bool colour)
{
	const char *text;

	switch (form) {
	case MIPCTL_FORM_FACTS:
		mipctl_print_facts(stream, result, colour);
		break;
	case MIPCTL_FORM_TABLE:
		mipctl_print_table(stream, result, colour);
		break;
	case MIPCTL_FORM_COUNTERS:
		mipctl_print_counters(stream, result, colour);
		break;
	case MIPCTL_FORM_TEXT:
		text = json_string_value(json_object_get(result, "text"));
		fputs(text ? text : "", stream);
		break;
	case MIPCTL_FORM_EVENTS:
		mipctl_print_event(stream, result, colour);
		break;
	}
}
